use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use wallet_core::requests::{RequestParts, parse_signed};
use wallet_core::{DeviceKey, DeviceKeyId};

use super::{Client, DeviceSigner, Request, on_loopback};
use crate::failure::Exit;
use crate::system;

/// A server that gives one answer to each connection in turn; nothing breaks the connection.
struct Stub {
    url: String,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl Stub {
    fn answering(answers: Vec<Option<(u16, Value)>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = move |answer: Option<(u16, Value)>| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&stream);
            if let Some((status, body)) = answer {
                let body = body.to_string();
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
                write!(stream, "{head}connection: close\r\n\r\n{body}").unwrap();
            }
            request
        };
        let thread = std::thread::spawn(move || answers.into_iter().map(serve).collect());
        Self { url, thread }
    }

    fn client(&self) -> Client {
        Client { first_pause: Duration::ZERO, ..on_loopback(&self.url).unwrap() }
    }

    /// The requests that came, head and body.
    fn requests(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}

fn charge() -> Request<'static> {
    Request::post("/v1/payments", json!({"amount": "12.50"})).idempotency_key("key-1")
}

fn problem(status: u16, code: &str, certainty: &str) -> (u16, Value) {
    (status, json!({"code": code, "certainty": certainty, "title": "title"}))
}

#[test]
fn a_charge_without_an_answer_is_repeated_unchanged_until_there_is_one() {
    let stub = Stub::answering(vec![
        None,
        Some(problem(503, "overloaded", "retry")),
        Some((201, json!(1))),
    ]);
    let answer = run(stub.client().send::<Value>(charge())).unwrap();
    assert_eq!(answer.value, json!(1));
    let requests = stub.requests();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(requests[0], requests[2]);
    assert!(requests[0].contains("idempotency-key: key-1\r\n"), "{}", requests[0]);
    assert!(requests[0].ends_with(r#"{"amount":"12.50"}"#), "{}", requests[0]);
}

#[test]
fn each_attempt_of_a_device_has_the_same_key_and_a_signature_of_its_own() {
    let stub = Stub::answering(vec![
        None,
        Some(problem(503, "overloaded", "retry")),
        Some((201, json!(1))),
    ]);
    let key = DeviceKey::from_seed(&[7; 32]);
    let signer = DeviceSigner::enrolled(&key, DeviceKeyId::from_bytes([1; 8]), 0);
    run(stub.client().send::<Value>(charge().signed_by(&signer))).unwrap();
    let requests = stub.requests();
    let nonce = |request: &String| {
        let (_, after) = request.split_once(";nonce=\"").unwrap();
        after.split_once('"').unwrap().0.to_owned()
    };
    let nonces: BTreeSet<String> = requests.iter().map(nonce).collect();
    assert_eq!(nonces.len(), 3, "{requests:?}");
    assert!(requests.iter().all(|request| request.contains("idempotency-key: key-1\r\n")));
}

#[test]
fn a_download_is_written_as_it_came_and_one_that_breaks_off_is_an_error() {
    let export = || Request::get("/v1/wallet/export");
    let stub = Stub::answering(vec![Some((200, json!({"a": 1})))]);
    let mut written = Vec::new();
    assert_eq!(run(stub.client().download(export(), &mut written)).unwrap(), 7);
    assert_eq!(written, br#"{"a":1}"#);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = on_loopback(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{{\"a\":1").unwrap();
    });
    let failure = run(client.download(export(), &mut Vec::new())).unwrap_err();
    server.join().unwrap();
    assert_eq!((failure.exit(), failure.code()), (Exit::AskAgain, "no_answer"));

    let stub = Stub::answering(vec![Some(problem(401, "unauthorized", "retry"))]);
    let mut written = Vec::new();
    let failure = run(stub.client().download(export(), &mut written)).unwrap_err();
    assert_eq!((failure.code(), written.len()), ("unauthorized", 0));
}

#[test]
fn a_charge_whose_server_vanished_after_it_may_have_arrived_ends_unknown() {
    let stub = Stub::answering(vec![None]);
    let failure = run(stub.client().send::<Value>(charge())).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (Exit::AskAgain, "no_answer"));
}

#[test]
fn a_server_that_is_not_there_is_unreachable_and_nothing_was_decided() {
    let stub = Stub::answering(Vec::new());
    let client = stub.client();
    stub.requests();
    let failure = run(client.send::<Value>(charge())).unwrap_err();
    assert_eq!(failure.exit(), Exit::Unreachable);
}

#[test]
fn a_decline_is_final_and_asked_for_once() {
    let stub = Stub::answering(vec![Some(problem(402, "insufficient_funds", "final"))]);
    let failure = run(stub.client().send::<Value>(charge())).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (Exit::Refused, "insufficient_funds"));
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn an_api_key_travels_as_a_bearer_token() {
    let stub = Stub::answering(vec![Some((200, json!({})))]);
    let client = stub.client().with_key("sk_live_1".to_owned().into());
    run(client.send::<Value>(Request::get("/v1/balance"))).unwrap();
    assert!(stub.requests()[0].contains("authorization: Bearer sk_live_1\r\n"));
}

#[test]
fn a_device_signs_its_requests_so_that_the_server_can_verify_them() {
    let key = DeviceKey::from_seed(&[7; 32]);
    let id = DeviceKeyId::from_bytes([1; 8]);
    let signer = DeviceSigner::enrolled(&key, id, 3_600_000);
    let url = Url::parse("https://wallet.example/v1/wallet/events?after=a&wait=25").unwrap();
    let parts = RequestParts {
        method: "GET".to_owned(),
        scheme: "https".to_owned(),
        authority: "wallet.example:443".to_owned(),
        path: "/v1/wallet/events".to_owned(),
        query: Some("after=a&wait=25".to_owned()),
        headers: signer.headers("GET", &url, &[], "").unwrap(),
    };
    let unverified = parse_signed(&parts).unwrap();
    assert_eq!(unverified.keyid(), id.to_string());
    // The server's clock is an hour ahead, as the device knows.
    let now = u64::try_from(system::now().unix_seconds()).unwrap() + 3600;
    unverified.verify(key.public_key().as_bytes(), b"", now).unwrap();
}
