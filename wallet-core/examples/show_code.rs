//! The payer's device: shows a code now, and says when the next one is due.
//!
//! ```sh
//! cargo run -p wallet-core --example show_code
//! ```
//!
//! A real app calls `show` again at `next_due`, whenever the payer asks for another code, and
//! when the issuer reports that the last one was presented.

use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use rand_core::UnwrapErr;
use wallet_core::code::{
    Ask, CodeLimit, CodePrefix, CodeTerms, IssuerProfile, Mark, MarkStore, PayerDevice, Rotation,
    Showing,
};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, Error, Mode, Money, SealingKeys, SigningKey, Timestamp,
};

/// Keeps the mark until the program ends. A real app writes it to a file, under a lock, and
/// flushes it to the disk before it returns.
struct InMemory(Option<Mark>);

impl MarkStore for InMemory {
    fn advance(
        &mut self,
        next: &mut dyn FnMut(Option<Mark>) -> Result<Mark, Error>,
    ) -> Result<Mark, Error> {
        let mark = next(self.0)?;
        self.0 = Some(mark);
        Ok(mark)
    }
}

fn main() -> Result<(), Error> {
    let mut rng = UnwrapErr(SysRng);
    let now = wall_clock();
    let yuan = Currency::from_code("CNY")?;
    let terms = CodeTerms {
        payer_verified: true,
        ..CodeTerms::up_to(CodeLimit::new(Money::parse("200.00", yuan)?)?)
    };

    let mut rotation = Rotation::new(enrolled_device(now), terms);
    let mut store = InMemory(None);
    print("first code", now, &rotation.show(now, Ask::Current, &mut store, &mut rng)?);
    print(
        "the payer asks for another",
        now,
        &rotation.show(now, Ask::Fresh, &mut store, &mut rng)?,
    );
    Ok(())
}

/// A device as enrolment leaves it. The issuer is made up here; an app gets these values from
/// its issuer, and keeps the key in the phone's key store.
fn enrolled_device(now: Timestamp) -> PayerDevice {
    let mut rng = UnwrapErr(SysRng);
    let sealing = SealingKeys::generate(now, &mut rng);
    let current = &sealing.keys()[0];
    let issuer = IssuerProfile {
        id: SigningKey::generate(&mut rng).public_key().root_issuer_id(),
        mode: Mode::Test,
        prefix: CodePrefix::DEFAULT,
        slot: current.slot(),
        sealing_key: current.public_key(),
        sealing_key_retires_at: current.retires_at(),
    };
    PayerDevice::new(DeviceKey::generate(&mut rng), DeviceKeyId::from_bytes([1; 8]), issuer)
}

fn print(title: &str, now: Timestamp, showing: &Showing) {
    let seconds = (showing.next_due.unix_millis() - now.unix_millis()) / 1000;
    println!("{title}: step {}, seq {}", showing.mark.step, showing.mark.seq);
    draw(showing);
    println!("the next code is due in {seconds} s\n");
}

/// Puts the code on the screen.
fn draw(showing: &Showing) {
    println!("{}", showing.code.digits());
}

/// The time of the machine. A phone had better use the issuer's time at the last synchronisation
/// plus a monotonic clock, which its holder cannot set.
#[expect(clippy::disallowed_methods, reason = "a program owns its clock; the library has none")]
fn wall_clock() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}
