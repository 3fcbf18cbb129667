//! Which host names a device may have signed for.

use crate::DATABASE;
use wallet_tests::{Answer, World};

const BALANCE: &str = "/v1/wallet/balance";

#[tokio::test]
async fn what_a_device_signed_for_another_server_is_refused() {
    let world = World::start_with(DATABASE, 4, &[("public_authorities", "pay.example.com")]).await;
    let request = reqwest::Client::new().get(world.url(BALANCE));
    let refused = Answer::read(request.send().await.unwrap()).await;
    assert_eq!((refused.status.as_u16(), refused.text("/code")), (421, "misdirected_request"));
    let named = reqwest::Client::new().get(world.url(BALANCE)).header("host", "Pay.Example.com");
    let unsigned = Answer::read(named.send().await.unwrap()).await;
    assert_eq!(unsigned.text("/code"), "signature_missing");
    // What merchants and the curious ask is not signed, and answered under any name.
    let issuer = reqwest::get(world.url("/v1/issuer")).await.unwrap();
    assert_eq!(issuer.status().as_u16(), 200);
}
