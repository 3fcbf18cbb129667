-- The payer's side: who may act for a payer, what a payer may spend, and money between payers.
--
-- What names a person (names, handles, notes, destinations) is encrypted. Handles are found by a
-- keyed hash. No key is here, and neither is the pepper of the PINs.

-- What a payer spent and may spend --------------------------------------------------------------

-- One row a payer, which settlement reads anyway. A day's sums by the strength of the proof that
-- it was the payer: a static code, a code that the device signed, the PIN.
alter table payers add column day integer not null default 0; -- the last one that was counted
alter table payers add column day_static integer not null default 0 check (day_static >= 0);
alter table payers add column day_code integer not null default 0 check (day_code >= 0);
alter table payers add column day_pin integer not null default 0 check (day_pin >= 0);
alter table payers add column day_without_pin integer not null default 0; -- how many payments
alter table payers add column month_start integer not null default 0; -- its first day
alter table payers add column month_spent integer not null default 0 check (month_spent >= 0);
-- The payer's own limits; null: those that new payers get.
alter table payers add column limit_payment integer;
alter table payers add column limit_day integer;
alter table payers add column limit_month integer;
alter table payers add column limit_without_pin integer;
alter table payers add column limit_without_pin_count integer;
-- Until then every payment needs the PIN: somebody else may have shown this payer's code.
alter table payers add column suspected_until integer;

update payers set (day, day_code, month_start) = (
    select d.day, d.spent, unixepoch(d.day * 86400, 'unixepoch', 'start of month') / 86400
    from daily_spending d where d.payer = payers.id order by d.day desc limit 1)
where exists (select 1 from daily_spending d where d.payer = payers.id);
update payers set
    day_without_pin = (select sum(d.count) from daily_spending d
        where d.payer = payers.id and d.day = payers.day),
    month_spent = (select sum(d.spent) from daily_spending d
        where d.payer = payers.id and d.day >= payers.month_start)
where exists (select 1 from daily_spending d where d.payer = payers.id);
drop table daily_spending;

-- Who a payer is --------------------------------------------------------------------------------

alter table payers add column handle blob; -- encrypted
alter table payers add column handle_hash blob; -- keyed
alter table payers add column receive_token blob; -- in the QR code that others pay to
alter table payers add column frozen_by text check (frozen_by in ('payer', 'operator'));
create unique index payers_handle on payers (mode, handle_hash) where handle_hash is not null;
create unique index payers_receive_token on payers (receive_token) where receive_token is not null;

-- For 30 days a handle that was given up is nobody's but its former owner's.
create table former_handles (
    mode        text    not null check (mode in ('live', 'test')),
    handle_hash blob    not null, -- keyed
    payer       blob    not null,
    released_at integer not null,
    primary key (mode, handle_hash)
) strict, without rowid;
create index former_handles_released on former_handles (released_at);

-- What a payer proves with. The PIN's hash needs a pepper that is not here.
create table payer_secrets (
    payer             blob    not null primary key references payers (id),
    pin_salt          blob,
    pin_hash          blob,
    pin_failures      integer not null default 0, -- counted before the PIN is looked at
    totp_secret       blob, -- encrypted
    totp_new_secret   blob, -- encrypted; shown, not yet in use
    totp_step         integer, -- the last one that was used
    totp_failures     integer not null default 0,
    totp_locked_until integer
) strict, without rowid;

create table recovery_codes (
    payer     blob    not null references payers (id),
    code_hash blob    not null, -- keyed
    used_at   integer,
    primary key (payer, code_hash)
) strict, without rowid;

-- A device that waits to be approved can do nothing.
alter table devices add column approved_at integer;
alter table devices add column new_until integer; -- until then limits are lower
-- Where and for how much the mark's code was presented.
alter table devices add column mark_merchant blob;
alter table devices add column mark_terminal blob;
alter table devices add column mark_amount integer;
alter table devices add column mark_at integer;
update devices set approved_at = created_at;

-- An invitation that a device of the payer made approves the device that it enrols.
alter table invitations add column made_by blob;

-- What a device has signed, until it is too old to be shown again.
create table device_nonces (
    device     blob    not null,
    nonce      text    not null,
    expires_at integer not null,
    primary key (device, nonce)
) strict, without rowid;
create index device_nonces_expiry on device_nonces (expires_at);

-- Payments that wait for their payer -------------------------------------------------------------

alter table payments add column proof text not null default 'code'
    check (proof in ('static', 'code', 'pin'));
