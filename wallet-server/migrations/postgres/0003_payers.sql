-- The payer's side: who may act for a payer, what a payer may spend, and money between payers.
--
-- What names a person (names, handles, notes, destinations) is encrypted. Handles are found by a
-- keyed hash. No key is here, and neither is the pepper of the PINs.

-- What a payer spent and may spend --------------------------------------------------------------

-- One row a payer, which settlement reads anyway. A day's sums by the strength of the proof that
-- it was the payer: a static code, a code that the device signed, the PIN.
alter table payers add column day bigint not null default 0; -- the last one that was counted
alter table payers add column day_static bigint not null default 0 check (day_static >= 0);
alter table payers add column day_code bigint not null default 0 check (day_code >= 0);
alter table payers add column day_pin bigint not null default 0 check (day_pin >= 0);
alter table payers add column day_without_pin bigint not null default 0; -- how many payments
alter table payers add column month_start bigint not null default 0; -- its first day
alter table payers add column month_spent bigint not null default 0 check (month_spent >= 0);
-- The payer's own limits; null: those that new payers get.
alter table payers add column limit_payment bigint;
alter table payers add column limit_day bigint;
alter table payers add column limit_month bigint;
alter table payers add column limit_without_pin bigint;
alter table payers add column limit_without_pin_count bigint;
-- Until then every payment needs the PIN: somebody else may have shown this payer's code.
alter table payers add column suspected_until bigint;

update payers set day = d.day, day_code = d.spent, day_without_pin = d.count,
    month_start = extract(epoch from date_trunc('month', to_timestamp(d.day * 86400) at time zone 'UTC'))::bigint
        / 86400
from (select distinct on (payer) payer, day, spent, count from daily_spending
    order by payer, day desc) d
where payers.id = d.payer;
update payers set month_spent = d.spent
from (select s.payer, sum(s.spent) as spent from daily_spending s
    join payers p on p.id = s.payer and s.day >= p.month_start group by s.payer) d
where payers.id = d.payer;
drop table daily_spending;

-- Who a payer is --------------------------------------------------------------------------------

alter table payers add column handle bytea; -- encrypted
alter table payers add column handle_hash bytea; -- keyed
alter table payers add column receive_token bytea; -- in the QR code that others pay to
alter table payers add column frozen_by text check (frozen_by in ('payer', 'operator'));
create unique index payers_handle on payers (mode, handle_hash) where handle_hash is not null;
create unique index payers_receive_token on payers (receive_token) where receive_token is not null;

-- For 30 days a handle that was given up is nobody's but its former owner's.
create table former_handles (
    mode        text    not null check (mode in ('live', 'test')),
    handle_hash bytea   not null, -- keyed
    payer       bytea   not null,
    released_at bigint  not null,
    primary key (mode, handle_hash)
);
create index former_handles_released on former_handles (released_at);

-- What a payer proves with. The PIN's hash needs a pepper that is not here.
create table payer_secrets (
    payer             bytea    not null primary key references payers (id),
    pin_salt          bytea,
    pin_hash          bytea,
    pin_failures      bigint not null default 0, -- counted before the PIN is looked at
    totp_secret       bytea, -- encrypted
    totp_new_secret   bytea, -- encrypted; shown, not yet in use
    totp_step         bigint, -- the last one that was used
    totp_failures     bigint not null default 0,
    totp_locked_until bigint
);

create table recovery_codes (
    payer     bytea    not null references payers (id),
    code_hash bytea    not null, -- keyed
    used_at   bigint,
    primary key (payer, code_hash)
);

-- A device that waits to be approved can do nothing.
alter table devices add column approved_at bigint;
alter table devices add column new_until bigint; -- until then limits are lower
-- Where and for how much the mark's code was presented.
alter table devices add column mark_merchant bytea;
alter table devices add column mark_terminal bytea;
alter table devices add column mark_amount bigint;
alter table devices add column mark_at bigint;
update devices set approved_at = created_at;

-- An invitation that a device of the payer made approves the device that it enrols.
alter table invitations add column made_by bytea;

-- What a device has signed, until it is too old to be shown again.
create table device_nonces (
    device     bytea    not null,
    nonce      text    not null,
    expires_at bigint not null,
    primary key (device, nonce)
);
create index device_nonces_expiry on device_nonces (expires_at);

-- Payments that wait for their payer -------------------------------------------------------------

alter table payments add column proof text not null default 'code'
    check (proof in ('static', 'code', 'pin'));
