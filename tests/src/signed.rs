//! Signed requests, which a test can alter before it sends them.

use wallet_core::requests::{RequestParts, sign_request};
use wallet_core::{DeviceKey, Timestamp};
use wallet_server::Server;

use crate::{Answer, World};

/// A signed request, to be sent as it is or altered first.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
    /// The fields that make it a signed one.
    pub fields: Vec<(String, String)>,
    base: String,
    http: reqwest::Client,
}

/// Who signs, and when.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key.
    pub key: &'a DeviceKey,
    /// What the signature calls the key.
    pub keyid: &'a str,
    /// The time that it claims.
    pub at: Timestamp,
}

impl Signed {
    /// Signs a request to this world's server.
    #[must_use]
    pub fn new(world: &World, signer: Signer<'_>, method: &str, path: &str, body: &[u8]) -> Self {
        Self::under_key(world, signer, (method, path), body, None)
    }

    /// The same with an idempotency key, which is signed as well.
    #[must_use]
    pub fn under_key(
        world: &World,
        signer: Signer<'_>,
        (method, path): (&str, &str),
        body: &[u8],
        key: Option<&str>,
    ) -> Self {
        let keys = key.map(|key| ("idempotency-key".to_owned(), key.to_owned()));
        let headers: Vec<_> = keys.into_iter().collect();
        let base = world.url("");
        let (bare, query) = match path.split_once('?') {
            Some((bare, query)) => (bare, Some(query)),
            None => (path, None),
        };
        let (scheme, authority) = base.split_once("://").unwrap();
        let parts = RequestParts {
            method: method.to_owned(),
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            path: bare.to_owned(),
            query: query.map(str::to_owned),
            headers: headers.clone(),
        };
        let nonce = world.nonce();
        let created = u64::try_from(signer.at.unix_seconds()).unwrap();
        let signed = sign_request(signer.key, signer.keyid, &parts, body, created, &nonce);
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.to_vec(),
            fields: headers.into_iter().chain(signed.unwrap().into_fields()).collect(),
            base,
            http: world.http().clone(),
        }
    }

    /// The same request on its way to another server that answers to the same name, as behind a
    /// load balancer.
    #[must_use]
    pub fn through(mut self, server: &Server) -> Self {
        let (_, authority) = self.base.split_once("://").unwrap();
        self.fields.push(("host".to_owned(), authority.to_owned()));
        Self { base: server.public_url().to_owned(), ..self }
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let url = format!("{}{}", self.base, self.path);
        let mut request = self.http.request(self.method.parse().unwrap(), url).body(self.body);
        for (name, value) in self.fields {
            request = request.header(name, value);
        }
        Answer::read(request.send().await.unwrap()).await
    }
}
