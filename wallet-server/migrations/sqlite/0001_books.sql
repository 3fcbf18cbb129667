-- The books: who there is, what moved, and what was answered.
--
-- Money is whole minor units, times are Unix milliseconds, ids are 16-byte UUIDs (version 7).
-- Nothing here can be spent: codes are opened with keys that are not in this database, and what
-- names a person (payers.name, payments.evidence) is encrypted with a key that is not here either.

-- Whose books these are: one row, so that they are never opened with another issuer's keys.
create table issuer (
    one        integer not null primary key check (one = 1),
    id         blob not null,
    currency   integer not null,
    created_at integer not null
) strict, without rowid;

-- Accounts and balances -------------------------------------------------------------------------

create table accounts (
    id         blob    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    kind       text    not null,
    currency   integer not null,
    owner      blob,
    created_at integer not null
) strict, without rowid;
create unique index accounts_owner on accounts (owner, currency) where owner is not null;
create unique index accounts_own on accounts (mode, kind, currency) where owner is null;

-- A payer's account has one row, shard 0. Accounts that many payments touch have a row for each
-- shard, so that several server processes do not wait for one another.
create table balances (
    account   blob    not null references accounts (id),
    shard     integer not null,
    available integer not null,
    held      integer not null,
    floored   integer not null check (floored in (0, 1)),
    primary key (account, shard),
    constraint balances_floor check (floored = 0 or (available >= 0 and held >= 0))
) strict, without rowid;

-- Merchants -------------------------------------------------------------------------------------

create table merchants (
    id               blob    not null primary key,
    mode             text    not null check (mode in ('live', 'test')),
    name             text    not null,
    state            text    not null check (state in ('active', 'closed')),
    account          blob    not null references accounts (id),
    currency         integer not null,
    fee_basis_points integer not null check (fee_basis_points between 0 and 10000),
    fee_fixed        integer not null check (fee_fixed >= 0),
    created_at       integer not null
) strict, without rowid;

create table api_keys (
    id          blob    not null primary key,
    merchant    blob    not null references merchants (id),
    mode        text    not null check (mode in ('live', 'test')),
    secret_hash blob    not null,
    scopes      text    not null,
    created_at  integer not null,
    revoked_at  integer
) strict, without rowid;
create unique index api_keys_secret on api_keys (secret_hash);
create index api_keys_merchant on api_keys (merchant);

create table terminals (
    id         blob    not null primary key,
    merchant   blob    not null references merchants (id),
    mode       text    not null check (mode in ('live', 'test')),
    name       text    not null,
    created_at integer not null
) strict, without rowid;
create index terminals_merchant on terminals (merchant, mode, created_at, id);

-- Payers ----------------------------------------------------------------------------------------

create table payers (
    id         blob    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    name       blob    not null, -- encrypted
    state      text    not null check (state in ('active', 'frozen', 'closed')),
    account    blob    not null references accounts (id),
    currency   integer not null,
    created_at integer not null
) strict, without rowid;

-- An invitation is known by the hash of its secret and enrols one device.
create table invitations (
    id          blob    not null primary key,
    payer       blob    not null references payers (id),
    secret_hash blob    not null,
    created_at  integer not null,
    expires_at  integer not null,
    device      blob
) strict, without rowid;
create unique index invitations_secret on invitations (secret_hash);

-- The mark is the highest (step, seq) that the device presented: moved in the transaction that
-- decides, never forgotten. Every code at or below it is burned.
create table devices (
    key_id     blob    not null primary key,
    payer      blob    not null references payers (id),
    public_key blob    not null,
    name       blob    not null, -- encrypted
    mark_step  integer,
    mark_seq   integer,
    created_at integer not null,
    revoked_at integer,
    check ((mark_step is null) = (mark_seq is null))
) strict, without rowid;
create unique index devices_public_key on devices (public_key);
create index devices_payer on devices (payer);

-- What a payer spent on a day of the issuer's time zone (days since 1970), by the strength of the
-- proof that it was the payer: a code that the device signed, and whatever comes later.
create table daily_spending (
    payer    blob not null,
    day      integer not null,
    currency integer not null,
    proof    text not null,
    spent    integer not null check (spent >= 0),
    count    integer not null check (count >= 0),
    primary key (payer, day, currency, proof)
) strict, without rowid;

-- Payments --------------------------------------------------------------------------------------

create table payments (
    id               blob not null primary key,
    mode             text not null check (mode in ('live', 'test')),
    merchant         blob not null,
    reference        text not null,
    state            text not null check (state in ('requires_confirmation', 'authorized',
                         'succeeded', 'declined', 'canceled', 'expired', 'partially_refunded',
                         'refunded')),
    decline_code     text,
    capture          text not null check (capture in ('automatic', 'manual')),
    currency         integer not null, -- asked
    amount           integer not null check (amount > 0), -- asked
    settled_currency integer not null,
    amount_settled   integer not null check (amount_settled >= 0),
    amount_refunded  integer not null check (amount_refunded between 0 and amount_settled),
    fee              integer not null check (fee >= 0),
    first_fee        integer not null check (first_fee >= 0), -- as first answered
    code_source      text not null, -- scan, typed
    terminal         blob,
    description      text,
    metadata         text,
    payer            blob not null,
    -- The code that was shown; null where the payer came by another way.
    device           blob,
    code_step        integer,
    code_seq         integer,
    code_limit       integer,
    code_currency    integer,
    evidence         blob, -- the opened code, encrypted
    -- The limits in force when it was decided, and the day on which it counted.
    limit_payment    integer not null,
    limit_day        integer not null,
    day              integer not null,
    transfer         blob,
    -- Its first journal record and its last one.
    batch            blob not null,
    event            integer not null,
    last_batch       blob not null,
    last_event       integer not null,
    created_at       integer not null,
    expires_at       integer, -- of a hold, or of a wait for the payer
    check ((code_step is null) = (evidence is null)),
    check (state <> 'declined' or decline_code is not null)
) strict;
create index payments_merchant on payments (merchant, id);

