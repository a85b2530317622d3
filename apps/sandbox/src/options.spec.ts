import { describe, expect, it } from 'vitest';
import { sandboxOptions } from './options.js';

describe(sandboxOptions.name, () => {
  it('needs nothing', () => {
    const { twilio, chatGateway } = sandboxOptions({});
    expect(twilio).toMatchObject({
      port: 4010,
      host: '127.0.0.1',
      numbers: ['+15550100', '+15550200', 'whatsapp:+15550100'],
      webhookUrl: 'http://localhost:3000/webhooks/twilio/messages#rc=2&rt=4000&tt=15000&rp=all',
    });
    expect(chatGateway).toMatchObject({ port: 4020, channelId: '25' });
  });

  it('takes the environment of the product: tokens in rotation, base URL with a slash', () => {
    const env = { TWILIO_AUTH_TOKEN: 'new, old', PUBLIC_BASE_URL: 'https://example.org/' };
    const { twilio, chatGateway } = sandboxOptions(env);
    expect(twilio.authTokens).toEqual(['new', 'old']);
    expect(chatGateway.webhookUrl).toBe('https://example.org/webhooks/chat-gateway');
  });

  it('names a port that is none', () => {
    expect(() => sandboxOptions({ TWILIO_SIM_PORT: '99999' })).toThrow('TWILIO_SIM_PORT');
  });
});
