//! Asks the server for events and for payments that wait, each by a task of its own.
//!
//! Neither is kept from asking by what the payer does, so nothing that arrives meanwhile is lost:
//! it waits in the channel.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::client::Request;
use crate::client::models::{Confirmation, Confirmations, DecidedPayment, PayerEvent, PayerEvents};
use crate::failure::{Exit, Failure};

use super::super::Online;

/// How long the server may hold a question open.
const WAIT_SECONDS: u32 = 25;
/// How long to leave a server alone that can't be reached.
const PAUSE: Duration = Duration::from_secs(5);
/// How often the server is asked while something waits.
const SOON: Duration = Duration::from_secs(1);

/// What happened.
pub(super) enum News {
    /// To the payer's codes, money or account.
    Event(Told<PayerEvent>),
    /// All payments that wait now.
    Waiting(Vec<Told<Confirmation>>),
    /// A decision of the payer reached the server, or did not.
    Decided { payment: String, outcome: Result<DecidedPayment, Failure> },
    /// The server can't be reached for now.
    Offline(Failure),
    /// The server will not talk to this device any more.
    Refused(Failure),
}

/// As the server wrote it, and as this program understands it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Told<T> {
    pub(super) raw: Value,
    pub(super) value: T,
}

impl<T: DeserializeOwned> Told<T> {
    fn read(raw: Value) -> Result<Self, Failure> {
        match T::deserialize(&raw) {
            Ok(value) => Ok(Self { raw, value }),
            Err(error) => {
                Err(Failure::new(Exit::Unexpected, "unexpected_answer", error.to_string()))
            }
        }
    }
}

/// Listens until nobody takes the news any more.
pub(super) fn start(runtime: &Runtime, online: &Arc<Online>, sender: &Sender<News>) {
    let listener = |sender: &Sender<News>| Listener {
        online: Arc::clone(online),
        sender: sender.clone(),
        refused: false,
    };
    let (mut events, mut waiting) = (listener(sender), listener(sender));
    runtime.spawn(async move { events.events().await });
    runtime.spawn(async move { waiting.confirmations().await });
}

struct Listener {
    online: Arc<Online>,
    sender: Sender<News>,
    /// Whether the last question was refused.
    refused: bool,
}

/// Nobody takes the news any more, or there will be none.
struct Gone;

impl Listener {
    async fn events(&mut self) -> Result<(), Gone> {
        let mut after: Option<String> = None;
        loop {
            let request = Request::get("/v1/wallet/events")
                .query("after", after.as_ref())
                .query("wait", after.as_ref().map(|_| WAIT_SECONDS));
            match self.online.send::<PayerEvents<Value>>(request).await {
                Ok(answer) => {
                    self.refused = false;
                    for raw in answer.value.data {
                        // An event of a kind that this release can't read is no reason to stop.
                        if let Ok(event) = Told::read(raw) {
                            self.tell(News::Event(event))?;
                        }
                    }
                    after = answer.value.next.or(after);
                }
                Err(failure) => self.pause(failure).await?,
            }
        }
    }

    async fn confirmations(&mut self) -> Result<(), Gone> {
        let mut known: Option<Vec<Told<Confirmation>>> = None;
        loop {
            // The server waits for the first one to come, and does not tell when it goes.
            let nothing_waits = known.as_ref().is_some_and(Vec::is_empty);
            match self.waiting(if nothing_waits { WAIT_SECONDS } else { 0 }).await {
                Ok(now) => {
                    self.refused = false;
                    if known.as_ref() != Some(&now) {
                        self.tell(News::Waiting(now.clone()))?;
                    }
                    if !now.is_empty() {
                        tokio::time::sleep(SOON).await;
                    }
                    known = Some(now);
                }
                Err(failure) => self.pause(failure).await?,
            }
        }
    }

    async fn waiting(&self, wait: u32) -> Result<Vec<Told<Confirmation>>, Failure> {
        let request = Request::get("/v1/wallet/confirmations").query("wait", Some(wait));
        let answer = self.online.send::<Confirmations<Value>>(request).await?;
        answer.value.data.into_iter().map(Told::read).collect()
    }

    /// Leaves the server alone for a moment, and then takes over its clock: a clock that went
    /// wrong is the one cause of a refusal that passes.
    async fn pause(&mut self, failure: Failure) -> Result<(), Gone> {
        if failure.exit() == Exit::Refused && self.refused {
            self.tell(News::Refused(failure))?;
            return Err(Gone);
        }
        self.refused = failure.exit() == Exit::Refused;
        self.tell(News::Offline(failure))?;
        tokio::time::sleep(PAUSE).await;
        // Without an answer the next question fails as well.
        let _ = self.online.synchronise().await;
        Ok(())
    }

    fn tell(&self, news: News) -> Result<(), Gone> {
        self.sender.send(news).map_err(|_| Gone)
    }
}
