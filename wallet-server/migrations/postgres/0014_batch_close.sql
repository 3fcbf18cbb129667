-- A batch is closed when its transaction ends. Its row can so be written in one statement with
-- its entries and events, whose triggers run when that statement has ended: a round trip less for
-- every batch.
create or replace function entries_balanced() returns trigger language plpgsql as $$
begin
    if exists (select 1 from added group by transfer, currency having sum(amount) <> 0) then
        raise exception 'entries_balanced: a transfer does not sum to zero';
    end if;
    if exists (select 1 from added join batches on batches.id = added.batch
            where batches.xmin <> pg_current_xact_id()::xid) then
        raise exception 'entries_open: the batch is closed';
    end if;
    return null;
end $$;

create or replace function events_open() returns trigger language plpgsql as $$
begin
    if exists (select 1 from added join batches on batches.id = added.batch
            where batches.xmin <> pg_current_xact_id()::xid) then
        raise exception 'events_open: the batch is closed';
    end if;
    return null;
end $$;
