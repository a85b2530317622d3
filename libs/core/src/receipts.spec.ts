import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newerReceipt, RECEIPT_RANK, type ReceiptStatus } from './receipts.js';

const status = fc.constantFrom(...(Object.keys(RECEIPT_RANK) as ReceiptStatus[]));
const after = (all: ReceiptStatus[]): ReceiptStatus | undefined =>
  all.reduce<ReceiptStatus | undefined>((kept, next) => newerReceipt(kept, next), undefined);
const rank = (kept: ReceiptStatus | undefined): number => (kept === undefined ? 0 : RECEIPT_RANK[kept]);

describe(newerReceipt, () => {
  it('never goes back', () => {
    fc.assert(
      fc.property(fc.option(status, { nil: undefined }), status, (kept, next) => {
        const now = newerReceipt(kept, next);
        expect([kept, next]).toContain(now);
        expect(rank(now)).toBe(Math.max(rank(kept), rank(next)));
      }),
    );
  });

  it('takes a repeated receipt for what it is, however often and however late', () => {
    fc.assert(
      fc.property(fc.array(status, { minLength: 1 }), fc.nat(), (all, n) => {
        const again = all[n % all.length] ?? 'queued';
        expect(after([...all, again])).toBe(after(all));
      }),
    );
  });

  it('does not depend on how receipts are grouped', () => {
    fc.assert(
      fc.property(status, status, status, (a, b, c) => {
        expect(newerReceipt(newerReceipt(a, b), c)).toBe(newerReceipt(a, newerReceipt(b, c)));
      }),
    );
  });

  it('comes as far in every order; between the two words for a failure the first one heard stays', () => {
    fc.assert(
      fc.property(
        fc
          .array(status, { minLength: 1 })
          .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(rank(after(shuffled))).toBe(rank(after(all)));
        },
      ),
    );
    expect(newerReceipt('failed', 'undelivered')).toBe('failed');
    expect(newerReceipt('undelivered', 'failed')).toBe('undelivered');
  });
});
