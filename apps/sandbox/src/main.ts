import { resolve } from 'node:path';
import { startChatGatewaySimulator, startTwilioSimulator } from './index.js';
import { sandboxOptions } from './options.js';
import { Machine } from './page/machine.js';
import { Sandbox } from './page/sandbox.js';
import { startPage } from './page/server.js';

/** Starts both simulators and the page in this process and ends them on SIGTERM, SIGINT or when the parent goes. */
async function main(): Promise<void> {
  const options = sandboxOptions(process.env);
  // Before anything is awaited: the launcher speaks first.
  const machine = new Machine(process);
  const twilio = await startTwilioSimulator(options.twilio);
  const chatGateway = await startChatGatewaySimulator(options.chatGateway);
  const sandbox = new Sandbox(options.sandbox, twilio, chatGateway, machine);
  const page = await startPage(sandbox, { ...options.page, files: resolve(import.meta.dirname, '../web') });

  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    // All close by force: nothing here is worth waiting for.
    Promise.all([page.close(), twilio.close(), chatGateway.close()]).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const event of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(event, close);

  process.stdout.write(
    `sandbox ready: page ${page.url}, twilio ${twilio.url}, chat gateway ${chatGateway.url}\n`,
  );
  process.send?.({
    type: 'ready',
    pageUrl: page.url,
    twilioPort: Number(new URL(twilio.url).port),
    chatGatewayPort: Number(new URL(chatGateway.url).port),
    twilioUrl: twilio.url,
    chatGatewayUrl: chatGateway.url,
  });
}

main().catch((cause: unknown) => {
  process.stderr.write(`sandbox cannot start: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exit(1);
});
