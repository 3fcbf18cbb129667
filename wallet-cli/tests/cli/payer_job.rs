//! The payer's side: protecting the account, confirming, more devices, money between people.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use totp_rs::Totp;

use crate::shop::{Shop, printed};

pub(crate) const PIN: &str = "482913";

impl Shop {
    /// Runs a payer's command in a wallet, with the PIN at hand.
    pub(crate) fn payer(&self, wallet: &str, arguments: &[&str]) -> Output {
        let mut all = vec!["payer"];
        all.extend(arguments);
        all.extend(["--wallet", wallet, "--json"]);
        self.run_with(&all, &[("WALLET_PIN", PIN)])
    }

    /// The same, which must succeed; the last JSON value that it prints.
    #[track_caller]
    pub(crate) fn payer_json(&self, wallet: &str, arguments: &[&str]) -> Value {
        let output = self.payer(wallet, arguments);
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}{error}");
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }

    /// The same, which must be refused with this code.
    #[track_caller]
    pub(crate) fn payer_refused(&self, wallet: &str, arguments: &[&str], status: i32, code: &str) {
        let output = self.payer(wallet, arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], code, "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    }

    /// A merchant, and a payer with 500.00 CNY, a device and a PIN.
    pub(crate) fn people_with_pin(&self) -> String {
        let payer = self.people();
        self.payer_json("w", &["pin", "set"]);
        payer
    }

    /// One more payer with a device and a PIN.
    fn another(&self, name: &str, wallet: &str) -> String {
        let payer = self.json(&["operator", "payer", "create", name]);
        let payer = payer["id"].as_str().unwrap().to_owned();
        self.invite(&payer);
        let enrol = ["enrol", "--invitation-file", "invitation", "--no-passphrase"];
        self.payer_json(wallet, &enrol);
        payer
    }

    /// Sets up one-time passwords, and returns the authenticator and the recovery codes.
    pub(crate) fn authenticator(&self, wallet: &str) -> (Totp, Vec<String>) {
        let secret = self.payer_json(wallet, &["totp"]);
        let app = Totp::from_url(secret["otpauth_uri"].as_str().unwrap()).unwrap();
        self.write("otp", &app.generate(seconds_from_now(-30)).to_string());
        let codes = self.payer_json(wallet, &["totp", "--confirm", "--otp-file", "otp"]);
        let codes = codes["recovery_codes"].as_array().unwrap().iter();
        (app, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
    }

    /// Begins to charge a code of this wallet.
    fn begin_charge(&self, wallet: &str, amount: &str) -> Child {
        let show = ["code", "--once", "--png", "code.png"];
        assert!(self.payer(wallet, &show).status.success());
        let charge = ["merchant", "charge", amount, "--scan", "code.png"];
        self.start(&[charge.as_slice(), &["--api-key-file", "api.key", "--json"]].concat())
    }

    /// Waits until a payment waits for the payer.
    pub(crate) fn wait_for_confirmation(&self, wallet: &str) -> Value {
        let waiting = self.payer_json(wallet, &["confirmations", "--wait", "25"]);
        assert_eq!(waiting["data"].as_array().unwrap().len(), 1, "{waiting}");
        waiting["data"][0].clone()
    }
}

fn seconds_from_now(seconds: i64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "an authenticator app goes by the clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    now.checked_add_signed(seconds).unwrap()
}

/// How a charge ended: its exit code, and the payment's state.
pub(crate) fn ended(charge: Child) -> (Option<i32>, String) {
    let output = charge.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let first: Value = serde_json::from_str(said.lines().next().unwrap_or_default()).unwrap();
    (output.status.code(), first["state"].as_str().unwrap_or(&said).to_owned())
}

#[test]
fn a_charge_waits_until_the_payer_confirms_with_the_pin_or_refuses() {
    let shop = Shop::open();
    shop.people_with_pin();
    let charge = shop.begin_charge("w", "150.00");
    let waiting = shop.wait_for_confirmation("w");
    assert_eq!((&waiting["amount"], &waiting["reason"]), (&"150.00".into(), &"amount".into()));
    shop.write("wrong", "482914");
    shop.payer_refused("w", &["confirm", "--pin-file", "wrong"], 3, "pin_refused");
    let confirmed = shop.payer_json("w", &["confirm"]);
    assert_eq!(confirmed["state"], "succeeded");
    assert_eq!(ended(charge), (Some(0), "succeeded".to_owned()));
    assert_eq!(shop.payers_balance(), "350.00");
    shop.payer_refused("w", &["confirm"], 3, "nothing_waits");
    let decided = waiting["payment"].as_str().unwrap();
    shop.payer_refused("w", &["confirm", decided], 3, "payment_closed");

    let charge = shop.begin_charge("w", "151.00");
    shop.wait_for_confirmation("w");
    assert_eq!(shop.payer_json("w", &["refuse"])["decline_code"], "refused_by_payer");
    assert_eq!(ended(charge), (Some(3), "declined".to_owned()));
    assert_eq!(shop.payers_balance(), "350.00");
}

#[test]
fn a_till_that_gives_up_calls_its_payment_off_and_the_payer_hears_of_it() {
    let shop = Shop::open();
    shop.people_with_pin();
    let mut watch = shop.start(&["payer", "watch", "--wallet", "w"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = |name: &str| -> Value {
        let line =
            lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        line.map(|line| line[name].clone()).find(|found| !found.is_null()).unwrap()
    };
    let charge = shop.begin_charge("w", "150.00");
    let payment = next("confirmation")["payment"].clone();
    let cancel = ["merchant", "cancel", payment.as_str().unwrap(), "--api-key-file", "api.key"];
    assert_eq!(shop.json(&cancel)["state"], "canceled");
    assert_eq!(next("closed"), payment);
    assert_eq!(ended(charge), (Some(3), "canceled".to_owned()));
    assert_eq!(
        printed(&shop.run(&[&cancel[..], &["--json"]].concat()))["error"]["code"],
        "payment_closed"
    );
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn a_second_device_joins_with_a_one_time_password_or_approval_and_an_invitation_of_the_first() {
    let shop = Shop::open();
    let payer = shop.people_with_pin();
    let (app, codes) = shop.authenticator("w");
    assert_eq!(codes.len(), 10);
    let account = shop.payer_json("w", &["account"]);
    assert_eq!((&account["pin_set"], &account["totp_set"]), (&true.into(), &true.into()));

    // With a password, though a wrong one at first.
    shop.invite(&payer);
    let enrol = ["enrol", "--invitation-file", "invitation", "--no-passphrase"];
    let with_password = [&enrol[..], &["--otp-file", "otp"]].concat();
    shop.write("otp", "000000");
    shop.payer_refused("second", &with_password, 3, "otp_wrong");
    shop.write("otp", &app.generate(seconds_from_now(0)).to_string());
    shop.payer_json("second", &with_password);

    // With approval: the invitation is kept, so that running it again needs nothing.
    shop.invite(&payer);
    shop.payer_refused("third", &enrol, 4, "enrolment_pending");
    let devices = shop.payer_json("w", &["device", "list"])["data"].clone();
    let pending = devices.as_array().unwrap().iter().find(|one| one["state"] == "pending");
    let pending = pending.unwrap()["key_id"].as_str().unwrap();
    shop.payer_json("w", &["device", "approve", pending]);
    shop.payer_json("third", &["enrol", "--no-passphrase"]);
    assert!(!shop.path("third").join("invitation").exists());
    shop.payer_json("w", &["device", "name", pending, "blue phone"]);

    // With an invitation of the first.
    let invitation = shop.payer_json("w", &["device", "invite"]);
    shop.write("invitation", invitation["invitation"].as_str().unwrap());
    shop.payer_json("fourth", &enrol);
    assert_eq!(shop.payer_json("fourth", &["balance"])["available"], "500.00");

    shop.payer_json("fourth", &["device", "revoke", pending]);
    assert_eq!(shop.payer("third", &["balance"]).status.code(), Some(3));
    shop.payer_refused("second", &["enrol"], 6, "already_enrolled");
}

#[test]
fn a_pin_is_changed_with_the_present_one_and_reset_with_a_recovery_code() {
    let shop = Shop::open();
    shop.people_with_pin();
    let (_, codes) = shop.authenticator("w");
    shop.write("new", "112358");
    shop.payer_json("w", &["pin", "change", "--new-pin-file", "new"]);
    shop.write("otp", &codes[0]);
    let renew = ["recovery-codes", "--otp-file", "otp"];
    shop.payer_refused("w", &renew, 3, "pin_refused");
    shop.write("new", PIN);
    shop.payer_json("w", &["pin", "reset", "--otp-file", "otp", "--new-pin-file", "new"]);
    shop.payer_refused(
        "w",
        &["pin", "reset", "--otp-file", "otp", "--new-pin-file", "new"],
        3,
        "recovery_code_wrong",
    );
    shop.write("otp", &codes[1]);
    let codes = shop.payer_json("w", &renew);
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);
    shop.write("new", "123456");
    shop.payer_refused("w", &["pin", "change", "--new-pin-file", "new"], 3, "invalid_request");
}

#[test]
fn limits_are_lowered_handles_chosen_and_accounts_frozen_and_let_go() {
    let shop = Shop::open();
    let payer = shop.people_with_pin();
    let limits = shop.payer_json("w", &["limits", "--without-pin", "10", "--day", "300.00"]);
    assert_eq!(limits["own"]["without_pin"], "10.00");
    assert_eq!(shop.payer_json("w", &["limits"])["own"]["day"], "300.00");
    shop.payer_refused("w", &["limits", "--day", "1000000"], 3, "limit_above_issuer");
    assert_eq!(shop.payer_json("w", &["handle", "wei.w"])["handle"], "wei.w");

    assert_eq!(shop.payer_json("w", &["freeze"])["state"], "frozen");
    let charge = shop.begin_charge("w", "1.00").wait_with_output().unwrap();
    assert_eq!(printed(&charge)["error"]["code"], "payer_unavailable");
    assert_eq!(shop.payer_json("w", &["unfreeze"])["state"], "active");
    assert_eq!(shop.json(&["operator", "payer", "freeze", &payer])["state"], "frozen");
    shop.payer_refused("w", &["unfreeze"], 3, "frozen_by_operator");
    assert_eq!(shop.json(&["operator", "payer", "unfreeze", &payer])["state"], "active");
}

#[test]
fn money_goes_to_others_and_out_and_the_account_can_be_exported_and_closed() {
    let shop = Shop::open();
    shop.people_with_pin();
    shop.another("Mei", "mei");
    shop.payer_json("mei", &["handle", "mei"]);
    let sent = shop.payer_json("w", &["transfer", "20.00", "--to", "mei", "--note", "lunch"]);
    assert_eq!((&sent["state"], &sent["to"]["handle"]), (&"succeeded".into(), &"mei".into()));
    shop.payer_json("mei", &["receive", "--png", "mei.png"]);
    shop.payer_json("w", &["transfer", "5.00", "--scan", "mei.png"]);
    assert_eq!(shop.payer_json("mei", &["balance"])["available"], "25.00");
    shop.payer_json("mei", &["receive", "--new"]);
    shop.payer_refused("w", &["transfer", "5.00", "--scan", "mei.png"], 3, "unknown_recipient");
    let repeat = ["transfer", "5.00", "--to", "mei", "--idempotency-key", "key-1"];
    let (first, again) = (shop.payer_json("w", &repeat), shop.payer_json("w", &repeat));
    assert_eq!(first["id"], again["id"]);

    let withdraw = ["withdraw", "30.00", "--to", "account 1"];
    let first = shop.payer_json("mei", &withdraw)["id"].clone();
    let pay = ["operator", "withdrawal", "pay", first.as_str().unwrap()];
    let paid = shop.json(&[&pay[..], &["--external-reference", "bank-2"]].concat());
    assert_eq!(paid["state"], "succeeded");
    shop.payer_refused("mei", &withdraw, 3, "insufficient_funds");
    let back = shop.payer_json("w", &["withdraw", "70.00", "--to", "account 2"])["id"].clone();
    let waiting = shop.json(&["operator", "withdrawal", "list", "--state", "authorized"]);
    assert_eq!(waiting["data"][0]["destination"], "account 2");
    shop.json(&["operator", "withdrawal", "return", back.as_str().unwrap()]);
    assert_eq!(shop.payer_json("w", &["withdrawals"])["data"][0]["state"], "canceled");
    assert_eq!(shop.payers_balance(), "470.00");

    shop.payer_json("mei", &["export", "--file", "mei.json"]);
    let export: Value =
        serde_json::from_slice(&std::fs::read(shop.path("mei.json")).unwrap()).unwrap();
    assert_eq!(export["account"]["handle"], "mei");
    assert!(export["activity"].as_array().unwrap().len() >= 4, "{export}");
    shop.payer_refused("w", &["close"], 3, "account_not_empty");
    shop.payer_json("mei", &["close"]);
    assert_eq!(shop.payer("mei", &["balance"]).status.code(), Some(3));
}

#[test]
fn a_red_envelope_is_claimed_from_its_picture_once_each_and_its_sender_sees_by_whom() {
    let shop = Shop::open();
    shop.people_with_pin();
    for (name, wallet) in [("Mei", "mei"), ("Wang", "wang")] {
        shop.another(name, wallet);
    }
    let send = ["envelope", "send", "8.88", "--shares", "2", "--greeting", "恭喜发财"];
    let sent = shop.payer_json("w", &[&send[..], &["--png", "envelope.png"]].concat());
    let claim = ["envelope", "claim", "--scan", "envelope.png"];
    assert_eq!(shop.payer_json("mei", &claim)["greeting"], "恭喜发财");
    shop.payer_refused("mei", &claim, 3, "envelope_claimed");
    shop.write("token", sent["token"].as_str().unwrap());
    shop.payer_json("wang", &["envelope", "claim", "--token-file", "token"]);
    shop.payer_refused("w", &claim, 3, "own_envelope");

    let id = sent["id"].as_str().unwrap();
    let shown = shop.payer_json("w", &["envelope", "show", id]);
    assert_eq!((&shown["state"], &shown["amount_claimed"]), (&"succeeded".into(), &"8.88".into()));
    assert_eq!(shown["claims"].as_array().unwrap().len(), 2);
    assert_eq!(shop.payer_json("mei", &["envelope", "show", id])["claimed"], 2);
    assert_eq!(shop.payer_json("w", &["envelope", "list"])["data"][0]["id"], id);
    shop.payer_refused("w", &["envelope", "send", "0.05", "--shares", "6"], 3, "invalid_request");
}

#[test]
fn whoever_may_register_opens_an_account_and_enrols_its_first_device() {
    let shop = Shop::open();
    shop.payer_refused("li", &["register", "Li", "--no-passphrase"], 3, "registration_closed");
    let shop = Shop::open_with(&["--set", "registration=open"]);
    shop.payer_json("li", &["register", "Li", "--handle", "li.wei", "--no-passphrase"]);
    let account = shop.payer_json("li", &["account"]);
    assert_eq!((&account["handle"], &account["pin_set"]), (&"li.wei".into(), &true.into()));
}
