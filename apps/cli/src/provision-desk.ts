import { CliError, EXIT, type ExitCode, type Io } from './io.js';
import type { DeskProvisioning, DeskRemoval, OperatorClient, ShownNumber } from './operator-client.js';
import { addressColumn, COMMAND, counted, differenceLines, painter, type Paint } from './words.js';

export interface ProvisionDeskOptions {
  number?: string;
  all?: boolean;
  queue?: string;
  apply?: boolean;
  remove?: boolean;
  operator?: string;
  json?: boolean;
}

/** One that is not here yet has no id. */
interface Wanted {
  id?: string;
  address: string;
}

/** What came of one number. */
interface Outcome {
  number: Wanted;
  provisioning?: DeskProvisioning;
  removal?: DeskRemoval;
  error?: string;
}

/** Shows what differs at the Chat Gateway, makes and changes it, or takes it away. One number that fails does not keep the others from their turn. */
export async function provisionDesk(
  options: ProvisionDeskOptions,
  client: OperatorClient,
  io: Io,
): Promise<ExitCode> {
  const { number, all, queue, apply = false, remove = false } = options;
  if (number !== undefined && all) throw new CliError('Say either --number or --all, not both.');
  if ((apply || remove) && number === undefined && !all) {
    throw new CliError('Say which numbers to change: --number +15550100, or --all.');
  }
  if (queue !== undefined && number === undefined) {
    throw new CliError('Say --queue for one number: --number +15550100.');
  }
  if (queue !== undefined && remove) throw new CliError('Say either --queue or --remove, not both.');
  const { numbers, skipped } = chosen(await client.numbers(), options);
  const outcomes: Outcome[] = [];
  for (const each of numbers) outcomes.push(await outcomeOf(each, options, client, outcomes));
  if (options.json) io.out(JSON.stringify(outcomes.map(asJson), undefined, 2));
  else for (const line of lines(outcomes, skipped, options, painter(io.colours))) io.out(line);
  if (outcomes.some(({ error }) => error !== undefined)) return EXIT.failed;
  if (skippedAll(outcomes, skipped, options)) return EXIT.difference;
  return outcomes.some((outcome) => isOpen(outcome, apply)) ? EXIT.difference : EXIT.done;
}

function chosen(
  all: ShownNumber[],
  { number: address, remove }: ProvisionDeskOptions,
): { numbers: Wanted[]; skipped: ShownNumber[] } {
  if (address === undefined) return inState(all);
  const numbers = all.filter((number) => number.address === address);
  if (remove && numbers.length > 0) return inState(numbers);
  if (numbers.length > 0) return { numbers, skipped: [] };
  if (remove) throw new CliError(`${address} is not a number of this Causeway.`);
  return { numbers: [{ address }], skipped: [] };
}

function inState(numbers: ShownNumber[]): { numbers: Wanted[]; skipped: ShownNumber[] } {
  const isConfigured = ({ state }: ShownNumber) => state === 'configured';
  return {
    numbers: numbers.filter(isConfigured),
    skipped: numbers.filter((number) => !isConfigured(number)),
  };
}

