import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readySeconds } from '../../apps/launcher/src/banner.js';
import { PORT_VARIABLES } from '../../apps/launcher/src/options.js';

const LAUNCHER = resolve(import.meta.dirname, '../../dist/apps/launcher/src/main.js');
const START_TIMEOUT_MS = 60_000;

/** How long `npm start` takes once the build exists, by its own last line: on an empty directory, and with its data there. */
export async function measureStartUp(): Promise<{ firstSeconds: number; againSeconds: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-bench-'));
  try {
    // As root the embedded Postgres runs as another user, who must be able to enter.
    await chmod(dir, 0o711);
    const home = join(dir, 'home');
    return { firstSeconds: await startOnce(home), againSeconds: await startOnce(home) };
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function startOnce(home: string): Promise<number> {
  const ports = Object.fromEntries(Object.values(PORT_VARIABLES).map((name) => [name, '0']));
  const launcher = spawn(process.execPath, [LAUNCHER], {
    env: { PATH: process.env['PATH'], CAUSEWAY_HOME: home, ...ports },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((done) => launcher.once('exit', done));
  let output = '';
  try {
    return await new Promise<number>((done, reject) => {
      const fail = () => reject(new Error(`npm start did not become ready: ${output.trim().slice(-500)}`));
      const timer = setTimeout(fail, START_TIMEOUT_MS);
      launcher.once('exit', fail);
      const onData = (text: string) => {
        output += text;
        const seconds = readySeconds(output);
        if (seconds === undefined) return;
        clearTimeout(timer);
        done(seconds);
      };
      launcher.stdout.setEncoding('utf8').on('data', onData);
      launcher.stderr.setEncoding('utf8').on('data', onData);
    });
  } finally {
    launcher.kill('SIGTERM');
    await exited;
  }
}
