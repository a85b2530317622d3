/** STOP and START that were found in the provider's list, after what their customer has said since. */
export const lateKeywords = /* sql */ `
-- A word that was said at a known time, in whole seconds. What was heard after that stays.
create function record_keyword(p_digest bytea, p_opted_out boolean, p_said_at timestamptz) returns void language sql as $$
  select record_opt_out(m.thread_id, p_opted_out, m.id)
  from dedupe_keys k join messages m on m.id = k.message_id
  where k.digest = p_digest and not exists (
    select from threads t join business_numbers n on n.id = t.number_id
    join opt_outs o on o.tenant_id = t.tenant_id and o.account_sid = n.account_sid
      and o.sender = coalesce(n.messaging_service_sid, n.address) and o.customer_id = t.customer_id
    where t.id = m.thread_id and date_trunc('second', o.changed_at) > p_said_at);
  update opt_outs o set changed_at = p_said_at
  from dedupe_keys k join messages m on m.id = k.message_id join threads t on t.id = m.thread_id
  where k.digest = p_digest and o.customer_id = t.customer_id and o.source = m.id;
$$;
`;

export const lateKeywordsBefore = /* sql */ `
drop function record_keyword(bytea, boolean, timestamptz);
`;
