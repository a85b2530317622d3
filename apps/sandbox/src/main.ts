import { startChatGatewaySimulator, startTwilioSimulator } from './index.js';
import { sandboxOptions } from './options.js';

/** Starts both simulators in this process and ends them on SIGTERM, SIGINT or when the parent goes. */
async function main(): Promise<void> {
  const options = sandboxOptions(process.env);
  const twilio = await startTwilioSimulator(options.twilio);
  const chatGateway = await startChatGatewaySimulator(options.chatGateway);

  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    // Both close by force: nothing here is worth waiting for.
    Promise.all([twilio.close(), chatGateway.close()]).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const event of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(event, close);

  process.stdout.write(`sandbox ready: twilio ${twilio.url}, chat gateway ${chatGateway.url}\n`);
  process.send?.({
    type: 'ready',
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
