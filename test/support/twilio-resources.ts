import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type Fields = Record<string, unknown>;

/** One write, by its path and what it changes. */
export interface TwilioWrite {
  path: string;
  changes: Fields;
  authorization: string;
}

/**
 * The resources of one account that webhooks are configured on, in the shapes of Twilio's API. A resource's names are the
 * API's own; `members` are the sids in each service.
 */
export class TwilioResources {
  numbers: Fields[] = [];
  shortCodes: Fields[] = [];
  services: Fields[] = [];
  senders: Fields[] = [];
  members: Record<string, string[]> = {};
  writes: TwilioWrite[] = [];
  requests: string[] = [];
  /** Answers every call with this status, as an API error of this code. */
  refusal: { status: number; code?: number } | undefined;
  /** The same for changes alone. */
  writeRefusal: { status: number; code?: number } | undefined;
  url = '';
  private server: Server | undefined;

  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        this.requests.push(`${request.method} ${request.url}`);
        const [status, answer] = this.answer(request.method ?? '', new URL(request.url ?? '', 'http://x'), {
          body,
          authorization: request.headers.authorization ?? '',
        });
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private answer(
    method: string,
    url: URL,
    { body, authorization }: { body: string; authorization: string },
  ): [number, object] {
    const refusal = this.refusal ?? (method === 'POST' ? this.writeRefusal : undefined);
    if (refusal) {
      const { status, code } = refusal;
      return [status, { status, code, message: 'canary +15550100' }];
    }
    const found = this.find(url);
    if (!found) return [404, { status: 404, code: 20404, message: 'canary' }];
    if (method === 'GET' || Array.isArray(found)) return [200, this.page(url, found)];
    const changes = url.pathname.startsWith('/v2/')
      ? (JSON.parse(body) as Fields)
      : Object.fromEntries(
          [...new URLSearchParams(body)].map(([name, value]) => [snakeCase(name), valueOf(value)]),
        );
    this.writes.push({ path: url.pathname, changes, authorization });
    Object.assign(found, changes);
    return [200, found];
  }

  private page(url: URL, found: Fields | Fields[]): object {
    if (!Array.isArray(found)) return found;
    const name = Object.entries({
      incoming_phone_numbers: '/IncomingPhoneNumbers',
      short_codes: '/SMS/ShortCodes',
      services: '/v1/Services',
      senders: '/v2/Channels/Senders',
    }).find(([, path]) => url.pathname.includes(path))?.[0];
    return { [name ?? '']: found, meta: { key: name } };
  }

  private find({ pathname, searchParams }: URL): Fields | Fields[] | undefined {
    const path = pathname.replace(/^\/2010-04-01\/Accounts\/[^/]+|\.json$/g, '').replace(/\.json$/, '');
    const [, member, memberSid] =
      /^\/v1\/Services\/(MG\w+)\/(?:PhoneNumbers|ShortCodes|ChannelSenders)\/(\w+)$/.exec(path) ?? [];
    if (member !== undefined && memberSid !== undefined) {
      return this.members[member]?.includes(memberSid) ? { sid: memberSid } : undefined;
    }
    const [, list, sid] =
      /^(\/IncomingPhoneNumbers|\/SMS\/ShortCodes|\/v1\/Services|\/v2\/Channels\/Senders)(?:\/(\w+))?$/.exec(
        path,
      ) ?? [];
    const resources = {
      '/IncomingPhoneNumbers': this.numbers,
      '/SMS/ShortCodes': this.shortCodes,
      '/v1/Services': this.services,
      '/v2/Channels/Senders': this.senders,
    }[list ?? ''];
    if (sid !== undefined) return resources?.find((one) => one['sid'] === sid);
    const wanted = searchParams.get('PhoneNumber') ?? searchParams.get('ShortCode');
    return resources?.filter(
      (one) => wanted === null || [one['phone_number'], one['short_code']].includes(wanted),
    );
  }
}

/** `SmsUrl` → `sms_url` */
function snakeCase(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase();
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text === '' ? null : text;
}
