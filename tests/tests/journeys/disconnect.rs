//! Clients that go away: what they asked for is done all the same, once, and can be found.

use crate::DATABASE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wallet_tests::{Answer, Charge, Till, World};

/// How often a till asks before it gives up. The server needs a few milliseconds and answers
/// about a thousand questions a second, so this is far more than enough and still an end.
const QUESTIONS_MAX: usize = 20_000;

/// A charge as it goes over the wire.
fn wire(world: &World, till: &Till, charge: &Charge) -> Vec<u8> {
    let (host, body) = (world.url("").replace("http://", ""), charge.body.to_string());
    format!(
        "POST /v1/payments HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
         idempotency-key: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        till.api_key,
        charge.key,
        body.len()
    )
    .into_bytes()
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url("").replace("http://", "")).await.unwrap()
}

/// Asks by reference until there is a payment.
async fn find(till: &Till, reference: &str) -> Option<Answer> {
    for _ in 0..QUESTIONS_MAX {
        let found = till.get(&format!("/v1/payments?reference={reference}")).await;
        if found.json["data"].as_array().is_some_and(|data| !data.is_empty()) {
            return Some(found);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn a_payment_is_made_although_its_till_has_gone() {
    let world = World::start(DATABASE, 1).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    for number in 0..5 {
        let reference = format!("order-{number}");
        let charge = Charge::new(&reference, &phone.code(&world, "200.00"), "12.50");
        let mut connection = connect(&world).await;
        connection.write_all(&wire(&world, &till, &charge)).await.unwrap();
        connection.flush().await.unwrap();
        if number % 2 == 0 {
            // Half closed: the request has ended, the answer is not awaited.
            connection.shutdown().await.unwrap();
        }
        drop(connection);
        let found = find(&till, &reference).await.expect("the payment was lost with its client");
        assert_eq!(found.text("/data/0/state"), "succeeded");
        // The till that comes back hears what happened instead of paying twice.
        let again = till.charge(&charge).await;
        assert!(again.replayed);
        assert_eq!(again.json, found.json["data"][0]);
        assert_eq!(till.charge(&charge.key(&format!("another-{number}"))).await.json, again.json);
    }
    assert_eq!(phone.balance(&world).await, "437.50");
    drop(world.books().await);
}

#[tokio::test]
async fn half_a_request_is_none() {
    let world = World::start(DATABASE, 2).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let before = world.standing().await;
    let whole = wire(&world, &till, &charge);
    for length in [1, 40, 200, whole.len() - charge.body.to_string().len(), whole.len() - 1] {
        let mut connection = connect(&world).await;
        connection.write_all(&whole[..length]).await.unwrap();
        connection.shutdown().await.unwrap();
        // The server has given up on the request when it closes the connection.
        let mut answer = Vec::new();
        drop(connection.read_to_end(&mut answer).await);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(world.standing().await, before, "{length} bytes");
    }
    let _ = till.charge(&charge).await.created();
}

#[tokio::test]
async fn a_phone_that_stops_waiting_disturbs_nobody() {
    let world = World::start(DATABASE, 3).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    world.placed().await;
    let start = phone.get(&world, "/v1/wallet/events").await.text("/next").to_owned();
    let path = format!("/v1/wallet/events?after={start}&wait=25");
    let gone = tokio::spawn(phone.signed_at(&world, world.now(), &path).send());
    tokio::task::yield_now().await;
    gone.abort();
    let waiting = tokio::spawn(phone.signed_at(&world, world.now(), &path).send());
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    assert_eq!(waiting.await.unwrap().text("/data/0/subject"), payment.text("/id"));
}

#[tokio::test]
async fn requests_under_way_end_before_the_server_does() {
    let mut world = World::start(DATABASE, 4).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let mut connections = Vec::new();
    let mut charges = Vec::new();
    for number in 0..5 {
        let code = phone.code(&world, "200.00");
        charges.push(Charge::new(&format!("order-{number}"), &code, "1.00"));
        let mut connection = connect(&world).await;
        connection.write_all(&wire(&world, &till, &charges[number])).await.unwrap();
        connections.push(connection);
    }
    world.restart().await;
    let till = till.at(&world);
    for (mut connection, charge) in connections.into_iter().zip(&charges) {
        let mut answer = Vec::new();
        drop(connection.read_to_end(&mut answer).await);
        let acknowledged = answer.starts_with(b"HTTP/1.1 201");
        let again = till.charge(charge).await;
        assert!(!acknowledged || again.replayed, "acknowledged and lost");
    }
    drop(world.books().await);
}
