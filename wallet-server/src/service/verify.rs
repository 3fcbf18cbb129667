//! Verification: what becomes of a code before the queue.
//!
//! Opening and checking a code is pure computing (about 0.1 ms), so it runs on threads of its
//! own, as many at a time as there are cores.

use std::sync::Arc;

use wallet_core::code::{OpenedCode, SealedCode};
use wallet_core::{Error, Mode, TerminalId};

use super::App;
use crate::domain::command::{AuthenticCode, Verdict};
use crate::domain::ids::PaymentId;
use crate::issuer::Purpose;
use crate::store::{Device, StoreError};

/// Why a code is not ours; for the log, never for the merchant, to whom they are all one.
type Reason = &'static str;

impl App {
    /// Verifies a code for a payment.
    pub(super) async fn verify(
        self: &Arc<Self>,
        text: String,
        mode: Mode,
        terminal: Option<TerminalId>,
        payment: PaymentId,
    ) -> Result<Verdict, StoreError> {
        match self.authentic(text, mode, terminal, payment).await? {
            Ok(code) => Ok(Verdict::Authentic(code)),
            Err(reason) => {
                tracing::info!(%payment, reason, "a code was not authentic");
                Ok(Verdict::Invalid)
            }
        }
    }

    async fn authentic(
        self: &Arc<Self>,
        text: String,
        mode: Mode,
        terminal: Option<TerminalId>,
        payment: PaymentId,
    ) -> Result<Result<AuthenticCode, Reason>, StoreError> {
        let app = Arc::clone(self);
        let opened = self
            .compute(move || {
                SealedCode::parse(&text, app.prefix)
                    .and_then(|code| app.keys.open(&code, mode, app.now()))
            })
            .await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(device) = self.device(opened.claimed_device()).await? else {
            return Ok(Err("code_unknown_device"));
        };
        if device.mode != mode {
            return Ok(Err("code_other_mode"));
        }
        let app = Arc::clone(self);
        Ok(self
            .compute(move || app.check(&opened, &device, mode, terminal.as_ref(), payment))
            .await)
    }

    fn check(
        &self,
        opened: &OpenedCode,
        device: &Device,
        mode: Mode,
        terminal: Option<&TerminalId>,
        payment: PaymentId,
    ) -> Result<AuthenticCode, Error> {
        let issuer = self.keys.issuer_id();
        let code = opened.verify(&device.public_key, &issuer, mode, terminal)?;
        let evidence = opened.to_evidence();
        Ok(AuthenticCode {
            device: device.key_id,
            payer: device.payer,
            mark: code.claims().mark,
            limit: code.claims().limit.money(),
            evidence: self.keys.hide(Purpose::Evidence, payment.as_bytes(), &evidence),
        })
    }

    /// Runs a computation off the async threads, at most one for each core.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Reason> {
        // The semaphore is never closed.
        let permit = self.verifiers.acquire().await;
        let result = tokio::task::spawn_blocking(work).await;
        drop(permit);
        match result {
            Ok(computed) => computed.map_err(|error| error.code()),
            // A computation that panicked proved nothing.
            Err(_) => Err("verification_failed"),
        }
    }
}
