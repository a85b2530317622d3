import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Vitest's global set-up, called for each of its projects: a directory for what the test files of one run share (a database
 * cluster to copy, compiled code), gone with the run. Its path is in `TEST_TEMPORARY_DIR`.
 */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['TEST_TEMPORARY_DIR'] !== undefined) return undefined;
  const directory = await mkdtemp(join(tmpdir(), 'causeway-test-'));
  // Postgres runs as another user where tests run as root.
  await chmod(directory, 0o777);
  process.env['TEST_TEMPORARY_DIR'] = directory;
  return () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
