/**
 * What is worth telling the moment it is true: that an agent types, that a customer has read. `refresh_receipt` keeps its
 * signature, for the gateways of the version before call it as well.
 */
export const signals = /* sql */ `
-- When a thread's customer was last shown that somebody types.
create table typing_shown (
  thread_id uuid primary key,
  shown_at timestamptz not null
) with (fillfactor = 70);

-- Messages that became read; a worker gathers them by conversation. Only ever added to here: receipts of several
-- conversations come in one transaction, and rows that they share would be locked in any order.
create table reads_noted (
  message_id uuid primary key
);

create table read_receipts_due (
  conversation_id uuid primary key,
  -- everything that an agent wrote up to then is read: epoch ms by the desk's clock; never goes back
  read_at bigint not null,
  -- when the desk is to be told next; null once it has been
  due_at timestamptz,
  due_since timestamptz,
  tries int not null default 0
) with (fillfactor = 70);
create index read_receipts_due_at on read_receipts_due (due_at) where due_at is not null;

-- The lowest receipt over the parts that were rendered of a message (parts with n below 1 stand beside it).
create or replace function refresh_receipt(p_message_id uuid) returns void language plpgsql as $$
declare
  is_read boolean;
begin
  -- Receipts of several parts come at once, each in a transaction that does not see the others.
  perform 1 from messages where id = p_message_id for no key update;
  update messages m set receipt = s.receipt
  from (
    select case when bool_and(b.receipt is not null)
      then (array_agg(b.receipt order by receipt_rank(b.receipt)))[1] end as receipt
    from parts p
    left join lateral (
      select a.receipt from attempts a
      where a.message_id = p.message_id and a.part_n = p.n and a.kind = 'send' and a.receipt is not null
      order by a.id desc limit 1
    ) b on true
    where p.message_id = p_message_id and p.n >= 1
  ) s
  where m.id = p_message_id and m.receipt is distinct from s.receipt
  returning m.receipt = 'read' and m.direction = 'outbound' and m.conversation_id is not null into is_read;
  if is_read then
    insert into reads_noted (message_id) values (p_message_id) on conflict do nothing;
  end if;
end $$;
`;