alter table payments add column counted integer not null default 0; -- against the limits of its day
alter table payments add column limit_month integer not null default 0;
alter table payments add column confirmation_reason text;
alter table payments add column decline_limit text; -- which one, for the payer
alter table payments add column decline_left integer; -- what was left of it
alter table payments add column closing_transfer blob; -- of what was held: on to the merchant, or back
update payments set counted = amount where state <> 'declined';
create index payments_waiting on payments (expires_at) where state = 'requires_confirmation';
create index payments_to_confirm on payments (payer, id) where state = 'requires_confirmation';

-- Money between payers --------------------------------------------------------------------------

-- What an answer about it shows beside its record, encrypted: how people were called then.
alter table idempotency_keys add column shown blob;
-- What the operator was answered about a payer's money, to erase it with the account.
create index idempotency_keys_operator on idempotency_keys (subject)
    where caller_kind = 'operator' and shown is not null;

create table payer_transfers (
    id         blob    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    payer      blob    not null,
    payee      blob    not null check (payee <> payer),
    currency   integer not null,
    amount     integer not null check (amount > 0),
    note       blob, -- encrypted
    day        integer not null, -- on which it counted
    transfer   blob    not null,
    batch      blob    not null,
    event      integer not null,
    created_at integer not null
) strict;
create index payer_transfers_payer on payer_transfers (payer, id);

-- Money that leaves through the operator: held, then paid out or given back.
create table withdrawals (
    id                 blob    not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    payer              blob    not null,
    currency           integer not null,
    amount             integer not null check (amount > 0),
    destination        blob, -- encrypted
    state              text    not null check (state in ('authorized', 'succeeded', 'canceled')),
    external_reference text,
    transfer           blob    not null,
    closing_transfer   blob,
    batch              blob    not null,
    event              integer not null,
    last_batch         blob    not null,
    last_event         integer not null,
    created_at         integer not null,
    check ((state = 'authorized') = (closing_transfer is null)),
    check (state <> 'succeeded' or external_reference is not null)
) strict;
create unique index withdrawals_external_reference on withdrawals (mode, external_reference)
    where external_reference is not null;
create index withdrawals_open on withdrawals (id) where state = 'authorized';
create index withdrawals_payer on withdrawals (payer, id);

-- A red envelope: the sender's money, held in shares that others claim.
create table envelopes (
    id               blob    not null primary key,
    mode             text    not null check (mode in ('live', 'test')),
    payer            blob    not null,
    payee            blob, -- the only one who may claim; null: whoever has the token
    token_hash       blob    not null,
    currency         integer not null,
    amount           integer not null check (amount > 0),
    shares           integer not null check (shares > 0 and shares <= amount),
    split            text    not null check (split in ('equal', 'random')),
    claimed          integer not null default 0 check (claimed between 0 and shares),
    amount_claimed   integer not null default 0 check (amount_claimed between 0 and amount),
    state            text    not null check (state in ('authorized', 'succeeded', 'expired')),
    greeting         blob, -- encrypted
    day              integer not null, -- on which it counted
    counted          integer not null check (counted between 0 and amount),
    transfer         blob    not null,
    closing_transfer blob, -- of what nobody claimed
    batch            blob    not null,
    event            integer not null,
    last_batch       blob    not null,
    last_event       integer not null,
    created_at       integer not null,
    expires_at       integer not null,
    check ((state = 'expired') = (closing_transfer is not null)),
    check ((state = 'succeeded') = (claimed = shares))
) strict;
create unique index envelopes_token on envelopes (token_hash);
create index envelopes_waiting on envelopes (expires_at) where state = 'authorized';
create index envelopes_payer on envelopes (payer, id);

-- The shares in the order in which they are claimed, drawn when the envelope was made.
create table envelope_shares (
    envelope   blob    not null references envelopes (id),
    n          integer not null,
    amount     integer not null check (amount > 0),
    claim      blob, -- the claim's id
    payer      blob,
    transfer   blob,
    batch      blob,
    event      integer,
    claimed_at integer,
    primary key (envelope, n),
    check ((claim is null) = (payer is null)),
    check ((claim is null) = (transfer is null))
) strict, without rowid;
create unique index envelope_shares_payer on envelope_shares (envelope, payer)
    where payer is not null;
create unique index envelope_shares_claim on envelope_shares (claim) where claim is not null;
create index envelope_shares_claimant on envelope_shares (payer, claim) where payer is not null;
