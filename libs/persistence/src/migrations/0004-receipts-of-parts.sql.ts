const lowestOverParts = /* sql */ `  update messages m set receipt = s.receipt
  from (
    select case when bool_and(b.receipt is not null)
      then (array_agg(b.receipt order by receipt_rank(b.receipt)))[1] end as receipt
    from parts p
    left join lateral (
      select a.receipt from attempts a
      where a.message_id = p.message_id and a.part_n = p.n and a.kind = 'send' and a.receipt is not null
      order by a.id desc limit 1
    ) b on true
    where p.message_id = p_message_id
  ) s
  where m.id = p_message_id and m.receipt is distinct from s.receipt`;

/**
 * The receipts of a long text's parts come at the same moment, in transactions that do not see each other's: each found the other
 * part behind and left the message as it was, for good. The message's row is locked first; the statement after that sees all
 * that was committed before.
 */
export const receiptsOfParts = /* sql */ `
create or replace function refresh_receipt(p_message_id uuid) returns void language plpgsql as $$
begin
  perform 1 from messages where id = p_message_id for no key update;
${lowestOverParts};
end $$;
`;

export const receiptsOfPartsBefore = /* sql */ `
create or replace function refresh_receipt(p_message_id uuid) returns void language sql as $$
${lowestOverParts}
$$;
`;
