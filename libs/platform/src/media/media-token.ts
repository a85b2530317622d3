import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a link to a file says; nothing but who holds it needs to be asked. */
export interface MediaToken {
  key: string;
  contentType: string;
  filename: string;
  bytes: number;
  /** Epoch seconds. */
  expiresAt: number;
}

/** `<payload>.<HMAC-SHA-256 of it>`, both base64url. */
export function signMediaToken(token: MediaToken, secret: Buffer): string {
  const { key, contentType, filename, bytes, expiresAt } = token;
  const payload = Buffer.from(JSON.stringify([key, contentType, filename, bytes, expiresAt])).toString(
    'base64url',
  );
  return `${payload}.${mac(payload, secret).toString('base64url')}`;
}

/** What the token says, if one of `secrets` has signed it. Whether it has expired is for the caller to judge. */
export function verifyMediaToken(token: string, secrets: readonly Buffer[]): MediaToken | undefined {
  const [payload = '', signature = '', ...more] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  if (more.length > 0 || given.length !== 32 || given.toString('base64url') !== signature) return undefined;
  // Every secret is tried, so that the time taken tells nothing of them.
  const signed = secrets.filter((secret) => timingSafeEqual(mac(payload, secret), given));
  if (signed.length === 0) return undefined;
  // Whoever signed it wrote it.
  const [key, contentType, filename, bytes, expiresAt] = JSON.parse(
    Buffer.from(payload, 'base64url').toString('utf8'),
  ) as [string, string, string, number, number];
  return { key, contentType, filename, bytes, expiresAt };
}

function mac(payload: string, secret: Buffer): Buffer {
  return createHmac('sha256', secret).update(payload).digest();
}
