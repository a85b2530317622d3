/** What workers have to know of each other before they call a provider (ADR 0020). */
export const providerStates = /* sql */ `
-- Workers that run: each has its part of what a number and an account may do. A row lives as long as its worker says so.
create table workers (
  id uuid primary key,
  seen_at timestamptz not null
);

create table provider_states (
  tenant_id text not null,
  provider text not null,
  -- since when the provider refuses our credentials: nobody calls it but for probing
  paused_at timestamptz,
  -- when a probe last got through, or a first call after failures: breakers opened before close, waiting lanes go on
  recovered_at timestamptz,
  -- whoever moves this on makes the next probe
  next_probe_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, provider)
);

create index lanes_backing_off on lanes (tenant_id, direction, not_before) where waiting_for in ('back-off', 'opening');

-- Lanes that wait for no other reason than earlier failures of a provider or refused credentials go on within p_spread_ms,
-- each at a time of its own; those whose conversation is being looked for, too. An answer whose author is not known waits for
-- the desk. What somebody works on is left out rather than waited for.
create function pull_forward(p_tenant_id text, p_provider text, p_spread_ms float8, p_limit int)
returns table (lane_id uuid, direction text, delay_ms float8) language sql as $$
  with lane as materialized (
    select l.id, random() * p_spread_ms as delay_ms
    from lanes l
    cross join lateral (
      select i.state, i.reason, i.message_id from lane_items i where i.lane_id = l.id order by i.seq limit 1) head
    where l.tenant_id = p_tenant_id and l.waiting_for in ('back-off', 'opening')
      and l.not_before > statement_timestamp() + p_spread_ms * interval '1 ms'
      and (head.state <> 'held' or head.reason = 'credentials')
      and p_provider = case when l.direction = 'outbound' and not exists (
          select from messages m where m.id = head.message_id and m.author_type = 'unknown')
        then 'twilio' else 'chat-gateway' end
    order by l.id limit p_limit for update of l skip locked
  )
  update lanes l set not_before = clock_timestamp() + lane.delay_ms * interval '1 ms'
  from lane where l.id = lane.id
  returning l.id, l.direction, lane.delay_ms
$$;
`;
