-- Several server processes on one database.

-- Batches that are committed but have no place in the journal yet. One process at a time, the one
-- that holds the lease `sequencer`, moves them there.
create table journal_pending (
    batch bytea not null primary key,
    leaf  bytea not null check (length(leaf) = 32)
);

-- Who does what only one process should do at a time, or counts in which shard of the balances.
-- A lease saves work and waiting; nothing is wrong if two processes believe to hold it.
create table leases (
    name       text   not null primary key,
    holder     bytea  not null,
    expires_at bigint not null
);

-- Rows that are updated all the time get room beside them for their next versions.
alter table balances set (fillfactor = 50);
alter table devices set (fillfactor = 70);
alter table daily_spending set (fillfactor = 70);
alter table journal_pending set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- No question is asked of it: a merchant's payments are found by payments_merchant.
drop index events_merchant;

-- What is never deleted is never emptied either.
create trigger batches_never_truncated before truncate on batches
for each statement execute function append_only();
create trigger devices_never_truncated before truncate on devices
for each statement execute function append_only();
create trigger payment_references_never_truncated before truncate on payment_references
for each statement execute function append_only();
