import { setTimeout as delay } from 'node:timers/promises';
import {
  gatewayUrl,
  SANDBOX_CHANNEL_ID,
  SANDBOX_NUMBERS,
  SANDBOX_WEBHOOK_ID,
  type Settled,
} from './environment.js';

const LIMIT_MS = 10_000;

type BusinessNumber = (typeof SANDBOX_NUMBERS)[number];

/**
 * Configures the sandbox's business numbers as an operator would, over the API. They may be there from an earlier start.
 *
 * @returns a line for the person at the terminal for each that did not work
 */
export async function configureBusinessNumbers(settled: Settled): Promise<string[]> {
  const troubles = await Promise.all(SANDBOX_NUMBERS.map((number) => configure(settled, number)));
  return troubles.filter((trouble) => trouble !== undefined);
}

async function configure(settled: Settled, number: BusinessNumber): Promise<string | undefined> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await post(settled, number);
    if (answer === 201 || answer === 409) return undefined;
    // 5xx and refused connections pass (a restart, say); a 4xx will be the same next time.
    const passing = typeof answer === 'string' || answer >= 500;
    if (!passing || Date.now() > deadline)
      return `The number ${number.address} could not be configured (${answer}).`;
    await delay(200);
  }
}

async function post(settled: Settled, number: BusinessNumber): Promise<number | string> {
  const { adminApiKey } = settled;
  try {
    const response = await fetch(`${gatewayUrl(settled)}/api/v1/numbers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...number,
        chatGatewayChannelId: SANDBOX_CHANNEL_ID,
        chatGatewayWebhookId: SANDBOX_WEBHOOK_ID,
      }),
      signal: AbortSignal.timeout(5000),
    });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    return error instanceof Error ? error.name : 'no answer';
  }
}
