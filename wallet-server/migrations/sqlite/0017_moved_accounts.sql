-- Whether an entry is a merchant's or a fee is found among their accounts, which are few, and not among
-- those of all payers: the feed asks for every entry.
create index accounts_moved on accounts (id, kind) where kind in ('merchant', 'fees');
