//! A till whose network breaks, whose machine dies, and which runs again: one payment or none.

use std::process::{Child, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::payer_job::ended;
use crate::proxy::{Fate, Proxy};
use crate::shop::{Shop, printed};

const CHARGE: &str = "POST /v1/payments";
const REVERSAL: &str = "POST /v1/payments/cancel";

/// The arguments of a charge of 12.50.
fn arguments<'a>(reference: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let charge = ["merchant", "charge", "12.50", "--scan", "code.png", "--reference", reference];
    [&charge[..], &["--api-key-file", "api.key", "--json"], more].concat()
}

impl Shop {
    fn shop_and_code() -> Self {
        let shop = Self::open();
        shop.people();
        shop.show_next();
        shop
    }

    fn show_next(&self) {
        assert!(self.show(&["--png", "code.png"]).status.success());
    }

    fn begin_sale(&self, url: &str, reference: &str, more: &[&str]) -> Child {
        self.start_at(url, &arguments(reference, more))
    }

    fn through(&self, proxy: &Proxy, reference: &str, more: &[&str]) -> Output {
        self.begin_sale(proxy.url(), reference, more).wait_with_output().unwrap()
    }

    /// Charges over a network without faults.
    fn again(&self, reference: &str) -> Output {
        self.run(&arguments(reference, &[]))
    }

    fn resume(&self, reference: &str) -> Output {
        let resume = ["merchant", "charge", "--resume", reference, "--api-key-file", "api.key"];
        self.run(&[&resume[..], &["--json"]].concat())
    }

    fn payments(&self) -> Vec<Value> {
        let list = self.json(&["merchant", "payment", "--api-key-file", "api.key"]);
        list["data"].as_array().unwrap().clone()
    }

