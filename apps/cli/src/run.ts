import { Command, CommanderError } from 'commander';
import { doctor } from './doctor.js';
import { drift } from './drift.js';
import { CliError, EXIT, type ExitCode, type Io } from './io.js';
import { OperatorClient } from './operator-client.js';
import { provisionDesk, type ProvisionDeskOptions } from './provision-desk.js';
import { provision, type ProvisionOptions } from './provision.js';
import { COMMAND } from './words.js';

const EXIT_CODES = `
Exit codes: 0 nothing to do, or done; 2 something differs; 1 it did not work.
Speaks to the operator API at CAUSEWAY_URL, else PUBLIC_BASE_URL, else http://localhost:$PORT (3000), with ADMIN_API_KEY
or the key that \`npm start\` keeps in CAUSEWAY_HOME (.causeway). It needs no credentials of Twilio or 8x8.`;

/** The `causeway` command line. Answers the exit code. */
export async function run(argv: string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = new Command('causeway')
    .description('Operates a running Causeway from the command line.')
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .showHelpAfterError(`See ${COMMAND} --help.`)
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.error(text.trimEnd()),
    });
  const provisioning = program.command('provision').description('connects numbers at both providers');
  provisioning
    .command('twilio')
    .description('compares numbers with what Twilio has, and changes what differs')
    .option('--number <address>', 'one number, as it is configured here: +15550100, whatsapp:+15550100')
    .option('--all', 'every configured number')
    .option('--apply', 'change what differs; without it, it is only shown')
    .option('--operator <name>', 'who does this, for the audit log')
    .option('--json', 'for programs')
    .action(async (options: ProvisionOptions) => {
      code = await provision(options, OperatorClient.from(io), io);
    });
  provisioning
    .command('chat-gateway')
    .description('finds or makes webhook and channel at the Chat Gateway, and configures numbers with them')
    .option('--number <address>', 'one number, here already or not: +15550100, whatsapp:+15550100')
    .option('--all', 'every configured number')
    .option('--queue <id>', 'where its conversations wait; needed for a number without a channel')
    .option('--apply', 'make and change what is needed; without it, it is only shown')
    .option('--remove', "take the number's channel away, and the webhook where nothing else uses it")
    .option('--operator <name>', 'who does this, for the audit log')
    .option('--json', 'for programs')
    .action(async (options: ProvisionDeskOptions) => {
      code = await provisionDesk(options, OperatorClient.from(io), io);
    });
  program
    .command('drift')
    .description('shows provisioned numbers that are not as they were left')
    .option('--json', 'for programs')
    .action(async (options: { json?: boolean }) => {
      code = await drift(options, OperatorClient.from(io), io);
    });
  program
    .command('doctor')
    .description('checks everything between both accounts and this Causeway, and says what to do')
    .option('--json', 'for programs')
    .action(async (options: { json?: boolean }) => {
      code = await doctor(options, OperatorClient.from(io), io);
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.failed;
    if (!(error instanceof CliError)) throw error;
    io.error(error.message);
    return EXIT.failed;
  }
}
