use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{Client, ClientParts, LOOK_UPS_MAX, Message, Resolver, TargetRefused, allowed, why};
use crate::domain::webhooks::{AttemptEnd, AttemptError};

fn client(private: bool) -> Client {
    let timeout = Duration::from_millis(300);
    Client::new(ClientParts { private, timeout, certificates: Some(Vec::new()) }).unwrap()
}

fn message() -> Message {
    Message { headers: vec![("webhook-id", "evt_1_0_1".to_owned())], body: "{}".to_owned() }
}

/// Takes connections and answers every request with this, or with silence.
async fn server(answer: Option<&'static str>) -> (SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                    if let Some(answer) = answer {
                        drop(stream.write_all(answer.as_bytes()).await);
                    }
                }
            });
        }
    });
    (address, taken)
}

#[tokio::test]
async fn an_answer_says_how_it_ended_and_leads_nowhere_else() {
    let (elsewhere, visits) = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let redirect: &'static str = Box::leak(
        format!("HTTP/1.1 307 Go\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n")
            .into_boxed_str(),
    );
    let failed = |error, status| AttemptEnd::Failed { error, status, retry_after_seconds: None };
    for (answer, end) in [
        ("HTTP/1.1 204 x\r\n\r\n", AttemptEnd::Delivered { status: 204 }),
        ("HTTP/1.1 410 x\r\ncontent-length: 0\r\n\r\n", failed(AttemptError::Gone, Some(410))),
        ("HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n", failed(AttemptError::Status, Some(500))),
        (redirect, failed(AttemptError::Redirect, Some(307))),
        (
            "HTTP/1.1 503 x\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
            AttemptEnd::Failed {
                error: AttemptError::Status,
                status: Some(503),
                retry_after_seconds: Some(7),
            },
        ),
        ("no HTTP at all\r\n\r\n", failed(AttemptError::ConnectionLost, None)),
    ] {
        let (address, _) = server(Some(answer)).await;
        let found = client(true).post(&format!("http://{address}/"), message()).await;
        assert_eq!(found, end, "{answer}");
    }
    assert_eq!(visits.load(std::sync::atomic::Ordering::SeqCst), 0, "a redirect was followed");
}

#[tokio::test]
async fn whoever_does_not_answer_is_left() {
    let (silent, _) = server(None).await;
    let end = client(true).post(&format!("http://{silent}/"), message()).await;
    assert_eq!(end, AttemptEnd::failed(AttemptError::Timeout));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let end = client(true).post(&format!("http://{address}/"), message()).await;
    assert_eq!(end, AttemptEnd::failed(AttemptError::ConnectionFailed));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
    let endless: &'static str =
        Box::leak((head.to_owned() + &"x".repeat(64 * 1024)).into_boxed_str());
    let (address, _) = server(Some(endless)).await;
    let end = client(true).post(&format!("http://{address}/"), message()).await;
    assert_eq!(end, AttemptEnd::Delivered { status: 200 });
}

#[tokio::test]
async fn nothing_is_sent_to_a_special_address_whatever_was_kept() {
    let (address, visits) = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let port = address.port();
    // Both were refused when they were to be kept; another server may have allowed them.
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/");
        let end = client(false).post(&url, message()).await;
        assert_eq!(end, AttemptEnd::failed(AttemptError::AddressRefused), "{host}");
        let refused = client(false).target(&url).unwrap_err();
        assert!(matches!(refused, TargetRefused::Address(_)), "{host}: {refused}");
    }
    assert_eq!(visits.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_looks_like_one_that_leads_nowhere() {
    let client = client(false);
    for name in ["localhost", "no-such-name.invalid"] {
        let error = client.http.post(format!("https://{name}/")).send().await.unwrap_err();
        assert_eq!(why(&error), AttemptError::NameUnresolved, "{name}");
    }
    // Nobody looks names up before something is sent.
    client.target("https://no-such-name.invalid/").unwrap();
}

#[tokio::test]
async fn one_special_address_spoils_the_others_of_a_name() {
    let good = "1.1.1.1".parse().unwrap();
    let bad = "10.0.0.1".parse().unwrap();
    assert!(allowed(&[good]).is_ok());
    assert!(allowed(&[good, bad]).is_err());
    let permits = Arc::new(Semaphore::new(LOOK_UPS_MAX));
    let resolver = Resolver { private: false, permits };
    assert!(resolver.addresses("localhost").await.is_err());
    assert_eq!(resolver.permits.available_permits(), LOOK_UPS_MAX, "a permit is still held");
}
