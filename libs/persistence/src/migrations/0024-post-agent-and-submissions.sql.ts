import { bots } from './0019-bots.sql.js';
import { functionIn } from './function-in.js';

/** A bot or a script that has a conversation after its agents, and choices that go back to the desk's own cards (ADR 0032). */
export const postAgentAndSubmissions = /* sql */ `
-- As it was, and the desk may say itself that the bot has the conversation. One that is over when its last agent leaves was not
-- handed back. With an agent there the desk is asked anew to hand it back, whatever it said before.
create or replace function apply_conversation_state(
  p_id uuid, p_state text, p_queue_id text, p_agent_id text, p_had_agent boolean, p_last_agent_left_at bigint,
  p_grace_ms int
) returns boolean language sql as $$
  with before as (
    select id, state, close_due_at, last_agent_left_at,
      case p_state when 'post-agent' then true when 'closed' then state = 'post-agent'
        else p_last_agent_left_at is not null and post_agent_at is not null end as handed_back
    from conversations where id = p_id and state <> 'closed' for update
  )
  update conversations c set
    state = case when before.handed_back then 'post-agent' when p_state in ('queued', 'active') then p_state else c.state end,
    queue_id = coalesce(p_queue_id, c.queue_id),
    agent_id = coalesce(p_agent_id, c.agent_id),
    had_agent = c.had_agent or p_had_agent,
    active_at = coalesce(c.active_at, case when p_state = 'active' then clock_timestamp() end),
    last_agent_left_at = p_last_agent_left_at,
    post_agent_not_before = case when p_state <> 'active' or before.state = 'active' then c.post_agent_not_before end,
    post_agent_until = case when before.handed_back
      then coalesce(c.post_agent_until, clock_timestamp() + post_agent_limit(c.survey)) end,
    close_due_at = case
      when p_last_agent_left_at is null or before.handed_back then null
      when p_last_agent_left_at is distinct from before.last_agent_left_at
        then clock_timestamp() + make_interval(secs => p_grace_ms / 1000.0)
      else before.close_due_at end
  from before where c.id = before.id
  returning before.state = 'opening' and c.state <> 'opening'
    or before.close_due_at is not null and c.close_due_at is null
$$;

-- Messages of customers that chose something on a card of the desk's. What and where stands with their parts; a row goes when
-- the card is marked, or never will be.
create table card_submissions_due (
  message_id uuid primary key,
  due_at timestamptz not null default clock_timestamp(),
  due_since timestamptz not null default clock_timestamp(),
  tries int not null default 0
) with (fillfactor = 70);
create index card_submissions_due_at on card_submissions_due (due_at);
`;

export const postAgentAndSubmissionsBefore = /* sql */ `
drop table card_submissions_due;
${functionIn(bots, 'apply_conversation_state')}
`;
