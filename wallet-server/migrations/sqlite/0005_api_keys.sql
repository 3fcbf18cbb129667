-- API keys that are changed without a gap, and who used which one.

alter table api_keys add column name text; -- for the operator
alter table api_keys add column secret_end text; -- its last characters, to tell keys apart
alter table api_keys add column expires_at integer; -- refused from then on
alter table api_keys add column replaced_by blob; -- the key that it was rotated to
alter table api_keys add column last_used_at integer; -- written some seconds later

drop index api_keys_merchant;
create index api_keys_merchant on api_keys (merchant, id);

-- What was done to a key, and by whom. Kept as long as the keys, for ever.
create table api_key_events (
    api_key     blob    not null references api_keys (id),
    created_at  integer not null,
    type        text    not null check (type in ('created', 'rotated', 'revoked')),
    actor       text    not null check (actor in ('operator')),
    replaced_by blob, -- of a rotation
    primary key (api_key, created_at, type)
) strict, without rowid;
create trigger api_key_events_kept before update on api_key_events begin
    select raise(abort, 'api_key_events_kept: what was done to a key is append-only');
end;
create trigger api_key_events_never_deleted before delete on api_key_events begin
    select raise(abort, 'api_key_events_kept: what was done to a key is append-only');
end;

insert into api_key_events (api_key, created_at, type, actor)
    select id, created_at, 'created', 'operator' from api_keys;
insert into api_key_events (api_key, created_at, type, actor)
    select id, revoked_at, 'revoked', 'operator' from api_keys where revoked_at is not null;

-- How often a key was used for what in an hour (hours since 1970), and how that ended. Servers add
-- what they counted every few seconds; kept for 400 days.
create table api_key_uses (
    api_key   blob    not null,
    hour      integer not null,
    operation text    not null, -- POST /v1/payments and the like
    outcome   text    not null,
    count     integer not null check (count > 0),
    last_at   integer not null,
    primary key (api_key, hour, operation, outcome)
) strict, without rowid;
create index api_key_uses_hour on api_key_uses (hour);
