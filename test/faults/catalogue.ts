/** The faults that Causeway must survive, area by area in these words: each must be covered by {@link FAULTS}. */
export const AREAS = {
  process:
    'kill -9 at each step (after commit before answer; between commit and wake-up; before and after claim; after intent; mid-request; after the response before the outcome; before release), SIGTERM with a slow provider, second SIGTERM, SIGSTOP longer than the lease then SIGCONT, two workers racing for one lane, rolling restart of all, an older and a newer build at once across a migration',
  redis:
    'FLUSHALL mid-flight, stopped for a minute, frozen (SIGSTOP), out of memory, evicting policy at start, restored from an old state, never there at all',
  postgres:
    'restart fast and immediate under load, sessions terminated each second, a lane row locked by someone else, slow, black hole, connections exhausted, disk full',
  provider:
    '5xx before and after accepting, 429 with sane, absurd, negative and missing `Retry-After`, accept and hang, one byte per second, huge body, half body, garbage JSON, wrong content type, reset before and after the headers, DNS and TLS failures, down for minutes with thousands queued, 401 for everything then repaired',
  conversation:
    'ended or 404 in the middle of a drain, two first messages at once, create with a lost answer, events late, doubled, reordered, before the response to the call they answer',
  webhook:
    'doubled tenfold at once and again days later, status callbacks backwards, key rotation, key service slow or away, floods of unknown key ids',
  input:
    'forged and replayed signatures, checksum collisions, 10 MB forms, 100,000 parameters, deep JSON, NUL, lone surrogates, right-to-left marks, CRLF in names, `__proto__`, repeated parameters',
  media:
    'private and link-local targets, redirects to them, IP-literal forms, wrong type, too large, endless, expired',
  load: 'one lane with 5,000 messages beside 500 quiet ones (the quiet ones must not notice), half an hour of steady traffic with faults',
} as const;

export type Area = keyof typeof AREAS;

interface Fault {
  /** The words of its area that name it. */
  said: string;
  fault: string;
  /** Crash point of `CAUSEWAY_CRASH_POINT`. */
  point?: string;
  /** Why no test of `npm test` stages it. */
  why?: string;
}

const NO_MEDIA = 'media is not fetched yet: attachments are named in the text';

