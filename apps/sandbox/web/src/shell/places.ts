import { useMediaQuery } from '@mantine/hooks';
import { useCallback } from 'react';
import { flushSync } from 'react-dom';
import {
  ACCEPT_NEXT,
  BRIDGE_HEADING,
  DESK_HEADING,
  focusFirst,
  PHONE_COMPOSER,
  REPLY_BOX,
} from '../focus.js';
import { useShow, type Column } from '../location.js';

/** Where skip links and shortcuts lead; the first of `targets` that is there gets the focus. */
export const PLACES = {
  phone: { column: 'phones', targets: [PHONE_COMPOSER, 'phones-heading'] },
  bridge: { column: 'bridge', targets: [BRIDGE_HEADING] },
  desk: { column: 'desk', targets: [REPLY_BOX, ACCEPT_NEXT, DESK_HEADING] },
} as const satisfies Record<string, { column: Column; targets: readonly string[] }>;

export type Place = keyof typeof PLACES;

/** Whether the columns are shown one at a time. */
export function useNarrow(): boolean {
  return useMediaQuery('(max-width: 1099.98px)', false, { getInitialValueInEffect: false });
}

export function useGoTo(): (place: Place) => void {
  const show = useShow();
  const narrow = useNarrow();
  return useCallback(
    (place) => {
      const { column, targets } = PLACES[place];
      // What is in a hidden column cannot take the focus.
      if (narrow) flushSync(() => show({ view: column }));
      focusFirst(...targets);
    },
    [narrow, show],
  );
}
