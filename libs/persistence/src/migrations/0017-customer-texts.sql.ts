/** What customers are told without anybody writing it, and the language in which. */
export const customerTexts = /* sql */ `
alter table customers add column language text;

-- A row stays for as long as the same could be told again; it is pending until a worker has written it.
create table texts_due (
  thread_id uuid not null,
  kind text not null,
  key text not null,
  tenant_id text not null,
  conversation_id uuid,
  variables jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  pending boolean not null default true,
  primary key (thread_id, kind, key)
);
create index texts_due_pending on texts_due (created_at) where pending;

-- Nothing where the number has no such text: what is configured later is not told of what was before.
create function tell_customer(
  p_thread_id uuid, p_conversation_id uuid, p_kind text, p_key text, p_variables jsonb
) returns void language sql as $$
  insert into texts_due (thread_id, kind, key, tenant_id, conversation_id, variables)
  select t.id, p_kind, p_key, t.tenant_id, p_conversation_id, p_variables
  from threads own join threads t on t.id = coalesce(own.continues_in, own.id)
  join business_numbers n on n.id = t.number_id
  where own.id = p_thread_id and n.settings -> 'texts' ? p_kind
  on conflict do nothing
$$;
`;

export const customerTextsBefore = /* sql */ `
drop function tell_customer(uuid, uuid, text, text, jsonb);
drop table texts_due;
alter table customers drop column language;
`;
