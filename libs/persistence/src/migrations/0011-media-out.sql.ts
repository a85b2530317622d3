/** Links to files of ours, files that could not be carried, and parts that wait for the receipt of the one before (ADR 0025). */
export const mediaOut = /* sql */ `
-- What gateways and workers sign for each other with. The newest signs, all verify.
create table service_secrets (
  name text not null,
  id uuid not null,
  secret bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (name, id)
);
-- Each random uuid has 122 bits of the server's strong randomness.
insert into service_secrets (name, id, secret)
select 'media-links', gen_random_uuid(), sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Files of the message that its customer does not get: [{filename?, refused, detail?}]
alter table messages add column refused json;

-- Lanes whose head's next part waits for the receipt of the part before; a row goes when that comes, or with the lane's next claim.
create table receipt_waits (
  attempt_id uuid primary key,
  lane_id uuid not null,
  -- the rank of receipt_rank() that ends the wait
  rank int not null,
  waits_until timestamptz not null
);
`;

export const mediaOutBefore = /* sql */ `
drop table receipt_waits;
alter table messages drop column refused;
drop table service_secrets;
`;
