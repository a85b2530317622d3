import { describe, expect, it } from 'vitest';
import { ProvisioningError } from './provisioning-error.js';
import { urlsDigest, webhookUrls } from './webhook-urls.js';

const TWILIO = 'https://api.twilio.com';
const SIMULATOR = 'http://127.0.0.1:4010';
const PUBLIC = 'https://text.example.com/causeway';
const OVERRIDES = '#rc=2&rt=4000&tt=15000&rp=all';

function refusalOf(publicBaseUrl: string, fallbackBaseUrl?: string): string {
  try {
    webhookUrls({
      publicBaseUrl,
      apiBaseUrl: TWILIO,
      ...(fallbackBaseUrl !== undefined && { fallbackBaseUrl }),
    });
  } catch (error) {
    expect(error).toBeInstanceOf(ProvisioningError);
    expect(error).toMatchObject({ code: 'unsuitable-url' });
    return (error as Error).message;
  }
  return 'taken';
}

describe(webhookUrls.name, () => {
  it('names the doors with the retries that Twilio makes only when told to', () => {
    expect(webhookUrls({ publicBaseUrl: PUBLIC, apiBaseUrl: TWILIO })).toEqual({
      inbound: `${PUBLIC}/webhooks/twilio/messages${OVERRIDES}`,
      status: `${PUBLIC}/webhooks/twilio/status${OVERRIDES}`,
    });
    expect(
      webhookUrls({ publicBaseUrl: PUBLIC, apiBaseUrl: TWILIO, fallbackBaseUrl: 'https://b.example.com' }),
    ).toMatchObject({ fallback: `https://b.example.com/webhooks/twilio/messages${OVERRIDES}` });
  });

  it.each([
    ['http://text.example.com', 'PUBLIC_BASE_URL must begin with https:// before Twilio is pointed at it.'],
    [
      'https://my_text.example.com',
      'PUBLIC_BASE_URL has an underscore in its host name, which Twilio refuses.',
    ],
    ...[
      'https://localhost:3000',
      'https://a.localhost',
      'https://127.1',
      'https://[::1]',
      'https://0x7f000001',
    ].map((url) => [url, 'PUBLIC_BASE_URL is an address of this machine, which Twilio cannot reach.']),
    ...[
      'https://10.1.2.3',
      'https://192.168.0.1:8443',
      'https://172.31.0.1',
      'https://169.254.1.1',
      'https://100.64.0.1',
      'https://0.0.0.0',
      'https://[fd00::1]',
      'https://[fe80::1]',
      'https://[::ffff:10.0.0.1]',
      'https://gateway',
      'https://gateway.internal',
      'https://printer.local',
    ].map((url) => [url, 'PUBLIC_BASE_URL is an address of a private network, which Twilio cannot reach.']),
  ])('refuses %s: %s', (url, words) => {
    expect(refusalOf(url)).toBe(words);
  });

  it.each(['https://text.example.com:8443', 'https://203.0.114.7', 'https://[2600::1]', PUBLIC])(
    'takes %s',
    (url) => {
      expect(refusalOf(url)).toBe('taken');
    },
  );

  it('is as strict with the fallback', () => {
    expect(refusalOf(PUBLIC, 'http://b.example.com')).toBe(
      'TWILIO_FALLBACK_BASE_URL must begin with https:// before Twilio is pointed at it.',
    );
  });

  it('lets a simulator on this machine have any', () => {
    expect(webhookUrls({ publicBaseUrl: 'http://localhost:3000', apiBaseUrl: SIMULATOR }).inbound).toBe(
      `http://localhost:3000/webhooks/twilio/messages${OVERRIDES}`,
    );
  });
});

describe(urlsDigest.name, () => {
  it('changes with each of the bases', () => {
    const digest = (publicBaseUrl: string, fallbackBaseUrl?: string) =>
      urlsDigest(
        webhookUrls({
          publicBaseUrl,
          apiBaseUrl: TWILIO,
          ...(fallbackBaseUrl !== undefined && { fallbackBaseUrl }),
        }),
      ).toString('hex');
    const [a, b] = ['https://a.example.com', 'https://b.example.com'];
    expect(digest(a)).toBe(digest(a));
    expect(new Set([digest(a), digest(b), digest(a, b), digest(b, a)]).size).toBe(4);
  });
});
