import { CliError, EXIT, type ExitCode, type Io } from './io.js';
import type { Difference, OperatorClient, Provisioning, ShownNumber } from './operator-client.js';
import { addressColumn, counted, differenceLines, painter, type Paint } from './words.js';

export interface ProvisionOptions {
  number?: string;
  all?: boolean;
  apply?: boolean;
  operator?: string;
  json?: boolean;
}

/** What came of one number. */
interface Outcome {
  number: ShownNumber;
  provisioning?: Provisioning;
  changed: Difference[];
  error?: string;
}

/** Shows what differs at Twilio, or changes it. One number that fails does not keep the others from their turn. */
export async function provision(
  options: ProvisionOptions,
  client: OperatorClient,
  io: Io,
): Promise<ExitCode> {
  if (options.number !== undefined && options.all) {
    throw new CliError('Say either --number or --all, not both.');
  }
  if (options.apply && options.number === undefined && !options.all) {
    throw new CliError('Say which numbers to change: --number +15550100, or --all.');
  }
  const { numbers, skipped } = chosen(await client.numbers(), options.number);
  const outcomes: Outcome[] = [];
  for (const number of numbers) outcomes.push(await outcomeOf(number, options, client));
  if (options.json) io.out(JSON.stringify(outcomes.map(asJson), undefined, 2));
  else for (const line of lines(outcomes, skipped, options, painter(io.colours))) io.out(line);
  if (outcomes.some(({ error }) => error !== undefined)) return EXIT.failed;
  return outcomes.some(isDifferent) ? EXIT.difference : EXIT.done;
}

function chosen(
  all: ShownNumber[],
  address: string | undefined,
): { numbers: ShownNumber[]; skipped: ShownNumber[] } {
  const wanted = all.filter((number) => address === undefined || number.address === address);
  if (address !== undefined && wanted.length === 0) {
    throw new CliError(`${address} is not a number of this Causeway: POST it to /api/v1/numbers first.`);
  }
  const numbers = wanted.filter(({ state }) => state === 'configured');
  if (address !== undefined && numbers.length === 0) {
    throw new CliError(`${address} is not configured yet: POST it to /api/v1/numbers first.`);
  }
  return { numbers, skipped: wanted.filter(({ state }) => state !== 'configured') };
}

async function outcomeOf(
  number: ShownNumber,
  { apply, operator }: ProvisionOptions,
  client: OperatorClient,
): Promise<Outcome> {
  try {
    if (!apply) return { number, provisioning: await client.provisioning(number.id), changed: [] };
    const { changed, ...provisioning } = await client.applyProvisioning(number.id, operator);
    return { number, provisioning, changed };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { number, changed: [], error: error.message };
  }
}

function isDifferent({ provisioning }: Outcome): boolean {
  return provisioning !== undefined && provisioning.differences.length > 0;
}

function asJson({ number: { id, address }, provisioning, changed, error }: Outcome): object {
  return { id, address, ...provisioning, changed, ...(error !== undefined && { error }) };
}

function lines(
  outcomes: Outcome[],
  skipped: ShownNumber[],
  { apply }: ProvisionOptions,
  paint: Paint,
): string[] {
  const column = addressColumn([...outcomes.map(({ number }) => number), ...skipped]);
  const text = outcomes.flatMap((outcome) => [
    `${column(outcome.number.address)}  ${headline(outcome, paint)}`,
    ...(outcome.provisioning?.notes ?? []).map((note) => `  ${note}`),
    ...detailLines(outcome, paint),
  ]);
  for (const { address } of skipped) {
    text.push(`${column(address)}  ${paint('dim', 'skipped: not configured here')}`);
  }
  const differing = outcomes.filter(isDifferent).length;
  if (outcomes.length + skipped.length === 0) text.push('No number is configured here yet.');
  else if (differing > 0 && !apply) {
    text.push('', `${counted(differing, 'number')} to change. Nothing was changed: --apply does it.`);
  }
  return text;
}

function headline({ provisioning, changed, error }: Outcome, paint: Paint): string {
  if (!provisioning) return paint('red', error ?? '');
  const { target, differences } = provisioning;
  const where = `${target.kind} ${target.sid}`;
  if (differences.length > 0)
    return `${where}  ${paint('yellow', `${counted(differences.length, 'difference')}`)}`;
  return `${where}  ${paint('green', changed.length > 0 ? `${counted(changed.length, 'field')} changed` : 'as it should be')}`;
}

function detailLines({ provisioning, changed }: Outcome, paint: Paint): string[] {
  const differences = provisioning?.differences ?? [];
  if (differences.length > 0) return differenceLines(differences, paint);
  return changed.map(({ field }) => `  ${field}`);
}
