import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'wouter';

/** What the page shows is in its query string, so that a link shows the same and the back button works. */
export interface View {
  /** A phone's address. */
  phone: string | null;
  agent: string | null;
  conversation: string | null;
  /** A message of the bridge. */
  message: string | null;
  filter: Filter;
  /** The column that a narrow screen shows. */
  view: Column;
  /** What is unfolded: the storm's controls, or the contact centre's. */
  panel: 'storm' | 'centre' | null;
  theme: 'light' | 'dark' | null;
}

export const FILTERS = ['all', 'phone', 'unfinished'] as const;
export type Filter = (typeof FILTERS)[number];

export const COLUMNS = ['phones', 'bridge', 'desk'] as const;
export type Column = (typeof COLUMNS)[number];

/** What is shown when the address does not say; it is not written there. */
const DEFAULTS: Partial<Record<string, string>> = { filter: 'all', view: 'phones' };

export type Show = (change: Partial<View>, options?: { replace?: boolean }) => void;

export function useView(): View {
  const [params] = useSearchParams();
  return useMemo(
    () => ({
      // A plus sign that was not escaped arrives as a space; an address has none.
      phone: params.get('phone')?.replaceAll(' ', '+') || null,
      agent: params.get('agent') || null,
      conversation: params.get('conversation') || null,
      message: params.get('message') || null,
      filter: oneOf(FILTERS, params.get('filter')) ?? 'all',
      view: oneOf(COLUMNS, params.get('view')) ?? 'phones',
      panel: oneOf(['storm', 'centre'] as const, params.get('panel')),
      theme: oneOf(['light', 'dark'] as const, params.get('theme')),
    }),
    [params],
  );
}

/** Changes what is shown: a new entry of the browser's history unless `replace`; the function keeps its identity. */
export function useShow(): Show {
  const [, setParams] = useSearchParams();
  return useCallback(
    (change, options) => {
      // Read afresh: another component may have changed it since this one was rendered.
      const params = new URLSearchParams(window.location.search);
      const before = params.toString();
      for (const [key, value] of Object.entries(change)) {
        if (value === null || value === DEFAULTS[key]) params.delete(key);
        else params.set(key, value);
      }
      if (params.toString() !== before) setParams(params, options);
    },
    [setParams],
  );
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | null {
  return values.find((candidate) => candidate === value) ?? null;
}
