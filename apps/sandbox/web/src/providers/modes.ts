import type { ProviderId, ProviderMode, ProviderState } from '../../../src/page/state.js';

export const PROVIDER_NAMES: Record<ProviderId, string> = {
  twilio: 'Twilio',
  'chat-gateway': 'Chat Gateway',
};

/** In a select. */
export const MODE_NAMES: Record<ProviderMode, string> = {
  normal: 'Normal',
  flaky: 'Fails now and then',
  slow: 'Slow',
  '429': '429 too many requests',
  '500-before': '500 before accepting',
  '500-after': '500 after accepting',
  hang: 'Hangs',
  reset: 'Resets',
  gone: 'Gone',
};

/** What every call to it meets. */
const MODE_EFFECTS: Record<ProviderMode, string> = {
  normal: 'Every call works',
  flaky: 'A fifth of the calls fail, in every way there is',
  slow: 'Every call takes long',
  '429': 'Every call is told to come later',
  '500-before': 'Every call fails, nothing is taken',
  '500-after': 'Every call is taken, yet answered 500',
  hang: 'No call is answered',
  reset: 'Connections are reset',
  gone: 'Connections are refused; its webhooks still come',
};

/** What is wrong with a provider, or that nothing is. */
export function effectOf({ mode, doubled, shuffled }: ProviderState): string {
  const webhooks = [doubled && 'twice', shuffled && 'out of order'].filter((word) => word !== false);
  if (webhooks.length === 0) return MODE_EFFECTS[mode];
  const order = shuffled ? ': what Causeway accepts first goes first' : '';
  return `${MODE_EFFECTS[mode]}; webhooks come ${webhooks.join(' and ')}${order}`;
}
