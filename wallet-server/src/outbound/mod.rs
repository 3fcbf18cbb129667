//! Requests that the server makes itself, to addresses that merchants name.
//!
//! Whoever may name an address could make the server call what only the server reaches: its own
//! operator, a database, a cloud's metadata (server-side request forgery). So a request goes to
//! addresses of the internet and nowhere else. Every address of a name is checked when the
//! connection is made, and the connection goes to what was checked: a name that has other addresses
//! a moment later leads nowhere. Redirects are not followed, and no proxy is asked.

mod address;
mod client;
mod target;

pub use client::{Client, ClientParts, Message};
pub use target::{Target, TargetRefused};
