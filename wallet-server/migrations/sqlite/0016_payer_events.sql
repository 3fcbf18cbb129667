-- What happened to a payer is a chain: the payer's row says what was the last, and each event what was
-- before it. An index would be a page of its own to write for every payment; the payer's row
-- is written anyway.
alter table payers add column last_batch blob;
alter table payers add column last_event integer
    check ((last_event is null) = (last_batch is null));
alter table events add column previous_batch blob;
alter table events add column previous_event integer
    check ((previous_event is null) = (previous_batch is null));

drop trigger events_kept;
update events set previous_batch = p.batch, previous_event = p.n
from (select e.batch as of_batch, e.n as of_n, lag(e.batch) over one as batch, lag(e.n) over one as n
    from events e join journal j on j.batch = e.batch
    where e.payer is not null
    window one as (partition by e.payer order by j.position, e.n)) p
where events.batch = p.of_batch and events.n = p.of_n and p.batch is not null;
create trigger events_kept before update on events begin
    select raise(abort, 'events_kept: events are append-only');
end;

update payers set last_batch = l.batch, last_event = l.n
from (select e.payer, e.batch, e.n, row_number() over (
        partition by e.payer order by j.position desc, e.n desc) as place
    from events e join journal j on j.batch = e.batch
    where e.payer is not null) l
where l.payer = payers.id and l.place = 1;

drop index events_payer;