alter table payments add column counted bigint not null default 0; -- against the limits of its day
alter table payments add column limit_month bigint not null default 0;
alter table payments add column confirmation_reason text;
alter table payments add column decline_limit text; -- which one, for the payer
alter table payments add column decline_left bigint; -- what was left of it
alter table payments add column closing_transfer bytea; -- of what was held: on to the merchant, or back
update payments set counted = amount where state <> 'declined';
create index payments_waiting on payments (expires_at) where state = 'requires_confirmation';
create index payments_to_confirm on payments (payer, id) where state = 'requires_confirmation';

-- Money between payers --------------------------------------------------------------------------

-- What an answer about it shows beside its record, encrypted: how people were called then.
alter table idempotency_keys add column shown bytea;
-- What the operator was answered about a payer's money, to erase it with the account.
create index idempotency_keys_operator on idempotency_keys (subject)
    where caller_kind = 'operator' and shown is not null;

create table payer_transfers (
    id         bytea    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    payer      bytea    not null,
    payee      bytea    not null check (payee <> payer),
    currency   bigint not null,
    amount     bigint not null check (amount > 0),
    note       bytea, -- encrypted
    day        bigint not null, -- on which it counted
    transfer   bytea    not null,
    batch      bytea    not null,
    event      bigint not null,
    created_at bigint not null
);
create index payer_transfers_payer on payer_transfers (payer, id);

-- Money that leaves through the operator: held, then paid out or given back.
create table withdrawals (
    id                 bytea    not null primary key,
    mode               text    not null check (mode in ('live', 'test')),
    payer              bytea    not null,
    currency           bigint not null,
    amount             bigint not null check (amount > 0),
    destination        bytea, -- encrypted
    state              text    not null check (state in ('authorized', 'succeeded', 'canceled')),
    external_reference text,
    transfer           bytea    not null,
    closing_transfer   bytea,
    batch              bytea    not null,
    event              bigint not null,
    last_batch         bytea    not null,
    last_event         bigint not null,
    created_at         bigint not null,
    check ((state = 'authorized') = (closing_transfer is null)),
    check (state <> 'succeeded' or external_reference is not null)
);
create unique index withdrawals_external_reference on withdrawals (mode, external_reference)
    where external_reference is not null;
create index withdrawals_open on withdrawals (id) where state = 'authorized';
create index withdrawals_payer on withdrawals (payer, id);

-- A red envelope: the sender's money, held in shares that others claim.
create table envelopes (
    id               bytea    not null primary key,
    mode             text    not null check (mode in ('live', 'test')),
    payer            bytea    not null,
    payee            bytea, -- the only one who may claim; null: whoever has the token
    token_hash       bytea    not null,
    currency         bigint not null,
    amount           bigint not null check (amount > 0),
    shares           bigint not null check (shares > 0 and shares <= amount),
    split            text    not null check (split in ('equal', 'random')),
    claimed          bigint not null default 0 check (claimed between 0 and shares),
    amount_claimed   bigint not null default 0 check (amount_claimed between 0 and amount),
    state            text    not null check (state in ('authorized', 'succeeded', 'expired')),
    greeting         bytea, -- encrypted
    day              bigint not null, -- on which it counted
    counted          bigint not null check (counted between 0 and amount),
    transfer         bytea    not null,
    closing_transfer bytea, -- of what nobody claimed
    batch            bytea    not null,
    event            bigint not null,
    last_batch       bytea    not null,
    last_event       bigint not null,
    created_at       bigint not null,
    expires_at       bigint not null,
    check ((state = 'expired') = (closing_transfer is not null)),
    check ((state = 'succeeded') = (claimed = shares))
);
create unique index envelopes_token on envelopes (token_hash);
create index envelopes_waiting on envelopes (expires_at) where state = 'authorized';
create index envelopes_payer on envelopes (payer, id);

-- The shares in the order in which they are claimed, drawn when the envelope was made.
create table envelope_shares (
    envelope   bytea    not null references envelopes (id),
    n          bigint not null,
    amount     bigint not null check (amount > 0),
    claim      bytea, -- the claim's id
    payer      bytea,
    transfer   bytea,
    batch      bytea,
    event      bigint,
    claimed_at bigint,
    primary key (envelope, n),
    check ((claim is null) = (payer is null)),
    check ((claim is null) = (transfer is null))
);
create unique index envelope_shares_payer on envelope_shares (envelope, payer)
    where payer is not null;
create unique index envelope_shares_claim on envelope_shares (claim) where claim is not null;
create index envelope_shares_claimant on envelope_shares (payer, claim) where payer is not null;

-- Rows that are updated for every payment get room beside them for their next versions.
alter table payers set (fillfactor = 70);
