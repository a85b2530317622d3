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
  late text;
  late_receipt text;
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
    returning a.receipt_late, a.receipt into late, late_receipt;
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
      then coalesce(late_receipt, m.receipt) else m.receipt end
  where m.id = p_message_id;

  if late is not null and p_delivery = 'submitted' then
    perform apply_late_failure(p_message_id, p_attempt_id);
    return (select delivery from messages where id = p_message_id);
  end if;
  return p_delivery;
end $$;
`;
