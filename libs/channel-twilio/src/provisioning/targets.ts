import type { WebhookUrls } from './webhook-urls.js';

/** What webhooks are configured on, by its resource at Twilio. */
export type TargetKind = 'number' | 'short-code' | 'service' | 'sender';

/** One field of a resource, by its name in Twilio's API. */
export interface WebhookDifference {
  field: string;
  /** Without user and password, where it is a URL that has them. */
  is: string | null;
  shouldBe: string | null;
}

type Wanted = Readonly<Record<string, string | null>>;

/** What the fields of a resource should be, by the names that the `twilio` package gives them. Others are left alone. */
export function wantedFields(kind: TargetKind, urls: WebhookUrls, isAddress: boolean): Wanted {
  const { inbound, fallback, status } = urls;
  switch (kind) {
    case 'number':
    case 'short-code':
      return {
        smsUrl: inbound,
        smsMethod: 'POST',
        ...(fallback !== undefined && { smsFallbackUrl: fallback, smsFallbackMethod: 'POST' }),
        // An application's URLs go before the number's own.
        ...(kind === 'number' && { smsApplicationSid: null }),
      };
    case 'service':
      return {
        inboundRequestUrl: inbound,
        inboundMethod: 'POST',
        ...(fallback !== undefined && { fallbackUrl: fallback, fallbackMethod: 'POST' }),
        statusCallback: status,
        // A service that is itself what customers write to has no numbers that could decide.
        ...(isAddress && { useInboundWebhookOnNumber: 'false' }),
      };
    case 'sender':
      return {
        callbackUrl: inbound,
        callbackMethod: 'POST',
        ...(fallback !== undefined && { fallbackUrl: fallback, fallbackMethod: 'POST' }),
        statusCallbackUrl: status,
        statusCallbackMethod: 'POST',
      };
  }
}

/** Where `resource`, as the `twilio` package read it, is not as it should be. */
export function differencesOf(resource: object, wanted: Wanted): WebhookDifference[] {
  const fields: Readonly<Record<string, unknown>> = { ...resource };
  return Object.entries(wanted).flatMap(([property, shouldBe]) => {
    const is = textOf(fields[property]);
    if (is === shouldBe) return [];
    return [{ field: apiName(property), is: is && withoutUser(is), shouldBe }];
  });
}

/** What to send so that the differences go: by the package's names, and empty for what is to be taken away. */
export function changesOf(differences: readonly WebhookDifference[]): Record<string, string | boolean> {
  return Object.fromEntries(
    differences.map(({ field, shouldBe }) => {
      const property = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [property, shouldBe === 'false' ? false : (shouldBe ?? '')];
    }),
  );
}

/** `smsUrl` → `sms_url`, as Twilio's documentation has it. */
function apiName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

function withoutUser(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  return text.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1…@');
}
