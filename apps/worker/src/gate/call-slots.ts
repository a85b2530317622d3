/** Of the slots one number may hold so much: the rest is always there for the others. */
const ONE_NUMBER = 0.75;
/** Weight of the newest call in the mean duration. */
const NEWEST = 0.1;

interface Account {
  taken: number;
  byNumber: Map<string, number>;
  meanMs: number;
}

/** Calls under way per account and number, in this worker. Nothing queues here: who finds no slot comes again. */
export class CallSlots {
  private readonly accounts = new Map<string, Account>();

  /** @param lanesAtOnce what this worker works on at most, whatever the account may do */
  constructor(private readonly lanesAtOnce: number) {}

  /** Takes a slot, or answers how long one slot of the number takes to become free. */
  take(accountId: string, number: string, limit: number): Slot | { freeInMs: number } {
    const account = this.account(accountId);
    const ofNumber = account.byNumber.get(number) ?? 0;
    const numberLimit = Math.max(1, Math.floor(Math.min(limit, this.lanesAtOnce) * ONE_NUMBER));
    if (account.taken >= limit || ofNumber >= numberLimit) return { freeInMs: account.meanMs / numberLimit };
    account.taken += 1;
    account.byNumber.set(number, ofNumber + 1);
    return new Slot((durationMs) => this.release(account, number, durationMs));
  }

  private account(id: string): Account {
    let account = this.accounts.get(id);
    if (!account) {
      account = { taken: 0, byNumber: new Map(), meanMs: 100 };
      this.accounts.set(id, account);
    }
    return account;
  }

  private release(account: Account, number: string, durationMs: number): void {
    account.taken -= 1;
    const left = (account.byNumber.get(number) ?? 1) - 1;
    if (left > 0) account.byNumber.set(number, left);
    else account.byNumber.delete(number);
    account.meanMs += NEWEST * (durationMs - account.meanMs);
  }
}

/** One call under way. */
export class Slot {
  private readonly takenMs = performance.now();
  private isFree = false;

  constructor(private readonly release: (durationMs: number) => void) {}

  /** False when it was free already. */
  free(): boolean {
    if (this.isFree) return false;
    this.isFree = true;
    this.release(performance.now() - this.takenMs);
    return true;
  }
}
