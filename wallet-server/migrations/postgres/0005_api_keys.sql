-- API keys that are changed without a gap, and who used which one.

alter table api_keys add column name text; -- for the operator
alter table api_keys add column secret_end text; -- its last characters, to tell keys apart
alter table api_keys add column expires_at bigint; -- refused from then on
alter table api_keys add column replaced_by bytea; -- the key that it was rotated to
alter table api_keys add column last_used_at bigint; -- written some seconds later

drop index api_keys_merchant;
create index api_keys_merchant on api_keys (merchant, id);

-- What was done to a key, and by whom. Kept as long as the keys, for ever.
create table api_key_events (
    api_key     bytea  not null references api_keys (id),
    created_at  bigint not null,
    type        text   not null check (type in ('created', 'rotated', 'revoked')),
    actor       text   not null check (actor in ('operator')),
    replaced_by bytea, -- of a rotation
    primary key (api_key, created_at, type)
);
create trigger api_key_events_kept before update or delete on api_key_events
for each statement execute function append_only();
create trigger api_key_events_never_truncated before truncate on api_key_events
for each statement execute function append_only();

insert into api_key_events (api_key, created_at, type, actor)
    select id, created_at, 'created', 'operator' from api_keys;
insert into api_key_events (api_key, created_at, type, actor)
    select id, revoked_at, 'revoked', 'operator' from api_keys where revoked_at is not null;

-- How often a key was used for what in an hour (hours since 1970), and how that ended. Servers add
-- what they counted every few seconds; kept for 400 days.
create table api_key_uses (
    api_key   bytea  not null,
    hour      bigint not null,
    operation text   not null, -- POST /v1/payments and the like
    outcome   text   not null,
    count     bigint not null check (count > 0),
    last_at   bigint not null,
    primary key (api_key, hour, operation, outcome)
);
create index api_key_uses_hour on api_key_uses (hour);

-- Rows that are updated all the time get room beside them for their next versions.
alter table api_keys set (fillfactor = 70);
alter table api_key_uses set (fillfactor = 70);
