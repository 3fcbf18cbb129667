//! TLS: the server speaks it itself, and does not listen beyond this machine without it.

use crate::DATABASE;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wallet_tests::{Charge, World};

/// A self-signed certificate for this machine, as files.
struct Certificate {
    folder: TempDir,
    pem: String,
}

impl Certificate {
    fn new() -> Self {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let pem = made.cert.pem();
        std::fs::write(folder.path().join("cert.pem"), &pem).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Self { folder, pem }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn world(&self, seed: u64) -> World {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        World::start_with(DATABASE, seed, &[("tls_cert", &cert), ("tls_key", &key)]).await
    }
}

#[tokio::test]
async fn the_main_job_over_https() {
    let certificate = Certificate::new();
    let mut world = certificate.world(1).await;
    assert!(world.url("").starts_with("https://"));
    world.trust(&certificate.pem);
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    assert_eq!(payment.text("/state"), "succeeded");
    assert_eq!(phone.balance(&world).await, "487.50");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_no_certificate() {
    let certificate = Certificate::new();
    let mut world = certificate.world(2).await;
    let stranger = world.http().get(world.url("/livez")).send().await;
    assert!(stranger.unwrap_err().is_connect());
    world.trust(&Certificate::new().pem);
    assert!(world.http().get(world.url("/livez")).send().await.unwrap_err().is_connect());
    world.trust(&certificate.pem);
    assert!(world.http().get(world.url("/livez")).send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn plain_http_gets_nothing_from_a_tls_port() {
    let certificate = Certificate::new();
    let mut world = certificate.world(3).await;
    let address = world.url("").replace("https://", "");
    let mut plain = tokio::net::TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The server may also reset the connection.
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    assert!(!String::from_utf8_lossy(&answer).contains("ok"));
    // It goes on serving the others.
    world.trust(&certificate.pem);
    assert!(world.http().get(world.url("/livez")).send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn listening_beyond_this_machine_needs_tls_or_a_word_about_a_proxy() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = World::try_start(DATABASE, 4, &[("listen", listen)]).await.err().unwrap();
        let error = error.to_string();
        assert!(error.starts_with("listen:") && error.contains("tls_cert"), "{error}");
    }
    let beyond = [("operator_listen", "0.0.0.0:0")];
    let error = World::try_start(DATABASE, 4, &beyond).await.err().unwrap().to_string();
    assert!(error.starts_with("operator_listen:"), "{error}");
    let behind_proxy = [("listen", "0.0.0.0:0"), ("behind_tls_proxy", "true")];
    let world = World::try_start(DATABASE, 4, &behind_proxy).await.unwrap();
    assert_eq!(world.operator_get("/livez").await.json, json!({ "status": "ok" }));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_stop_the_server_with_their_name() {
    let certificate = Certificate::new();
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    let (missing, empty) = (certificate.path("missing.pem"), certificate.path("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    for (cert, key) in
        [(&missing, &key), (&cert, &missing), (&empty, &key), (&cert, &empty), (&key, &cert)]
    {
        let settings = [("tls_cert", cert.as_str()), ("tls_key", key.as_str())];
        let error = World::try_start(DATABASE, 5, &settings).await.err().unwrap().to_string();
        assert!(error.contains(".pem"), "{error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    let error =
        World::try_start(DATABASE, 5, &[("tls_cert", &cert)]).await.err().unwrap().to_string();
    assert!(error.starts_with("tls_cert:"), "{error}");
}
