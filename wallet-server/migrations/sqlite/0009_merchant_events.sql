-- What happened to each merchant, in the order of the journal: written by a process that follows
-- the journal, so that no payment waits for it.

-- A row for each event of the journal that concerns a merchant, beside one another for one merchant.
-- Where money moved: gross is net and fee together, net what it did to the merchant's account, fee
-- what it did to the fee account. The balance is the sum of all nets in the currency so far.
create table merchant_events (
    merchant   blob    not null,
    position   integer not null, -- in the journal
    n          integer not null,
    type       text    not null,
    subject    blob    not null, -- the payment, the refund
    created_at integer not null,
    currency   integer not null,
    net        integer, -- null: nothing moved
    fee        integer,
    balance    integer not null,
    primary key (merchant, position, n),
    check ((net is null) = (fee is null))
) strict, without rowid;

-- How far the journal has been followed, and through which day (days since 1970 in the issuer's
-- time zone) everything is there: what comes later belongs to a later day's statement.
create table merchant_feed (
    one        integer not null primary key check (one = 1),
    position   integer not null,
    closed_day integer -- null: none yet
) strict, without rowid;
insert into merchant_feed (one, position) values (1, 0);

-- Where a day ends: written once, when it is over. Days on which nothing happened may have no row.
create table statement_days (
    day           integer not null primary key,
    last_position integer not null
) strict;

create trigger merchant_events_kept before update on merchant_events begin
    select raise(abort, 'merchant_events_kept: what happened to merchants is append-only');
end;
create trigger merchant_events_never_deleted before delete on merchant_events begin
    select raise(abort, 'merchant_events_kept: what happened to merchants is append-only');
end;
create trigger statement_days_kept before update on statement_days begin
    select raise(abort, 'statement_days_kept: the end of a day is written once');
end;
create trigger statement_days_never_deleted before delete on statement_days begin
    select raise(abort, 'statement_days_kept: the end of a day is written once');
end;
create trigger merchant_feed_advances before update on merchant_feed
when new.position < old.position or new.closed_day < old.closed_day
begin
    select raise(abort, 'merchant_feed_advances: the journal is followed in one direction');
end;
