import { CliError, EXIT, type ExitCode, type Io } from './io.js';
import type { OperatorClient, Provisioning, ShownNumber } from './operator-client.js';
import { addressColumn, COMMAND, counted, differenceLines, painter, type Paint } from './words.js';

interface Watched {
  number: ShownNumber;
  provisioning: Provisioning;
}

/** Numbers that were provisioned from here and differ: now, or when the worker last looked. */
export async function drift({ json }: { json?: boolean }, client: OperatorClient, io: Io): Promise<ExitCode> {
  const configured = (await client.numbers()).filter(({ state }) => state === 'configured');
  const watched: Watched[] = [];
  const failed: { number: ShownNumber; error: string }[] = [];
  for (const number of configured) {
    try {
      const provisioning = await client.provisioning(number.id);
      if (provisioning.provisionedAt !== undefined) watched.push({ number, provisioning });
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failed.push({ number, error: error.message });
    }
  }
  const differing = watched.filter(({ provisioning }) => isDifferent(provisioning));
  if (json) {
    const shown = differing.map(({ number: { id, address }, provisioning }) => ({
      id,
      address,
      ...provisioning,
    }));
    const errors = failed.map(({ number: { id, address }, error }) => ({ id, address, error }));
    io.out(JSON.stringify([...shown, ...errors], undefined, 2));
  } else {
    const paint = painter(io.colours);
    const column = addressColumn([...differing, ...failed].map(({ number }) => number));
    for (const { number, provisioning } of differing) {
      io.out(`${column(number.address)}  ${headline(provisioning, paint)}`);
      for (const line of detailLines(provisioning, paint)) io.out(line);
    }
    for (const { number, error } of failed) io.out(`${column(number.address)}  ${paint('red', error)}`);
    io.out(summary(watched.length, differing.length));
  }
  if (failed.length > 0) return EXIT.failed;
  return differing.length > 0 ? EXIT.difference : EXIT.done;
}

function isDifferent({ differences, drift: found }: Provisioning): boolean {
  return differences.length > 0 || found !== undefined;
}

function headline({ differences, drift: found, checkedAt = '' }: Provisioning, paint: Paint): string {
  if (differences.length > 0) return paint('yellow', counted(differences.length, 'difference'));
  const problem = found?.problem === undefined ? '' : ` (${found.problem})`;
  return paint('dim', `differed when it was looked at, ${checkedAt}${problem}; it does not now`);
}

function detailLines({ differences, urlsChanged }: Provisioning, paint: Paint): string[] {
  if (differences.length === 0) return [];
  return [
    ...(urlsChanged ? ['  Our own addresses have changed since it was provisioned.'] : []),
    ...differenceLines(differences, paint),
  ];
}

function summary(watched: number, differing: number): string {
  if (watched === 0)
    return `No number has been provisioned from here: ${COMMAND} provision twilio --all --apply.`;
  if (differing === 0) return `${counted(watched, 'number')}, all as they were left.`;
  return `Differing: ${differing} of ${counted(watched, 'provisioned number')}. Nothing was changed.`;
}
