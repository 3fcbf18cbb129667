-- The books: who there is, what moved, and what was answered.
--
-- Money is whole minor units, times are Unix milliseconds, ids are 16-byte UUIDs (version 7).
-- Nothing here can be spent: codes are opened with keys that are not in this database, and what
-- names a person (payers.name, payments.evidence) is encrypted with a key that is not here either.

-- Whose books these are: one row, so that they are never opened with another issuer's keys.
create table issuer (
    one        bigint not null primary key check (one = 1),
    id         bytea not null,
    currency   bigint not null,
    created_at bigint not null
);

-- Accounts and balances -------------------------------------------------------------------------

create table accounts (
    id         bytea    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    kind       text    not null,
    currency   bigint not null,
    owner      bytea,
    created_at bigint not null
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
create index terminals_merchant on terminals (merchant, mode, created_at, id);

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

-- What a payer spent on a day of the issuer's time zone (days since 1970), by the strength of the
-- proof that it was the payer: a code that the device signed, and whatever comes later.
create table daily_spending (
    payer    bytea not null,
    day      bigint not null,
    currency bigint not null,
    proof    text not null,
    spent    bigint not null check (spent >= 0),
    count    bigint not null check (count >= 0),
    primary key (payer, day, currency, proof)
);

-- Payments --------------------------------------------------------------------------------------

create table payments (
    id               bytea not null primary key,
    mode             text not null check (mode in ('live', 'test')),
    merchant         bytea not null,
    reference        text not null,
    state            text not null check (state in ('requires_confirmation', 'authorized',
                         'succeeded', 'declined', 'canceled', 'expired', 'partially_refunded',
                         'refunded')),
    decline_code     text,
    capture          text not null check (capture in ('automatic', 'manual')),
    currency         bigint not null, -- asked
    amount           bigint not null check (amount > 0), -- asked
    settled_currency bigint not null,
    amount_settled   bigint not null check (amount_settled >= 0),
    amount_refunded  bigint not null check (amount_refunded between 0 and amount_settled),
    fee              bigint not null check (fee >= 0),
    first_fee        bigint not null check (first_fee >= 0), -- as first answered
    code_source      text not null, -- scan, typed
    terminal         bytea,
    description      text,
    metadata         text,
    payer            bytea not null,
    -- The code that was shown; null where the payer came by another way.
    device           bytea,
    code_step        bigint,
    code_seq         bigint,
    code_limit       bigint,
    code_currency    bigint,
    evidence         bytea, -- the opened code, encrypted
    -- The limits in force when it was decided, and the day on which it counted.
    limit_payment    bigint not null,
    limit_day        bigint not null,
    day              bigint not null,
    transfer         bytea,
    -- Its first journal record and its last one.
    batch            bytea not null,
    event            bigint not null,
    last_batch       bytea not null,
    last_event       bigint not null,
    created_at       bigint not null,
    expires_at       bigint, -- of a hold, or of a wait for the payer
    check ((code_step is null) = (evidence is null)),
    check (state <> 'declined' or decline_code is not null)
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

-- What was answered under a key, by name: the answer is written again from the rows it names, the
-- subject and the journal record that answered (null: the subject's first).
create table idempotency_keys (
    caller_kind  text not null check (caller_kind in ('merchant', 'payer', 'operator')),
    caller       bytea not null,
    mode         text not null check (mode in ('live', 'test')),
    key          text not null,
    request_hash bytea not null,
    answer       text not null, -- payment, top_up, code_expired, code_used
    subject      bytea,
    batch        bytea,
    event        bigint,
    created_day  bigint not null, -- keys are kept for 30 days
    primary key (caller_kind, caller, mode, key)
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
    subject  bytea not null, -- the payment, the top-up
    merchant bytea,
    payer    bytea,
    record   bytea not null check (length(record) >= 128),
    primary key (batch, n)
);
create index events_payer on events (payer, batch, n) where payer is not null;
create index events_merchant on events (merchant, batch, n) where merchant is not null;

-- The order of everything. The leaf is the RFC 6962 root over the batch's records.
create table journal (
    position bigint not null primary key,
    batch    bytea    not null,
    leaf     bytea    not null check (length(leaf) = 32)
);
create unique index journal_batch on journal (batch);

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
create trigger payment_references_kept before update or delete on payment_references
for each statement execute function append_only();
-- A device that was deleted and came back would have forgotten its mark.
create trigger devices_kept before delete on devices
for each statement execute function append_only();

create trigger entries_never_truncated before truncate on entries
for each statement execute function append_only();
create trigger events_never_truncated before truncate on events
for each statement execute function append_only();
create trigger journal_never_truncated before truncate on journal
for each statement execute function append_only();

create function journal_gapless() returns trigger language plpgsql as $$
begin
    if new.position <> (select coalesce(max(position), 0) + 1 from journal) then
        raise exception 'journal_gapless: positions follow one another';
    end if;
    return new;
end $$;
create trigger journal_gapless before insert on journal
for each row execute function journal_gapless();

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
