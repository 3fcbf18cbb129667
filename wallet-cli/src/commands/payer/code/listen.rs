//! Hears from the server, while it can be reached, what became of the codes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use wallet_core::code::Mark;
use wallet_core::{DeviceKey, DeviceKeyId};

use crate::client::models::{Issuer, PayerBalance, PayerEvent, PayerEvents};
use crate::client::{Client, DeviceSigner, Request};
use crate::failure::Failure;

use super::{Args, CodeMaker};

/// How long the server may hold a question open.
const WAIT_SECONDS: u32 = 25;
/// How long to leave a server alone that can't be reached.
const PAUSE_SECONDS: u64 = 5;

/// What the screen is told.
pub(super) enum News {
    /// The server answered: its keys, its clock, and the last code it decided on.
    Online(Box<Issuer>, Option<Mark>),
    /// The server can't be reached; codes work all the same.
    Offline,
    /// Something happened to the payer's codes or money.
    Happened(PayerEvent),
}

/// Listens in the background until the screen is gone. Needs a runtime.
pub(super) fn start(args: &Args, maker: &CodeMaker) -> Result<Receiver<News>, Failure> {
    let (sender, receiver) = channel();
    let device = maker.device();
    let listener = Listener {
        client: args.device.server.client(Some(&maker.profile.server()?))?,
        key: DeviceKey::from_seed(&device.key().seed()),
        key_id: device.key_id(),
        clock_offset_millis: maker.profile.clock_offset_millis,
        sender,
    };
    tokio::spawn(listener.run());
    Ok(receiver)
}

struct Listener {
    client: Client,
    key: DeviceKey,
    key_id: DeviceKeyId,
    clock_offset_millis: i64,
    sender: Sender<News>,
}

/// The screen is gone.
struct Gone;

impl Listener {
    async fn run(mut self) {
        loop {
            let Ok(()) = self.while_reachable().await else { return };
            if self.sender.send(News::Offline).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await;
        }
    }

    /// Ends without an error when the server can't be reached any more.
    async fn while_reachable(&mut self) -> Result<(), Gone> {
        let Ok(issuer) = self.client.send::<Issuer>(Request::get("/v1/issuer")).await else {
            return Ok(());
        };
        if let Ok(time) = issuer.value.time() {
            let ahead = time.unix_millis().saturating_sub(crate::system::now().unix_millis());
            self.clock_offset_millis = ahead;
        }
        let Ok(mark) = self.mark().await else { return Ok(()) };
        self.tell(News::Online(Box::new(issuer.value), mark))?;
        let mut after: Option<String> = None;
        loop {
            let Ok(events) = self.events(after.as_deref()).await else { return Ok(()) };
            for event in events.data {
                self.tell(News::Happened(event))?;
            }
            after = events.next.or(after);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The highest mark of this device that the issuer has decided on.
    async fn mark(&self) -> Result<Option<Mark>, Failure> {
        let signer = DeviceSigner::enrolled(&self.key, self.key_id, self.clock_offset_millis);
        let request = Request::get("/v1/wallet/balance").signed_by(&signer);
        Ok(self.client.send::<PayerBalance>(request).await?.value.mark.map(Mark::from))
    }

    /// What happened after a cursor; without one, the cursor of now.
    async fn events(&self, after: Option<&str>) -> Result<PayerEvents, Failure> {
        let signer = DeviceSigner::enrolled(&self.key, self.key_id, self.clock_offset_millis);
        let request = Request::get("/v1/wallet/events")
            .query("after", after)
            .query("wait", after.map(|_| WAIT_SECONDS))
            .signed_by(&signer);
        Ok(self.client.send(request).await?.value)
    }

    fn tell(&self, news: News) -> Result<(), Gone> {
        self.sender.send(news).map_err(|_| Gone)
    }
}
