//! Statements of a day: the same bytes whenever they are asked for, and what the journal and the
//! ledger say.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};
use wallet_core::{Currency, Money};
use wallet_tests::{Answer, Charge, Till, World};

use super::merchant_events::{everything, paid, shop};
use super::transfers::assert_books_are_right;
use crate::DATABASE;

/// Worlds begin on 2027-01-15 at 16:00:07 in Shanghai.
const TODAY: &str = "2027-01-15";
const SECONDS_TO_MIDNIGHT: i64 = 8 * 3600 - 7;

async fn statement(till: &Till, date: &str) -> Answer {
    till.get(&format!("/v1/statements/{date}")).await
}

async fn csv(till: &Till, date: &str) -> Answer {
    till.get_as(&format!("/v1/statements/{date}"), "text/csv").await
}

/// Lets the day end, and waits until its statement can be read.
async fn end_day(world: &World, till: &Till, date: &str, seconds: i64) {
    world.fed().await;
    world.advance_seconds(seconds + 60);
    let ready = async {
        while statement(till, date).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    let deadline = std::time::Duration::from_secs(20);
    tokio::time::timeout(deadline, ready).await.expect("the day does not end");
}

fn amount(minor: i64) -> String {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap()).amount_text()
}

/// The statement as an auditor makes it from the journal, the ledger and the payments' rows, without
/// the feed: the merchant's transfers in the order of their entries, and beside them the events that
/// stand for them, which settlement wrote in the same order. For a world with one merchant.
async fn recomputed(world: &World, days: std::ops::Range<i64>) -> String {
    let (open, close) = DATABASE.choose(("lower(hex(", "))"), ("encode(", ", 'hex')"));
    let hex = |column: &str| format!("{open}{column}{close}");
    let events = format!(
        "select j.position, e.n, b.committed_at, e.type, {}, {}, p.reference \
         from journal j join batches b on b.id = j.batch \
         join events e on e.batch = j.batch and e.merchant is not null \
         left join refunds r on r.id = e.subject \
         join payments p on p.id = coalesce(r.payment, e.subject) \
         where e.type in ('payment.succeeded', 'refund.succeeded') \
            or e.type = 'payment.canceled' and p.amount_settled > 0 \
         order by j.position, e.n",
        hex("e.subject"),
        hex("p.id")
    );
    let moves = "select \
            cast(sum(case when a.kind = 'merchant' then x.amount else 0 end) as bigint), \
            cast(sum(case when a.kind = 'fees' then x.amount else 0 end) as bigint) \
         from journal j join entries x on x.batch = j.batch and x.bucket = 'available' \
         join accounts a on a.id = x.account and a.kind in ('merchant', 'fees') \
         group by j.position, x.transfer order by j.position, min(x.n)";
    let mut database = world.database().await;
    let events = sqlx::query(AssertSqlSafe(events)).fetch_all(&mut database).await.unwrap();
    let moves = sqlx::query(moves).fetch_all(&mut database).await.unwrap();
    assert_eq!(events.len(), moves.len());
    let mut balance = 0;
    let mut text =
        "time,type,event,subject,payment,reference,currency,gross,fee,net,balance\r\n".to_owned();
    for (event, moved) in events.iter().zip(&moves) {
        let (net, fee): (i64, i64) = (moved.get(0), moved.get(1));
        balance += net;
        let (position, n, millis): (i64, i64, i64) = (event.get(0), event.get(1), event.get(2));
        if !days.contains(&millis) {
            continue;
        }
        let time = jiff::Timestamp::from_millisecond(millis).unwrap();
        let (kind, subject): (String, String) = (event.get(3), event.get(4));
        let prefix = if kind.starts_with("refund") { "ref" } else { "pay" };
        let (payment, reference): (String, String) = (event.get(5), event.get(6));
        let reference = if reference.contains(['"', ',']) {
            format!("\"{}\"", reference.replace('"', "\"\""))
        } else {
            reference
        };
        let amounts = [net + fee, fee, net, balance].map(amount).join(",");
        let row = format!(
            "{time:.3},{kind},evt_{position}_{n}_{millis},{prefix}_{subject},pay_{payment},\
             {reference},CNY,{amounts}\r\n"
        );
        text.push_str(&row);
    }
    text
}

