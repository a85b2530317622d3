/** Thrown by {@link bounded}; what was waited for goes on unseen. */
export class TooSlowError extends Error {
  override readonly name = 'TooSlowError';

  constructor() {
    super('The queue did not answer in time.');
  }
}

/** Waits for `work` at most `ms`. A later rejection of `work` is swallowed. */
export async function bounded<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooSlow = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooSlowError()), ms);
  });
  try {
    return await Promise.race([work, tooSlow]);
  } finally {
    clearTimeout(timer);
  }
}