/** Each fault by its id, in the order of its area. A test stages it whose title names the id. */
export const FAULTS = {
  'process-1': {
    said: 'kill -9 at each step (after commit before answer',
    fault: 'gateway killed after the commit, before the answer',
    point: 'after-wake',
  },
  'process-2': {
    said: 'between commit and wake-up',
    fault: 'gateway killed between commit and wake-up',
    point: 'after-commit',
  },
  'process-3': { said: 'before', fault: 'worker killed before it claims a lane', point: 'before-claim' },
  'process-4': { said: 'after claim', fault: 'worker killed after it claimed a lane', point: 'after-claim' },
  'process-5': { said: 'after intent', fault: 'worker killed after the intent', point: 'after-intent' },
  'process-6': {
    said: 'mid-request',
    fault: 'worker killed in the middle of a request',
    point: 'mid-request',
  },
  'process-7': {
    said: 'after the response before the outcome',
    fault: 'worker killed after the response, before the outcome',
    point: 'after-response',
  },
  'process-8': {
    said: 'before release',
    fault: 'worker killed before it releases a lane',
    point: 'before-release',
  },
  'process-9': { said: 'SIGTERM with a slow provider', fault: 'SIGTERM of a worker with slow providers' },
  'process-10': { said: 'second SIGTERM', fault: 'second SIGTERM' },
  'process-11': {
    said: 'SIGSTOP longer than the lease then SIGCONT',
    fault: 'SIGSTOP longer than the lease, then SIGCONT',
  },
  'process-12': { said: 'two workers racing for one lane', fault: 'workers racing for the same lanes' },
  'process-13': { said: 'rolling restart of all', fault: 'rolling restart of all processes' },
  'process-14': {
    said: 'an older and a newer build at once across a migration',
    fault: 'an older and a newer build at once across a migration',
  },
  'redis-1': { said: 'FLUSHALL mid-flight', fault: 'FLUSHALL mid-flight' },
  'redis-2': { said: 'stopped for a minute', fault: 'stopped, and started again empty' },
  'redis-3': { said: 'frozen (SIGSTOP)', fault: 'frozen' },
  'redis-4': { said: 'out of memory', fault: 'out of memory' },
  'redis-5': { said: 'evicting policy at start', fault: 'evicting policy at start' },
  'redis-6': { said: 'restored from an old state', fault: 'restored from an old state' },
  'redis-7': { said: 'never there at all', fault: 'never there at all' },
  'postgres-1': { said: 'restart fast', fault: 'restarted fast under load' },
  'postgres-2': { said: 'immediate under load', fault: 'restarted at once, as after a crash, under load' },
  'postgres-3': { said: 'sessions terminated each second', fault: 'sessions terminated each second' },
  'postgres-4': {
    said: 'a lane row locked by someone else',
    fault: 'a lane row locked by someone else',
  },
  'postgres-5': { said: 'slow', fault: 'slow' },
  'postgres-6': { said: 'black hole', fault: 'silent: connections stay, nothing passes' },
  'postgres-7': { said: 'connections exhausted', fault: 'out of connections' },
  'postgres-8': { said: 'disk full', fault: 'disk full' },
  'provider-1': { said: '5xx before', fault: '5xx before accepting' },
  'provider-2': { said: 'after accepting', fault: '5xx after accepting' },
  'provider-3': { said: '429 with sane', fault: '429 with a sane Retry-After' },
  'provider-4': { said: 'absurd', fault: '429 with an absurd Retry-After' },
  'provider-5': { said: 'negative', fault: '429 with a negative Retry-After' },
  'provider-6': { said: 'missing `Retry-After`', fault: '429 without a Retry-After' },
  'provider-7': { said: 'accept and hang', fault: 'accepts and hangs' },
  'provider-8': { said: 'one byte per second', fault: 'answers one byte per second' },
  'provider-9': { said: 'huge body', fault: 'answers with a huge body' },
  'provider-10': { said: 'half body', fault: 'answers half a body' },
  'provider-11': { said: 'garbage JSON', fault: 'answers garbage for JSON' },
  'provider-12': { said: 'wrong content type', fault: 'answers with a wrong content type' },
  'provider-13': { said: 'reset before', fault: 'resets before the headers' },
  'provider-14': { said: 'after the headers', fault: 'resets after the headers' },
  'provider-15': { said: 'DNS', fault: 'its name does not resolve' },
  'provider-16': { said: 'TLS failures', fault: 'its certificate is nobody’s, or it speaks no TLS' },
  'provider-17': { said: 'down for minutes with thousands queued', fault: 'down while thousands wait' },
  'provider-18': { said: '401 for everything then repaired', fault: '401 for everything, then repaired' },
  'conversation-1': { said: 'ended', fault: 'ended in the middle of a drain' },
  'conversation-2': { said: '404 in the middle of a drain', fault: '404 in the middle of a drain' },
  'conversation-3': { said: 'two first messages at once', fault: 'two first messages at once' },
  'conversation-4': { said: 'create with a lost answer', fault: 'a create whose answer is lost' },
  'conversation-5': { said: 'events late', fault: 'events that come late' },
  'conversation-6': { said: 'doubled', fault: 'events that come twice' },
  'conversation-7': { said: 'reordered', fault: 'events out of order' },
  'conversation-8': {
    said: 'before the response to the call they answer',
    fault: 'events before the response to the call they answer',
  },
  'webhook-1': { said: 'doubled tenfold at once', fault: 'doubled tenfold at once' },
  'webhook-2': { said: 'again days later', fault: 'again, days later' },
  'webhook-3': { said: 'status callbacks backwards', fault: 'status callbacks backwards' },
  'webhook-4': { said: 'key rotation', fault: 'the signing key is replaced' },
  'webhook-5': { said: 'key service slow', fault: 'the key service is slow' },
  'webhook-6': { said: 'away', fault: 'the key service is away' },
  'webhook-7': { said: 'floods of unknown key ids', fault: 'a flood of unknown key ids' },
  'input-1': { said: 'forged', fault: 'forged signatures' },
  'input-2': { said: 'replayed signatures', fault: 'replayed signatures' },
  'input-3': { said: 'checksum collisions', fault: 'another body with the same checksum' },
  'input-4': { said: '10 MB forms', fault: 'forms of 10 MB' },
  'input-5': { said: '100,000 parameters', fault: '100,000 parameters' },
  'input-6': { said: 'deep JSON', fault: 'deep JSON' },
  'input-7': { said: 'NUL', fault: 'NUL' },
  'input-8': { said: 'lone surrogates', fault: 'lone surrogates' },
  'input-9': { said: 'right-to-left marks', fault: 'right-to-left marks' },
  'input-10': { said: 'CRLF in names', fault: 'CRLF in names' },
  'input-11': { said: '`__proto__`', fault: '__proto__' },
  'input-12': { said: 'repeated parameters', fault: 'repeated parameters' },
  'media-1': { said: 'private', fault: 'private targets', why: NO_MEDIA },
  'media-2': { said: 'link-local targets', fault: 'link-local targets', why: NO_MEDIA },
  'media-3': { said: 'redirects to them', fault: 'redirects to private targets', why: NO_MEDIA },
  'media-4': { said: 'IP-literal forms', fault: 'IP-literal forms', why: NO_MEDIA },
  'media-5': { said: 'wrong type', fault: 'of a wrong type', why: NO_MEDIA },
  'media-6': { said: 'too large', fault: 'too large', why: NO_MEDIA },
  'media-7': { said: 'endless', fault: 'endless', why: NO_MEDIA },
  'media-8': { said: 'expired', fault: 'expired', why: NO_MEDIA },
  'load-1': {
    said: 'one lane with 5,000 messages beside 500 quiet ones (the quiet ones must not notice)',
    fault: 'one lane with 5,000 messages beside quiet ones',
  },
  'load-2': {
    said: 'half an hour of steady traffic with faults',
    fault: 'half an hour of steady traffic with faults',
    why: 'it takes half an hour: `STORM_SECONDS=1800 npm run test:storm`; the storms of `npm test` are short',
  },
} as const satisfies Record<string, Fault>;

export type FaultId = keyof typeof FAULTS;

/** A test's title: the id and what it stands for. */
export function title(id: FaultId): string {
  return `${id}: ${FAULTS[id].fault}`;
}
