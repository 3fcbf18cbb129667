//! `wallet payer`: a device that pays.

mod account;
mod balance;
mod close;
mod code;
mod confirm;
mod confirmations;
mod device;
mod envelope;
mod export;
mod freeze;
mod handle;
mod history;
mod join;
mod limits;
mod online;
mod pin;
mod receive;
mod recovery_codes;
mod refuse;
mod scan;
mod totp;
mod transfer;
mod watch;
mod withdraw;
mod withdrawals;

use clap::Subcommand;

use super::{block_on, runtime};
pub(crate) use join::enrol::PATH as ENROLMENTS;
pub(crate) use join::{Joined, Joining, join};
use online::{DeviceArgs, KeyArgs, Online};

use crate::failure::Failure;
use crate::output::Output;

/// Pay: enrol this machine as a device, show codes, confirm, send money, protect the account
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Enrol(join::enrol::Args),
    Register(join::register::Args),
    Code(code::Args),
    Scan(scan::Args),
    Watch(watch::Args),
    Confirmations(confirmations::Args),
    Confirm(confirm::Args),
    Refuse(refuse::Args),
    Balance(balance::Args),
    History(history::Args),
    Receive(receive::Args),
    Transfer(transfer::Args),
    #[command(subcommand)]
    Envelope(envelope::Command),
    Withdraw(withdraw::Args),
    Withdrawals(withdrawals::Args),
    Account(account::Args),
    Handle(handle::Args),
    Limits(limits::Args),
    #[command(subcommand)]
    Pin(pin::Command),
    Totp(totp::Args),
    RecoveryCodes(recovery_codes::Args),
    #[command(subcommand)]
    Device(device::Command),
    Freeze(freeze::Args),
    Unfreeze(freeze::UnfreezeArgs),
    Export(export::Args),
    Close(close::Args),
}

pub(super) fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        // They have a screen of their own.
        Command::Code(args) => code::run(&args, output),
        Command::Watch(args) => watch::run(&args, output),
        other => block_on(ask(other, output)),
    }
}

/// Runs a command that asks the server and ends.
async fn ask(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Code(args) => code::run(&args, output),
        Command::Watch(args) => watch::run(&args, output),
        Command::Enrol(args) => join::enrol::run(args, output).await,
        Command::Register(args) => join::register::run(args, output).await,
        Command::Scan(args) => scan::run(args, output).await,
        Command::Confirmations(args) => confirmations::run(args, output).await,
        Command::Confirm(args) => confirm::run(args, output).await,
        Command::Refuse(args) => refuse::run(args, output).await,
        Command::Balance(args) => balance::run(args, output).await,
        Command::History(args) => history::run(args, output).await,
        Command::Receive(args) => receive::run(args, output).await,
        Command::Transfer(args) => transfer::run(args, output).await,
        Command::Envelope(command) => envelope::run(command, output).await,
        Command::Withdraw(args) => withdraw::run(args, output).await,
        Command::Withdrawals(args) => withdrawals::run(args, output).await,
        Command::Account(args) => account::run(args, output).await,
        Command::Handle(args) => handle::run(args, output).await,
        Command::Limits(args) => limits::run(args, output).await,
        Command::Pin(command) => pin::run(command, output).await,
        Command::Totp(args) => totp::run(args, output).await,
        Command::RecoveryCodes(args) => recovery_codes::run(args, output).await,
        Command::Device(command) => device::run(command, output).await,
        Command::Freeze(args) => freeze::run(args, output).await,
        Command::Unfreeze(args) => freeze::unfreeze(args, output).await,
        Command::Export(args) => export::run(args, output).await,
        Command::Close(args) => close::run(args, output).await,
    }
}