fn sha256(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

#[tokio::test]
async fn a_statement_is_the_same_at_any_later_time_and_what_the_journal_says() {
    let (mut world, till, mut phone) = shop(2621).await;
    everything(&world, &till, &mut phone).await;
    let code = phone.code(&world, "200.00");
    let odd = Charge::new("a \"green\" tea, hot", &code, "10.00").key("odd");
    let _ = till.charge(&odd).await.created();
    let midnight = (world.now().unix_seconds() + SECONDS_TO_MIDNIGHT) * 1000;
    end_day(&world, &till, TODAY, SECONDS_TO_MIDNIGHT).await;
    let first = csv(&till, TODAY).await.ok();
    assert_eq!(first.media_type, "text/csv; charset=utf-8; header=present");
    assert_eq!(first.text, recomputed(&world, 0..midnight).await);
    assert_eq!(first.text.lines().count(), 8, "{}", first.text);

    // The day after: a refund of what was paid before, and another payment.
    let order = till.get("/v1/payments?reference=order-3").await;
    let _ = till.refund(order.text("/data/0/id"), "r-9", Some("1.00")).await.created();
    let _ = paid(&world, &till, &mut phone, "order-9").await;
    world.restart().await;
    let till = till.at(&world);
    let again = csv(&till, TODAY).await.ok();
    assert_eq!(again.text, first.text);
    end_day(&world, &till, "2027-01-16", 24 * 3600).await;
    assert_eq!(csv(&till, TODAY).await.text, first.text);
    let second = csv(&till, "2027-01-16").await.ok();
    assert_eq!(second.text, recomputed(&world, midnight..i64::MAX).await);
    assert_eq!(second.text.lines().count(), 3, "{}", second.text);

    let totals = till.get(&format!("/v1/statements/{TODAY}/totals")).await.ok();
    assert_eq!(totals.text("/csv/sha256"), sha256(&first.text));
    assert_eq!(totals.json["csv"]["bytes"], first.text.len());
    let next = till.get("/v1/statements/2027-01-16/totals").await.ok();
    assert_eq!(next.text("/csv/sha256"), sha256(&second.text));
    assert_eq!(
        next.json["totals"][0]["opening_balance"],
        totals.json["totals"][0]["closing_balance"]
    );
    assert_eq!(next.text("/totals/0/closing_balance"), till.balance().await);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn rows_and_totals_are_apart_and_add_up() {
    let (world, till, mut phone) = shop(2622).await;
    everything(&world, &till, &mut phone).await;
    end_day(&world, &till, TODAY, SECONDS_TO_MIDNIGHT).await;
    let all = statement(&till, TODAY).await.ok();
    assert_eq!(all.media_type, "application/json");
    assert_eq!(all.text("/date"), TODAY);
    assert_eq!(all.text("/time_zone"), "Asia/Shanghai");
    let mut rows = all.json["rows"].as_array().unwrap().clone();
    let listed = till.get("/v1/balance/transactions").await;
    rows.reverse();
    assert_eq!(Value::from(rows), listed.json["data"]);
    let expected = json!([{
        "currency": "CNY", "opening_balance": "0.00", "count": 6, "gross": "15.00",
        "fee": "0.16", "net": "14.84", "closing_balance": "14.84",
        "types": [
            { "type": "payment.canceled", "count": 1, "gross": "-10.00", "fee": "-0.11",
                "net": "-9.89" },
            { "type": "payment.succeeded", "count": 3, "gross": "35.00", "fee": "0.38",
                "net": "34.62" },
            { "type": "refund.succeeded", "count": 2, "gross": "-10.00", "fee": "-0.11",
                "net": "-9.89" },
        ],
    }]);
    assert_eq!(all.json["totals"], expected);
    let totals = till.get(&format!("/v1/statements/{TODAY}/totals")).await.ok();
    assert_eq!((&totals.json["totals"], &totals.json["csv"]), (&expected, &all.json["csv"]));
    assert_eq!(all.text("/csv/sha256"), sha256(&csv(&till, TODAY).await.text));

    // Nothing of it is another merchant's.
    let other = world.merchant("Noodle House").await;
    let empty = statement(&other, TODAY).await.ok();
    assert_eq!(empty.json["rows"], json!([]));
    assert_eq!(empty.text("/totals/0/closing_balance"), "0.00");
    assert_eq!(csv(&other, TODAY).await.text.lines().count(), 1);
}

#[tokio::test]
async fn a_day_that_is_not_over_has_no_statement_yet() {
    let (world, till, mut phone) = shop(2623).await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.fed().await;
    for date in [TODAY, "2027-01-16", "9999-12-31"] {
        for path in [format!("/v1/statements/{date}"), format!("/v1/statements/{date}/totals")] {
            till.get(&path).await.assert_problem(409, "statement_not_ready", "retry");
        }
        csv(&till, date).await.assert_problem(409, "statement_not_ready", "retry");
    }
    let early = statement(&till, TODAY).await;
    assert!(early.text("/detail").contains("2027-01-15T16:01:00.000Z"), "{}", early.text);
    for date in ["2027-02-30", "today", "20270115", "2027-1-15", "-1", "2027-01-15.csv"] {
        statement(&till, date).await.assert_points_at("/date");
    }
    // Before anybody paid.
    let before = statement(&till, "2027-01-14").await.ok();
    assert_eq!(before.json["rows"], json!([]));
}

#[tokio::test]
async fn what_is_committed_after_midnight_is_the_next_days_and_empty_days_are_empty() {
    let (world, till, mut phone) = shop(2624).await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.advance_seconds(SECONDS_TO_MIDNIGHT - 1);
    let _ = paid(&world, &till, &mut phone, "order-2").await;
    world.advance_seconds(1);
    let _ = paid(&world, &till, &mut phone, "order-3").await;
    world.fed().await;
    // A payment of the next day ends a day at once.
    let today = csv(&till, TODAY).await.ok();
    assert!(today.text.contains("order-2") && !today.text.contains("order-3"), "{}", today.text);
    end_day(&world, &till, "2027-01-18", 3 * 24 * 3600).await;
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-4", &code, "1.00")).await.created();
    world.fed().await;
    assert!(csv(&till, "2027-01-16").await.text.contains("order-3"));
    for date in ["2027-01-17", "2027-01-18"] {
        let empty = statement(&till, date).await.ok();
        assert_eq!(empty.json["rows"], json!([]), "{}", empty.text);
        assert_eq!(empty.text("/totals/0/opening_balance"), "29.67");
        assert_eq!(empty.text("/totals/0/closing_balance"), "29.67");
    }
    assert_eq!(csv(&till, TODAY).await.text, today.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_clock_that_shows_another_year_for_a_moment_ends_no_day() {
    let (world, till, mut phone) = shop(2625).await;
    let mut other = world.payer("Li", "100.00").await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.fed().await;
    // Less than the life of the issuer's keys.
    let year = 365 * 24 * 3600 * 1000;
    world.clock.set_ahead_millis(year);
    let _ = paid(&world, &till, &mut other, "order-2").await;
    world.fed().await;
    world.clock.set_ahead_millis(-year);
    let _ = paid(&world, &till, &mut phone, "order-3").await;
    world.fed().await;
    assert_eq!(statement(&till, TODAY).await.status, 409);
    end_day(&world, &till, TODAY, SECONDS_TO_MIDNIGHT).await;
    let today = csv(&till, TODAY).await.ok();
    for reference in ["order-1", "order-2", "order-3"] {
        assert!(today.text.contains(reference), "{reference}: {}", today.text);
    }
    assert_ne!(statement(&till, "2027-01-16").await.status, 200);
}
