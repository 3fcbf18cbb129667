//! The API's description: OpenAPI 3.1, made from the code that answers.
//!
//! A handler stands under `#[utoipa::path]`, and `routes!` makes the route from what is written
//! there, so there is no route without its description, and none that leads elsewhere. A handler
//! says what is its own; what follows from the conventions is added by [`complete`]. All of it
//! happens once, before the first request.

mod complete;
mod errors;
mod pages;
pub(super) mod schema;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, OpenApi, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::input::IDEMPOTENCY_KEY_LENGTH_MAX;
use super::problem::ProblemBody;
pub(super) use pages::pages;

/// Whom a document is for: each has a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Audience {
    /// Merchants and payers' devices.
    Public,
    /// The operator.
    Operator,
}

/// The description of an API that is served.
#[derive(Debug)]
pub(super) struct Document {
    /// As it is served.
    pub(super) json: String,
    /// The operations that take no query: their methods and paths.
    without_query: BTreeSet<(String, String)>,
}

impl Document {
    /// Completes what the handlers say.
    pub(super) fn new(openapi: OpenApi, audience: Audience) -> Self {
        let (mut document, faults) = build(openapi, audience);
        for fault in faults {
            tracing::error!(fault, "the API's description is wrong");
        }
        let without_query = complete::without_query(&mut document);
        Self { json: document.to_string(), without_query }
    }

    /// Whether this is an operation that takes no query.
    pub(super) fn takes_no_query(&self, method: &str, path: &str) -> bool {
        // Compared without making texts of it: this is asked for requests with a query only.
        self.without_query.iter().any(|(known, at)| known == method && at == path)
    }
}

/// The whole document, and what in it cannot be right: nothing, as a test shows.
fn build(mut openapi: OpenApi, audience: Audience) -> (Value, Vec<String>) {
    let components = openapi.components.get_or_insert_with(Components::new);
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for (name, schema) in schema::all() {
        components.schemas.entry(name).or_insert(schema);
    }
    let mut document = serde_json::to_value(openapi).unwrap_or_default();
    let faults = complete::complete(&mut document, audience);
    document["info"] = info(audience);
    document["servers"] = json!([{ "url": "/", "description": "This server." }]);
    document["tags"] = tags(audience);
    document["components"]["headers"] = complete::headers();
    document["components"]["securitySchemes"] = security_schemes(audience);
    (document, faults)
}

fn info(audience: Audience) -> Value {
    let (title, who) = match audience {
        Audience::Public => {
            let who = "Merchants call it with an API key, payers' devices with signed requests.";
            ("Wallet", who)
        }
        Audience::Operator => ("Wallet: operator", "The issuer's operator calls it."),
    };
    let description = format!(
        "{who}\n\nErrors are `application/problem+json`. Their `certainty` is all that a till must \
         look at: `final`, no money moved for this request and none will; `retry`, this request did \
         nothing, but an earlier one with the same key may have; `unknown`, it may have happened: \
         repeat with the same key. No answer at all is `unknown`.\n\nRequests that move money need \
         an `Idempotency-Key`. Unknown fields are refused, in bodies and in queries. \
         `docs/http-api.md` has the rest."
    );
    json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    })
}

fn tags(audience: Audience) -> Value {
    let tags: &[(&str, &str)] = match audience {
        Audience::Public => &[
            ("Payments", "Charge a shown code, and the truth about what was charged."),
            ("Refunds", "Money of a payment that its merchant gives back."),
            ("Orders", "Codes that are paid once: a merchant shows one, and a payer scans it."),
            ("Plates", "Printed codes that are paid many times."),
            ("Terminals", "Tills, so that a payer can bind a code to the one in front of them."),
            ("Balance", "What a merchant is owed, and what moved it."),
            ("Statements", "What moved on a day, the same whenever it is asked for."),
            ("Events", "What happened to a merchant, in the order of the journal."),
            ("Webhooks", "Where a merchant is told of events, and how telling went."),
            ("Payouts", "Money that a merchant has paid out to its bank account."),
            ("Test mode", "Codes of payers that do what a test wants, and the time."),
            ("Everyone", "What needs no key."),
            ("Joining", "A device joins a payer, or somebody takes out a wallet."),
            ("Account", "A payer's account: its state, its secrets, its limits."),
            ("Devices", "A payer's devices, which approve, name and revoke one another."),
            ("Wallet", "What is in the wallet, and what happened to it."),
            ("Confirmations", "Payments that wait for their payer."),
            ("Merchants' codes", "What a scanned code stands for, and paying it."),
            ("Between payers", "Transfers and red envelopes."),
            ("Withdrawals", "A payer takes money out."),
        ],
        Audience::Operator => &[
            ("Merchants", "Taking on merchants."),
            (
                "API keys",
                "Merchants' API keys: made, rotated, revoked, and what they were used for.",
            ),
            ("Payers", "Payers, invitations and devices."),
            ("Money", "Crediting what payers paid in, and paying out what they take out."),
            ("Payouts", "Paying out what merchants ask for, one by one or in batches."),
            ("Books", "What an auditor asks for."),
            ("Keys", "The issuer's keys."),
            ("Everyone", "What needs no key."),
        ],
    };
    tags.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect()
}

fn security_schemes(audience: Audience) -> Value {
    match audience {
        Audience::Public => json!({
            "api_key": {
                "type": "http",
                "scheme": "bearer",
                "description": "A merchant's API key, `sk_live_…` or `sk_test_…`. What an \
                    operation requires is a scope of the key.",
            },
            "device_signature": {
                "type": "apiKey",
                "in": "header",
                "name": "Signature",
                "description": "HTTP Message Signatures (RFC 9421) with the device's Ed25519 key: \
                    `Signature`, `Signature-Input` and, with a body, `Content-Digest` (RFC 9530), \
                    in the one form that `docs/http-api.md` describes. \
                    `wallet_core::requests::sign_request` makes the headers.",
            },
        }),
        Audience::Operator => json!({
            "operator_key": {
                "type": "http",
                "scheme": "bearer",
                "description": "The operator's key, `op_…`, on the TCP listener. The Unix socket \
                    asks for none: whoever can open it is the operator.",
            },
        }),
    }
}

/// The header that every request which moves money must bring: documentation.
pub(super) struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(IDEMPOTENCY_KEY_LENGTH_MAX))
            .pattern(Some("^[!-~]+$"))
            .examples(["order-17"]);
        let description = "The same when you repeat the request, another one for every new \
            request. It belongs to the merchant, payer or operator, and is kept for 30 days.";
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(text));
        vec![parameter.build()]
    }
}
