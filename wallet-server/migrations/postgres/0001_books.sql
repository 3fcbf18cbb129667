-- The books: who there is, what moved, and what was answered.
--
-- Money is whole minor units, times are Unix milliseconds, ids are 16-byte UUIDs (version 7).
-- Nothing here can be spent: codes are opened with keys that are not in this database, and what
-- names a person (payers.name, payments.evidence) is encrypted with a key that is not here either.

-- Accounts and balances -------------------------------------------------------------------------

create table accounts (
    id         bytea    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    kind       text    not null check (kind in ('payer', 'merchant', 'fees', 'suspense', 'bank')),
    currency   bigint not null,
    owner      bytea,
    created_at bigint not null,
    check ((owner is not null) = (kind in ('payer', 'merchant')))
);
create unique index accounts_owner on accounts (owner, currency) where owner is not null;
create unique index accounts_own on accounts (mode, kind, currency) where owner is null;

-- A payer's account has one row, shard 0. Accounts that many payments touch have a row for each
-- shard, so that several server processes do not wait for one another.
create table balances (
    account   bytea    not null references accounts (id),
    shard     bigint not null,
    available bigint not null,
    held      bigint not null,
    floored   bigint not null check (floored in (0, 1)),
    primary key (account, shard),
    constraint balances_floor check (floored = 0 or (available >= 0 and held >= 0))
);

-- Merchants -------------------------------------------------------------------------------------

create table merchants (
    id               bytea    not null primary key,
    mode             text    not null check (mode in ('live', 'test')),
    name             text    not null,
    state            text    not null check (state in ('active', 'closed')),
    account          bytea    not null references accounts (id),
    currency         bigint not null,
    fee_basis_points bigint not null check (fee_basis_points between 0 and 10000),
    fee_fixed        bigint not null check (fee_fixed >= 0),
    created_at       bigint not null
);

create table api_keys (
    id          bytea    not null primary key,
    merchant    bytea    not null references merchants (id),
    mode        text    not null check (mode in ('live', 'test')),
    secret_hash bytea    not null,
    scopes      text    not null,
    created_at  bigint not null,
    revoked_at  bigint
);
create unique index api_keys_secret on api_keys (secret_hash);
create index api_keys_merchant on api_keys (merchant);

create table terminals (
    id         bytea    not null primary key,
    merchant   bytea    not null references merchants (id),
    mode       text    not null check (mode in ('live', 'test')),
    name       text    not null,
    created_at bigint not null
);
create index terminals_merchant on terminals (merchant, created_at);

-- Payers ----------------------------------------------------------------------------------------

create table payers (
    id         bytea    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    name       bytea    not null, -- encrypted
    state      text    not null check (state in ('active', 'frozen', 'closed')),
    account    bytea    not null references accounts (id),
    currency   bigint not null,
    created_at bigint not null
);

-- An invitation is known by the hash of its secret and enrols one device.
create table invitations (
    id          bytea    not null primary key,
    payer       bytea    not null references payers (id),
    secret_hash bytea    not null,
    created_at  bigint not null,
    expires_at  bigint not null,
    device      bytea
);
create unique index invitations_secret on invitations (secret_hash);

-- The mark is the highest (step, seq) that the device presented: moved in the transaction that
-- decides, never forgotten. Every code at or below it is burned.
create table devices (
    key_id     bytea    not null primary key,
    payer      bytea    not null references payers (id),
    public_key bytea    not null,
    name       bytea    not null, -- encrypted
    mark_step  bigint,
    mark_seq   bigint,
    created_at bigint not null,
    revoked_at bigint,
    check ((mark_step is null) = (mark_seq is null))
);
create unique index devices_public_key on devices (public_key);
create index devices_payer on devices (payer);

-- What a payer spent on a day of the issuer's time zone (days since 1970).
create table daily_spending (
    payer  bytea    not null,
    day    bigint not null,
    spent  bigint not null check (spent >= 0),
    count  bigint not null check (count >= 0),
    primary key (payer, day)
);

-- Payments --------------------------------------------------------------------------------------

create table payments (
    id              bytea    not null primary key,
    mode            text    not null check (mode in ('live', 'test')),
    merchant        bytea    not null,
    reference       text    not null,
    state           text    not null check (state in ('requires_confirmation', 'authorized',
                        'succeeded', 'declined', 'canceled', 'expired', 'partially_refunded',
                        'refunded')),
    decline_code    text,
    capture         text    not null check (capture in ('automatic', 'manual')),
    currency        bigint not null, -- asked
    amount          bigint not null check (amount > 0), -- asked
    settled_currency bigint not null,
    amount_settled  bigint not null check (amount_settled >= 0),
    amount_refunded bigint not null check (amount_refunded between 0 and amount_settled),
    fee             bigint not null check (fee >= 0),
    code_source     text    not null check (code_source in ('scan', 'typed')),
    terminal        bytea,
    description     text,
    metadata        text,
    payer           bytea    not null,
    device          bytea    not null,
    code_step       bigint not null,
    code_seq        bigint not null,
    code_limit      bigint not null, -- the limits in force when it was decided
    code_currency   bigint not null,
    limit_payment   bigint not null,
    limit_day       bigint not null,
    day             bigint not null, -- the day on which it counted
    transfer        bytea,
    evidence        bytea    not null, -- the opened code, encrypted
    batch           bytea    not null, -- with event: its first journal record
    event           bigint not null,
    created_at      bigint not null,
    expires_at      bigint, -- of a hold or of a wait for the payer
    check ((state = 'declined') = (decline_code is not null))
);
create index payments_merchant on payments (merchant, id);

