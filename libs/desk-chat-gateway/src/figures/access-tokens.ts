import { asObject, asText } from '../json.js';
import type { MetricsAccount } from './accounts.js';
import { asNumber, basicAuthorization, readJson } from './read-json.js';
import type { FigureHttp } from './read-json.js';

/** A token is renewed so long before its end, or after half of its life where that is shorter. */
const EARLY_MS = 60_000;
const UNSAID_LIFE_SECONDS = 300;
const MAX_LIFE_SECONDS = 86_400;

export type TokenAnswer = { token: string } | { code: string };

interface Token {
  token: string;
  renewAt: number;
}

/** The access token of one account: used until shortly before its end, fetched by one call at a time. */
export class AccessTokens {
  private current: Token | undefined;
  private inFlight: Promise<TokenAnswer> | undefined;

  constructor(
    private readonly http: FigureHttp,
    private readonly account: Pick<MetricsAccount, 'baseUrl' | 'key' | 'secret'>,
    private readonly now: () => number,
  ) {}

  /** `refused`: a token that was not taken although its time is not over. */
  async get(refused?: string): Promise<TokenAnswer> {
    if (this.current && this.current.token === refused) this.current = undefined;
    if (this.current && this.now() < this.current.renewAt) return { token: this.current.token };
    this.inFlight ??= this.fetch().finally(() => (this.inFlight = undefined));
    return this.inFlight;
  }

  private async fetch(): Promise<TokenAnswer> {
    const { baseUrl, key, secret } = this.account;
    const askedAt = this.now();
    const answer = await readJson(this.http, () => ({
      method: 'POST',
      url: `${baseUrl.replace(/\/+$/, '')}/oauth/v2/token`,
      headers: {
        accept: 'application/json',
        authorization: basicAuthorization(key, secret),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
    }));
    if ('code' in answer) return { code: `token-${answer.code}` };
    const { access_token: accessToken, expires_in: expiresIn } = asObject(answer.json);
    const token = asText(accessToken);
    // It goes into a header.
    if (token === undefined || !/^[\x21-\x7e]{1,8192}$/.test(token)) return { code: 'token-garbage-answer' };
    const seconds = Math.min(MAX_LIFE_SECONDS, Math.max(0, asNumber(expiresIn) ?? UNSAID_LIFE_SECONDS));
    const lifeMs = seconds * 1000;
    this.current = { token, renewAt: askedAt + lifeMs - Math.min(EARLY_MS, lifeMs / 2) };
    return { token };
  }
}
