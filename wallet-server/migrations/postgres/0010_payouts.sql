-- Money that merchants have paid out to their bank accounts.

-- Where a merchant's payouts go to, as the operator knows it.
create table payout_destinations (
    merchant    bytea   not null primary key references merchants (id),
    destination bytea   not null, -- encrypted
    changed_at  bigint  not null
);

-- Payouts that the bank is told of together. What they come to never changes; what becomes of each
-- is its own.
create table payout_batches (
    id                 bytea   not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    currency           bigint  not null,
    payouts            bigint  not null check (payouts > 0),
    amount             bigint  not null check (amount > 0),
    external_reference text, -- of the order to the bank, if all of it was one
    created_at         bigint  not null
);
create index payout_batches_mode on payout_batches (mode, id);
create unique index payout_batches_external_reference on payout_batches (mode, external_reference)
    where external_reference is not null;

-- Held, then paid out or given back; and given back as well if the bank sends it back later.
create table payouts (
    id                 bytea   not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    merchant           bytea   not null,
    currency           bigint  not null,
    amount             bigint  not null check (amount > 0),
    destination        bytea   not null, -- encrypted
    description        text,
    metadata           text,
    state              text    not null check (state in ('authorized', 'succeeded', 'canceled')),
    payout_batch       bytea   references payout_batches (id),
    line               bigint, -- in the batch, from 1
    external_reference text,
    return_reason      text,
    transfer           bytea   not null,
    closing_transfer   bytea,    -- of what was held
    reversal_transfer  bytea,    -- of what the bank sent back
    batch              bytea   not null,
    event              bigint  not null,
    last_batch         bytea   not null,
    last_event         bigint  not null,
    closing_batch      bytea,
    reversal_batch     bytea,
    created_at         bigint  not null,
    paid_at            bigint,
    check ((payout_batch is null) = (line is null)),
    check ((state = 'authorized') = (closing_transfer is null)),
    check ((closing_transfer is null) = (closing_batch is null)),
    check ((reversal_transfer is null) = (reversal_batch is null)),
    check ((paid_at is null) = (external_reference is null)),
    check (state <> 'succeeded' or paid_at is not null),
    check ((reversal_transfer is not null) = (state = 'canceled' and paid_at is not null))
);
create unique index payouts_external_reference on payouts (mode, external_reference)
    where external_reference is not null;
create unique index payouts_line on payouts (payout_batch, line) where payout_batch is not null;
create index payouts_merchant on payouts (merchant, mode, id);
create index payouts_mode on payouts (mode, id);
create index payouts_open on payouts (mode, id) where state = 'authorized';
create index payouts_to_batch on payouts (mode, currency, id)
    where state = 'authorized' and payout_batch is null;
