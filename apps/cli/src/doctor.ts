import { EXIT, type ExitCode, type Io } from './io.js';
import type { Check, OperatorClient } from './operator-client.js';
import { asTyped, counted, painter, type Colour, type Paint } from './words.js';

const COLOURS: Record<Check['status'], Colour> = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' };
const WIDTH = Math.max(...Object.keys(COLOURS).map((status) => status.length));

/** One line for each check, and under what is not right what to do about it. */
export async function doctor(
  { json }: { json?: boolean },
  client: OperatorClient,
  io: Io,
): Promise<ExitCode> {
  const checks = await client.doctor();
  if (json) io.out(JSON.stringify(checks, undefined, 2));
  else for (const line of lines(checks, painter(io.colours))) io.out(line);
  return checks.some(({ status }) => status === 'fail') ? EXIT.difference : EXIT.done;
}

function lines(checks: Check[], paint: Paint): string[] {
  const column = Math.max(...checks.map(({ subject }) => subject.length));
  const text = checks.flatMap(({ subject, status, finding, remedy }) => [
    `${paint(COLOURS[status], status.padEnd(WIDTH))}  ${subject.padEnd(column)}  ${finding}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(WIDTH)}  → ${asTyped(remedy)}`]),
  ]);
  const found = (wanted: Check['status']) => checks.filter(({ status }) => status === wanted).length;
  const [failing, warnings] = [found('fail'), found('warn')];
  const sum = [
    ...(failing > 0 ? [`${counted(failing, 'check')} failed`] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
  ].join(', ');
  return [...text, '', sum === '' ? 'Everything is as it should be.' : `${sum}.`];
}
