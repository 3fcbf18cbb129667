-- Webhooks: where merchants want to be told of their events, and how telling them went.

-- Keys that may do everything may manage webhooks too.
update api_keys set scopes = scopes || ' manage' where scopes = 'charge refund payout read';

create table webhook_endpoints (
    id                  bytea  not null primary key,
    merchant            bytea  not null references merchants (id),
    mode                text    not null check (mode in ('live', 'test')),
    url                 text    not null,
    events              text    not null, -- types of events with blanks between them, or *
    description         text,
    state               text    not null check (state in ('enabled', 'disabled')),
    disabled_because    text check (disabled_because in ('merchant', 'gone', 'failing')),
    secret_number       bigint not null check (secret_number >= 1), -- the secret itself is derived
    former_secret_until bigint, -- until then the secret before this one signs as well
    since               bigint not null, -- events after this position of the journal
    failures            bigint not null check (failures >= 0), -- attempts failed in a row
    failing_since       bigint, -- when the first of those was made
    rest_until          bigint, -- nothing is sent before
    created_at          bigint not null,
    check ((state = 'disabled') = (disabled_because is not null)),
    check ((failures = 0) = (failing_since is null))
);
create index webhook_endpoints_merchant on webhook_endpoints (merchant, id);
create index webhook_endpoints_wanting on webhook_endpoints (merchant) where state = 'enabled';
create index webhook_endpoints_enabled on webhook_endpoints (since) where state = 'enabled';

-- An event that an endpoint is told of. In the order of the journal, so that new rows stand together.
-- Kept for 30 days.
create table webhook_deliveries (
    position        bigint not null,
    n               bigint not null,
    endpoint        bytea  not null, -- it may have gone
    type            text    not null,
    committed_at    bigint not null, -- part of the event's id
    state           text    not null check (state in ('waiting', 'delivered', 'failed')),
    attempts        bigint not null check (attempts >= 0),
    attempts_before bigint not null check (attempts_before <= attempts), -- before the last replay
    replays         bigint not null default 0, -- by hand; attempts that began before one end nothing
    next_attempt_at bigint,
    attempted_at    bigint, -- the last time
    duration_millis bigint,
    status          bigint,
    error           text,
    created_at      bigint not null,
    primary key (position, n, endpoint),
    check ((state = 'waiting') = (next_attempt_at is not null))
);
-- The state is in these two so that nobody takes the log for them, which is far longer.
create index webhook_deliveries_waiting on webhook_deliveries (endpoint, state, position, n)
    where state = 'waiting';
create index webhook_deliveries_failed on webhook_deliveries (endpoint, state, position, n)
    where state = 'failed';
create index webhook_deliveries_log on webhook_deliveries (endpoint, position, n);
create index webhook_deliveries_created on webhook_deliveries (created_at);

-- Attempts that failed. The one that did not stands with its delivery.
create table webhook_attempts (
    position        bigint not null,
    n               bigint not null,
    endpoint        bytea  not null,
    number          bigint not null check (number >= 1),
    attempted_at    bigint not null,
    duration_millis bigint not null,
    status          bigint,
    error           text    not null,
    primary key (position, n, endpoint, number)
);
create index webhook_attempts_made on webhook_attempts (attempted_at);

-- Up to where the journal's events have become deliveries.
create table webhook_cursor (
    one      bigint not null primary key check (one = 1),
    position bigint not null
);
insert into webhook_cursor (one, position) values (1, 0);

-- Rows that are updated get room beside them for their next versions.
alter table webhook_endpoints set (fillfactor = 70);
alter table webhook_deliveries set (fillfactor = 80);
