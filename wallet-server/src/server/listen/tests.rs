use std::fs;
use std::os::unix::fs::PermissionsExt;

use axum::Router;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BoundedListener, HEADER_READ_TIMEOUT, bind_socket};
use crate::entropy::Entropy;
use crate::server::bounded::BoundedAddress;

fn entropy() -> Entropy {
    Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1)))
}

/// What a client hears that sends this much and no more. Time is tokio's own: it jumps to the
/// next timer when there is nothing else to do.
async fn answer_to(sent: &[u8]) -> Option<String> {
    let listener = BoundedListener::bind("127.0.0.1:0".parse().unwrap(), 1).await.unwrap();
    let address = listener.address();
    let server = axum_server::Server::<BoundedAddress>::from_listener(listener);
    let _listening = serve!(server, Router::new());
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(sent).await.unwrap();
    let mut heard = Vec::new();
    let closed = tokio::time::timeout(3 * HEADER_READ_TIMEOUT, client.read_to_end(&mut heard));
    closed.await.ok()?.ok()?;
    Some(String::from_utf8(heard).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_nothing_is_closed() {
    assert!(answer_to(b"").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_half_a_request_is_closed() {
    assert!(answer_to(b"GET / HTTP/1.1\r\nHost: a\r\n").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_its_answer_and_says_no_more_is_closed() {
    let answer = answer_to(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn http_2_is_not_spoken() {
    let answer = answer_to(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn the_operators_socket_is_its_owners_only_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.sock");
    let listener = bind_socket(&path, &entropy()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(bind_socket(&path, &entropy()).unwrap_err().to_string().contains("listens here"));
    drop(listener);
    // As after a crash: the file is there, nobody listens.
    bind_socket(&path, &entropy()).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_not_replaced_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.sock");
    fs::write(&path, "precious").unwrap();
    bind_socket(&path, &entropy()).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
