import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What the operating system says about a process id. `command` is its command line where it can be read. */
export interface ProcessState {
  state: 'gone' | 'zombie' | 'alive';
  command?: string;
}

/**
 * Looks a process up by its id. A zombie answers `kill(pid, 0)` like a living process, so Linux is asked through
 * `/proc` and other systems through `ps`.
 */
export async function processState(pid: number): Promise<ProcessState> {
  if (!signalProcess(pid, 0)) return { state: 'gone' };
  const { letter, command } = await (process.platform === 'linux' ? fromProc(pid) : fromPs(pid));
  if (letter === undefined) return signalProcess(pid, 0) ? { state: 'alive' } : { state: 'gone' };
  if (letter === 'Z' || letter === 'X') return { state: 'zombie' };
  return command ? { state: 'alive', command } : { state: 'alive' };
}

/** Sends a signal; false when there is no such process. A process of another user counts as existing. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

interface Seen {
  letter?: string;
  command?: string;
}

async function fromProc(pid: number): Promise<Seen> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything, so count from the last one.
    const letter = stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    return { letter, command };
  } catch {
    return {};
  }
}

async function fromPs(pid: number): Promise<Seen> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)]);
    const [letters, ...command] = stdout.trim().split(/\s+/);
    return letters ? { letter: letters.charAt(0), command: command.join(' ') } : {};
  } catch {
    return {};
  }
}
