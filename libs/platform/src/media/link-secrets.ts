/** Secrets are read again at most so often, milliseconds: a forger must not send us to the database at will. */
const REREAD_AFTER_MS = 10_000;
/** And at least so often while they are used, so that a new one signs soon. */
const REREAD_AT_LEAST_MS = 600_000;

/** What links are signed with, kept in this process once it was read. */
export class LinkSecrets {
  private known: readonly Buffer[] = [];
  private readAtMs = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    /** The newest first. */
    private readonly read: () => Promise<Buffer[]>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** The one that signs. Rejects where none was ever read, and none can be. */
  async newest(): Promise<Buffer> {
    const [secret] = await this.all();
    if (!secret) throw new Error('There is no secret to sign links with.');
    return secret;
  }

  /** All that verify. Once there are some, a database that is away changes nothing. */
  async all(): Promise<readonly Buffer[]> {
    if (this.known.length === 0) await this.reread();
    else if (this.nowMs() - this.readAtMs > REREAD_AT_LEAST_MS) void this.reread().catch(() => undefined);
    return this.known;
  }

  /** After something did not verify: whether there may be others by now. */
  async changed(): Promise<boolean> {
    if (this.nowMs() - this.readAtMs < REREAD_AFTER_MS) return false;
    const before = this.known;
    await this.reread().catch(() => undefined);
    return this.known.some((secret, index) => !before[index]?.equals(secret));
  }

  private reread(): Promise<void> {
    this.reading ??= this.read()
      .then((secrets) => {
        this.known = secrets;
      })
      .finally(() => {
        this.readAtMs = this.nowMs();
        this.reading = undefined;
      });
    return this.reading;
  }
}
