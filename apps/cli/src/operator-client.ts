import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError, type Io } from './io.js';

export interface ShownNumber {
  id: string;
  address: string;
  state: 'configured' | 'unconfigured';
}

export interface Difference {
  field: string;
  is?: string;
  shouldBe?: string;
}

/** As the operator API describes it. */
export interface Provisioning {
  target: { kind: string; sid: string };
  notes: string[];
  differences: Difference[];
  provisionedAt?: string;
  urlsChanged?: boolean;
  checkedAt?: string;
  drift?: { differences: Difference[]; problem?: string };
}

export interface ProvisioningResult extends Provisioning {
  changed: Difference[];
}

/** How a number stands at the Chat Gateway. */
export interface DeskProvisioning {
  numberId?: string;
  webhook: { id?: string; uri: string };
  channel: { id?: string; name: string; queueId: string };
  /** Where its conversations go. */
  queueId: string;
  notes: string[];
  differences: Difference[];
  changed: Difference[];
}

export interface DeskRemoval {
  channelId?: string;
  webhookId?: string;
  left: string[];
}

/** One thing that has to be right between both accounts and the gateway. */
export interface Check {
  name: string;
  subject: string;
  status: 'ok' | 'warn' | 'fail' | 'skipped';
  finding: string;
  remedy?: string;
  numberId?: string;
}

/** Longer than the gateway gives the providers. */
const TIMEOUT_MS = 20_000;

/** So many ids the operator API takes in one query. */
const MAX_BEFORE = 150;

/** The operator API over HTTP. Whatever does not work is a {@link CliError}. */
export class OperatorClient {
  constructor(
    private readonly baseUrl: string,
    private readonly key: string,
  ) {}

  static from({ environment, root }: Io): OperatorClient {
    const url = environment['CAUSEWAY_URL']?.trim() || environment['PUBLIC_BASE_URL']?.trim();
    if (url && !/^https?:\/\/[^/]/.test(url)) {
      throw new CliError('CAUSEWAY_URL must be the http(s) URL at which the gateway is reached.');
    }
    const local = `http://localhost:${environment['PORT']?.trim() || '3000'}`;
    return new OperatorClient((url || local).replace(/\/+$/, ''), keyOf(environment, root));
  }

  async numbers(): Promise<ShownNumber[]> {
    const numbers: ShownNumber[] = [];
    let cursor = '';
    do {
      const page = await this.call<{ items: ShownNumber[]; nextCursor: string | null }>(
        'GET',
        `numbers?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      numbers.push(...page.items);
      cursor = page.nextCursor ?? '';
    } while (cursor !== '');
    return numbers;
  }

  provisioning(numberId: string): Promise<Provisioning> {
    return this.call('GET', `numbers/${numberId}/provisioning`);
  }

  applyProvisioning(numberId: string, operator: string | undefined): Promise<ProvisioningResult> {
    return this.call('POST', `numbers/${numberId}/provisioning`, operator);
  }

  /** `id` is absent for a number that is not here yet. */
  provisionDesk(
    { id, address }: { id?: string; address: string },
    wanted: { dryRun: boolean; queueId?: string },
    operator: string | undefined,
  ): Promise<DeskProvisioning> {
    return id === undefined
      ? this.call('POST', 'desk-provisioning', operator, { address, ...wanted })
      : this.call('POST', `numbers/${id}/desk-provisioning`, operator, wanted);
  }

  removeFromDesk(numberId: string, operator: string | undefined): Promise<DeskRemoval> {
    return this.call('DELETE', `numbers/${numberId}/desk-provisioning`, operator);
  }

  /** @param before ids of numbers that are to go before this one; of many the last */
  wouldRemoveFromDesk(numberId: string, before: readonly string[]): Promise<DeskRemoval> {
    const ids = before.slice(-MAX_BEFORE).join(',');
    const query = `dryRun=true${ids && `&before=${ids}`}`;
    return this.call('DELETE', `numbers/${numberId}/desk-provisioning?${query}`);
  }

  async doctor(): Promise<Check[]> {
    const { checks } = await this.call<{ checks: Check[] }>('GET', 'doctor');
    return checks;
  }

  private async call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    operator?: string,
    content?: object,
  ): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.baseUrl}/api/v1/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.key}`,
          ...(operator !== undefined && { 'x-causeway-operator': operator }),
          ...(content && { 'content-type': 'application/json' }),
        },
        ...(content && { body: JSON.stringify(content) }),
        // The key goes to this place and to no other.
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      throw new CliError(
        `No Causeway answers at ${this.baseUrl}: start it, or set CAUSEWAY_URL to where it is.`,
      );
    }
    const body = (await response.json().catch(() => undefined)) as T | undefined;
    if (response.ok && body !== undefined) return body;
    if (response.status === 401) {
      throw new CliError(`${this.baseUrl} refuses this key: set ADMIN_API_KEY to the one of that Causeway.`);
    }
    throw new CliError(wordsOf(body) ?? `${this.baseUrl} answers HTTP ${response.status}: is it a Causeway?`);
  }
}

function keyOf(environment: Io['environment'], root: string): string {
  const set = environment['ADMIN_API_KEY']?.trim();
  if (set) return set;
  const file = resolve(root, environment['CAUSEWAY_HOME']?.trim() || '.causeway', 'admin-api-key');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new CliError(
      `There is no key in ${file}: set ADMIN_API_KEY, or CAUSEWAY_HOME to the directory that npm start keeps it in.`,
    );
  }
}

/** A problem's own words: which field is wrong, or what is. RFC 9457. */
function wordsOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { detail, errors } = body as { detail?: unknown; errors?: { message?: unknown }[] };
  const messages = Array.isArray(errors) ? errors.map(({ message }) => `${String(message)}.`) : [];
  const words = messages.length > 0 ? messages.join(' ') : detail;
  return typeof words === 'string' ? words : undefined;
}