-- Unique for ever, in a table of its own so that a cancellation can come before the payment: such
-- a tombstone has no payment.
create table payment_references (
    merchant    blob    not null,
    mode        text    not null,
    reference   text    not null,
    fingerprint blob,
    payment     blob,
    created_at  integer not null,
    primary key (merchant, mode, reference),
    check ((payment is null) = (fingerprint is null))
) strict, without rowid;

create table top_ups (
    id                 blob    not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    payer              blob    not null,
    external_reference text    not null,
    currency           integer not null,
    amount             integer not null check (amount > 0),
    transfer           blob    not null,
    batch              blob    not null,
    event              integer not null,
    created_at         integer not null
) strict, without rowid;
create unique index top_ups_external_reference on top_ups (mode, external_reference);

-- What was answered under a key, by name: the answer is written again from the rows it names, the
-- subject and the journal record that answered (null: the subject's first).
create table idempotency_keys (
    caller_kind  text not null check (caller_kind in ('merchant', 'payer', 'operator')),
    caller       blob not null,
    mode         text not null check (mode in ('live', 'test')),
    key          text not null,
    request_hash blob not null,
    answer       text not null, -- payment, top_up, code_expired, code_used
    subject      blob,
    batch        blob,
    event        integer,
    created_day  integer not null, -- keys are kept for 30 days
    primary key (caller_kind, caller, mode, key)
) strict, without rowid;
create index idempotency_keys_day on idempotency_keys (created_day);

-- The journal -----------------------------------------------------------------------------------

-- What one transaction committed. Its row is inserted last, and closes it.
create table batches (
    id           blob    not null primary key,
    committed_at integer not null
) strict, without rowid;

create table entries (
    batch    blob    not null references batches (id) deferrable initially deferred,
    n        integer not null,
    transfer blob    not null,
    account  blob    not null,
    shard    integer not null,
    bucket   text    not null check (bucket in ('available', 'held')),
    currency integer not null,
    amount   integer not null check (amount <> 0), -- credit positive
    primary key (batch, n)
) strict, without rowid;

-- The outbox, and the records that the journal's leaves commit to.
create table events (
    batch    blob    not null references batches (id) deferrable initially deferred,
    n        integer not null,
    mode     text    not null,
    type     text    not null, -- payment.succeeded and the like
    subject  blob not null, -- the payment, the top-up
    merchant blob,
    payer    blob,
    record   blob not null check (length(record) >= 128),
    primary key (batch, n)
) strict, without rowid;
create index events_payer on events (payer, batch, n) where payer is not null;
create index events_merchant on events (merchant, batch, n) where merchant is not null;

-- The order of everything. The leaf is the RFC 6962 root over the batch's records.
create table journal (
    position integer not null primary key,
    batch    blob    not null,
    leaf     blob    not null check (length(leaf) = 32)
) strict;
create unique index journal_batch on journal (batch);

-- What no mistake in the code may do ------------------------------------------------------------

create trigger batches_balanced before insert on batches begin
    select raise(abort, 'batches_balanced: a transfer does not sum to zero')
    where exists (
        select 1 from entries where batch = new.id
        group by transfer, currency having sum(amount) <> 0
    );
end;

create trigger entries_open before insert on entries begin
    select raise(abort, 'entries_open: the batch is closed')
    where exists (select 1 from batches where id = new.batch);
end;
create trigger entries_kept before update on entries begin
    select raise(abort, 'entries_kept: entries are append-only');
end;
create trigger entries_never_deleted before delete on entries begin
    select raise(abort, 'entries_kept: entries are append-only');
end;

create trigger events_open before insert on events begin
    select raise(abort, 'events_open: the batch is closed')
    where exists (select 1 from batches where id = new.batch);
end;
create trigger events_kept before update on events begin
    select raise(abort, 'events_kept: events are append-only');
end;
create trigger events_never_deleted before delete on events begin
    select raise(abort, 'events_kept: events are append-only');
end;

create trigger batches_kept before update on batches begin
    select raise(abort, 'batches_kept: batches are append-only');
end;
create trigger batches_never_deleted before delete on batches begin
    select raise(abort, 'batches_kept: batches are append-only');
end;

create trigger journal_gapless before insert on journal begin
    select raise(abort, 'journal_gapless: positions follow one another')
    where new.position <> (select coalesce(max(position), 0) + 1 from journal);
end;
create trigger journal_kept before update on journal begin
    select raise(abort, 'journal_kept: the journal is append-only');
end;
create trigger journal_never_deleted before delete on journal begin
    select raise(abort, 'journal_kept: the journal is append-only');
end;

create trigger devices_mark_rises before update of mark_step, mark_seq on devices
when old.mark_step is not null
    and (new.mark_step is null or (new.mark_step, new.mark_seq) <= (old.mark_step, old.mark_seq))
begin
    select raise(abort, 'devices_mark_rises: a mark only rises');
end;

-- A device that was deleted and came back would have forgotten its mark.
create trigger devices_kept before delete on devices begin
    select raise(abort, 'devices_kept: devices are revoked, not deleted');
end;

create trigger payment_references_kept before update on payment_references begin
    select raise(abort, 'payment_references_kept: references are unique for ever');
end;
create trigger payment_references_never_deleted before delete on payment_references begin
    select raise(abort, 'payment_references_kept: references are unique for ever');
end;
