-- What happened to each merchant, in the order of the journal: written by a process that follows
-- the journal, so that no payment waits for it.

-- A row for each event of the journal that concerns a merchant, beside one another for one merchant.
-- Where money moved: gross is net and fee together, net what it did to the merchant's account, fee
-- what it did to the fee account. The balance is the sum of all nets in the currency so far.
create table merchant_events (
    merchant   bytea    not null,
    position   bigint not null, -- in the journal
    n          bigint not null,
    type       text    not null,
    subject    bytea    not null, -- the payment, the refund
    created_at bigint not null,
    currency   bigint not null,
    net        bigint, -- null: nothing moved
    fee        bigint,
    balance    bigint not null,
    primary key (merchant, position, n),
    check ((net is null) = (fee is null))
);

-- How far the journal has been followed, and through which day (days since 1970 in the issuer's
-- time zone) everything is there: what comes later belongs to a later day's statement.
create table merchant_feed (
    one        bigint not null primary key check (one = 1),
    position   bigint not null,
    closed_day bigint -- null: none yet
);
insert into merchant_feed (one, position) values (1, 0);

-- Where a day ends: written once, when it is over. Days on which nothing happened may have no row.
create table statement_days (
    day           bigint not null primary key,
    last_position bigint not null
);

create trigger merchant_events_kept before update or delete on merchant_events
for each statement execute function append_only();
create trigger merchant_events_never_truncated before truncate on merchant_events
for each statement execute function append_only();
create trigger statement_days_kept before update or delete on statement_days
for each statement execute function append_only();
create trigger statement_days_never_truncated before truncate on statement_days
for each statement execute function append_only();

create function merchant_feed_advances() returns trigger language plpgsql as $$
begin
    if new.position < old.position or new.closed_day < old.closed_day then
        raise exception 'merchant_feed_advances: the journal is followed in one direction';
    end if;
    return new;
end $$;
create trigger merchant_feed_advances before update on merchant_feed
for each row execute function merchant_feed_advances();
