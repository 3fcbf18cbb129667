//! One connection: one request under way at a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wallet_core::code::PaymentCode;
use wallet_core::receipt::PaymentState;
use wallet_server::domain::ids::PaymentId;

use super::connect;
use super::request::Requests;
use super::response::{self, Response};
use crate::commands::bench::share::Pools;
use crate::commands::bench::tally::{Pace, Progress, Tally};
use crate::system;

/// An answer has about 2 KB.
const BUFFER: usize = 8 * 1024;

/// A connection and what it sends.
pub(super) struct Connection {
    pub(super) client: usize,
    pub(super) server: SocketAddr,
    pub(super) stream: TcpStream,
    pub(super) requests: Arc<Requests>,
    pub(super) codes: Pools<PaymentCode>,
    pub(super) progress: Arc<Progress>,
}

/// What an answer says, as far as it is needed.
enum Answer {
    Payment(PaymentId, PaymentState),
    Other(u16),
}

impl Connection {
    /// Sends until the time is over or there is no code left.
    pub(super) async fn send_all(mut self, pace: Pace) -> Tally {
        let mut tally = Tally::default();
        let (mut request, mut answer) = (Vec::with_capacity(1024), Vec::with_capacity(BUFFER));
        let mut n = 0;
        while let Some(since) = pace.turn(self.client, n).await {
            let Some(code) = self.codes.next(system::now().step()) else {
                tally.ran_out = true;
                break;
            };
            self.requests.write(&mut request, (self.client, n), &code);
            n += 1;
            match self.exchange(&request, &mut answer).await {
                Ok(Answer::Payment(id, state)) => tally.payment(id, state, since),
                // The server does not know whether it was recorded.
                Ok(Answer::Other(500 | 504)) => tally.unanswered += 1,
                Ok(Answer::Other(status)) => tally.other(status.to_string()),
                Err(_) => {
                    tally.unanswered += 1;
                    // The server may have closed it, which is no reason to stop; but if it is gone
                    // altogether, there is nobody left to ask.
                    let Ok(stream) = connect(self.server).await else {
                        tally.other("connection refused");
                        break;
                    };
                    self.stream = stream;
                    answer.clear();
                }
            }
            self.progress.step();
        }
        tally
    }

    async fn exchange(&mut self, request: &[u8], buffer: &mut Vec<u8>) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        buffer.clear();
        loop {
            if self.stream.read_buf(buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(response) = response::parse(buffer)? {
                return Ok(understand(&response));
            }
        }
    }
}

fn understand(response: &Response<'_>) -> Answer {
    let state = match response.status {
        201 => Some(PaymentState::Succeeded),
        402 => Some(PaymentState::Declined),
        _ => None,
    };
    let payment = state.and_then(|state| Some((response.payment_id()?, state)));
    payment.map_or(Answer::Other(response.status), |(id, state)| Answer::Payment(id, state))
}
