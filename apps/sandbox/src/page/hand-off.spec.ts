import { describe, expect, it } from 'vitest';
import { carriedBy } from './hand-off.js';

describe(carriedBy.name, () => {
  it('tells what the agents are given', () => {
    const user = { name: 'James Jones', properties: [{ key: 'Intent', value: 'balance' }] };
    const history = [{}, {}];
    expect(carriedBy({ type: 'handoff', details: { user, queueId: '200', history } })).toEqual([
      'name James Jones',
      'Intent balance',
      'queue 200',
      '2 earlier messages',
    ]);
    expect(carriedBy({ type: 'handoff', details: {} })).toEqual([]);
  });

  it('knows other messages', () => {
    expect(carriedBy({ type: 'text', text: 'Hello' })).toBeUndefined();
  });
});
