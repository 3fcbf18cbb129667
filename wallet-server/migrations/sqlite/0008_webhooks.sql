-- Webhooks: where merchants want to be told of their events, and how telling them went.

-- Keys that may do everything may manage webhooks too.
update api_keys set scopes = scopes || ' manage' where scopes = 'charge refund payout read';

create table webhook_endpoints (
    id                  blob    not null primary key,
    merchant            blob    not null references merchants (id),
    mode                text    not null check (mode in ('live', 'test')),
    url                 text    not null,
    events              text    not null, -- types of events with blanks between them, or *
    description         text,
    state               text    not null check (state in ('enabled', 'disabled')),
    disabled_because    text check (disabled_because in ('merchant', 'gone', 'failing')),
    secret_number       integer not null check (secret_number >= 1), -- the secret itself is derived
    former_secret_until integer, -- until then the secret before this one signs as well
    since               integer not null, -- events after this position of the journal
    failures            integer not null check (failures >= 0), -- attempts failed in a row
    failing_since       integer, -- when the first of those was made
    rest_until          integer, -- nothing is sent before
    created_at          integer not null,
    check ((state = 'disabled') = (disabled_because is not null)),
    check ((failures = 0) = (failing_since is null))
) strict, without rowid;
create index webhook_endpoints_merchant on webhook_endpoints (merchant, id);
create index webhook_endpoints_wanting on webhook_endpoints (merchant) where state = 'enabled';
create index webhook_endpoints_enabled on webhook_endpoints (since) where state = 'enabled';

-- An event that an endpoint is told of. In the order of the journal, so that new rows stand together.
-- Kept for 30 days.
create table webhook_deliveries (
    position        integer not null,
    n               integer not null,
    endpoint        blob    not null, -- it may have gone
    type            text    not null,
    committed_at    integer not null, -- part of the event's id
    state           text    not null check (state in ('waiting', 'delivered', 'failed')),
    attempts        integer not null check (attempts >= 0),
    attempts_before integer not null check (attempts_before <= attempts), -- before the last replay
    replays         integer not null default 0, -- by hand; attempts that began before one end nothing
    next_attempt_at integer,
    attempted_at    integer, -- the last time
    duration_millis integer,
    status          integer,
    error           text,
    created_at      integer not null,
    primary key (position, n, endpoint),
    check ((state = 'waiting') = (next_attempt_at is not null))
) strict, without rowid;
-- The state is in these two so that nobody takes the log for them, which is far longer.
create index webhook_deliveries_waiting on webhook_deliveries (endpoint, state, position, n)
    where state = 'waiting';
create index webhook_deliveries_failed on webhook_deliveries (endpoint, state, position, n)
    where state = 'failed';
create index webhook_deliveries_log on webhook_deliveries (endpoint, position, n);
create index webhook_deliveries_created on webhook_deliveries (created_at);

-- Attempts that failed. The one that did not stands with its delivery.
create table webhook_attempts (
    position        integer not null,
    n               integer not null,
    endpoint        blob    not null,
    number          integer not null check (number >= 1),
    attempted_at    integer not null,
    duration_millis integer not null,
    status          integer,
    error           text    not null,
    primary key (position, n, endpoint, number)
) strict, without rowid;
create index webhook_attempts_made on webhook_attempts (attempted_at);

-- Up to where the journal's events have become deliveries.
create table webhook_cursor (
    one      integer not null primary key check (one = 1),
    position integer not null
) strict;
insert into webhook_cursor (one, position) values (1, 0);
