import { describe, expect, it } from 'vitest';
import { lateOutcome, meaningOf, TWILIO_ERRORS } from './error-codes.js';
import { refusal } from './outcome.js';
import { REMEDIES } from './remedies.js';
import { parseForm } from './form.js';
import { parseStatus } from './parser.js';

/**
 * What each code must do, written apart from the table: synchronous class / late class, and the codes. A code that is
 * added to or taken from the table without a decision here fails.
 */
const EXPECTED: Record<string, number[]> = {
  'failed/failed': [
    11751, 21211, 21610, 21612, 21614, 21617, 21619, 21620, 21623, 21635, 21654, 21655, 21656, 30004, 30005,
    30006, 30007, 30009, 30010, 30011, 30019, 30036, 30038, 30039, 30046, 30630, 63003, 63005, 63013, 63014,
    63015, 63021, 63024, 63025, 63026, 63030, 63031, 63032, 63033, 63034, 63037, 63049, 63050,
  ],
  'held configuration/failed': [
    11200, 11203, 11205, 11220, 11235, 11236, 11237, 11770, 12100, 12300, 20404, 21212, 21408, 21603, 21606,
    21608, 21609, 21703, 30024, 30032, 30033, 30034, 30035, 30037, 30040, 30041, 30042, 30045, 30450, 30451,
    30452, 30453, 30454, 63001, 63007, 63008, 63020, 63022, 63027, 63028, 63040, 63041, 63042, 63051, 63054,
    63058, 63059,
  ],
  'held window/held-window': [63016],
  'credentials/failed': [20003, 20005, 30002],
  'not-sent/once-more': [
    20429, 21611, 30001, 30003, 30008, 30017, 30022, 30500, 63009, 63010, 63012, 63017, 63018, 63019, 63023,
    63053,
  ],
  'not-sent/failed': [14107, 30023, 30027, 63038],
  'uncertain/once-more': [20500, 20503],
  'uncertain/failed': [30410],
};

const rows = Object.entries(EXPECTED).flatMap(([classes, codes]) =>
  codes.map((code) => [code, classes] as const),
);

/**
 * What Twilio's documentation makes of each code. `P`: permanent for this message or recipient; `C`: configuration; `T`: passes
 * by itself; `W`: waits for the window or a limit; `-`: nothing of a message of ours failed for good, or nobody can tell.
 * Source: https://www.twilio.com/docs/api/errors, code by code.
 */
const DOCUMENTED: Record<string, number[]> = {
  // Our webhooks: something of ours is to be repaired.
  C: [
    11200, 11203, 11205, 11220, 11235, 11236, 11237, 11770, 12100, 12300, 20003, 20005, 20404, 21212, 21408,
    21603, 21606, 21608, 21609, 21703, 30002, 30024, 30032, 30033, 30034, 30035, 30037, 30040, 30041, 30042,
    30045, 30453, 63001, 63007, 63008, 63020, 63022, 63027, 63028, 63040, 63041, 63042, 63051, 63054, 63058,
    63059,
  ],
  P: [
    11751, 21211, 21610, 21614, 21617, 21619, 21620, 21623, 21635, 21654, 21655, 21656, 30004, 30005, 30006,
    30007, 30011, 30019, 30038, 30630, 63003, 63005, 63013, 63014, 63021, 63024, 63026, 63030, 63031, 63032,
    63033, 63034, 63050,
  ],
  T: [
    14107, 20429, 20500, 20503, 30008, 30017, 30022, 30410, 30500, 63009, 63010, 63012, 63017, 63018, 63019,
    63023, 63053,
  ],
  W: [30023, 30027, 63016, 63038],
  'P C': [21612, 63015],
  'T P': [30003],
  'T W': [21611, 30001],
  // Outside of the United States it may arrive another day.
  'P W': [63049],
  // What is still relevant is young enough not to have expired: its validity is what remained of its life.
  'P T': [30036],
  '-': [30009, 30010, 30039, 30046, 63025, 63037],
};

/** Which of our classes, synchronous and late, agree with it. */
const AGREES: Record<string, RegExp> = {
  P: /^failed\/failed$/,
  C: /^(held configuration|credentials)\/failed$/,
  T: /^(not-sent|uncertain)\/(once-more|failed)$/,
  W: /^(held window\/held-window|not-sent\/failed)$/,
  '-': /^failed\/failed$/,
};

describe('the table of error codes', () => {
  it.each(
    Object.entries(DOCUMENTED).flatMap(([classes, codes]) => codes.map((code) => [code, classes] as const)),
  )('%d, which is documented as %s, is known and agrees', (code, classes) => {
    const { sync, late } = meaningOf(String(code)) ?? {};
    const ours = `${[sync?.kind, sync?.hold].filter(Boolean).join(' ')}/${late}`;
    expect(classes.split(' ').filter((one) => AGREES[one]?.test(ours))).not.toEqual([]);
  });

  it.each([
    [400, undefined, 'failed rejected-unknown'],
    [400, '99999', 'failed rejected-unknown'],
    [422, '63999', 'failed rejected-unknown'],
    [403, '21999', 'failed rejected-unknown'],
    [403, '20999', 'credentials credentials-refused'],
    [401, '99999', 'credentials credentials-refused'],
    [429, '99999', 'not-sent rate-limited'],
    [500, '99999', 'uncertain provider-error'],
  ])('lacks what a %d with %s says, and is on the safe side', (status, code, expected) => {
    const { kind, code: name } = refusal(status, {}, code);
    expect(`${kind} ${name}`).toBe(expected);
  });

  it.each(rows)('%d is %s', (code, classes) => {
    const error = refusal(400, {}, String(code));
    const [receipt] = parseStatus(
      'default',
      parseForm(Buffer.from(`MessageSid=SM${'0'.repeat(32)}&MessageStatus=undelivered&ErrorCode=${code}`)),
      'https://causeway.example/',
    );
    const sync = error.hold === undefined ? error.kind : `${error.kind} ${error.hold}`;
    expect(`${sync}/${receipt?.late}`).toBe(classes);
    expect(error.providerCode).toBe(String(code));
  });

  it('has no row without a decision, and no code twice', () => {
    const codes = rows.map(([code]) => code).sort((a, b) => a - b);
    expect([...TWILIO_ERRORS.keys()].sort((a, b) => a - b)).toEqual(codes);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each([...TWILIO_ERRORS.values()])('$code says $text', ({ name, text }) => {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(text).toMatch(/^[A-Z].{10,70}\.$/);
  });

  it('knows a remedy for nothing that it lacks, and by whom', () => {
    expect([...REMEDIES.keys()].filter((code) => !TWILIO_ERRORS.has(code))).toEqual([]);
    for (const { code, sync, remedy } of TWILIO_ERRORS.values()) {
      if (remedy === undefined) continue;
      expect(remedy.text).toMatch(/^[A-Z].{5,75}\.$/);
      const isOurs = sync.hold === 'configuration' || sync.kind === 'credentials';
      expect([code, remedy.by]).toEqual([code, isOurs ? 'operator' : 'agent']);
    }
    const none = [...TWILIO_ERRORS.values()].filter(({ remedy }) => !remedy).map(({ code }) => code);
    expect(none.toSorted((a, b) => a - b)).toEqual([30010, 30045, 63031]);
  });

  it.each([undefined, '', '0', '1e4', ' 21610', '-21610', '99999', '__proto__'])(
    'knows nothing of %j',
    (code) => {
      expect(meaningOf(code)).toBeUndefined();
      expect(lateOutcome(code)).toBe('failed');
    },
  );
});
