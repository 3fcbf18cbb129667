//! Verification: what becomes of a code before the queue.
//!
//! Opening and checking a code is pure computing (about 0.1 ms), so it runs on threads of its
//! own. So does checking the signature of a request. If the device's key is in memory, both steps
//! are one job; if not, it is looked up between them.

use std::sync::Arc;

use wallet_core::code::{OpenedCode, SealedCode};
use wallet_core::{Mode, TerminalId, Timestamp};

use super::App;
use crate::domain::command::{AuthenticCode, Verdict};
use crate::domain::ids::PaymentId;
use crate::issuer::Purpose;
use crate::store::{ApiKey, Device};
use crate::worker::{Unanswered, Unsettled};

/// Why a code is not ours; for the log, never for the merchant, to whom they are all one.
type Reason = &'static str;

/// What became of a code that was opened.
enum Opened {
    Decided(Result<AuthenticCode, Reason>),
    /// Who signed it has to be looked up first.
    DeviceWanted(Box<OpenedCode>),
}

/// Which code is verified, and for whom.
pub(super) struct Presented<'a> {
    pub(super) code: String,
    pub(super) api_key: &'a ApiKey,
    pub(super) terminal: Option<TerminalId>,
    pub(super) payment: PaymentId,
    /// When it is too late to begin.
    pub(super) deadline: Timestamp,
}

impl App {
    /// Verifies a code for a payment.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known about the code.
    pub(super) async fn verify(
        self: &Arc<Self>,
        presented: Presented<'_>,
    ) -> Result<Verdict, Unsettled> {
        let merchant = presented.api_key.merchant;
        match self.authentic(presented).await? {
            Ok(code) => Ok(Verdict::Authentic(code)),
            Err(reason) => {
                // There will be no payment to name.
                tracing::info!(%merchant, reason, "a code was not authentic");
                Ok(Verdict::Invalid)
            }
        }
    }

    async fn authentic(
        self: &Arc<Self>,
        presented: Presented<'_>,
    ) -> Result<Result<AuthenticCode, Reason>, Unsettled> {
        let Presented { code: text, api_key, terminal, payment, deadline } = presented;
        let mode = api_key.mode;
        let app = Arc::clone(self);
        let open = move || {
            let opened = SealedCode::parse(&text, app.prefix)
                .and_then(|code| app.keys.open(&code, mode, app.now()));
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) => return Opened::Decided(Err(error.code())),
            };
            match app.own.devices.get(&opened.claimed_device()) {
                Some(device) => {
                    Opened::Decided(app.check(&opened, &device, mode, terminal.as_ref(), payment))
                }
                None => Opened::DeviceWanted(Box::new(opened)),
            }
        };
        let opened = match self.compute(deadline, open).await? {
            Opened::Decided(verdict) => return Ok(verdict),
            Opened::DeviceWanted(opened) => opened,
        };
        // Nothing was done, but an earlier request may have been.
        let device = self.device(opened.claimed_device()).await;
        let device = device.map_err(|Unanswered| Unsettled::Overloaded)?;
        let Some(device) = device else {
            return Ok(Err("code_unknown_device"));
        };
        let app = Arc::clone(self);
        let check = move || app.check(&opened, &device, mode, terminal.as_ref(), payment);
        self.compute(deadline, check).await
    }

    fn check(
        &self,
        opened: &OpenedCode,
        device: &Device,
        mode: Mode,
        terminal: Option<&TerminalId>,
        payment: PaymentId,
    ) -> Result<AuthenticCode, Reason> {
        if device.mode != mode {
            return Err("code_other_mode");
        }
        let issuer = self.keys.issuer_id();
        let code = opened
            .verify(&device.public_key, &issuer, mode, terminal)
            .map_err(|error| error.code())?;
        let evidence = opened.to_evidence();
        Ok(AuthenticCode {
            device: device.key_id,
            payer: device.payer,
            mark: code.claims().mark,
            limit: code.claims().limit.money(),
            evidence: self.keys.hide(Purpose::Evidence, payment.as_bytes(), &evidence),
        })
    }

    /// Runs a computation off the async threads.
    ///
    /// # Errors
    /// [`Unsettled::Overloaded`] when too many wait already; [`Unsettled::Late`] when its turn
    /// came after the deadline; [`Unsettled::Unknown`] when it panicked, which proves nothing
    /// about what it was to compute.
    pub(crate) async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        deadline: Timestamp,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unsettled> {
        let app = Arc::clone(self);
        let in_time = move || (app.now() < deadline).then(work);
        let result = self.own.verifiers.compute(in_time).map_err(|_| Unsettled::Overloaded)?;
        match result.await {
            Ok(result) => result.ok_or(Unsettled::Late),
            Err(_) => Err(Unsettled::Unknown),
        }
    }
}
