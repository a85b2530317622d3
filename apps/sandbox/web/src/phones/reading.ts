import { useDocumentVisibility } from '@mantine/hooks';
import { useEffect } from 'react';
import type { Phone } from '../../../src/page/state.js';
import { api } from '../api.js';
import { useView } from '../location.js';
import { useNarrow } from '../shell/places.js';

/** Whoever has a WhatsApp phone before their eyes has read what was delivered to it. */
export function useReading({ address, messages, whatsApp }: Phone): void {
  const narrow = useNarrow();
  const { view } = useView();
  const seen = useDocumentVisibility() === 'visible' && (!narrow || view === 'phones');
  const delivered = messages.filter(({ author, status }) => author === 'business' && status === 'delivered');
  const unread = whatsApp?.readReceipts && seen ? delivered.map(({ id }) => id).join(' ') : '';

  useEffect(() => {
    // What cannot be told now is told with the next.
    if (unread) void api.read(address).catch(() => undefined);
  }, [address, unread]);
}
