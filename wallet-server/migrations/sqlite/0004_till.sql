-- What becomes of a payment after its charge: captured, called off, refunded.

alter table payments add column hold_expires_at integer; -- until when it may be captured
alter table payments add column fee_returned integer not null default 0
    check (fee_returned between 0 and fee);
alter table payments add column refunds integer not null default 0; -- how many
-- Of a payment that was called off after its capture. amount_settled and fee stay those of the
-- capture.
alter table payments add column reversal_transfer blob;
-- Where those movements stand in the ledger.
alter table payments add column closing_batch blob;
alter table payments add column reversal_batch blob;
update payments set closing_batch = last_batch where closing_transfer is not null;
create index payments_authorized on payments (hold_expires_at) where state = 'authorized';
-- By state, without a page for each of the many that simply succeed.
create index payments_not_succeeded on payments (merchant, state, id) where state <> 'succeeded';

create table refunds (
    id           blob not null primary key,
    mode         text not null check (mode in ('live', 'test')),
    merchant     blob not null,
    payment      blob not null,
    payer        blob not null,
    currency     integer not null,
    amount       integer not null check (amount > 0),
    fee_returned integer not null check (fee_returned between 0 and amount),
    reason       text,
    metadata     text,
    transfer     blob not null,
    batch        blob not null,
    event        integer not null,
    created_at   integer not null
) strict;
create index refunds_merchant on refunds (merchant, id);
create index refunds_payment on refunds (payment, id);

-- Money that came back for a payer who could not have it, until the operator decides.
create table suspense (
    id                 blob not null primary key,
    mode               text not null check (mode in ('live', 'test')),
    kind               text not null check (kind in ('refund', 'payment')), -- what gave it back
    subject            blob not null,
    payer              blob not null,
    currency           integer not null,
    amount             integer not null check (amount > 0),
    state              text not null check (state in ('open', 'released', 'paid_out')),
    external_reference text,
    transfer           blob not null,
    batch              blob not null,
    closing_transfer   blob,
    closing_batch      blob,
    created_at         integer not null,
    ended_at           integer,
    check ((state = 'open') = (closing_transfer is null)),
    check ((state = 'paid_out') = (external_reference is not null))
) strict;
create index suspense_mode on suspense (mode, id);
create index suspense_open on suspense (mode, id) where state = 'open';
create unique index suspense_external_reference on suspense (mode, external_reference)
    where external_reference is not null;