-- Unique for ever, in a table of its own so that a cancellation can come before the payment: such
-- a tombstone has no payment.
create table payment_references (
    merchant    bytea    not null,
    mode        text    not null,
    reference   text    not null,
    fingerprint bytea,
    payment     bytea,
    created_at  bigint not null,
    primary key (merchant, mode, reference),
    check ((payment is null) = (fingerprint is null))
);

create table top_ups (
    id                 bytea    not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    payer              bytea    not null,
    external_reference text    not null,
    currency           bigint not null,
    amount             bigint not null check (amount > 0),
    transfer           bytea    not null,
    batch              bytea    not null,
    event              bigint not null,
    created_at         bigint not null
);
create unique index top_ups_external_reference on top_ups (mode, external_reference);

-- What was answered under a key, by name: the answer is written again from the row it names.
create table idempotency_keys (
    caller_kind  text    not null check (caller_kind in ('merchant', 'operator')),
    caller       bytea    not null,
    mode         text    not null check (mode in ('live', 'test')),
    key          text    not null,
    request_hash bytea    not null,
    answer       text    not null check (answer in ('payment', 'top_up', 'code_expired', 'code_used')),
    subject      bytea,
    created_day  bigint not null, -- keys are kept for 30 days
    primary key (caller_kind, caller, mode, key),
    check ((subject is null) = (answer in ('code_expired', 'code_used')))
);
create index idempotency_keys_day on idempotency_keys (created_day);

-- The journal -----------------------------------------------------------------------------------

-- What one transaction committed. Its row is inserted last, and closes it.
create table batches (
    id           bytea    not null primary key,
    committed_at bigint not null
);

create table entries (
    batch    bytea    not null,
    n        bigint not null,
    transfer bytea    not null,
    account  bytea    not null,
    shard    bigint not null,
    bucket   text    not null check (bucket in ('available', 'held')),
    currency bigint not null,
    amount   bigint not null check (amount <> 0), -- credit positive
    primary key (batch, n)
);

-- The outbox, and the records that the journal's leaves commit to.
create table events (
    batch    bytea    not null,
    n        bigint not null,
    mode     text    not null,
    type     text    not null, -- payment.succeeded and the like
    merchant bytea,
    payer    bytea    not null,
    record   bytea    not null check (length(record) = 128),
    primary key (batch, n)
);
create index events_payer on events (payer, batch, n);
create index events_merchant on events (merchant, batch, n) where merchant is not null;

-- The order of everything. The leaf is the RFC 6962 root over the batch's records.
create table journal (
    position bigint not null primary key,
    batch    bytea    not null,
    leaf     bytea    not null check (length(leaf) = 32)
);
create unique index journal_batch on journal (batch);

-- Payments with the record of their first answer.
create view payments_answered as
select p.*, e.record
from payments p join events e on e.batch = p.batch and e.n = p.event;

-- What no mistake in the code may do ------------------------------------------------------------

-- A transfer's entries come in one statement, and sum to zero in each currency.
create function entries_balanced() returns trigger language plpgsql as $$
begin
    if exists (select 1 from added group by transfer, currency having sum(amount) <> 0) then
        raise exception 'entries_balanced: a transfer does not sum to zero';
    end if;
    if exists (select 1 from added join batches on batches.id = added.batch) then
        raise exception 'entries_open: the batch is closed';
    end if;
    return null;
end $$;
create trigger entries_balanced after insert on entries
referencing new table as added for each statement execute function entries_balanced();

create function events_open() returns trigger language plpgsql as $$
begin
    if exists (select 1 from added join batches on batches.id = added.batch) then
        raise exception 'events_open: the batch is closed';
    end if;
    return null;
end $$;
create trigger events_open after insert on events
referencing new table as added for each statement execute function events_open();

create function append_only() returns trigger language plpgsql as $$
begin
    raise exception '%_kept: % is append-only', tg_table_name, tg_table_name;
end $$;
create trigger entries_kept before update or delete on entries
for each statement execute function append_only();
create trigger events_kept before update or delete on events
for each statement execute function append_only();
create trigger batches_kept before update or delete on batches
for each statement execute function append_only();
create trigger journal_kept before update or delete on journal
for each statement execute function append_only();
create trigger payment_references_kept before delete on payment_references
for each statement execute function append_only();

create function devices_mark_rises() returns trigger language plpgsql as $$
begin
    if old.mark_step is not null and (new.mark_step is null
        or (new.mark_step, new.mark_seq) <= (old.mark_step, old.mark_seq)) then
        raise exception 'devices_mark_rises: a mark only rises';
    end if;
    return new;
end $$;
create trigger devices_mark_rises before update of mark_step, mark_seq on devices
for each row execute function devices_mark_rises();
