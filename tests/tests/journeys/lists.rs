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
