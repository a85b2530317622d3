import { describe, expect, it } from 'vitest';
import type { Build } from './bridge.js';
import { violation } from './run.js';

/** How many sequences each may need, and what the model then says. */
const builds: [name: string, build: Build, sequences: number, says: RegExp][] = [
  [
    'checks no fence',
    {
      statement: (text) => text.replaceAll(/(l\.)?fence = \$2/g, () => '$2::bigint is not null'),
      sql: withoutFence('settle_head'),
    },
    300,
    /I[2345]: /,
  ],
  ['has no sweeper', { dueLanes: () => [] }, 100, /does not come to rest/],
  [
    // Each session takes ten numbers at a time, as sequences may: they do not follow the order of commits.
    'takes seq from a sequence',
    {
      sql: `create sequence lane_seq increment 1000 cache 10;
        create function seq_of_sequence() returns trigger language plpgsql as $$
        begin
          new.next_seq := nextval('lane_seq');
          return new;
        end $$;
        create trigger seq_of_sequence before update of next_seq on lanes
          for each row when (old.next_seq <> new.next_seq) execute function seq_of_sequence();`,
    },
    100,
    /I3: /,
  ],
  ['repeats blindly what it cannot find', { store: { unbound: async () => [] } }, 300, /I2: .*unmarked/],
  ['sends no mark with a blind repeat', { sql: withoutMark() }, 300, /I2: .*unmarked/],
  [
    'takes late events of what the list has shown',
    { sql: withoutUsingUp() },
    100,
    /comparison of .* is broken|I2: .*is stored twice/,
  ],
];

/** Redefines a function without its guard by the fence. */
function withoutFence(name: string): string {
  return `do $$ declare f record; begin
    for f in select pg_get_functiondef(oid) as text from pg_proc where proname = '${name}' loop
      execute replace(f.text, 'and fence = p_fence', '');
    end loop; end $$`;
}

function withoutMark(): string {
  return `create function no_mark() returns trigger language plpgsql as $$
    begin
      new.possible_duplicate := false;
      return new;
    end $$;
    create trigger no_mark before update on messages for each row execute function no_mark();`;
}

/** No conversation knows that it awaits events of what was taken from its list. */
function withoutUsingUp(): string {
  return `create function no_using_up() returns trigger language plpgsql as $$
    begin
      new.unannounced := 0;
      return new;
    end $$;
    create trigger no_using_up before update on desk_conversations for each row execute function no_using_up();`;
}

describe('the model finds out about a build that', () => {
  it.each(builds)('%s', { timeout: 300_000 }, async (_, build, sequences, says) => {
    expect(await violation(build, sequences, build.statement !== undefined)).toMatch(says);
  });
});
