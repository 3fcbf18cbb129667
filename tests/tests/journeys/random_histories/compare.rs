//! Holds what the server says, and what is in its books, against the model.

use serde_json::Value;
use wallet_server::store::Store;
use wallet_tests::Answer;

use super::command::OWNERS;
use super::model::{Expected, Model};
use super::rules::text;
use super::scene::Scene;

/// Whether an answer is as expected; says what is not.
pub(super) fn fault(expected: &Expected, answer: &Answer) -> Option<String> {
    let code = answer.text("/code");
    if code != expected.code {
        return Some(format!("{code:?} instead of {:?}", expected.code));
    }
    if answer.replayed != expected.replayed {
        return Some(format!("replayed: {}", answer.replayed));
    }
    says_otherwise(&expected.says, &answer.json)
}

fn says_otherwise(says: &[(&'static str, String)], json: &Value) -> Option<String> {
    says.iter().find_map(|(pointer, expected)| {
        let found = shown(json.pointer(pointer));
        (found != *expected).then(|| format!("{pointer} is {found} instead of {expected}"))
    })
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Everything that anybody can look up, and the invariants of the books.
pub(super) async fn everything(scene: &Scene, model: &Model) -> Result<(), String> {
    for payer in 0..OWNERS[..4].len() {
        purse(scene, model, payer).await?;
    }
    for merchant in 0..scene.tills.len() {
        let balance = scene.tills[merchant].get("/v1/balance").await;
        let says = vec![
            ("/balances/0/available", text(model.earned(merchant))),
            ("/balances/0/held", text(model.paying_out(merchant))),
        ];
        same(&says, &balance, &format!("what merchant {merchant} has"))?;
    }
    payments(scene, model).await?;
    of_payers(scene, model).await?;
    of_merchants(scene, model).await?;
    own_accounts(scene, model).await?;
    invariants(scene).await
}

fn same(says: &[(&'static str, String)], answer: &Answer, what: &str) -> Result<(), String> {
    match says_otherwise(says, &answer.json) {
        None => Ok(()),
        Some(fault) => Err(format!("{what}: {fault}: {}", answer.text)),
    }
}

async fn purse(scene: &Scene, model: &Model, payer: usize) -> Result<(), String> {
    let phone = &scene.phones[payer];
    let balance = phone.get(&scene.world, "/v1/wallet/balance").await;
    let says =
        vec![("/available", text(model.available(payer))), ("/held", text(model.held(payer)))];
    same(&says, &balance, &format!("what payer {payer} has"))?;
    let limits = phone.get(&scene.world, "/v1/wallet/limits").await;
    let (day, month, count) = model.left(payer, scene.now());
    let says = vec![
        ("/left/day", text(day)),
        ("/left/month", text(month)),
        ("/left/without_pin_count", count.to_string()),
    ];
    same(&says, &limits, &format!("what payer {payer} may spend"))
}

async fn payments(scene: &Scene, model: &Model) -> Result<(), String> {
    for (n, payment) in model.payments.iter().enumerate() {
        let path = format!("/v1/payments/{}", scene.ids.payments[n]);
        let answer = scene.tills[payment.merchant].get(&path).await;
        let says = vec![
            ("/state", payment.state().to_owned()),
            ("/amount", text(payment.amount)),
            ("/amount_settled", text(payment.captured())),
            ("/amount_refunded", text(payment.refunded())),
        ];
        same(&says, &answer, &format!("payment {n}"))?;
    }
    Ok(())
}

async fn of_payers(scene: &Scene, model: &Model) -> Result<(), String> {
    for (n, envelope) in model.envelopes.iter().enumerate() {
        let path = format!("/v1/wallet/envelopes/{}", scene.ids.envelopes[n].0);
        let answer = scene.phones[envelope.payer].get(&scene.world, &path).await;
        let says = vec![
            ("/state", envelope.state().to_owned()),
            ("/claimed", envelope.claimants.len().to_string()),
            ("/amount_claimed", text(envelope.claimed())),
        ];
        same(&says, &answer, &format!("envelope {n}"))?;
    }
    let states = listed(scene, "/v1/operator/withdrawals").await;
    let states = |n: usize| of(&states, &scene.ids.withdrawals[n]);
    for (n, withdrawal) in model.withdrawals.iter().enumerate() {
        equal(&states(n), withdrawal.state(), &format!("withdrawal {n}"))?;
    }
    let states = listed(scene, "/v1/operator/suspense").await;
    for (n, suspense) in model.suspense.iter().enumerate() {
        let state = of(&states, &scene.ids.suspense[n]);
        equal(&state, suspense.state(), &format!("suspense {n}"))?;
    }
    Ok(())
}

async fn of_merchants(scene: &Scene, model: &Model) -> Result<(), String> {
    for (n, order) in model.orders.iter().enumerate() {
        let path = format!("/v1/orders/{}", scene.ids.orders[n].0);
        let answer = scene.tills[order.merchant].get(&path).await;
        let payment = match order.state {
            super::model::OrderState::Paid(payment) => scene.ids.payments[payment].clone(),
            _ => String::new(),
        };
        let says = vec![("/state", order.state().to_owned()), ("/payment", payment)];
        same(&says, &answer, &format!("order {n}"))?;
    }
    let states = listed(scene, "/v1/operator/payouts").await;
    for (n, payout) in model.payouts.iter().enumerate() {
        let state = of(&states, &scene.ids.payouts[n]);
        equal(&state, payout.state(), &format!("payout {n}"))?;
    }
    Ok(())
}

fn equal(found: &str, expected: &str, what: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found} and not {expected}")) }
}

/// The ids and states of a whole list of the operator's.
async fn listed(scene: &Scene, path: &str) -> Vec<(String, String)> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = scene.world.operator_get(&format!("{path}?limit=100{after}")).await;
        let rows = page.json["data"].as_array().unwrap_or_else(|| panic!("{}", page.text));
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        all.extend(rows.iter().map(|row| (text(row, "id"), text(row, "state"))));
        match page.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

fn of(states: &[(String, String)], id: &str) -> String {
    let found = states.iter().find(|it| it.0 == id);
    found.map_or_else(|| "missing".to_owned(), |it| it.1.clone())
}

/// What the issuer has itself; the books balance, or this panics.
async fn own_accounts(scene: &Scene, model: &Model) -> Result<(), String> {
    let books = scene.world.books().await;
    let expected = [
        ("bank", model.bank(), false),
        ("fees", model.fees(), true),
        ("suspense", model.suspended(), true),
    ];
    for (account, amount, is_credit) in expected {
        let row = books.iter().find(|row| row.0 == account);
        let found = row.map_or("0.00", |row| if is_credit { &row.2 } else { &row.1 });
        equal(found, &text(amount), account)?;
    }
    Ok(())
}

async fn invariants(scene: &Scene) -> Result<(), String> {
    // What is open and its batch's place are written apart on PostgreSQL.
    scene.world.placed().await;
    let store = Store::open_to_read(&scene.world.database_url()).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    store.close().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:?}")) }
}
