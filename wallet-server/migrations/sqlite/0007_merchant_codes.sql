-- Codes that merchants show and payers scan: orders, which one payment pays, and plates, which many
-- do.

-- What the codes say about a merchant; null: what the issuer's settings say.
alter table merchants add column category text; -- ISO 18245, four digits
alter table merchants add column country text; -- ISO 3166, two letters
alter table merchants add column city text;

-- A reference is taken by a payment, an order, or a tombstone, which has neither. The payment of an
-- order is found through the order, because what takes a reference never changes.
alter table payment_references add column order_id blob check (order_id is null or payment is null);

-- What the payer scanned, where it was not the merchant who did: code_source says which of the two.
alter table payments add column merchant_code blob
    check ((merchant_code is null) = (code_source in ('scan', 'typed')));
-- The payer's signed request to pay it, encrypted. Each payment has this or a shown code.
alter table payments add column request_evidence blob
    check ((request_evidence is null) = (merchant_code is null)
        and (request_evidence is null) = (evidence is not null));
create unique index payments_order on payments (merchant_code) where code_source = 'order';
create index payments_plate on payments (merchant_code, id) where code_source = 'plate';

create table orders (
    id          blob    not null primary key,
    mode        text    not null check (mode in ('live', 'test')),
    merchant    blob    not null,
    reference   text    not null,
    state       text    not null check (state in ('open', 'paid', 'canceled', 'expired')),
    currency    integer not null,
    amount      integer not null check (amount > 0),
    description text,
    metadata    text,
    payload     text    not null, -- the text of its code
    payment     blob,
    -- The record that ended it: the payment's first, if it was paid.
    ended_batch blob,
    ended_event integer,
    created_at  integer not null,
    expires_at  integer not null,
    check ((state = 'paid') = (payment is not null)),
    check ((state = 'open') = (ended_batch is null)),
    check ((state = 'open') = (ended_event is null))
) strict;
create index orders_merchant on orders (merchant, id);
-- By state, without a page for each of the many that are paid.
create index orders_not_paid on orders (merchant, state, id) where state <> 'paid';
create index orders_open on orders (expires_at) where state = 'open';

create trigger orders_end_once before update on orders when old.state <> 'open' begin
    select raise(abort, 'orders_end_once: an order ends once');
end;
create trigger orders_never_deleted before delete on orders begin
    select raise(abort, 'orders_end_once: orders are kept');
end;

create table plates (
    id         blob    not null primary key,
    mode       text    not null check (mode in ('live', 'test')),
    merchant   blob    not null,
    label      text    not null,
    state      text    not null check (state in ('active', 'closed')),
    currency   integer not null,
    amount     integer check (amount > 0), -- null: the payer says how much
    payload    text    not null, -- the text of its code
    created_at integer not null,
    closed_at  integer,
    check ((state = 'closed') = (closed_at is not null))
) strict;
create index plates_merchant on plates (merchant, id);
