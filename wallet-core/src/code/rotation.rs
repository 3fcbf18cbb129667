//! Which code to show now, and when to show the next one.
//!
//! | stored mark is … | payer asks for | shown |
//! |---|---|---|
//! | none, or of an earlier step | anything | this step, seq 0 |
//! | of this step or one ahead, shown by us | current | the same code again |
//! | of this step | fresh, or after a restart | this step, seq + 1 |
//! | of this step, seq 255 | fresh | nothing: wait for the next step |
//! | one step ahead (the clock was set back a little) | fresh, or after a restart | that step, seq + 1 |
//! | further ahead | anything | nothing: the clock is wrong |
//!
//! A device that is online again adopts the issuer's mark, see [`adopt_mark`].

use rand_core::CryptoRng;

use super::device::{CodeTerms, PayerDevice, PaymentCode};
use super::layout::Mark;
use crate::{Error, Step, Timestamp};

const STEP_EXHAUSTED: Error =
    Error::new("step_exhausted", "256 codes were shown in this half minute; wait for the next one");
const CLOCK_BEHIND: Error = Error::new(
    "clock_behind",
    "a code of a later time was shown before; set the clock or synchronise with the issuer",
);
const MARK_NOT_STORED: Error =
    Error::new("mark_not_stored", "the mark could not be stored, so no code may be shown");

/// Where a device keeps the mark of the last code it showed, across restarts.
///
/// Losing the mark is harmless for money (the issuer keeps its own) but makes codes fail as
/// used; showing a code whose mark was not stored first would do the same after a crash.
pub trait MarkStore {
    /// Under an exclusive lock: loads the stored mark, asks `next` for the one to reserve,
    /// stores that durably, and only then returns it.
    ///
    /// # Errors
    /// Whatever `next` returns, with nothing stored; [`mark_not_stored`] when storing fails (keep
    /// the cause yourself).
    fn advance(
        &mut self,
        next: &mut dyn FnMut(Option<Mark>) -> Result<Mark, Error>,
    ) -> Result<Mark, Error>;
}

/// The error for a [`MarkStore`] that cannot read or write: `mark_not_stored`.
#[must_use]
pub fn mark_not_stored() -> Error {
    MARK_NOT_STORED
}

/// Reconciles the stored mark with the issuer's: the highest that it has decided on, or none yet.
/// Returns the mark that is stored now.
///
/// | stored mark is … | becomes | because |
/// |---|---|---|
/// | lost, or lower than the issuer's | the issuer's | codes up to it would be refused as used |
/// | more than a step ahead of `now`, the issuer's is not | the issuer's | the clock ran ahead, and has been set |
/// | any other | what it is | it is right; or `now` is wrong, and nothing can be told from it |
///
/// `now` is the issuer's time as this same answer told it.
///
/// Lowering a mark forgets the codes that were made ahead of time. Whoever photographed one can
/// still present it when its time comes, and then the device's codes up to that mark fail as
/// used: the limit of each such code bounds what it can cost, and it is used once at the most.
///
/// # Errors
/// `mark_not_stored`, or what the store returns.
pub fn adopt_mark(
    issuers: Option<Mark>,
    now: Timestamp,
    store: &mut dyn MarkStore,
) -> Result<Mark, Error> {
    store.advance(&mut |stored| Ok(reconciled(stored, issuers, now)))
}

fn reconciled(stored: Option<Mark>, issuers: Option<Mark>, now: Timestamp) -> Mark {
    // No code has this mark: it lies in 1970.
    let issuers = issuers.unwrap_or(Mark { step: Step::from_number(0), seq: 0 });
    match stored {
        Some(stored) if is_far_ahead(stored, now) && !is_far_ahead(issuers, now) => issuers,
        Some(stored) => stored.max(issuers),
        None => issuers,
    }
}

/// Why a code is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// The screen is drawn: the code already shown will do while its step lasts.
    Current,
    /// The payer asked for a new one, or the last one was presented: never the same code again.
    Fresh,
}

/// A code to show, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Showing {
    /// The code.
    pub code: PaymentCode,
    /// Its mark; the issuer's event about this code names it.
    pub mark: Mark,
    /// When to ask for the next code.
    pub next_due: Timestamp,
}

