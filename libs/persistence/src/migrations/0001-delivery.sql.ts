/** What becomes of a lane's head. One function, so that a failure that was reported early is applied in the same step. */
export const deliveryFunctions = /* sql */ `
-- Ends an attempt and decides about the head of a lane, guarded by the fence. Answers the final delivery: a failure
-- that a callback reported before the call returned outranks 'submitted'. Null when the fence is not the caller's.
create function settle_head(
  p_lane_id uuid, p_fence bigint, p_lease_ms float8, p_failures int, p_not_before_ms float8, p_waiting_for text,
  p_message_id uuid, p_seq bigint, p_delivery text, p_ends boolean, p_reason text, p_provider_code text,
  p_possible_duplicate boolean, p_own_failure boolean, p_attempt_id uuid, p_outcome text, p_provider_id text,
  p_receipt text, p_http_status int, p_error_class text, p_error_code text, p_attempt_provider_code text
) returns text language plpgsql as $$
declare
  seen_receipt text;
  late_attempt uuid;
begin
  update lanes set lease_until = clock_timestamp() + p_lease_ms * interval '1 ms', failures = p_failures,
    not_before = clock_timestamp() + p_not_before_ms * interval '1 ms', waiting_for = p_waiting_for
  where id = p_lane_id and fence = p_fence and lease_until is not null;
  if not found then
    return null;
  end if;

  if p_attempt_id is not null then
    update attempts a set ended_at = coalesce(a.ended_at, clock_timestamp()), outcome = p_outcome,
      provider_id = coalesce(p_provider_id, a.provider_id),
      receipt = case when receipt_rank(p_receipt) > receipt_rank(a.receipt) then p_receipt else a.receipt end,
      http_status = p_http_status, error_class = p_error_class, error_code = p_error_code,
      provider_code = p_attempt_provider_code
    where a.message_id = p_message_id and a.id = p_attempt_id
    returning a.receipt into seen_receipt;
  end if;

  -- The customer wrote while the call was under way: the window that it found closed is open now.
  if p_delivery = 'held' and p_reason = 'window' and exists (
    select from messages m join attempts a on a.message_id = m.id and a.id = p_attempt_id
    where m.id = p_message_id and wrote_since(m.thread_id, a.started_at)
  ) then
    p_delivery := 'open';
    p_reason := null;
  end if;

  if p_ends then
    delete from lane_items where lane_id = p_lane_id and seq = p_seq;
  else
    update lane_items set state = p_delivery, reason = p_reason, tries = tries + p_own_failure::int
    where lane_id = p_lane_id and seq = p_seq;
  end if;

  update messages m set delivery = p_delivery, reason = p_reason,
    provider_code = coalesce(p_provider_code, case when p_delivery = 'submitted' then null else m.provider_code end),
    possible_duplicate = m.possible_duplicate or p_possible_duplicate,
    submitted_at = case when p_delivery = 'submitted' then clock_timestamp() else m.submitted_at end,
    receipt = case when p_delivery = 'submitted'
      and (select count(*) from parts p where p.message_id = p_message_id) = 1
      then coalesce(seen_receipt, m.receipt) else m.receipt end
  where m.id = p_message_id;

  -- A callback may have been faster than the call that it speaks of, or than the next part's.
  if p_delivery in ('submitted', 'open', 'uncertain') then
    select a.id into late_attempt from attempts a
    where a.message_id = p_message_id and a.kind = 'send' and a.outcome = 'submitted' and a.receipt_late is not null
      and a.receipt in ('failed', 'undelivered') and not exists (
        select from attempts n where n.message_id = a.message_id and n.part_n = a.part_n and n.kind = 'send'
          and n.outcome = 'submitted' and n.id > a.id)
    order by a.receipt_late = 'failed' desc, a.id limit 1;
    if late_attempt is not null then
      perform apply_late_failure(p_message_id, late_attempt);
      return (select delivery from messages where id = p_message_id);
    end if;
  end if;
  return p_delivery;
end $$;
`;
