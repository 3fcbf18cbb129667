use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{Ask, MarkStore, Rotation, Showing, adopt_mark, mark_not_stored, next_mark};
use crate::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, Mark, PayerDevice};
use crate::keys::{DeviceKey, DeviceKeyId, SealingKeys, SigningKey};
use crate::{Currency, Error, Mode, Money, Step, Timestamp};

/// A store in memory that can be told to fail.
#[derive(Default)]
struct Store {
    mark: Option<Mark>,
    full: bool,
}

impl MarkStore for Store {
    fn advance(
        &mut self,
        next: &mut dyn FnMut(Option<Mark>) -> Result<Mark, Error>,
    ) -> Result<Mark, Error> {
        let mark = next(self.mark)?;
        if self.full {
            return Err(mark_not_stored());
        }
        self.mark = Some(mark);
        Ok(mark)
    }
}

const START: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(START + seconds)
}

struct Phone {
    rotation: Rotation,
    store: Store,
    rng: ChaCha20Rng,
}

impl Phone {
    fn new(store: Store) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let sealing = SealingKeys::generate(at(0), &mut rng);
        let key = &sealing.keys()[0];
        let issuer = IssuerProfile {
            id: SigningKey::generate(&mut rng).public_key().root_issuer_id(),
            mode: Mode::Test,
            prefix: CodePrefix::DEFAULT,
            slot: key.slot(),
            sealing_key: key.public_key(),
            sealing_key_retires_at: key.retires_at(),
        };
        let key = DeviceKey::generate(&mut rng);
        let device = PayerDevice::new(key, DeviceKeyId::from_bytes([1; 8]), issuer);
        let limit = Money::from_minor(1, Currency::from_code("CNY").unwrap());
        let terms = CodeTerms::up_to(CodeLimit::new(limit).unwrap());
        Self { rotation: Rotation::new(device, terms), store, rng }
    }

    fn show(&mut self, now: Timestamp, ask: Ask) -> Result<Showing, Error> {
        self.rotation.show(now, ask, &mut self.store, &mut self.rng)
    }
}

#[test]
fn the_code_stays_for_its_half_minute_and_then_changes() {
    let mut phone = Phone::new(Store::default());
    let first = phone.show(at(0), Ask::Current).unwrap();
    assert_eq!(phone.show(at(29), Ask::Current).unwrap(), first);
    assert_eq!(first.next_due, at(30));
    let second = phone.show(at(30), Ask::Current).unwrap();
    assert_eq!(second.mark, Mark { step: at(30).step(), seq: 0 });
}

#[test]
fn a_fresh_code_comes_at_once_with_the_next_seq() {
    let mut phone = Phone::new(Store::default());
    let first = phone.show(at(0), Ask::Current).unwrap();
    let fresh = phone.show(at(1), Ask::Fresh).unwrap();
    assert_eq!((fresh.mark.step, fresh.mark.seq), (first.mark.step, 1));
    assert_ne!(fresh.code, first.code);
    assert_eq!(phone.show(at(2), Ask::Current).unwrap(), fresh);
}

#[test]
fn after_a_restart_no_mark_is_shown_twice() {
    let mut phone = Phone::new(Store::default());
    let before = phone.show(at(0), Ask::Current).unwrap();
    let mut restarted = Phone::new(phone.store);
    let after = restarted.show(at(1), Ask::Current).unwrap();
    assert!(after.mark > before.mark);
}

#[test]
fn after_256_codes_in_a_step_the_next_one_waits_for_the_next_step() {
    let mark = Mark { step: at(0).step(), seq: 255 };
    let mut phone = Phone::new(Store { mark: Some(mark), full: false });
    assert_eq!(phone.show(at(5), Ask::Fresh).unwrap_err().code(), "step_exhausted");
    assert_eq!(phone.store.mark, Some(mark));
    assert_eq!(phone.show(at(30), Ask::Fresh).unwrap().mark.seq, 0);
}

#[test]
fn a_clock_set_back_a_little_goes_on_and_one_set_back_far_is_reported() {
    let mark = Mark { step: at(60).step(), seq: 4 };
    let mut phone = Phone::new(Store { mark: Some(mark), full: false });
    let showing = phone.show(at(59), Ask::Current).unwrap();
    assert_eq!(showing.mark, Mark { step: mark.step, seq: 5 });
    assert_eq!(phone.show(at(29), Ask::Current).unwrap_err().code(), "clock_behind");
}