/// Rotates the codes of one device under unchanging terms.
///
/// ```
/// use wallet_core::code::{Ask, Mark, MarkStore, Rotation};
/// # use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice};
/// # use wallet_core::{Currency, DeviceKey, DeviceKeyId, Error, Mode, Money, SealingKeys, SigningKey, Timestamp};
/// # use rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
/// # let start = Timestamp::from_unix_seconds(1_700_000_000);
/// # let sealing = SealingKeys::generate(start, &mut rng);
/// # let issuer = IssuerProfile {
/// #     id: SigningKey::generate(&mut rng).public_key().root_issuer_id(), mode: Mode::Test,
/// #     prefix: CodePrefix::DEFAULT, slot: sealing.keys()[0].slot(),
/// #     sealing_key: sealing.keys()[0].public_key(),
/// #     sealing_key_retires_at: sealing.keys()[0].retires_at(),
/// # };
/// # let device = PayerDevice::new(DeviceKey::generate(&mut rng), DeviceKeyId::from_bytes([1; 8]), issuer);
/// # let terms = CodeTerms::up_to(CodeLimit::new(Money::parse("200", Currency::from_code("CNY")?)?)?);
/// struct InMemory(Option<Mark>); // a real one writes a file
/// impl MarkStore for InMemory {
///     fn advance(&mut self, next: &mut dyn FnMut(Option<Mark>) -> Result<Mark, Error>) -> Result<Mark, Error> {
///         let mark = next(self.0)?;
///         self.0 = Some(mark);
///         Ok(mark)
///     }
/// }
/// let mut rotation = Rotation::new(device, terms);
/// let mut store = InMemory(None);
/// let first = rotation.show(start, Ask::Current, &mut store, &mut rng)?;
/// assert_eq!(rotation.show(start, Ask::Current, &mut store, &mut rng)?, first);
/// let second = rotation.show(first.next_due, Ask::Current, &mut store, &mut rng)?;
/// assert!(second.mark > first.mark);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Rotation {
    device: PayerDevice,
    terms: CodeTerms,
    showing: Option<Showing>,
}

impl Rotation {
    /// A rotation that has shown nothing yet.
    #[must_use]
    pub fn new(device: PayerDevice, terms: CodeTerms) -> Self {
        Self { device, terms, showing: None }
    }

    /// The device whose codes these are.
    #[must_use]
    pub fn device(&self) -> &PayerDevice {
        &self.device
    }

    /// The code to show at `now`.
    ///
    /// # Errors
    /// - `step_exhausted`: wait until the next half minute;
    /// - `clock_behind`: the clock is more than one step behind the last code shown;
    /// - `mark_not_stored`, or what the store returns;
    /// - those of [`PayerDevice::make_code`].
    pub fn show(
        &mut self,
        now: Timestamp,
        ask: Ask,
        store: &mut dyn MarkStore,
        rng: &mut dyn CryptoRng,
    ) -> Result<Showing, Error> {
        if let (Ask::Current, Some(showing)) = (ask, &self.showing)
            && now < showing.next_due
            && !is_far_ahead(showing.mark, now)
        {
            return Ok(showing.clone());
        }
        let mark = store.advance(&mut |last| next_mark(last, now))?;
        let code = self.device.make_code_for(mark, now, &self.terms, rng)?;
        let showing = Showing { code, mark, next_due: mark.step.ends_at() };
        self.showing = Some(showing.clone());
        Ok(showing)
    }

    /// [`adopt_mark`] for the device whose codes these are; a shown code that the issuer has
    /// already decided on, or passed, is not shown again.
    ///
    /// # Errors
    /// As [`adopt_mark`].
    pub fn adopt(
        &mut self,
        issuers: Option<Mark>,
        now: Timestamp,
        store: &mut dyn MarkStore,
    ) -> Result<Mark, Error> {
        let adopted = adopt_mark(issuers, now, store)?;
        self.showing = self.showing.take().filter(|showing| issuers < Some(showing.mark));
        Ok(adopted)
    }
}

/// Whether a mark lies more than a step in the future: such a code would be refused.
fn is_far_ahead(mark: Mark, now: Timestamp) -> bool {
    mark.step.number().saturating_sub(now.step().number()) > 1
}

/// The mark after `last`, at `now`.
fn next_mark(last: Option<Mark>, now: Timestamp) -> Result<Mark, Error> {
    let step = now.step();
    let Some(last) = last.filter(|last| last.step >= step) else {
        return Ok(Mark { step, seq: 0 });
    };
    if is_far_ahead(last, now) {
        return Err(CLOCK_BEHIND);
    }
    let seq = last.seq.checked_add(1).ok_or(STEP_EXHAUSTED)?;
    Ok(Mark { step: last.step, seq })
}

#[cfg(test)]
mod tests;
