import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const MAIN = fileURLToPath(new URL('../../dist/apps/sandbox/src/main.js', import.meta.url));
const ACCOUNT = `AC${'0'.repeat(32)}`;

describe('the sandbox as a process', () => {
  let children: ChildProcess[] = [];
  let folder = '';

  beforeEach(() => {
    if (!existsSync(MAIN)) throw new Error('run `npm run build` first');
    folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  });

  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
    rmSync(folder, { recursive: true });
  });

  function start(env: Record<string, string>): ChildProcess {
    const child = fork(MAIN, {
      env: { SANDBOX_PORT: '0', TWILIO_SIM_PORT: '0', CHAT_GATEWAY_SIM_PORT: '0', ...env },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    children.push(child);
    return child;
  }

  async function ready(child: ChildProcess): Promise<Record<string, unknown>> {
    const [message]: unknown[] = await once(child, 'message');
    return { ...(message as object) };
  }

  it('says when it is ready, serves, and writes every exchange down', async () => {
    const receiver = await startWebhookReceiver();
    const exchangeLog = join(folder, 'exchanges.jsonl');
    const child = start({ PUBLIC_BASE_URL: receiver.url, SANDBOX_EXCHANGE_LOG: exchangeLog });
    const message = await ready(child);
    expect(message).toMatchObject({
      type: 'ready',
      twilioUrl: `http://127.0.0.1:${String(message['twilioPort'])}`,
    });
    const base = String(message['twilioUrl']);

    const client = twilio(ACCOUNT, 'sandbox-auth-token');
    client.api.baseUrl = base;
    await client.messages.create({ from: '+15550100', to: '+15550123', body: 'Hello' });
    const text = JSON.stringify({ from: '+15550123', body: 'Hi' });
    const posted = await fetch(`${base}/__sandbox/texts`, { method: 'POST', body: text });
    expect(await posted.json()).toMatchObject({ webhook: { status: 200, kind: 'inbound' } });
    expect(receiver.received.map(({ url }) => url)).toEqual(['/webhooks/twilio/messages']);

    const desk = `${String(message['chatGatewayUrl'])}/chat-gateway/v1/conversations`;
    const created = await fetch(desk, {
      method: 'POST',
      headers: { 'x-api-key': 'sandbox-api-key', 'content-type': 'application/json' },
      body: JSON.stringify({ channelId: '25', user: { name: 'Ann' } }),
    });
    expect(created.status).toBe(202);
    await expect.poll(() => receiver.received.length, { timeout: 5000 }).toBe(4);

    if (contractsAvailable()) {
      const audit = new ExchangeAudit();
      await expect
        .poll(
          () => {
            audit.exchanges.length = 0;
            audit.addFile(exchangeLog);
            return audit.exchanges.map(({ operation }) => operation).sort();
          },
          { timeout: 5000 },
        )
        .toEqual([
          'CONVERSATION_UPDATE',
          'CONVERSATION_UPDATE',
          'QUEUED',
          'conversations.create',
          'inbound',
          'messages.create',
        ]);
      expect(audit.violations()).toEqual([]);
      expect(JSON.stringify(audit.exchanges)).not.toContain('sandbox-api-key');
    }
    await receiver.close();
  });

  it.each(['SIGTERM', 'SIGINT', 'disconnect'] as const)('ends on %s', async (way) => {
    const child = start({});
    await ready(child);
    const exit = once(child, 'exit');
    if (way === 'disconnect') child.disconnect();
    else child.kill(way);
    expect(await exit).toEqual([0, null]);
  });

  it('names a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const child = start({ CHAT_GATEWAY_SIM_PORT: String(port) });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    expect(await once(child, 'exit')).toEqual([1, null]);
    other.close();
    expect(complaint).toContain(String(port));
  });
});
