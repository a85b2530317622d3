import { customerTexts } from './0017-customer-texts.sql.js';
import { functionIn } from './function-in.js';

/**
 * What customers are told of their conversation's life, and conversations that end with a message of theirs (ADR 0036). Triggers
 * take down what is told, because a state is written in several places; their conditions cost nothing where nothing happens.
 */
export const textsOfConversations = /* sql */ `
alter table conversations
  -- the customer's message after which it ends, and why
  add column ends_after uuid,
  add column end_reason text;
create index conversations_ends_after on conversations (id) where ends_after is not null and state <> 'closed';

-- Nothing where the number has no such text: what is configured later is not told of what was before. Nothing either where it
-- was told in a thread that this one continues.
create or replace function tell_customer(
  p_thread_id uuid, p_conversation_id uuid, p_kind text, p_key text, p_variables jsonb
) returns void language sql as $$
  insert into texts_due (thread_id, kind, key, tenant_id, conversation_id, variables)
  select t.id, p_kind, p_key, t.tenant_id, p_conversation_id, p_variables
  from threads own join threads t on t.id = coalesce(own.continues_in, own.id)
  join business_numbers n on n.id = t.number_id
  where own.id = p_thread_id
    and (n.settings -> 'texts' ? p_kind or p_kind = 'failed' and n.settings ? 'failedText')
    and not exists (
      select from threads m join texts_due d on d.thread_id = m.id and d.kind = p_kind and d.key = p_key
      where m.continues_in = t.id)
  on conflict do nothing
$$;

-- A message of the customer's has failed, which they are told at most once in ten minutes. The caller holds a lane of the thread.
create function tell_customer_of_failure(p_thread_id uuid, p_conversation_id uuid, p_key text) returns void language sql as $$
  select tell_customer(own.id, p_conversation_id, 'failed', p_key, '{}')
  from threads own
  where own.id = p_thread_id and not exists (
    select from threads t join texts_due d on d.thread_id = t.id
    where (t.id = coalesce(own.continues_in, own.id) or t.continues_in = coalesce(own.continues_in, own.id))
      and d.kind = 'failed' and d.created_at > clock_timestamp() - interval '10 minutes')
$$;

-- The desk has a conversation that its customer opened. One that goes on from another that the desk had is no news to them: it hands over texts,
-- or was opened by a text from before the other one's end or from soon after it (closing.goOnMinutes).
create function tell_welcome() returns trigger language plpgsql as $$
declare
  wrote_at timestamptz;
  go_on_minutes int;
begin
  select coalesce((n.settings -> 'closing' ->> 'goOnMinutes')::int, 0) into go_on_minutes
  from business_numbers n where n.id = new.number_id and n.settings -> 'texts' ? 'welcome';
  if not found then
    return null;
  end if;
  select m.accepted_at into wrote_at from messages m
  where m.id = new.create_message_id and m.direction = 'inbound' and m.author_type = 'user';
  if wrote_at is null
    or exists (
      select from messages m where m.id = any (new.create_history) and m.author_type = 'bot'
        and m.content ->> 'type' = 'reopening')
    or exists (
      select from threads t join conversations c on c.thread_id = t.id
      where (t.id = new.thread_id or t.continues_in = new.thread_id) and c.id <> new.id
        and c.desk_conversation_id is not null and c.closed_at > wrote_at - make_interval(mins => go_on_minutes))
  then
    return null;
  end if;
  perform tell_customer(new.thread_id, new.id, 'welcome', new.id::text, '{}');
  return null;
end $$;
create trigger conversation_welcome after update of desk_conversation_id on conversations for each row
  when (old.desk_conversation_id is null and new.desk_conversation_id is not null)
  execute function tell_welcome();

-- An agent has it: the first one, another one, or the same one again after it had been handed to a queue. However often and
-- late that is announced, each joining is told once.
create function tell_agent_joined() returns trigger language plpgsql as $$
begin
  if not exists (select from business_numbers n where n.id = new.number_id and n.settings -> 'texts' ? 'agentJoined') then
    return null;
  end if;
  perform tell_customer(new.thread_id, new.id, 'agentJoined',
    concat_ws(':', new.id, new.agent_id, d.facts -> 'agents' -> new.agent_id ->> 'joinedAt'),
    jsonb_build_object('agentId', new.agent_id))
  from desk_conversations d where d.tenant_id = new.tenant_id and d.id = new.desk_conversation_id;
  return null;
end $$;
create trigger conversation_agent_joined after update of state, agent_id on conversations for each row
  when (new.state = 'active' and new.agent_id is not null and new.last_agent_left_at is null
    and (old.state <> 'active' or old.agent_id is distinct from new.agent_id))
  execute function tell_agent_joined();

-- It has ended because nobody is there any more. Nothing is said where a bot had the customer after the agents, or where the
-- customer has written meanwhile: their texts open the next one. Looked at when all of the closing has been written.
create function tell_agent_left() returns trigger language plpgsql as $$
begin
  if not exists (select from business_numbers n where n.id = new.number_id and n.settings -> 'texts' ? 'agentLeft')
    or exists (select from conversations c where c.id = new.id and cardinality(c.handed_over) > 0)
    or exists (
      select from lanes l join lane_items i on i.lane_id = l.id join messages m on m.id = i.message_id
      where (l.thread_id = new.thread_id or l.continues_in = new.thread_id) and l.direction = 'inbound'
        and m.author_type = 'user')
  then
    return null;
  end if;
  perform tell_customer(new.thread_id, new.id, 'agentLeft', new.id::text, jsonb_build_object('agentId', new.agent_id));
  return null;
end $$;
create constraint trigger conversation_agent_left after update of state on conversations
  deferrable initially deferred for each row
  when (old.state not in ('closed', 'post-agent') and new.state = 'closed' and new.had_agent and new.close_reason in ('agent-left', 'idle'))
  execute function tell_agent_left();

-- A conversation ends with a message of its customer's, once that has come to its end. An opt-out that does not stand any more
-- ends nothing.
create function end_conversation_after(p_id uuid, p_message_id uuid, p_reason text) returns void language sql as $$
  update conversations c set ends_after = p_message_id, end_reason = p_reason
  from threads t join business_numbers n on n.id = t.number_id
  where c.id = p_id and c.state <> 'closed' and c.ends_after is null and t.id = c.thread_id
    and (p_reason <> 'opt-out'
      or is_opted_out(c.tenant_id, n.account_sid, n.address, n.messaging_service_sid, t.customer_id))
$$;

-- Closes a conversation whose last message has come to its end. Answers the inbound lane, to be woken; no row where it has not.
create function end_conversation(p_id uuid) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  c record;
begin
  select ends_after, end_reason into c from conversations where id = p_id and state <> 'closed';
  if c.ends_after is null or exists (
    select from messages m join lane_items i on i.lane_id = m.lane_id and i.seq = m.seq where m.id = c.ends_after)
  then
    return;
  end if;
  return query select x.lane_id from close_conversation(p_id, c.end_reason, false, true) x;
end $$;
`;

export const textsOfConversationsBefore = /* sql */ `
drop function end_conversation;
drop function end_conversation_after;
drop trigger conversation_agent_left on conversations;
drop function tell_agent_left;
drop trigger conversation_agent_joined on conversations;
drop function tell_agent_joined;
drop trigger conversation_welcome on conversations;
drop function tell_welcome;
drop function tell_customer_of_failure;
${functionIn(customerTexts, 'tell_customer')}
alter table conversations drop column end_reason, drop column ends_after;
`;