#[test]
fn redrawing_under_a_clock_set_back_a_little_shows_the_same_code_again() {
    let mut phone = Phone::new(Store::default());
    let showing = phone.show(at(60), Ask::Current).unwrap();
    for seconds in [59, 45, 30] {
        assert_eq!(phone.show(at(seconds), Ask::Current).unwrap(), showing, "{seconds}");
    }
    assert_eq!(phone.show(at(29), Ask::Current).unwrap_err().code(), "clock_behind");
}

#[test]
fn no_code_is_shown_whose_mark_was_not_stored() {
    let mut phone = Phone::new(Store { mark: None, full: true });
    assert_eq!(phone.show(at(0), Ask::Current).unwrap_err().code(), "mark_not_stored");
}

#[test]
fn marks_only_rise_whatever_the_clock_does() {
    let mut last = None;
    for seconds in [0, 0, 31, 30, 29, 65, 95, 70, 3000, 2999] {
        if let Ok(mark) = next_mark(last, at(seconds)) {
            assert!(last < Some(mark), "{last:?} then {mark:?}");
            last = Some(mark);
        }
    }
    assert!(last.unwrap().step > Step::from_number(0));
}

fn mark(seconds: i64, seq: u8) -> Mark {
    Mark { step: at(seconds).step(), seq }
}

/// What a store holds after adopting, at `at(0)`.
fn adopted(stored: Option<Mark>, issuers: Option<Mark>) -> Mark {
    let mut store = Store { mark: stored, full: false };
    let returned = adopt_mark(issuers, at(0), &mut store).unwrap();
    assert_eq!(store.mark, Some(returned));
    returned
}

#[test]
fn a_phone_that_lost_its_mark_goes_on_after_the_issuers() {
    assert_eq!(adopted(None, Some(mark(0, 7))), mark(0, 7));
    let mut phone = Phone::new(Store::default());
    phone.rotation.adopt(Some(mark(0, 7)), at(0), &mut phone.store).unwrap();
    assert_eq!(phone.show(at(1), Ask::Current).unwrap().mark, mark(0, 8));
}

#[test]
fn a_stored_mark_is_raised_to_the_issuers_and_kept_when_it_is_higher() {
    assert_eq!(adopted(Some(mark(0, 3)), Some(mark(0, 7))), mark(0, 7));
    assert_eq!(adopted(Some(mark(0, 9)), Some(mark(0, 7))), mark(0, 9));
    assert_eq!(adopted(Some(mark(30, 1)), Some(mark(0, 7))), mark(30, 1), "one step is no error");
    assert_eq!(adopted(Some(mark(-600, 1)), None), mark(-600, 1));
}

#[test]
fn a_phone_whose_clock_ran_far_ahead_pays_again_once_it_is_right() {
    for issuers in [Some(mark(-30, 2)), Some(mark(30, 0)), None] {
        let mut phone = Phone::new(Store::default());
        phone.show(at(86_400), Ask::Current).unwrap();
        assert_eq!(phone.show(at(0), Ask::Current).unwrap_err().code(), "clock_behind");
        phone.rotation.adopt(issuers, at(0), &mut phone.store).unwrap();
        let showing = phone.show(at(0), Ask::Current).unwrap();
        assert!(Some(showing.mark) > issuers, "{issuers:?}");
        assert!(showing.mark <= mark(30, 1), "{issuers:?}");
    }
}

#[test]
fn no_mark_is_lowered_when_the_issuers_is_ahead_too_for_then_the_clock_is_wrong() {
    assert_eq!(adopted(Some(mark(600, 1)), Some(mark(300, 0))), mark(600, 1));
    assert_eq!(adopted(Some(mark(300, 0)), Some(mark(600, 1))), mark(600, 1));
}

#[test]
fn a_code_that_the_issuer_has_decided_on_is_not_shown_again() {
    let mut phone = Phone::new(Store::default());
    let first = phone.show(at(0), Ask::Current).unwrap();
    phone.rotation.adopt(Some(mark(-30, 5)), at(0), &mut phone.store).unwrap();
    assert_eq!(phone.show(at(1), Ask::Current).unwrap(), first);
    phone.rotation.adopt(Some(first.mark), at(1), &mut phone.store).unwrap();
    assert!(phone.show(at(1), Ask::Current).unwrap().mark > first.mark);
}

#[test]
fn a_mark_that_can_not_be_stored_is_not_adopted() {
    let mut store = Store { mark: None, full: true };
    let error = adopt_mark(Some(mark(0, 1)), at(0), &mut store).unwrap_err();
    assert_eq!(error.code(), "mark_not_stored");
}
