/** Why `npm start` cannot go on, in one line for the person who typed it. */
export class LauncherError extends Error {
  override readonly name = 'LauncherError';
}
