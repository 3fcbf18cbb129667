//! The merchant's side after the charge: capture, call off, give back.

use serde_json::Value;

use crate::shop::{Shop, printed};

impl Shop {
    fn merchant_json(&self, arguments: &[&str]) -> Value {
        self.json(&[&["merchant"], arguments, &["--api-key-file", "api.key"]].concat())
    }

    #[track_caller]
    fn merchant_refused(&self, arguments: &[&str], status: i32, code: &str) {
        let all = [&["merchant"], arguments, &["--api-key-file", "api.key", "--json"]].concat();
        let output = self.run(&all);
        assert_eq!(printed(&output)["error"]["code"], code, "{arguments:?}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }

    /// Charges a fresh code and returns the payment's id.
    fn charged(&self, amount: &str, options: &[&str]) -> String {
        assert!(self.show(&["--png", "code.png"]).status.success());
        let output = self.charge(amount, &[&["--scan", "code.png"], options].concat());
        assert!(output.status.success(), "{}", printed(&output));
        printed(&output)["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn money_is_held_captured_in_part_and_given_back_in_parts() {
    let shop = Shop::open();
    shop.people();
    let id = shop.charged("80.00", &["--capture", "manual"]);
    assert_eq!(shop.payers_balance(), "420.00");
    shop.merchant_refused(&["capture", &id, "80.01"], 3, "amount_too_large");
    let captured = shop.merchant_json(&["capture", &id, "64.50"]);
    assert_eq!(
        (&captured["state"], &captured["amount_settled"]),
        (&"succeeded".into(), &"64.50".into())
    );
    shop.merchant_refused(&["capture", &id], 3, "payment_closed");
    assert_eq!(shop.payers_balance(), "435.50");

    let repeat = ["refund", &id, "4.50", "--reason", "one cup broken", "--idempotency-key", "k1"];
    let refund = shop.merchant_json(&repeat);
    assert_eq!((&refund["amount"], &refund["reason"]), (&"4.50".into(), &"one cup broken".into()));
    assert_eq!(shop.merchant_json(&repeat)["id"], refund["id"]);
    let rest = shop.merchant_json(&["refund", &id]);
    assert_eq!(rest["amount"], "60.00");
    assert_eq!(shop.payers_balance(), "500.00");
    let list = shop.merchant_json(&["refunds", "--payment", &id]);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let first = refund["id"].as_str().unwrap();
    assert_eq!(shop.merchant_json(&["refunds", first])["amount"], "4.50");
    assert_eq!(shop.merchant_json(&["payment", &id])["state"], "refunded");
}

#[test]
fn a_sale_is_called_off_by_its_reference_whether_it_has_come_or_not() {
    let shop = Shop::open();
    shop.people();
    let cancel = |reference| shop.merchant_json(&["cancel", "--reference", reference]);
    shop.charged("12.50", &["--reference", "order-1"]);
    assert_eq!(cancel("order-1")["payment"]["state"], "canceled");
    shop.charged("12.50", &["--reference", "order-2", "--capture", "manual"]);
    assert_eq!(cancel("order-2")["payment"]["state"], "canceled");
    assert_eq!(cancel("order-3")["payment"], Value::Null);
    assert!(shop.show(&["--png", "code.png"]).status.success());
    let late = shop.charge("12.50", &["--scan", "code.png", "--reference", "order-3"]);
    assert_eq!(printed(&late)["error"]["code"], "reversed");
    assert_eq!(late.status.code(), Some(3));
    let id = shop.charged("12.50", &[]);
    assert_eq!(shop.merchant_json(&["cancel", &id])["state"], "canceled");
    assert_eq!(shop.payers_balance(), "500.00");
}

#[test]
fn money_is_paid_out_through_the_bank_and_comes_back_when_it_cannot_be() {
    let shop = Shop::open();
    shop.people();
    shop.charged("80.00", &[]);
    shop.merchant_refused(&["payout", "create"], 3, "payout_destination_missing");
    let merchants = shop.json(&["operator", "merchant", "list"]);
    let merchant = merchants["data"][0]["id"].as_str().unwrap();
    let to = ["--holder", "Corner Café Ltd", "--account", "DE89370400440532013000"];
    let set = [&["operator", "merchant", "destination", merchant][..], &to].concat();
    assert_eq!(shop.json(&set)["account"], "DE89370400440532013000");
    assert_eq!(shop.json(&set[..4])["holder"], "Corner Café Ltd");

    let asked = ["payout", "create", "30.00", "--description", "rent", "--idempotency-key", "k1"];
    let payout = shop.merchant_json(&asked);
    assert_eq!(payout["destination"]["account"], "**3000");
    assert_eq!(shop.merchant_json(&asked)["id"], payout["id"]);
    let rest = shop.merchant_json(&["payout", "create"]);
    assert_eq!(rest["amount"], "50.00");
    let rest = rest["id"].as_str().unwrap();
    assert_eq!(shop.merchant_json(&["payout", "cancel", rest])["state"], "canceled");
    let id = payout["id"].as_str().unwrap();
    let open = shop.json(&["operator", "payout", "list", "--state", "authorized"]);
    assert_eq!(open["data"][0]["id"], id);

    let batch = shop.json(&["operator", "payout-batch", "create"]);
    let batch = batch["id"].as_str().unwrap();
    let file = shop.run(&["operator", "payout-batch", "file", batch]);
    let file = String::from_utf8(file.stdout).unwrap();
    let line = format!("1,{id},Corner Café Ltd,DE89370400440532013000,,30.00,CNY\r\n");
    assert!(file.ends_with(&line), "{file}");
    shop.merchant_refused(&["payout", "cancel", id], 3, "payout_batched");
    let pay = ["operator", "payout-batch", "pay", batch, "--external-reference", "bank-7"];
    assert_eq!(shop.json(&pay)["succeeded"], 1);
    let paid = shop.merchant_json(&["payout", "show", id]);
    assert_eq!(paid["external_reference"], "bank-7/1");
    let back = ["operator", "payout", "return", id, "--reason", "no such account"];
    assert_eq!(shop.json(&back)["state"], "canceled");
    let list = shop.merchant_json(&["payout", "list", "--state", "canceled"]);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let balance = shop.merchant_json(&["balance"]);
    assert_eq!(balance["balances"][0]["available"], "80.00");
}

#[test]
fn the_books_are_read_as_events_movements_and_statements() {
    let shop = Shop::open();
    shop.people();
    let id = shop.charged("12.50", &["--reference", "order-1"]);
    let refund = shop.merchant_json(&["refund", &id, "4.50"]);
    // Events come a moment after their answers.
    let mut after = "evt_0_0_0".to_owned();
    let mut types = Vec::new();
    while types.len() < 3 {
        let events = shop.merchant_json(&["events", "--after", &after, "--wait", "25"]);
        let data = events["data"].as_array().unwrap();
        assert!(!data.is_empty(), "no event came: {types:?}");
        types.extend(data.iter().map(|event| event["type"].as_str().unwrap().to_owned()));
        after = events["next"].as_str().unwrap().to_owned();
    }
    let expected = ["payment.succeeded", "payment.partially_refunded", "refund.succeeded"];
    assert_eq!(types, expected);

    let moved = shop.merchant_json(&["transactions", "--payment", &id]);
    assert_eq!(moved["data"][0]["subject"], refund["id"]);
    assert_eq!(
        (&moved["data"][0]["net"], &moved["data"][0]["balance"]),
        (&"-4.50".into(), &"8.00".into())
    );
    let table = shop.run(&["merchant", "transactions", "--api-key-file", "api.key"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("order-1"));

    // Long over, and nothing happened on it.
    let totals = shop.merchant_json(&["statement", "2001-09-09"]);
    assert_eq!(totals["totals"][0]["closing_balance"], "0.00");
    let save = ["statement", "2001-09-09", "--csv", "--file", "day.csv"];
    shop.merchant_json(&save);
    let csv = std::fs::read_to_string(shop.path("day.csv")).unwrap();
    assert!(csv.starts_with("time,type,event,") && csv.lines().count() == 1, "{csv}");
    shop.merchant_refused(&["statement", "9999-01-01"], 3, "statement_not_ready");
    let nonsense = shop.run(&["merchant", "statement", "../balance", "--api-key-file", "api.key"]);
    assert_eq!(nonsense.status.code(), Some(2));
}
