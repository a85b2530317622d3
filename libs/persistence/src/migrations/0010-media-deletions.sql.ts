/** Customers' media that are to be deleted at the channel's provider once the desk has them. */
export const mediaDeletions = /* sql */ `
-- A row is made with the message's parts, counts once the message is submitted, and goes when its media are gone. Their
-- addresses stay where they are, in the message; which of them the desk has stands in the part.
create table media_deletions (
  message_id uuid primary key,
  tries int not null default 0,
  not_before timestamptz not null default clock_timestamp()
);
create index media_deletions_due on media_deletions (not_before);
`;

export const mediaDeletionsBefore = /* sql */ `
drop table media_deletions;
`;
