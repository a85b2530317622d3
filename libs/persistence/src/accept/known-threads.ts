import type { InboundMessageReceived } from '#core';

/** Where the messages of a known customer to a known number go. */
export interface KnownThread {
  id: string;
  /** The same, as Postgres takes it. */
  bytes: Buffer;
  tenantId: string;
}

/** All of a message that finding its thread, or bringing it up to date, depends on. */
type Sender = Pick<InboundMessageReceived, 'tenantId' | 'account' | 'channel' | 'to' | 'from' | 'aliases'> & {
  serviceId?: string | undefined;
  profileName?: string | undefined;
};

interface Entry extends KnownThread {
  sender: Sender;
}

const MAX_THREADS = 20_000;

/**
 * The threads that this gateway has stored messages in, so that the next one needs no looking up (ADR 0016). True only of
 * one version of the thread directory: whoever uses it says which, and Postgres stores nothing when that has passed.
 */
export class KnownThreads {
  private readonly entries = new Map<string, Entry>();
  private known: string | null = null;

  constructor(private readonly capacity = MAX_THREADS) {}

  /** The directory's version that everything here is true of; null while nothing is known. */
  get version(): string | null {
    return this.known;
  }

  /** The thread of a message, if everything that it depends on is as it was. */
  find(lane: string, sender: Sender): KnownThread | undefined {
    const entry = this.entries.get(lane);
    return entry && isSame(entry.sender, sender) ? entry : undefined;
  }

  /** `version` must have been read no later than the thread was found. */
  remember(version: string, lane: string, sender: Sender, id: string): void {
    this.moveTo(version);
    const [oldest] = this.entries.size < this.capacity ? [] : this.entries.keys();
    if (oldest !== undefined) this.entries.delete(oldest);
    const { tenantId, account, channel, to, serviceId, from, aliases, profileName } = sender;
    const kept = { tenantId, account, channel, to, serviceId, from, aliases, profileName };
    // Strings that were cut out of a request's body would keep all of it in memory; copies do not.
    const copy = structuredClone(kept);
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    this.entries.set(lane, { id, bytes, tenantId: copy.tenantId, sender: copy });
  }

  /** Forgets everything unless it is true of this version. */
  moveTo(version: string | null): void {
    if (version === this.known) return;
    this.known = version;
    this.entries.clear();
  }
}

function isSame(a: Sender, b: Sender): boolean {
  return (
    a.from === b.from &&
    a.profileName === b.profileName &&
    a.to === b.to &&
    a.serviceId === b.serviceId &&
    a.account === b.account &&
    a.channel === b.channel &&
    a.tenantId === b.tenantId &&
    a.aliases.length === b.aliases.length &&
    a.aliases.every(({ value }, n) => value === b.aliases[n]?.value)
  );
}
