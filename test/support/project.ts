import { fileURLToPath } from 'node:url';

/** The project whose build is run: this one, or a copy that someone broke on purpose to see a test fail. */
export const PROJECT = process.env['TEST_PROJECT_DIR'] ?? fileURLToPath(new URL('../..', import.meta.url));
