-- Test mode: payers that do what a test wants, and books whose clock tests move forward.

-- A payer that was made together with one code, for one test. What charging the code comes to
-- follows from how the payer stands; this says what the payer does beyond that, by itself.
create table test_payers (
    payer      bytea  not null primary key references payers (id),
    merchant   bytea  not null, -- whose test it is
    outcome    text   not null,
    due        bigint not null check (due in (0, 1)), -- whether it still has to do it
    created_at bigint not null
);
create index test_payers_due on test_payers (created_at) where due = 1;

-- How far the clock of these books is ahead of the real one; null: nobody may move it. Books with a
-- clock that moves hold nothing live, and stay so.
alter table issuer add column test_ahead_seconds bigint check (test_ahead_seconds >= 0);

create function issuer_keeps_live() returns trigger language plpgsql as $$
begin
    if new.test_ahead_seconds is not null
        and (exists (select 1 from merchants where mode = 'live')
            or exists (select 1 from payers where mode = 'live')) then
        raise exception 'issuer_keeps_live: nobody moves the clock of live books';
    end if;
    return new;
end $$;
create trigger issuer_keeps_live before update of test_ahead_seconds on issuer
for each row execute function issuer_keeps_live();

create function of_test_books() returns trigger language plpgsql as $$
begin
    if exists (select 1 from issuer where test_ahead_seconds is not null)
        and exists (select 1 from added where mode = 'live') then
        raise exception '%_of_test_books: nothing live here', tg_table_name;
    end if;
    return null;
end $$;
create trigger merchants_of_test_books after insert on merchants
referencing new table as added for each statement execute function of_test_books();
create trigger payers_of_test_books after insert on payers
referencing new table as added for each statement execute function of_test_books();
