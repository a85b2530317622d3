import type { Phone } from '../../../src/page/state.js';
import { useLive } from '../live-state.js';
import { useView } from '../location.js';

/** The phone that the page's address names, or the first; `missing` when it names one that is not there. */
export function useSelectedPhone(): { phone: Phone | undefined; missing: string | null } {
  const phones = useLive('phones');
  const { phone: address } = useView();
  const named = phones.find((phone) => phone.address === address);
  return { phone: named ?? (address ? undefined : phones[0]), missing: named ? null : address };
}

/** `+15550123`, of WhatsApp addresses, too. */
export function numberOf(address: string): string {
  return address.replace(/^whatsapp:/, '');
}

export const CHANNEL_NAMES = { sms: 'SMS', whatsapp: 'WhatsApp' } as const;
