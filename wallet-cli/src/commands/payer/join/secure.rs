//! What follows enrolment: a PIN, one-time passwords, recovery codes.

use crate::client::models::Account;
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures;
use crate::secrets::{Pin, PinArgs, choose_first_pin};

use super::super::{Online, pin, totp};

/// Which of the steps to leave out.
#[derive(clap::Args, Debug)]
pub(super) struct SecureArgs {
    /// Don't set a PIN now; `wallet payer pin set` does it later
    #[arg(long)]
    no_pin: bool,
    /// Don't set up one-time passwords now; `wallet payer totp` does it later
    #[arg(long)]
    no_totp: bool,
    #[command(flatten)]
    pin: PinArgs,
}

impl SecureArgs {
    /// Sets what the account lacks. Without anybody to ask, it takes the PIN that was given; what
    /// it can't do it leaves for later.
    pub(super) async fn protect(&self, online: &Online, output: Output) -> Result<(), Failure> {
        let given = self.pin.given()?;
        if (self.no_pin && self.no_totp) || (given.is_none() && !output.is_interactive()) {
            output.note(
                "larger payments need a PIN: `wallet payer pin set`, then `wallet payer totp`",
            );
            return Ok(());
        }
        let account = online.account().await?.value;
        let pin = self.protect_with_pin(online, &account, given, output).await?;
        if account.totp_set || self.no_totp {
            return Ok(());
        }
        let (Some(pin), true) = (pin, output.is_interactive()) else {
            output.note("`wallet payer totp` sets up one-time passwords");
            return Ok(());
        };
        let secret = totp::begin(online, &pin, None).await?;
        pictures::show(&secret.value.otpauth_uri, output)?;
        output.show(&secret)?;
        totp::finish(online, output).await
    }

    /// Sets the PIN, if the account has none, and returns it where it is known.
    async fn protect_with_pin(
        &self,
        online: &Online,
        account: &Account,
        given: Option<Pin>,
        output: Output,
    ) -> Result<Option<Pin>, Failure> {
        let asks = output.is_interactive();
        if account.pin_set {
            // Asked for only where it is needed.
            let needed = asks && !self.no_totp && !account.totp_set;
            return if needed { self.pin.ask("PIN: ").map(Some) } else { Ok(None) };
        }
        if self.no_pin {
            output.note("`wallet payer pin set` sets the PIN");
            return Ok(None);
        }
        if let Some(pin) = given {
            pin::set_first(online, &pin).await?;
            output.note("the PIN is set");
            return Ok(Some(pin));
        }
        loop {
            let set = match choose_first_pin() {
                Ok(pin) => pin::set_first(online, &pin).await.map(|()| pin),
                Err(failure) => Err(failure),
            };
            match set {
                // Said again until there is a PIN: one that is too simple, or two that differ.
                Err(failure) if can_be_chosen_again(failure.code()) => output.note(&failure),
                set => return set.map(Some),
            }
        }
    }
}

fn can_be_chosen_again(code: &str) -> bool {
    matches!(code, "invalid_pin" | "pins_differ" | "invalid_request")
}
