//! Real sealed codes, made in advance on all cores for the steps that a run covers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wallet_core::code::{
    CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice, PaymentCode, SealedCode,
};
use wallet_core::{Error, Mode, Money, Step, Timestamp};
use wallet_server::domain::ids::PaymentId;
use wallet_server::issuer::{FileKeys, IssuerKeys, Purpose};

use super::commands::CODE_LIMIT_MINOR;
use super::parallel::parallel;
use super::people::People;
use super::share::{Pools, Share, StepNeed};
use super::tally::Progress;
use crate::failure::{Exit, Failure};
use crate::system;

/// How long one code takes on one core: a guess, from which the steps are chosen. It may be wrong
/// by half a minute in all.
pub(super) const MICROS_A_CODE: usize = 150;

/// Makes codes.
pub(super) struct Maker {
    people: Arc<People>,
    issuer: IssuerProfile,
    terms: CodeTerms,
    clients: usize,
}

/// One client's codes of one step, device after device; they are presented round after round.
type Made = Result<Vec<(usize, PaymentCode)>, Error>;

impl Maker {
    pub(super) fn new(
        people: &Arc<People>,
        keys: &impl IssuerKeys,
        clients: usize,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let (issuer, terms) = (profile(keys, now)?, terms(people)?);
        Ok(Self { people: Arc::clone(people), issuer, terms, clients })
    }

    /// Makes the codes, and puts each client's into pools.
    ///
    /// It computes for a long time; `stopped` ends that early.
    pub(super) fn make(
        &self,
        threads: usize,
        needs: &[StepNeed],
        stopped: &AtomicBool,
        progress: &Progress,
    ) -> Result<Vec<Pools<PaymentCode>>, Failure> {
        let jobs = needs.len() * self.clients;
        let made = parallel(threads, jobs, |job| {
            let (client, step) = (job % self.clients, job / self.clients);
            let before: usize = needs[..step].iter().map(|need| need.codes).sum();
            self.make_pool(client, needs[step], before / self.clients, stopped, progress)
        });
        let mut pools: Vec<Vec<(Step, VecDeque<PaymentCode>)>> = Vec::new();
        pools.resize_with(self.clients, Vec::new);
        for (job, made) in made.into_iter().enumerate() {
            let made = made.map_err(|error| Failure::core(Exit::Unexpected, error))?;
            let codes = made.into_iter().map(|(_, code)| code).collect();
            pools[job % self.clients].push((needs[job / self.clients].step, codes));
        }
        Ok(pools.into_iter().map(Pools::new).collect())
    }

    /// One client's codes of one step, in the order in which they are presented.
    fn make_pool(
        &self,
        client: usize,
        need: StepNeed,
        from: usize,
        stopped: &AtomicBool,
        progress: &Progress,
    ) -> Made {
        let share = Share::new(client, self.clients, self.people.payers);
        let count = need.codes.div_ceil(self.clients).min(share.codes_per_step_max());
        // Sorted by device, since its secret key takes as long to prepare as to sign with.
        let mut order: Vec<(usize, usize)> =
            (0..count).map(|n| (share.device(from + n).0, n)).collect();
        order.sort_unstable();
        let mut codes = Vec::with_capacity(count);
        let mut last: Option<(usize, PayerDevice)> = None;
        for (number, n) in order {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let device = match last.take().filter(|(known, _)| *known == number) {
                Some((_, device)) => device,
                None => self.device(number),
            };
            let seq = u8::try_from(share.device(n).1).unwrap_or(u8::MAX);
            let now = need.step.starts_at();
            codes.push((n, device.make_code(now, seq, &self.terms, &mut system::rng())?));
            last = Some((number, device));
            progress.step();
        }
        codes.sort_unstable_by_key(|(n, _)| *n);
        Ok(codes)
    }

    fn device(&self, number: usize) -> PayerDevice {
        let people = &self.people;
        PayerDevice::new(people.device_key(number), people.device_key_id(number), self.issuer)
    }
}

/// What devices know about the issuer.
fn profile(keys: &impl IssuerKeys, now: Timestamp) -> Result<IssuerProfile, Failure> {
    let document = keys.document(CodePrefix::DEFAULT, now);
    let sealing = document.current_sealing_key().ok_or_else(|| {
        Failure::new(Exit::Local, "issuer_key_retired", "the directory's keys are too old")
    })?;
    Ok(IssuerProfile {
        id: keys.issuer_id(),
        mode: Mode::Live,
        prefix: CodePrefix::DEFAULT,
        slot: sealing.slot,
        sealing_key: sealing.key,
        sealing_key_retires_at: sealing.retires_at,
    })
}

fn terms(people: &People) -> Result<CodeTerms, Failure> {
    let limit = Money::from_minor(CODE_LIMIT_MINOR, people.currency);
    let limit = CodeLimit::new(limit).map_err(|error| Failure::core(Exit::Unexpected, error))?;
    Ok(CodeTerms::up_to(limit))
}

/// Makes evidence as the server keeps it of a code that it opened.
pub(super) struct Signer {
    keys: Arc<FileKeys>,
    issuer: IssuerProfile,
    terms: CodeTerms,
}

impl Signer {
    pub(super) fn new(people: &People, keys: &Arc<FileKeys>) -> Result<Self, Failure> {
        let issuer = profile(keys.as_ref(), people.created_at())?;
        Ok(Self { keys: Arc::clone(keys), issuer, terms: terms(people)? })
    }

    /// The evidence of a payment with the code that this device shows with this number.
    pub(super) fn evidence(
        &self,
        people: &People,
        (device, seq): (usize, u8),
        payment: PaymentId,
        at: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let key_id = people.device_key_id(device);
        let device = PayerDevice::new(people.device_key(device), key_id, self.issuer);
        let code = device.make_code(at, seq, &self.terms, &mut system::rng())?;
        let sealed = SealedCode::parse(code.digits(), CodePrefix::DEFAULT)?;
        let opened = self.keys.open(&sealed, Mode::Live, at)?;
        Ok(self.keys.hide(Purpose::Evidence, payment.as_bytes(), &opened.to_evidence()))
    }
}

/// Raised when it goes out of scope, so that threads stop whose result nobody waits for.
pub(super) struct StopOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