/** @param earlier what came of those before it, which in a dry run are still there */
async function outcomeOf(
  number: Wanted,
  { apply = false, remove, queue, operator }: ProvisionDeskOptions,
  client: OperatorClient,
  earlier: readonly Outcome[],
): Promise<Outcome> {
  const { id = '' } = number;
  try {
    if (remove && apply) return { number, removal: await client.removeFromDesk(id, operator) };
    if (remove) {
      const before = earlier.flatMap((outcome) => (outcome.removal ? [outcome.number.id ?? ''] : []));
      return { number, removal: await client.wouldRemoveFromDesk(id, before) };
    }
    const wanted = { dryRun: !apply, ...(queue !== undefined && { queueId: queue }) };
    return { number, provisioning: await client.provisionDesk(number, wanted, operator) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { number, error: error.message };
  }
}

/** Numbers are here, and none of them could be looked at. */
function skippedAll(
  outcomes: Outcome[],
  skipped: ShownNumber[],
  { remove }: Pick<ProvisionDeskOptions, 'remove'>,
): boolean {
  return !remove && outcomes.length === 0 && skipped.length > 0;
}

/** Whether something is left to be done. */
function isOpen({ provisioning, removal }: Outcome, apply: boolean): boolean {
  return (provisioning?.differences.length ?? 0) > 0 || (removal !== undefined && !apply);
}

function asJson({ number: { id, address }, provisioning, removal, error }: Outcome): object {
  return {
    ...(id !== undefined && { id }),
    address,
    ...provisioning,
    ...removal,
    ...(error !== undefined && { error }),
  };
}

function lines(
  outcomes: Outcome[],
  skipped: ShownNumber[],
  { apply = false, remove }: ProvisionDeskOptions,
  paint: Paint,
): string[] {
  const column = addressColumn([...outcomes.map(({ number }) => number), ...skipped]);
  const text = outcomes.flatMap((outcome) => [
    `${column(outcome.number.address)}  ${headline(outcome, apply, paint)}`,
    ...(outcome.provisioning?.notes ?? outcome.removal?.left ?? []).map((note) => `  ${note}`),
    ...detailLines(outcome, paint),
  ]);
  for (const { address } of skipped) {
    const how = `--number ${address} --queue <id> --apply does it`;
    const words = remove ? 'nothing to take away' : `skipped: not configured here; ${how}`;
    text.push(`${column(address)}  ${paint('dim', words)}`);
  }
  if (skippedAll(outcomes, skipped, { remove: remove ?? false })) {
    const connect = `${COMMAND} provision chat-gateway --number <address> --queue <id> --apply`;
    text.push('', `None of them is configured. For each: ${connect}`);
  }
  if (outcomes.length + skipped.length === 0) {
    text.push('No number is here yet: --number +15550100 --queue <id> --apply makes and connects one.');
  }
  const open = outcomes.filter((outcome) => isOpen(outcome, apply)).length;
  if (open > 0 && !apply) {
    const what = remove ? 'to take away' : 'to change';
    text.push('', `${counted(open, 'number')} ${what}. Nothing was changed: --apply does it.`);
  }
  return text;
}

function headline({ provisioning, removal, error }: Outcome, apply: boolean, paint: Paint): string {
  if (removal) return removalHeadline(removal, apply, paint);
  if (!provisioning) return paint('red', error ?? '');
  const { channel, queueId, differences, changed } = provisioning;
  const own = queueId === channel.queueId ? '' : ` (its own; the channel's is ${channel.queueId})`;
  const where = `channel ${channel.id ?? '(new)'}, queue ${queueId}${own}`;
  if (differences.length > 0)
    return `${where}  ${paint('yellow', counted(differences.length, 'difference'))}`;
  return `${where}  ${paint('green', changed.length > 0 ? 'connected' : 'as it should be')}`;
}

function removalHeadline({ channelId, webhookId }: DeskRemoval, apply: boolean, paint: Paint): string {
  const what = [
    ...(channelId === undefined ? [] : [`channel ${channelId}`]),
    ...(webhookId === undefined ? [] : [`webhook ${webhookId}`]),
  ].join(' and ');
  const waits = apply
    ? 'what customers write to it waits here'
    : 'what customers write to it would wait here';
  const goes = what === '' ? 'taken away here, nothing is deleted there' : `${what} deleted`;
  const wouldGo = what === '' ? 'to be taken away here, nothing is deleted there' : `${what} to be deleted`;
  return apply ? paint('green', `${goes}; ${waits}`) : paint('yellow', `${wouldGo}; ${waits}`);
}

function detailLines({ provisioning }: Outcome, paint: Paint): string[] {
  if (!provisioning) return [];
  const { differences, changed } = provisioning;
  if (differences.length > 0) return differenceLines(differences, paint);
  return changed.map(({ field, shouldBe = '' }) => `  ${field}: ${shouldBe}`);
}