    /// Everything in the journal.
    fn journal(&self) -> String {
        let files = std::fs::read_dir(self.path("state/wallet/till/live")).unwrap();
        let text = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        text.collect::<Vec<_>>().concat()
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The exit code, and the state of the payment.
fn state(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let first: Value = serde_json::from_str(said.lines().next().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), first["state"].as_str().unwrap_or(&said).to_owned())
}

fn paid() -> (Option<i32>, String) {
    (Some(0), "succeeded".to_owned())
}

fn canceled() -> (Option<i32>, String) {
    (Some(3), "canceled".to_owned())
}

#[test]
fn whatever_breaks_on_the_way_the_charge_is_repeated_and_paid_once() {
    let shop = Shop::shop_and_code();
    for (number, cut) in [Fate::CutBefore, Fate::CutAfter].into_iter().enumerate() {
        let proxy = Proxy::to(shop.url(), move |number, line| match line {
            CHARGE if number < 3 => cut,
            _ => Fate::Passes,
        });
        let reference = format!("order-{number}");
        assert_eq!(state(&shop.through(&proxy, &reference, &[])), paid(), "{cut:?}");
        let charges = proxy.seen().iter().filter(|line| *line == CHARGE).count();
        assert_eq!(charges, 3, "{:?}", proxy.seen());
        assert_eq!(shop.payments().len(), number + 1);
        shop.show_next();
    }
    assert_eq!(shop.payers_balance(), "475.00");
}

#[test]
fn killed_at_any_request_and_run_again_it_charges_once() {
    let shop = Shop::shop_and_code();
    let mut count = 0;
    for held in [Fate::HeldBefore, Fate::HeldAfter] {
        for at in 0..2 {
            let proxy = Proxy::to(
                shop.url(),
                move |number, _| {
                    if number == at { held } else { Fate::Passes }
                },
            );
            count += 1;
            let reference = format!("order-{count}");
            let charge = shop.begin_sale(proxy.url(), &reference, &[]);
            proxy.wait_until_held();
            kill(charge);
            let first = shop.again(&reference);
            assert_eq!(state(&first), paid(), "{held:?} {at}: {:?}", proxy.seen());
            // Once more, after the end: the same payment, and no other.
            let second = shop.again(&reference);
            assert_eq!(state(&second), paid());
            assert_eq!(printed(&first)["id"], printed(&second)["id"]);
            assert_eq!(shop.payments().len(), count);
            shop.show_next();
        }
    }
    assert_eq!(shop.payers_balance(), "450.00");
    assert_eq!(shop.json(&["operator", "trial-balance"])["totals"][0]["balanced"], true);
}

#[test]
fn without_an_answer_it_is_called_off_and_killed_meanwhile_called_off_by_the_next_run() {
    let shop = Shop::shop_and_code();
    let mut count = 0;
    for (cut, payments) in [(Fate::CutBefore, 0), (Fate::CutAfter, 1)] {
        for held in [Fate::Passes, Fate::HeldBefore, Fate::HeldAfter] {
            let proxy = Proxy::to(shop.url(), move |_, line| match line {
                CHARGE => cut,
                REVERSAL => held,
                _ => Fate::Passes,
            });
            count += 1;
            let reference = format!("order-{count}");
            let before = shop.payments().len();
            let charge = shop.begin_sale(proxy.url(), &reference, &["--patience", "1"]);
            let output = if held == Fate::Passes {
                charge.wait_with_output().unwrap()
            } else {
                proxy.wait_until_held();
                kill(charge);
                shop.resume(&reference)
            };
            if payments == 1 {
                assert_eq!(state(&output), canceled(), "{held:?}");
            } else {
                assert_eq!(output.status.code(), Some(3));
                assert_eq!(printed(&output)["error"]["code"], "reversed", "{held:?}");
            }
            assert_eq!(shop.payments().len(), before + payments);
            assert_eq!(shop.payers_balance(), "500.00");
            // Neither the same sale nor anybody else's comes under this reference any more.
            assert_eq!(shop.again(&reference).status.code(), Some(3));
            assert_eq!(shop.payments().len(), before + payments);
            shop.show_next();
        }
    }
    let charged = shop.again("order-7");
    assert_eq!(state(&charged), paid());
}

#[test]
fn without_a_network_nothing_is_claimed_and_the_next_run_ends_it() {
    let shop = Shop::shop_and_code();
    let proxy = Proxy::to(shop.url(), |_, line| match line {
        CHARGE => Fate::CutAfter,
        REVERSAL => Fate::HeldBefore,
        _ => Fate::Passes,
    });
    let charge = shop.begin_sale(proxy.url(), "order-1", &["--patience", "1"]);
    // The cashier does not want to wait any longer; the first time, it is still tried again.
    for _ in 0..2 {
        proxy.wait_until_held();
        kill_process(Pid::from_child(&charge), Signal::INT).unwrap();
    }
    let output = charge.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(printed(&output)["error"]["code"], "undecided");
    // Another amount is another sale.
    let other = ["merchant", "charge", "1", "--scan", "code.png", "--reference", "order-1"];
    let other = shop.run(&[&other[..], &["--api-key-file", "api.key", "--json"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(printed(&other)["error"]["code"], "other_sale");
    let all = shop.run(&["merchant", "charge", "--resume", "--api-key-file", "api.key", "--json"]);
    assert_eq!((all.status.code(), state(&all).1), (Some(0), "canceled".to_owned()));
    assert_eq!(shop.payers_balance(), "500.00");
}

#[test]
fn two_processes_never_run_one_sale() {
    let shop = Shop::shop_and_code();
    let hold = |_, line: &str| if line == CHARGE { Fate::HeldBefore } else { Fate::Passes };
    let proxy = Proxy::to(shop.url(), hold);
    let first = shop.begin_sale(proxy.url(), "order-1", &[]);
    proxy.wait_until_held();
    let second = shop.again("order-1");
    assert_eq!(second.status.code(), Some(4));
    assert_eq!(printed(&second)["error"]["code"], "sale_busy");
    kill(first);
    assert_eq!(state(&shop.again("order-1")), paid());
}

#[test]
fn the_code_leaves_the_disk_with_the_sale() {
    let shop = Shop::shop_and_code();
    let digits = shop.run(&["code", "read", "code.png"]).stdout;
    let digits = String::from_utf8(digits).unwrap().trim().to_owned();
    let hold = |_, line: &str| if line == CHARGE { Fate::HeldAfter } else { Fate::Passes };
    let proxy = Proxy::to(shop.url(), hold);
    let charge = shop.begin_sale(proxy.url(), "order-1", &[]);
    proxy.wait_until_held();
    assert!(shop.journal().contains(&digits));
    kill(charge);
    assert_eq!(state(&shop.again("order-1")), paid());
    assert!(!shop.journal().contains(&digits));
}

#[test]
fn a_customer_shows_the_next_code_for_the_same_sale() {
    let shop = Shop::shop_and_code();
    assert_eq!(state(&shop.again("order-1")), paid());
    let used = shop.again("order-2");
    assert_eq!(printed(&used)["error"]["code"], "code_used");
    shop.show_next();
    assert_eq!(state(&shop.again("order-2")), paid());
    assert_eq!(shop.payers_balance(), "475.00");
}

#[test]
fn killed_while_the_payer_is_asked_it_waits_again_or_is_called_off_by_the_cashier() {
    let shop = Shop::open();
    shop.people_with_pin();
    let charge = |reference: &'static str| {
        let charge = ["merchant", "charge", "150", "--scan", "code.png", "--reference", reference];
        [&charge[..], &["--api-key-file", "api.key", "--json"]].concat()
    };
    shop.show_next();
    let first = shop.start(&charge("order-1"));
    shop.wait_for_confirmation("w");
    kill(first);
    let second = shop.start(&charge("order-1"));
    assert_eq!(shop.payer_json("w", &["confirm"])["state"], "succeeded");
    assert_eq!(ended(second), paid());
    assert_eq!(shop.payers_balance(), "350.00");

    shop.show_next();
    let third = shop.start(&charge("order-2"));
    shop.wait_for_confirmation("w");
    kill_process(Pid::from_child(&third), Signal::INT).unwrap();
    assert_eq!(ended(third), canceled());
    assert_eq!(shop.payers_balance(), "350.00");
}

#[test]
fn what_another_machine_charged_is_never_said_to_be_unpaid_because_its_repeat_was_refused() {
    let shop = Shop::shop_and_code();
    let key = ["--idempotency-key", "key-1"];
    assert_eq!(state(&shop.run(&arguments("order-1", &key))), paid());
    let balance = shop.payers_balance();
    shop.show_next();
    // The key stands for the code before: the server says so, and did nothing. But somebody paid.
    let elsewhere = [&key[..], &["--journal", "elsewhere"]].concat();
    let repeat = shop.run(&arguments("order-1", &elsewhere));
    assert_eq!(state(&repeat), canceled(), "{balance}");
    assert_eq!(shop.payers_balance(), "500.00");
    // A key without the name of its sale could only be a new sale's.
    let nameless = ["merchant", "charge", "12.50", "--scan", "code.png", "--idempotency-key", "k"];
    let nameless = shop.run(&[&nameless[..], &["--api-key-file", "api.key"]].concat());
    assert_eq!(nameless.status.code(), Some(2));
}
