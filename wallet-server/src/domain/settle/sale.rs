//! The movement of a sale: the payer pays the amount, and the merchant gets it less the fee.

use wallet_core::{Mode, Money};

use super::Books;
use super::resolve::balanced;
use crate::domain::ids::{AccountId, MerchantId, TransferId};
use crate::domain::ledger::{AccountKind, Entry, Shard, Transfer};
use crate::domain::snapshot::{Merchant, Payer};

/// Who sells, with the account for the fees.
#[derive(Clone, Copy)]
pub(super) struct Seller {
    pub(super) id: MerchantId,
    pub(super) merchant: Merchant,
    pub(super) fees: AccountId,
}

impl Seller {
    /// The merchant, if it may be paid in this mode by amounts like this one.
    pub(super) fn of(books: &Books<'_>, id: MerchantId, mode: Mode, asked: Money) -> Option<Self> {
        let currency = asked.currency();
        let merchant = books.rows.merchants.get(&id);
        let merchant =
            merchant.filter(|it| it.active && it.mode == mode && it.currency == currency);
        let fees = books.rows.own_accounts.get(&(AccountKind::Fees, mode, currency));
        merchant.zip(fees).map(|(merchant, fees)| Self { id, merchant: *merchant, fees: *fees })
    }
}

/// Moves an amount from the payer to the seller.
pub(super) fn pay(
    books: &mut Books<'_>,
    id: TransferId,
    seller: &Seller,
    payer: &Payer,
    amount: Money,
) -> Transfer {
    let shard = books.rows.shard;
    let fee = seller.merchant.fee.fee(amount);
    books.merchant_gets(seller.id, amount, fee);
    let entry = |account, shard, minor| {
        Entry::available(account, shard, Money::from_minor(minor, amount.currency()))
    };
    let mut entries = vec![
        entry(payer.account, Shard(0), -amount.minor()),
        entry(seller.merchant.account, shard, amount.minor() - fee.minor()),
        entry(seller.fees, shard, fee.minor()),
    ];
    entries.retain(|entry| entry.amount.minor() != 0);
    balanced(id, entries)
}
