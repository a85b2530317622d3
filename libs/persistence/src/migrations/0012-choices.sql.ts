/** Choices: what was made at the channel's provider to show them, and which threads were offered some (ADR 0026). */
export const choices = /* sql */ `
create table content_templates (
  tenant_id text not null,
  account_sid text not null,
  -- of what is shown: nothing of it stands here
  digest bytea not null,
  content_sid text not null,
  created_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, account_sid, digest)
);

-- when choices were last about to be offered: for any other thread nobody looks whether a text answers some
alter table threads add column offered_at timestamptz;
`;
