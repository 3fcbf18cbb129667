-- Batches get their positions in the order in which they came, which is the order of their decisions for
-- everybody whom two of them concern: the later one wrote its row after the earlier one's commit,
-- because it waited for its locks. Ids do not tell: two of the same millisecond, or of processes
-- whose clocks differ, may have any order.
alter table journal_pending add column arrival bigint not null generated always as identity;
create unique index journal_pending_arrival on journal_pending (arrival);
