import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { showCustomer } from './customer-view.js';

const GUIDE = new URL(
  '../../../../test/fixtures/chat-gateway/guide-create-conversation.json',
  import.meta.url,
);

describe('a customer at the desk', () => {
  it('is shown as the guide’s own example gives them, odd spaces included', () => {
    const { user } = JSON.parse(readFileSync(GUIDE, 'utf8')) as { user: Record<string, unknown> };
    expect(showCustomer(user)).toEqual({
      name: 'James Jones',
      email: '[email protected]',
      phone: '013453403332',
      language: 'en',
      properties: [
        { key: 'Authenticated', value: 'yes' },
        { key: 'Intent', value: 'balance' },
        { key: ' AccountType', value: 'credit' },
      ],
    });
  });

  it('marks what the bridge needs for itself, and keeps what it does not know', () => {
    const user = {
      company: 'Acme',
      caseId: '7',
      userId: 'crm-1',
      language: 'de',
      timezoneOffset: '60',
      additionalProperties: [{ key: 'causeway-ref', value: 'x' }, 'no property'],
    };
    expect(showCustomer(user)).toEqual({
      company: 'Acme',
      caseId: '7',
      userId: 'crm-1',
      language: 'de',
      properties: [
        { key: 'timezoneOffset', value: '60' },
        { key: 'causeway-ref', value: 'x', ofBridge: true },
      ],
    });
  });

  it('is nobody in particular where nothing is given', () => {
    expect(showCustomer({})).toEqual({ language: 'en', properties: [] });
  });
});
