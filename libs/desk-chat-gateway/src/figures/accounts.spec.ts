import { describe, expect, it } from 'vitest';
import { readConfiguration } from '#platform';
import { figureAccounts } from './accounts.js';

const PLAIN = {
  DATABASE_URL: 'postgres://causeway@db.internal/causeway',
  TWILIO_ACCOUNT_SID: 'ACmain',
  TWILIO_AUTH_TOKEN: 'token',
  TWILIO_SUBACCOUNTS: 'ACacme:two,ACbolt:three',
  CHAT_GATEWAY_API_KEY: 'key',
  CHAT_GATEWAY_TENANT_ID: 'main01',
  CHAT_GATEWAY_CUSTOMER_ID: 'customer',
};
const FIGURES = {
  SCHEDULE_BASE_URL: 'https://vcc.example.com',
  SCHEDULE_DATA_TOKEN: 'main-token',
  METRICS_REGION: 'eu',
  METRICS_API_KEY: 'main-key',
  METRICS_API_SECRET: 'main-secret',
};
const tenant = (id: string, more: object = {}) => ({
  id,
  chatGateway: { apiKey: id, tenantId: `${id}01`, customerId: 'customer' },
  twilioAccounts: [`AC${id}`],
  ...more,
});
const of = (environment: Record<string, string>, ...tenants: object[]) =>
  figureAccounts(readConfiguration('worker', { ...PLAIN, ...environment, TENANTS: JSON.stringify(tenants) }));

describe(figureAccounts.name, () => {
  it('are those of the plain variables for the tenant that they describe, and for no other', () => {
    const accounts = of(FIGURES, tenant('acme'));
    expect(accounts('default')).toEqual({
      schedules: { baseUrl: 'https://vcc.example.com', tenant: 'main01', dataToken: 'main-token' },
      metrics: {
        baseUrl: 'https://api.8x8.com',
        region: 'eu',
        key: 'main-key',
        secret: 'main-secret',
        tenant: 'main01',
      },
    });
    expect(accounts('acme')).toEqual({});
    expect(accounts('nobody')).toEqual({});
    expect(of({})('default')).toEqual({});
  });

  it('are a further tenant’s own, with what it shares with the others', () => {
    const acme = tenant('acme', {
      schedules: { dataToken: 'acme-token' },
      metrics: { apiKey: 'acme-key', apiSecret: 'acme-secret' },
    });
    const bolt = tenant('bolt', {
      schedules: { baseUrl: 'https://vcc-us.example.com', tenant: 'bolt', dataToken: 'bolt-token' },
      metrics: { region: 'ca', apiKey: 'bolt-key', apiSecret: 'bolt-secret' },
    });
    const accounts = of({ ...FIGURES, SCHEDULE_TENANT: 'mainname' }, acme, bolt);
    expect(accounts('default').schedules?.tenant).toBe('mainname');
    expect(accounts('acme')).toMatchObject({
      schedules: { baseUrl: 'https://vcc.example.com', tenant: 'acme01', dataToken: 'acme-token' },
      metrics: { region: 'eu', key: 'acme-key', secret: 'acme-secret', tenant: 'acme01' },
    });
    expect(accounts('bolt')).toMatchObject({
      schedules: { baseUrl: 'https://vcc-us.example.com', tenant: 'bolt', dataToken: 'bolt-token' },
      metrics: { region: 'ca', key: 'bolt-key', tenant: 'bolt01' },
    });
  });
});
