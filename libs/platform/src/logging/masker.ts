/** Takes out of a text what must not be logged. */
export type Masker = (text: string) => string;

/**
 * `+15550100`, also percent-encoded and with the usual separators. Not anchored: numbers hide in messages of others.
 * Texts with a plus and seven or more digits that are no phone number are masked as well, which costs nothing.
 */
const PHONE_NUMBER = /(?:\+|%2B)\d(?:[ ().-]{0,2}\d){6,14}/gi;

/** Any WhatsApp address, number or business-scoped id. */
const WHATSAPP_ADDRESS = /whatsapp(?::|%3A)[^\s"'\\<>,;&)\]}]+/gi;

/** Shorter "secrets" are left alone: replacing them would shred every line and hide nothing. */
const SHORTEST_SECRET = 4;

/** Masks every occurrence of a configured secret, and everything that looks like a phone number. */
export function createMasker(secrets: readonly string[]): Masker {
  // The longest first: one secret may contain another.
  const known = secrets
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .flatMap((secret) => [
      ...new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]),
    ])
    .toSorted((a, b) => b.length - a.length);
  return (text) => {
    let masked = text;
    for (const secret of known) masked = masked.replaceAll(secret, '[secret]');
    return masked.replace(WHATSAPP_ADDRESS, 'whatsapp:[number]').replace(PHONE_NUMBER, '[number]');
  };
}
