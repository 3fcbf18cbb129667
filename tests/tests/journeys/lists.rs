//! Lists: a page after the other shows everything once.

use crate::DATABASE;
use wallet_tests::{Till, World};

/// Pages through a list, two rows at a time, and returns the rows' ids.
async fn ids(till: &Till, path: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = till.get(&format!("{path}?limit=2{after}")).await;
        let rows = page.json["data"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        assert_eq!(page.json["has_more"], !page.json["next"].is_null());
        match page.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn tills_that_were_registered_in_one_millisecond_are_all_listed() {
    let world = World::start(DATABASE, 71).await;
    let till = world.merchant("Corner Café").await;
    let mut registered = Vec::new();
    for number in 0..5 {
        registered.push(till.terminal(&format!("Till {number}")).await);
    }
    let mut listed = ids(&till, "/v1/terminals").await;
    listed.sort();
    registered.sort();
    assert_eq!(listed, registered);
    till.get("/v1/terminals?after=1800000007000").await.assert_problem(
        400,
        "invalid_request",
        "retry",
    );
}

#[tokio::test]
async fn a_reference_that_nothing_can_have_is_refused_before_the_database_is_asked() {
    let world = World::start(DATABASE, 72).await;
    let till = world.merchant("Corner Café").await;
    for list in ["/v1/payments", "/v1/orders"] {
        for wrong in ["%00", "a%00b", "a%0Ab", "", &"x".repeat(65)] {
            let answer = till.get(&format!("{list}?reference={wrong}")).await;
            answer.assert_points_at("/reference");
        }
        let none = till.get(&format!("{list}?reference=nobody%27s")).await;
        assert_eq!(none.json["data"], serde_json::json!([]), "{}", none.text);
    }
    // Nor does any other filter hand over what no value of it can hold.
    for path in [
        "/v1/payments?state=%00",
        "/v1/payments?plate=%00",
        "/v1/payments?created_since=%00",
        "/v1/payments?after=%00",
        "/v1/orders?state=%00",
        "/v1/refunds?payment=%00",
        "/v1/payouts?state=%00",
        "/v1/events?type=%00",
        "/v1/events?after=%00",
        "/v1/balance/transactions?type=%00",
        "/v1/journal/proof?receipt=%00",
    ] {
        let answer = till.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.text);
    }
}
