import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HISTORY, MAX_PROPERTIES, mergeDetails, type OpeningDetails } from './opening-details.js';

const text = fc.string({ maxLength: 4 });
const property = fc.record({ key: fc.string({ minLength: 1, maxLength: 2 }), value: text });
const optional = { requiredKeys: [] };
const details: fc.Arbitrary<OpeningDetails> = fc.record(
  {
    user: fc.record(
      {
        name: text,
        userId: text,
        email: text,
        phone: text,
        company: text,
        caseId: text,
        language: text,
        properties: fc.array(property, { maxLength: 40 }),
      },
      optional,
    ),
    queueId: text,
    assignment: fc.record({ type: fc.constantFrom('queue', 'script'), id: text }),
    history: fc.array(fc.record({ authorType: fc.constantFrom('user' as const, 'bot' as const), text }), {
      maxLength: 150,
    }),
  },
  optional,
) as fc.Arbitrary<OpeningDetails>;
const sources = fc.array(details, { maxLength: 5 });

/** The last value that a source gives. */
function last<T>(all: OpeningDetails[], read: (one: OpeningDetails) => T | undefined): T | undefined {
  return all.map(read).findLast((value) => value !== undefined);
}

describe('mergeDetails', () => {
  it('takes each field of the user from the last source that knows it', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const { user } = mergeDetails(...all);
        for (const field of ['name', 'userId', 'email', 'phone', 'company', 'caseId', 'language'] as const)
          expect(user?.[field]).toBe(last(all, (one) => one.user?.[field]));
      }),
    );
  });

  it('keeps each property once, with the last value, and of too many those of the later sources', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const merged = mergeDetails(...all).user?.properties ?? [];
        const given = all.flatMap((one) => one.user?.properties ?? []);
        const keys = merged.map(({ key }) => key);
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys.length).toBe(Math.min(MAX_PROPERTIES, new Set(given.map(({ key }) => key)).size));
        for (const { key, value } of merged)
          expect(value).toBe(given.findLast((one) => one.key === key)?.value);
        const important = new Set(all.at(-1)?.user?.properties?.map(({ key }) => key));
        if (important.size <= MAX_PROPERTIES) expect(keys).toEqual(expect.arrayContaining([...important]));
      }),
    );
  });

  it('takes the assignment whole, and of one source the assignment before the queue', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const expected = last(
          all,
          ({ assignment, queueId }) =>
            assignment ?? (queueId === undefined ? undefined : { type: 'queue', id: queueId }),
        );
        expect(mergeDetails(...all).assignment).toEqual(expected);
      }),
    );
  });

  it('puts the histories one after the other and keeps the newest messages', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const whole = all.flatMap((one) => one.history ?? []);
        expect(mergeDetails(...all).history ?? []).toEqual(whole.slice(-MAX_HISTORY));
      }),
    );
  });

  it('says the same of what it merged, in whatever groups', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const merged = mergeDetails(...all);
        expect(mergeDetails(merged)).toEqual(merged);
        const few = all.slice(0, 2);
        if ((mergeDetails(...few).user?.properties?.length ?? 0) < MAX_PROPERTIES)
          expect(mergeDetails(mergeDetails(...few), ...all.slice(2)).assignment).toEqual(merged.assignment);
      }),
    );
  });

  it('changes nothing that it was given', () => {
    fc.assert(
      fc.property(sources, (all) => {
        const before = structuredClone(all);
        mergeDetails(...all);
        expect(all).toEqual(before);
      }),
    );
  });
});
