-- Of the handles that one payer gave up, some are kept at a time: this finds and counts them.
create index former_handles_payer on former_handles (payer, released_at);
