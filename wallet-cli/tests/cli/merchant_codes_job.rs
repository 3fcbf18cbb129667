//! Codes that merchants show, from the merchant's command to the payer's.

use serde_json::Value;
use wallet_core::emv::{Payload, Strictness};

use crate::shop::{Shop, printed};

impl Shop {
    /// A merchant's command about orders or plates, which must succeed.
    #[track_caller]
    fn makes(&self, arguments: &[&str]) -> Value {
        self.json(&[&["merchant"], arguments, &["--api-key-file", "api.key"]].concat())
    }

    /// Takes on one more merchant, whose key takes the place of the one before.
    fn other_merchant(&self, name: &str) {
        let merchant = self.json(&["operator", "merchant", "create", name]);
        self.write("api.key", merchant["api_key"]["secret"].as_str().unwrap());
    }

    /// Pays from a picture, without being asked.
    #[track_caller]
    fn pays(&self, arguments: &[&str]) -> Value {
        self.payer_json("w", &[&["scan", "--yes"], arguments].concat())
    }

    #[track_caller]
    fn does_not_pay(&self, arguments: &[&str], status: i32, code: &str) {
        self.payer_refused("w", &[&["scan", "--yes"], arguments].concat(), status, code);
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[test]
fn an_order_is_paid_once_from_its_picture() {
    let shop = Shop::open();
    shop.people_with_pin();
    let create = ["order", "create", "12.50", "--reference", "table-4", "--png", "order.png"];
    let order = shop.makes(&create);
    assert_eq!(order["state"], "open");
    shop.does_not_pay(&["order.png", "--amount", "12.51"], 3, "wrong_amount");
    let paid = shop.pays(&["order.png", "--idempotency-key", "k1"]);
    let repeated = shop.pays(&["order.png", "--idempotency-key", "k1"]);
    assert_eq!(repeated["id"], paid["id"]);
    assert_eq!((text(&paid, "state"), text(&paid, "amount")), ("succeeded", "12.50"));
    let order = shop.makes(&["order", "show", text(&order, "id"), "--wait"]);
    assert_eq!((&order["state"], &order["payment"]), (&"paid".into(), &paid["id"]));
    shop.does_not_pay(&["order.png"], 3, "order_paid");
    assert_eq!(shop.payers_balance(), "487.50");
    let found = shop.makes(&["order", "list", "--reference", "table-4", "--state", "paid"]);
    assert_eq!(found["data"][0]["id"], order["id"]);
}

#[test]
fn an_order_that_was_closed_is_not_paid() {
    let shop = Shop::open();
    shop.people_with_pin();
    let order = shop.makes(&["order", "create", "12.50", "--png", "order.png"]);
    let closed = shop.makes(&["order", "close", text(&order, "id")]);
    assert_eq!(closed["state"], "canceled");
    assert_eq!(shop.makes(&["order", "close", text(&order, "id")])["state"], "canceled");
    shop.does_not_pay(&["order.png"], 3, "order_canceled");
    let all = ["merchant", "order", "show", text(&order, "id"), "--wait", "--json"];
    let waited = shop.run(&[all.as_slice(), &["--api-key-file", "api.key"]].concat());
    assert_eq!(waited.status.code(), Some(3));
    assert_eq!(shop.payers_balance(), "500.00");
}

#[test]
fn an_order_above_what_goes_without_the_pin_asks_for_it() {
    let shop = Shop::open();
    shop.people_with_pin();
    shop.makes(&["order", "create", "150.00", "--png", "order.png"]);
    let scan = ["payer", "scan", "order.png", "--yes", "--wallet", "w", "--json"];
    let output = shop.run(&scan);
    assert_eq!(printed(&output)["error"]["code"], "no_terminal");
    let output = shop.run_with(&scan, &[("WALLET_PIN", "000000")]);
    assert_eq!(printed(&output)["error"]["code"], "pin_refused");
    assert_eq!(shop.payers_balance(), "500.00");
    assert_eq!(text(&shop.pays(&["order.png"]), "state"), "succeeded");
    assert_eq!(shop.payers_balance(), "350.00");
}

#[test]
fn a_plate_is_paid_again_and_again_until_it_is_closed() {
    let shop = Shop::open();
    shop.people_with_pin();
    let plate = shop.makes(&["plate", "create", "Stall 7", "--png", "plate.png"]);
    shop.does_not_pay(&["plate.png"], 2, "amount_missing");
    shop.does_not_pay(&["plate.png", "--amount", "0"], 2, "amount_not_positive");
    let first = shop.pays(&["plate.png", "--amount", "7"]);
    let second = shop.pays(&["plate.png", "--amount", "3.50"]);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["plate"], plate["id"]);
    assert_eq!(shop.payers_balance(), "489.50");

    let create = ["plate", "create", "Longjing", "--amount", "7.00", "--svg", "plate.svg"];
    let fixed = shop.makes(&create);
    assert!(shop.path("plate.svg").exists());
    shop.does_not_pay(&["--text", text(&fixed, "payload"), "--amount", "1"], 3, "wrong_amount");
    assert_eq!(text(&shop.pays(&["--text", text(&fixed, "payload")]), "amount"), "7.00");
    assert_eq!(shop.makes(&["plate", "list"])["data"].as_array().unwrap().len(), 2);
    assert_eq!(shop.makes(&["plate", "close", text(&plate, "id")])["state"], "closed");
    shop.does_not_pay(&["plate.png", "--amount", "7"], 3, "plate_closed");
}

#[test]
fn a_forged_code_is_not_paid_and_the_server_is_not_even_asked() {
    let mut shop = Shop::open();
    shop.people_with_pin();
    let plate = shop.makes(&["plate", "create", "Stall 7"]);
    shop.kill();
    let genuine = Payload::parse(text(&plate, "payload"), Strictness::Strict).unwrap();
    let objects: Vec<_> =
        genuine.objects().iter().filter(|o| o.id().number() < 82).cloned().collect();
    let unsigned = Payload::from_objects(&objects).unwrap().to_string();
    shop.does_not_pay(&["--text", &unsigned, "--amount", "7"], 3, "code_unsigned");
    let damaged = text(&plate, "payload").replace("0211", "0212");
    shop.does_not_pay(&["--text", &damaged, "--amount", "7"], 3, "emv_wrong_checksum");
    let pix = "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000\
               5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D";
    shop.does_not_pay(&["--text", pix], 3, "code_other_scheme");

    let inspect = |text: &str| shop.run(&["code", "inspect", text, "--wallet", "w", "--json"]);
    let seen = inspect(text(&plate, "payload"));
    assert_eq!(printed(&seen)["ours"]["signature"], "signed");
    assert_eq!(inspect(&unsigned).status.code(), Some(3));
}

#[test]
fn a_payer_is_warned_of_a_replaced_sticker_and_pays_only_if_told_to() {
    let shop = Shop::open();
    shop.people_with_pin();
    shop.makes(&["plate", "create", "Stall 7", "--png", "plate.png"]);
    let here = ["plate.png", "--amount", "7", "--place", "stall 7"];
    shop.pays(&here);
    shop.pays(&here);
    shop.other_merchant("Fish");
    shop.makes(&["plate", "create", "Stall 7", "--png", "plate.png"]);
    shop.does_not_pay(&here, 3, "merchant_warning");
    assert_eq!(shop.payers_balance(), "486.00");
    shop.pays(&[here.as_slice(), &["--despite-warning"]].concat());
    shop.pays(&here);
    shop.other_merchant("tea house");
    shop.makes(&["plate", "create", "Stall 8", "--png", "plate.png"]);
    shop.does_not_pay(&["plate.png", "--amount", "7"], 3, "merchant_warning");
    assert_eq!(shop.payers_balance(), "472.00");
}
