//! The commands as people run them: a server, an operator, payers and a merchant, each in a process
//! of its own, with real files, a real database and real pictures.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod audit_job;
mod backups;
mod inspect_job;
mod key_job;
mod logs;
mod main_job;
mod merchant_codes_job;
mod merchant_job;
mod payer_job;
mod proxy;
mod serve_job;
mod shop;
mod till;
mod trigger;
mod webhook_job;
