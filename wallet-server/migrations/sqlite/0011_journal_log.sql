-- A Merkle tree over the journal (RFC 6962), and what the issuer signed about it.
--
-- Both are written by a worker behind the payments, and follow from the journal: an auditor computes
-- them again.

-- The root over each complete group of 256 entries (level 1: positions 256 × number + 1 and up), of
-- 256 such groups (level 2), and so on. What lies between is computed from 256 hashes at the most.
create table journal_subtrees (
    level  integer not null check (level between 1 and 7),
    number integer not null check (number >= 0),
    hash   blob    not null check (length(hash) = 32),
    primary key (level, number)
) strict, without rowid;

-- A signed note: so many batches had a position then, and this was the root over them.
create table journal_checkpoints (
    size      integer not null primary key,
    signed_at integer not null,
    note      text    not null
) strict;

create trigger journal_subtrees_kept before update on journal_subtrees begin
    select raise(abort, 'journal_subtrees_kept: the tree is append-only');
end;
create trigger journal_subtrees_never_deleted before delete on journal_subtrees begin
    select raise(abort, 'journal_subtrees_kept: the tree is append-only');
end;
create trigger journal_checkpoints_kept before update on journal_checkpoints begin
    select raise(abort, 'journal_checkpoints_kept: checkpoints are append-only');
end;
create trigger journal_checkpoints_never_deleted before delete on journal_checkpoints begin
    select raise(abort, 'journal_checkpoints_kept: checkpoints are append-only');
end;
create trigger journal_checkpoints_rise before insert on journal_checkpoints
when new.size <= (select coalesce(max(size), 0) from journal_checkpoints)
    or new.size > (select coalesce(max(position), 0) from journal)
begin
    select raise(abort, 'journal_checkpoints_rise: a checkpoint is of a journal that has grown');
end;
