-- What happened to a payer is a chain: the payer's row says what was the last, and each event what was
-- before it. An index would be a page of its own to write for every payment; the payer's row
-- is written anyway.
alter table payers add column last_batch bytea;
alter table payers add column last_event bigint
    check ((last_event is null) = (last_batch is null));
alter table events add column previous_batch bytea;
alter table events add column previous_event bigint
    check ((previous_event is null) = (previous_batch is null));

-- A batch that has no place in the journal yet comes last.
alter table events disable trigger events_kept;
update events set previous_batch = p.batch, previous_event = p.n
from (select e.batch as of_batch, e.n as of_n, lag(e.batch) over one as batch, lag(e.n) over one as n
    from events e left join journal j on j.batch = e.batch
        left join journal_pending w on w.batch = e.batch
    where e.payer is not null
    window one as (partition by e.payer order by j.position, w.arrival, e.n)) p
where events.batch = p.of_batch and events.n = p.of_n and p.batch is not null;
alter table events enable trigger events_kept;

update payers set last_batch = l.batch, last_event = l.n
from (select e.payer, e.batch, e.n, row_number() over (
        partition by e.payer order by j.position desc nulls first, w.arrival desc, e.n desc) as place
    from events e left join journal j on j.batch = e.batch
        left join journal_pending w on w.batch = e.batch
    where e.payer is not null) l
where l.payer = payers.id and l.place = 1;

drop index events_payer;
