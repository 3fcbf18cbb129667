-- Test mode: payers that do what a test wants, and books whose clock tests move forward.

-- A payer that was made together with one code, for one test. What charging the code comes to
-- follows from how the payer stands; this says what the payer does beyond that, by itself.
create table test_payers (
    payer      blob    not null primary key references payers (id),
    merchant   blob    not null, -- whose test it is
    outcome    text    not null,
    due        integer not null check (due in (0, 1)), -- whether it still has to do it
    created_at integer not null
) strict, without rowid;
create index test_payers_due on test_payers (created_at) where due = 1;

-- How far the clock of these books is ahead of the real one; null: nobody may move it. Books with a
-- clock that moves hold nothing live, and stay so.
alter table issuer add column test_ahead_seconds integer check (test_ahead_seconds >= 0);

create trigger issuer_keeps_live before update of test_ahead_seconds on issuer
when new.test_ahead_seconds is not null
    and (exists (select 1 from merchants where mode = 'live')
        or exists (select 1 from payers where mode = 'live'))
begin
    select raise(abort, 'issuer_keeps_live: nobody moves the clock of live books');
end;
create trigger merchants_of_test_books before insert on merchants
when new.mode = 'live' and exists (select 1 from issuer where test_ahead_seconds is not null)
begin
    select raise(abort, 'merchants_of_test_books: nothing live here');
end;
create trigger payers_of_test_books before insert on payers
when new.mode = 'live' and exists (select 1 from issuer where test_ahead_seconds is not null)
begin
    select raise(abort, 'payers_of_test_books: nothing live here');
end;
