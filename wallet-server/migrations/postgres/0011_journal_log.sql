-- A Merkle tree over the journal (RFC 6962), and what the issuer signed about it.
--
-- Both are written by a worker behind the payments, and follow from the journal: an auditor computes
-- them again.

-- The root over each complete group of 256 entries (level 1: positions 256 × number + 1 and up), of
-- 256 such groups (level 2), and so on. What lies between is computed from 256 hashes at the most.
create table journal_subtrees (
    level  bigint not null check (level between 1 and 7),
    number bigint not null check (number >= 0),
    hash   bytea  not null check (length(hash) = 32),
    primary key (level, number)
);

-- A signed note: so many batches had a position then, and this was the root over them.
create table journal_checkpoints (
    size      bigint not null primary key,
    signed_at bigint not null,
    note      text   not null
);

create trigger journal_subtrees_kept before update or delete on journal_subtrees
for each statement execute function append_only();
create trigger journal_subtrees_never_truncated before truncate on journal_subtrees
for each statement execute function append_only();
create trigger journal_checkpoints_kept before update or delete on journal_checkpoints
for each statement execute function append_only();
create trigger journal_checkpoints_never_truncated before truncate on journal_checkpoints
for each statement execute function append_only();

create function journal_checkpoints_rise() returns trigger language plpgsql as $$
begin
    if new.size <= (select coalesce(max(size), 0) from journal_checkpoints)
        or new.size > (select coalesce(max(position), 0) from journal) then
        raise exception 'journal_checkpoints_rise: a checkpoint is of a journal that has grown';
    end if;
    return new;
end $$;
create trigger journal_checkpoints_rise before insert on journal_checkpoints
for each row execute function journal_checkpoints_rise();
