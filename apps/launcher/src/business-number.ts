import { setTimeout as delay } from 'node:timers/promises';
import {
  gatewayUrl,
  SANDBOX_CHANNEL_ID,
  SANDBOX_NUMBER,
  SANDBOX_QUEUE_ID,
  type Settled,
} from './environment.js';

const LIMIT_MS = 10_000;

/**
 * Configures the sandbox's business number as an operator would, over the API. It may be there from an earlier start.
 *
 * @returns a line for the person at the terminal when it did not work
 */
export async function configureBusinessNumber(settled: Settled): Promise<string | undefined> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await post(settled);
    if (answer === 201 || answer === 409) return undefined;
    // 5xx and refused connections pass (a restart, say); a 4xx will be the same next time.
    const passing = typeof answer === 'string' || answer >= 500;
    if (!passing || Date.now() > deadline)
      return `The number ${SANDBOX_NUMBER} could not be configured (${answer}).`;
    await delay(200);
  }
}

async function post(settled: Settled): Promise<number | string> {
  const { adminApiKey } = settled;
  const number = {
    address: SANDBOX_NUMBER,
    chatGatewayChannelId: SANDBOX_CHANNEL_ID,
    queueId: SANDBOX_QUEUE_ID,
  };
  try {
    const response = await fetch(`${gatewayUrl(settled)}/api/v1/numbers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(number),
      signal: AbortSignal.timeout(5000),
    });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    return error instanceof Error ? error.name : 'no answer';
  }
}
