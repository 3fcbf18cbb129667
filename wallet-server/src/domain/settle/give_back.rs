//! Money that a merchant got goes back to the payer: a payment that is called off after all, and
//! the part that refunds share with it.
//!
//! The merchant gives what it got, the fee account what it took, and the payer has the amount; a
//! payer who is frozen or closed cannot have it, so it waits in suspense for the operator. The
//! merchant hears nothing of that. A merchant's balance has a floor of zero for all its shards
//! together, which are locked for this.

use wallet_core::Money;

use super::Books;
use super::resolve::{Done, balanced};
use crate::domain::ids::{MerchantId, SuspenseId, TransferId};
use crate::domain::ledger::{AccountKind, Entry, Shard, Transfer};
use crate::domain::limits::Usage;
use crate::domain::outcome::Refusal;
use crate::domain::plan::{NewSuspense, SuspenseSubject};
use crate::domain::snapshot::{Merchant, OpenPayment, Payer};
use crate::domain::stage::Reached;

/// How much goes back to the payer, and how much of it is fee that the merchant gets back.
#[derive(Clone, Copy)]
pub(super) struct GivenBack {
    pub(super) amount: Money,
    pub(super) fee: Money,
}

/// Why money cannot go back.
pub(super) enum NotGivenBack {
    /// The merchant has less.
    BalanceInsufficient,
    /// The payer would have more than 64 bits hold.
    TooLarge,
}

/// A payment that had succeeded is called off: it never was.
pub(super) fn all(
    books: &mut Books<'_>,
    transfer: TransferId,
    payment: &OpenPayment,
    (payer, merchant): (Payer, Merchant),
    reached: Reached,
) -> Result<Done, Refusal> {
    let answer = &payment.answer;
    let back = GivenBack { amount: answer.record.settled, fee: answer.fee };
    let subject = SuspenseSubject::Payment(answer.id);
    let reversal = move_back(books, transfer, payment, (payer, merchant), back, subject);
    let reversal = reversal.map_err(|why| match why {
        NotGivenBack::BalanceInsufficient => Refusal::BalanceInsufficient,
        NotGivenBack::TooLarge => Refusal::TooLarge,
    })?;
    // It does not count any more. The payer's money was changed above.
    if let Some(&payer) = books.rows.payers.get(&payment.payer) {
        let usage = payer.usage.on(books.rows.today);
        let usage = Usage::releasing(usage, back.amount.minor(), payment.proof, payment.day);
        books.update_payer(payment.payer, Payer { usage, ..payer });
    }
    let counted = Some(0);
    let done = Done::nothing(reached, answer);
    Ok(Done { counted, reversal: Some(reversal), ..done })
}

/// The transfer back, and what it changes for those whom it concerns.
pub(super) fn move_back(
    books: &mut Books<'_>,
    id: TransferId,
    payment: &OpenPayment,
    (payer, merchant): (Payer, Merchant),
    GivenBack { amount, fee }: GivenBack,
    subject: SuspenseSubject,
) -> Result<Transfer, NotGivenBack> {
    let (mode, currency) = (payer.mode, amount.currency());
    let own = |kind| books.rows.own_accounts.get(&(kind, mode, currency)).copied();
    let (Some(fees), Some(suspense)) = (own(AccountKind::Fees), own(AccountKind::Suspense)) else {
        panic!("{} is in a currency that the issuer has no accounts in", payment.answer.id)
    };
    let due = Money::from_minor(amount.minor() - fee.minor(), currency);
    let shard = books.rows.shard;
    let back = if payer.active {
        Entry::available(payer.account, Shard(0), amount)
    } else {
        Entry::available(suspense, shard, amount)
    };
    // Only what goes to the payer adds to what the payer has.
    let available = if payer.active {
        Some(payer.available.checked_add(amount).map_err(|_| NotGivenBack::TooLarge)?)
    } else {
        None
    };
    books.merchant_gives(payment.answer.merchant, due)?;
    if let Some(available) = available {
        books.update_payer(payment.payer, Payer { available, ..payer });
    } else {
        books.plan.suspense.push(NewSuspense {
            // One movement sets one amount aside, so that its id can be this one's as well.
            id: SuspenseId::from_bytes(*id.as_bytes()),
            subject,
            payer: payment.payer,
            amount,
            transfer: id,
            created_at: books.now,
        });
    }
    let mut entries = vec![
        Entry::available(merchant.account, shard, negative(due)),
        Entry::available(fees, shard, negative(fee)),
        back,
    ];
    entries.retain(|entry| entry.amount.minor() != 0);
    Ok(balanced(id, entries))
}

impl Books<'_> {
    /// A merchant whose balance somebody asks for in this batch has more.
    pub(super) fn merchant_gets(&mut self, id: MerchantId, amount: Money, fee: Money) {
        if let Some(balance) = self.rows.merchant_balances.get_mut(&id) {
            let due = Money::from_minor(amount.minor() - fee.minor(), amount.currency());
            *balance = balance.checked_add(due).unwrap_or(*balance);
        }
    }

    /// A merchant gives an amount, if it has it.
    pub(super) fn merchant_gives(
        &mut self,
        id: MerchantId,
        amount: Money,
    ) -> Result<(), NotGivenBack> {
        let balance = self.rows.merchant_balances.get_mut(&id);
        let balance = balance.ok_or(NotGivenBack::BalanceInsufficient)?;
        let left = balance.checked_sub(amount).ok().filter(|left| left.minor() >= 0);
        *balance = left.ok_or(NotGivenBack::BalanceInsufficient)?;
        Ok(())
    }
}

/// The other side of an amount.
pub(super) fn negative(amount: Money) -> Money {
    Money::from_minor(-amount.minor(), amount.currency())
}
