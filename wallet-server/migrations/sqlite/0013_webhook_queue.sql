-- What waits for an endpoint, by when it is to be sent: so those whose time has come are found without
-- a look at the many that wait for a later one. What becomes due together is in the journal's order.
-- The list of what waits keeps its own index, which has the journal's order alone.
create index webhook_deliveries_queue
    on webhook_deliveries (endpoint, next_attempt_at, position, n) where state = 'waiting';
