import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListedMessage } from '../ports/desk-port.js';
import { compareMessages, type TakenMessage } from './compare-messages.js';

const NOW = 1_000;

function listed(id: string, text: string, changes: Partial<ListedMessage> = {}): ListedMessage {
  const attachments = changes.attachments ?? [];
  return {
    id,
    text,
    createdAt: 1,
    authorType: 'agent',
    attachments,
    content: attachments.length > 0 ? { type: 'attachments', text, attachments } : { type: 'text', text },
    ...changes,
  };
}

function taken(text: string, changes: Partial<TakenMessage> = {}): TakenMessage {
  return { content: { type: 'text', text }, certain: true, settled: true, ...changes };
}

const idsOf = (entries: ListedMessage[], events: TakenMessage[], olderThan = NOW) => {
  const { missing, broken } = compareMessages(entries, events, olderThan);
  return { missing: missing.map(({ id }) => id), broken };
};

describe(compareMessages.name, () => {
  it('finds what agents wrote and nothing announced, the oldest first', () => {
    const entries = [
      listed('3', 'c', { createdAt: 3 }),
      listed('2', 'b', { createdAt: 2 }),
      listed('1', 'a', { createdAt: 1 }),
      listed('u', 'of the customer', { authorType: 'user' }),
      listed('b', 'of a bot', { authorType: 'bot' }),
      listed('?', 'of nobody', { authorType: 'unknown' }),
    ];
    expect(idsOf(entries, [taken('b')])).toEqual({ missing: ['1', '3'], broken: false });
  });

  it('keeps the order of what was written at one instant, the newest of which is listed first', () => {
    expect(idsOf([listed('3', 'c'), listed('2', 'b'), listed('1', 'a')], []).missing).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('counts equal contents', () => {
    const entries = ['1', '2', '3'].map((id, n) => listed(id, 'ok', { createdAt: n }));
    expect(idsOf(entries, [taken('ok'), taken('ok')]).missing).toHaveLength(1);
    expect(idsOf(entries, [taken('ok'), taken('ok'), taken('ok')]).missing).toEqual([]);
  });

  it('knows what was taken from the list by its id', () => {
    const entries = ['1', '2', '3'].map((id, n) => listed(id, 'ok', { createdAt: n }));
    const known = [taken('ok', { listedId: '3' }), taken('ok', { listedId: '1' })];
    expect(idsOf(entries, known)).toEqual({ missing: ['2'], broken: false });
  });

  it('tells contents apart by the ids of attachments, in any order, and not by their links', () => {
    const file = (...ids: string[]) => ids.map((id) => ({ id, url: `https://files/${Math.random()}` }));
    const entries = [listed('1', 'see', { attachments: file('x', 'y') }), listed('2', 'see')];
    const event = taken('', { content: { type: 'attachments', text: 'see', attachments: file('y', 'x') } });
    expect(idsOf(entries, [event]).missing).toEqual(['2']);
  });

  it('leaves young entries to their events, and lets them stand for those that have come', () => {
    const entries = [listed('old', 'ok', { createdAt: NOW }), listed('young', 'ok', { createdAt: NOW + 1 })];
    expect(idsOf(entries, [taken('ok')]).missing).toEqual([]);
    expect(idsOf(entries, []).missing).toEqual(['old']);
    expect(idsOf([...entries, listed('lost', 'x')], [taken('ok'), taken('ok')])).toEqual({
      missing: ['lost'],
      broken: false,
    });
  });

  it('is broken where both sides have what the other lacks', () => {
    expect(idsOf([listed('1', 'a ')], [taken('a')])).toEqual({ missing: ['1'], broken: true });
  });

  it('is not broken by an event that the list may not show yet, or whose author nobody knows', () => {
    expect(idsOf([listed('1', 'a')], [taken('b', { settled: false })]).broken).toBe(false);
    expect(idsOf([listed('1', 'a')], [taken('b', { certain: false })]).broken).toBe(false);
  });

  it('lets an event without an author stand for a listed message', () => {
    expect(idsOf([listed('1', 'a')], [taken('a', { certain: false })]).missing).toEqual([]);
  });

  it('never takes more of a content than the list has beyond the events, whatever the order', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (written, announced) => {
        const entries = written.map((text, n) => listed(String(n), text, { createdAt: n }));
        const { missing } = compareMessages(
          entries,
          announced.map((text) => taken(text)),
          NOW,
        );
        for (const text of ['a', 'b', 'c']) {
          const count = (list: string[]) => list.filter((one) => one === text).length;
          expect(count(missing.map((one) => one.text))).toBe(Math.max(0, count(written) - count(announced)));
        }
      }),
    );
  });

  it('finds nothing more once what was missing has been taken', () => {
    const texts = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 });
    fc.assert(
      fc.property(texts, texts, (written, announced) => {
        const entries = written.map((text, n) => listed(String(n), text, { createdAt: n }));
        const events = announced.map((text) => taken(text));
        const found = compareMessages(entries, events, NOW).missing;
        const entered = found.map(({ id, text }) => taken(text, { listedId: id }));
        expect(compareMessages(entries, [...events, ...entered], NOW).missing).toEqual([]);
      }),
    );
  });
});
