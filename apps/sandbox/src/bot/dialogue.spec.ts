import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answer, type Known, NOTHING_KNOWN, propertiesOf, startSurvey } from './dialogue.js';

interface Guide {
  history: { messages: { authorType: 'user' | 'bot'; text: string }[] };
}

const GUIDE = JSON.parse(
  readFileSync(
    new URL('../../../../test/fixtures/chat-gateway/guide-create-conversation.json', import.meta.url),
    'utf8',
  ),
) as Guide;

describe('the example bot', () => {
  it('leads the dialogue of the published guide, word for word, up to the hand-off', () => {
    let known: Known = NOTHING_KNOWN;
    let handedOver = false;
    const spoken = GUIDE.history.messages.flatMap(({ authorType, text }) => {
      if (authorType === 'bot') return [];
      const { says, handOver, next } = answer(known, text);
      known = next;
      handedOver = handOver;
      return [{ authorType, text }, ...says.map((said) => ({ authorType: 'bot', text: said }))];
    });
    expect(spoken).toEqual(GUIDE.history.messages);
    expect(handedOver).toBe(true);
    expect(propertiesOf(known)).toEqual({ Authenticated: 'yes', Intent: 'balance', AccountType: 'credit' });
  });

  const account: Known = { place: 'account', balanceAsked: true };
  it.each([
    { known: NOTHING_KNOWN, text: 'Hi', place: 'start', says: /balance, or connect/ },
    { known: NOTHING_KNOWN, text: '', place: 'start', says: /What would you like/ },
    { known: NOTHING_KNOWN, text: 'My BALANCE?', place: 'account', says: /account number/ },
    { known: account, text: 'It is 1234, I think', place: 'served', says: /^Your balance is £12.34$/ },
    { known: account, text: '999999', place: 'account', says: /no such account/ },
    { known: account, text: 'constructor', place: 'account', says: /no such account/ },
    { known: account, text: 'a human, please', place: 'start', says: /connecting/, handOver: true },
    { known: startSurvey().next, text: 'fine', place: 'rating', says: /From 1/ },
    { known: startSurvey().next, text: '6', place: 'rating', says: /From 1/ },
    { known: startSurvey().next, text: 'a 4', place: 'comment', says: /better/ },
    {
      known: { place: 'comment', balanceAsked: false } as const,
      text: 'An agent sooner',
      place: 'start',
      says: /Goodbye/,
    },
  ])('at $known.place answers “$text”', ({ known, text, place, says, handOver = false }) => {
    const reply = answer(known, text);
    expect(reply).toMatchObject({ handOver, next: { place } });
    expect(reply.says.join(' ')).toMatch(says);
  });

  it('tells the agent no more than it knows', () => {
    expect(propertiesOf(NOTHING_KNOWN)).toEqual({ Authenticated: 'no' });
  });
});
