/** Answers that say nothing about the credentials: something may have given them before it looked. */
function isSilent(status: number): boolean {
  return status === 429 || status >= 500;
}

/**
 * How calls log in: one user name, and the passwords that it may have now. While an auth token is rotated there are two, and
 * Twilio decides when the old one ends.
 */
export class TwilioLogin {
  /** The password that was last taken. */
  private current = 0;

  constructor(
    private readonly username: string,
    private readonly passwords: readonly string[],
  ) {}

  /** Makes the call; one that Twilio refuses (401) had no effect and is made again with the next password. */
  async call<T extends { status: number }>(call: (authorization: string) => Promise<T>): Promise<T> {
    const count = this.passwords.length;
    const first = this.current;
    for (let n = 0; ; n += 1) {
      const index = (first + n) % count;
      const answer = await call(this.authorization(index));
      if (answer.status !== 401) {
        if (n > 0 && !isSilent(answer.status)) this.current = index;
        return answer;
      }
      if (n + 1 >= count) return answer;
    }
  }

  private authorization(index: number): string {
    return `Basic ${Buffer.from(`${this.username}:${this.passwords[index] ?? ''}`).toString('base64')}`;
  }
}

/** The login of one account, by the names of its client's options. */
export function loginOf(options: {
  username: string;
  password: string;
  otherPasswords?: readonly string[];
}): TwilioLogin {
  const { username, password, otherPasswords = [] } = options;
  return new TwilioLogin(username, [password, ...otherPasswords]);
}
