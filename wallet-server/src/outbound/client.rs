//! The HTTP client: it posts, and connects to nothing but what was checked.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Certificate, Response};
use tokio::sync::Semaphore;

use super::address::special;
use super::target::{Target, TargetRefused};
use crate::domain::webhooks::{AttemptEnd, AttemptError};

/// How long a connection may take, the look-up of its name included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept for the next request to its endpoint.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of an answer's body is read. Nobody looks at it: it is read so that the connection can be
/// used again, and a longer one ends the connection.
const BODY_LENGTH_MAX: usize = 16 * 1024;
/// The most look-ups at once. The operating system does each on a thread, and one for a name server
/// that is silent takes long.
const LOOK_UPS_MAX: usize = 64;

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct ClientParts {
    /// Whether private addresses and `http://` are allowed.
    pub private: bool,
    /// How long a request may take, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
    /// Certificates to trust instead of the system's, in PEM.
    pub certificates: Option<Vec<u8>>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Fields of the header, beside the ones that say that the body is JSON.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
}

/// See the module. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    private: bool,
}

impl Client {
    /// A client without connections.
    ///
    /// # Errors
    /// When a certificate is none, or there are none to trust.
    pub fn new(parts: ClientParts) -> Result<Self, reqwest::Error> {
        // Another part of the process may have chosen a provider before: that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
        let ClientParts { private, timeout, certificates } = parts;
        let resolver = Resolver { private, permits: Arc::new(Semaphore::new(LOOK_UPS_MAX)) };
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .https_only(!private)
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("wallet-server/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = certificates {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(&pem)?);
        }
        Ok(Self { http: builder.build()?, private })
    }

    /// Reads a URL that somebody wants to be called at. Names are not looked up: the answer would tell
    /// which names the server's network knows, and look-ups are for what is sent.
    ///
    /// # Errors
    /// [`TargetRefused`], which says why not.
    pub fn target(&self, text: &str) -> Result<Target, TargetRefused> {
        Target::parse(text, self.private)
    }

    /// Posts a message; says how that ended.
    pub async fn post(&self, url: &str, message: Message) -> AttemptEnd {
        // It was checked when it was kept. What is allowed may have changed since.
        let Ok(target) = Target::parse(url, self.private) else {
            return AttemptEnd::failed(AttemptError::AddressRefused);
        };
        let mut request = self.http.post(target.url()).header(CONTENT_TYPE, "application/json");
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        match request.body(message.body).send().await {
            Ok(mut response) => {
                let end = AttemptEnd::of_answer(response.status().as_u16(), retry_after(&response));
                drain(&mut response).await;
                end
            }
            Err(error) => AttemptEnd::failed(why(&error)),
        }
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3). The other form, a date, is for caches.
fn retry_after(response: &Response) -> Option<u32> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Reads the body away, as far as that is worth it. The status has said all there is to say.
async fn drain(response: &mut Response) {
    let mut length = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        length += chunk.len();
        if length > BODY_LENGTH_MAX {
            break;
        }
    }
}

fn why(error: &reqwest::Error) -> AttemptError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            // Merchants see which it was: not whether a name is known inside.
            Some(NoAddress::Refused(_) | NoAddress::Unresolved) => {
                return AttemptError::NameUnresolved;
            }
            None => cause = error.source(),
        }
    }
    if error.is_timeout() {
        AttemptError::Timeout
    } else if error.is_connect() {
        AttemptError::ConnectionFailed
    } else if error.is_builder() {
        AttemptError::NotSent
    } else {
        AttemptError::ConnectionLost
    }
}

/// Finds the addresses of names, and refuses those that are not the internet's.
#[derive(Clone, Debug)]
struct Resolver {
    private: bool,
    permits: Arc<Semaphore>,
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug)]
enum NoAddress {
    /// It has no address.
    Unresolved,
    /// It has one that is not the internet's.
    Refused(&'static str),
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved => f.write_str("the name has no address"),
            Self::Refused(what) => write!(f, "an address is not one of the internet's: {what}"),
        }
    }
}

impl Error for NoAddress {}

impl Resolver {
    /// All addresses of a name, if all of them will do.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| NoAddress::Unresolved)?;
        let looked_up = name;
        let name = name.to_owned();
        // In a task of its own, which holds the permit until the operating system is done with it,
        // however long ago somebody stopped waiting.
        let found = tokio::spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            drop(permit);
            found.map(|addresses| addresses.map(|address| address.ip()).collect::<Vec<_>>())
        });
        let addresses = found.await.ok().and_then(Result::ok).unwrap_or_default();
        if addresses.is_empty() {
            return Err(NoAddress::Unresolved);
        }
        if !self.private
            && let Err(error) = allowed(&addresses)
        {
            tracing::info!(%error, name = looked_up, "nothing is sent to a name");
            return Err(error);
        }
        Ok(addresses)
    }
}

/// One that is refused spoils the others: which of them is called is a matter of chance.
fn allowed(addresses: &[IpAddr]) -> Result<(), NoAddress> {
    let refused = addresses.iter().find_map(|address| special(*address));
    refused.map_or(Ok(()), |what| Err(NoAddress::Refused(what)))
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            // The port is the URL's.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
