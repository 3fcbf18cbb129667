//! The conventions hold for every operation that the API's descriptions have: the ones of today,
//! and whichever will be added.

use std::collections::BTreeSet;

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_core::DeviceKey;
use wallet_server::OperatorEndpoint;
use wallet_tests::contract::{Operation, operations};
use wallet_tests::{Answer, PIN, Phone, Signed, Signer, Till, World};

/// What changes something and moves no money, and so needs no idempotency key. Whoever adds an
/// operation decides.
const MOVES_NO_MONEY: [&str; 43] = [
    "advance_test_clock",
    "approve_device",
    "begin_totp",
    "change_webhook_endpoint",
    "close_account",
    "close_merchant",
    "close_plate",
    "confirm_totp",
    "create_api_key",
    "create_enrolment",
    "create_merchant",
    "create_payer",
    "create_plate",
    "create_payout_batch",
    "create_registration",
    "create_terminal",
    "create_test_code",
    "create_webhook_endpoint",
    "delete_webhook_endpoint",
    "find_recipient",
    "freeze_account",
    "freeze_payer",
    "invite_device",
    "invite_payer",
    "look_at_merchant_code",
    "rename_device",
    "renew_receive_code",
    "renew_recovery_codes",
    "replay_webhook_delivery",
    "reset_payer_secrets",
    "revoke_api_key",
    "revoke_device",
    "revoke_own_device",
    "rotate_api_key",
    "rotate_key",
    "rotate_webhook_secret",
    "set_handle",
    "set_limits",
    "set_payout_destination",
    "set_merchant_fee",
    "set_pin",
    "unfreeze_account",
    "unfreeze_payer",
];

/// Somebody of each kind, and what the server says that they can do.
struct Scene {
    world: World,
    till: Till,
    /// Of a merchant in test mode.
    test_till: Till,
    phone: Phone,
    /// The id of an API key that nobody uses.
    api_key: String,
    /// The id of a webhook endpoint that is told of nothing.
    webhook_endpoint: String,
    documents: [Value; 2],
}

/// What is sent beside the method and the path.
#[derive(Clone, Default)]
struct Sent {
    query: &'static str,
    key: Option<&'static str>,
    body: Vec<u8>,
}

impl Scene {
    async fn new(seed: u64) -> Self {
        let world = World::start(DATABASE, seed).await;
        let till = world.merchant("Tea House").await;
        let test = json!({ "name": "Test House", "mode": "test" });
        let test_till = world.merchant_with(test).await;
        let phone = world.payer("Wei", "500.00").await;
        phone.set_pin(&world).await;
        let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
        let api_key = world.operator_post(&keys, json!({})).await.created();
        let api_key = api_key.text("/id").to_owned();
        let body = json!({ "url": "https://1.1.1.1/hooks" }).to_string();
        let endpoint = till.post("/v1/webhook_endpoints", &[], body).await.created();
        let webhook_endpoint = endpoint.text("/id").to_owned();
        let public = world.http().get(world.url("/openapi.json")).send().await.unwrap();
        let operator = world.operator_send("GET", "/openapi.json", None, Vec::new()).await;
        let documents = [public.json().await.unwrap(), operator.json];
        assert_eq!(documents[0]["openapi"], "3.1.0");
        assert_eq!(documents[1]["openapi"], "3.1.0");
        Self { world, till, test_till, phone, api_key, webhook_endpoint, documents }
    }

    /// Every operation of both documents.
    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.documents.iter().flat_map(operations)
    }

    fn is_operators(&self, operation: &Operation<'_>) -> bool {
        std::ptr::eq(operation.document, &raw const self.documents[1])
    }

    /// The path of an operation, with ids for its parameters: of nothing that is there, but for the
    /// merchant and an API key.
    fn path(&self, operation: &Operation<'_>) -> String {
        let mut path = operation.path.to_owned();
        for parameter in operation.body["parameters"].as_array().into_iter().flatten() {
            let reference = parameter["schema"]["$ref"].as_str().unwrap_or_default();
            let id = match reference.rsplit('/').next() {
                _ if parameter["in"] != "path" => continue,
                Some("MerchantId") => self.till.merchant.clone(),
                Some("ApiKeyId") => self.api_key.clone(),
                Some("WebhookEndpointId") => self.webhook_endpoint.clone(),
                _ => {
                    let pointer = reference.trim_start_matches('#');
                    let schema = operation.document.pointer(pointer).unwrap();
                    schema["examples"][0].as_str().unwrap().to_owned()
                }
            };
            path = path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &id);
        }
        path
    }

    /// Sends what whoever may call an operation would send.
    async fn send(&self, operation: &Operation<'_>, sent: Sent) -> Answer {
        let path = format!("{}{}", self.path(operation), sent.query);
        let method = operation.method.to_uppercase();
        match operation.security() {
            _ if self.is_operators(operation) => {
                self.world.operator_send(&method, &path, sent.key, sent.body).await
            }
            Some("device_signature") => {
                let keyid = self.phone.key_id();
                let key = self.phone.device.key();
                let signer = Signer { key, keyid: &keyid, at: self.world.now() };
                let call = (method.as_str(), path.as_str());
                Signed::under_key(&self.world, signer, call, &sent.body, sent.key).send().await
            }
            scheme => {
                let mut request = self.request(&method, &path).body(sent.body);
                if scheme.is_some() {
                    let test = operation.path.starts_with("/v1/test/");
                    let till = if test { &self.test_till } else { &self.till };
                    request = request.bearer_auth(&till.api_key);
                }
                if let Some(key) = sent.key {
                    request = request.header("idempotency-key", key);
                }
                Answer::read(request.send().await.unwrap()).await
            }
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.world.http().request(method.parse().unwrap(), self.world.url(path))
    }
}

/// What is true of every error, whatever it says.
#[track_caller]
fn assert_conventional(answer: &Answer) {
    let (code, status) = (answer.text("/code").to_owned(), answer.status.as_u16());
    answer.assert_problem(status, &code, answer.text("/certainty"));
    assert!(["final", "retry", "unknown"].contains(&answer.text("/certainty")), "{}", answer.text);
    assert_eq!(answer.text("/type"), format!("urn:wallet:error:{code}"));
    assert_eq!(answer.json["status"], status);
    assert_eq!(answer.text("/request_id"), answer.request_id);
    answer.assert_tells_nothing_internal();
}

#[tokio::test]
async fn every_operation_is_there_and_no_path_has_other_methods() {
    let scene = Scene::new(1).await;
    for operation in scene.operations() {
        let answer = scene.send(&operation, Sent::default()).await;
        assert_ne!(answer.status, 405, "{} {}", operation.method, operation.path);
        assert_ne!(answer.text("/detail"), "There is no such path.", "{}", operation.path);
        if !answer.status.is_success() {
            assert_conventional(&answer);
        }
        let path = &operation.document["paths"][operation.path];
        for method in ["get", "post", "put", "patch", "delete", "options", "trace"] {
            if !path[method].is_null() {
                continue;
            }
            let answer = scene.send(&Operation { method, ..operation }, Sent::default()).await;
            assert_conventional(&answer);
            answer.assert_problem(405, "method_not_allowed", "final");
            let allowed = answer.headers["allow"].to_str().unwrap().to_lowercase();
            let allowed: BTreeSet<_> = allowed.split(',').map(str::trim).collect();
            for method in path.as_object().unwrap().keys() {
                assert!(allowed.contains(method.as_str()), "{}: {allowed:?}", operation.path);
            }
        }
    }
}

#[tokio::test]
async fn only_what_is_public_is_answered_without_a_key() {
    let scene = Scene::new(2).await;
    let stranger = scene.till.with_key(&scene.till.api_key.replace("sk_live_", "sk_test_"));
    let (key, nobody) = (DeviceKey::from_seed(&[78; 32]), "00000000000000ff");
    let mut public = BTreeSet::new();
    for operation in operations(&scene.documents[0]) {
        let (path, method) = (scene.path(&operation), operation.method.to_uppercase());
        let request = scene.request(&method, &path);
        let code = match operation.security() {
            None => {
                public.insert(operation.path);
                continue;
            }
            Some("device_signature") => "signature_missing",
            Some(_) => "unauthorized",
        };
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_conventional(&answer);
        answer.assert_problem(401, code, "retry");

        let answer = if code == "unauthorized" {
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            let request = scene.request(&method, &path).bearer_auth(&stranger.api_key);
            Answer::read(request.send().await.unwrap()).await
        } else if operation.body["tags"][0] == "Joining" {
            // A key that nobody knows is what these are for.
            continue;
        } else {
            let signer = Signer { key: &key, keyid: nobody, at: scene.world.now() };
            Signed::new(&scene.world, signer, &method, &path, b"").send().await
        };
        assert_conventional(&answer);
        answer.assert_problem(401, "unauthorized", "retry");
    }
    let journal = ["checkpoint", "consistency", "proof"].map(|name| format!("/v1/journal/{name}"));
    let journal = journal.iter().map(String::as_str);
    let known = ["/livez", "/readyz", "/v1/issuer"].into_iter().chain(journal);
    assert_eq!(public, known.collect());
}

#[tokio::test]
async fn only_the_operator_is_answered_on_the_operators_address() {
    let world = World::start_with(DATABASE, 3, &[("operator_listen", "127.0.0.1:0")]).await;
    let base = world.operator_endpoints().iter().find_map(|endpoint| match endpoint {
        OperatorEndpoint::Tcp { url, .. } => Some(url.clone()),
        OperatorEndpoint::Unix(_) => None,
    });
    let base = base.unwrap();
    let document = world.operator_send("GET", "/openapi.json", None, Vec::new()).await.json;
    for operation in operations(&document) {
        let url = format!("{base}{}", operation.path);
        for key in [None, Some("op_unknown")] {
            let method = operation.method.to_uppercase().parse().unwrap();
            let mut request = world.http().request(method, &url);
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let answer = Answer::read(request.send().await.unwrap()).await;
            if operation.security().is_none() {
                assert_eq!(answer.status, 200, "{}", operation.path);
                continue;
            }
            assert_conventional(&answer);
            answer.assert_problem(401, "unauthorized", "retry");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_refused_in_every_query_and_every_body() {
    let scene = Scene::new(4).await;
    for operation in scene.operations() {
        let query = Sent { query: "?surprise=1", ..Sent::default() };
        let answer = scene.send(&operation, query).await;
        assert_conventional(&answer);
        answer.assert_points_at("/surprise");

        if operation.body["requestBody"].is_null() {
            continue;
        }
        let body = json!({ "surprise": 1 }).to_string().into_bytes();
        let keyed = Sent { key: Some("order-1"), body, ..Sent::default() };
        let answer = scene.send(&operation, keyed).await;
        assert_conventional(&answer);
        answer.assert_points_at("/surprise");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_everywhere() {
    let scene = Scene::new(5).await;
    for operation in scene.operations() {
        if operation.body["requestBody"].is_null() {
            continue;
        }
        let body = vec![b' '; 64 * 1024 + 1];
        let large = Sent { key: Some("order-1"), body, ..Sent::default() };
        let answer = scene.send(&operation, large).await;
        assert_conventional(&answer);
        answer.assert_problem(413, "body_too_large", "retry");
    }
}

#[tokio::test]
async fn whatever_moves_money_demands_an_idempotency_key() {
    let scene = Scene::new(6).await;
    let before = scene.world.standing().await;
    for operation in scene.operations().filter(|operation| operation.method != "get") {
        let id = operation.body["operationId"].as_str().unwrap();
        let keyed = operation.parameters("header").contains(&"Idempotency-Key");
        assert_ne!(keyed, MOVES_NO_MONEY.contains(&id), "{id}: decide whether it moves money");
        if !keyed {
            continue;
        }
        let body = json!({ "pin": PIN }).to_string().into_bytes();
        for key in [None, Some(""), Some("two words")] {
            let sent = Sent { key, body: body.clone(), ..Sent::default() };
            let answer = scene.send(&operation, sent).await;
            assert_conventional(&answer);
            answer.assert_problem(400, "idempotency_key_missing", "retry");
        }
    }
    assert_eq!(scene.world.standing().await, before);
}

#[tokio::test]
async fn every_list_comes_in_pages() {
    let scene = Scene::new(7).await;
    let mut lists = 0;
    for operation in scene.operations() {
        let parameters = operation.parameters("query");
        if !parameters.contains(&"limit") {
            continue;
        }
        lists += 1;
        assert!(parameters.contains(&"after"), "{}", operation.path);
        for (query, pointer) in [
            ("?limit=0", "/limit"),
            ("?limit=101", "/limit"),
            ("?limit=-1", "/limit"),
            ("?limit=x", "/limit"),
            ("?after=x", "/after"),
            ("?after=", "/after"),
        ] {
            let answer = scene.send(&operation, Sent { query, ..Sent::default() }).await;
            assert_conventional(&answer);
            answer.assert_points_at(pointer);
        }
        for query in ["", "?limit=1", "?limit=100"] {
            let answer = scene.send(&operation, Sent { query, ..Sent::default() }).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let fields: Vec<_> = answer.json.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["data", "has_more", "next"], "{}", operation.path);
            // A list that grows at its end always says where it goes on.
            let grows = parameters.contains(&"wait");
            assert_eq!(answer.json["has_more"] == true || grows, !answer.json["next"].is_null());
        }
    }
    assert!(lists >= 8, "only {lists} lists");
}

#[tokio::test]
async fn the_page_that_shows_the_description_needs_no_other_server() {
    let scene = Scene::new(8).await;
    let get = async |path: &str| scene.request("GET", path).send().await.unwrap();
    let page = get("/docs").await;
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/docs/"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let names = "swagger-ui.css index.css swagger-ui-bundle.js swagger-ui-standalone-preset.js \
        swagger-initializer.js favicon-32x32.png favicon-16x16.png";
    for name in names.split(' ') {
        let file = get(&format!("/docs/{name}")).await;
        assert_eq!(file.status(), 200, "{name}");
        assert!(file.headers()["x-request-id"].to_str().unwrap().starts_with("req_"), "{name}");
    }
    for path in [
        "/docs/swagger-ui.js",
        "/docs/..%2fopenapi.json",
        "/docs/a/b",
        "/docs/oauth2-redirect.html",
    ] {
        let answer = Answer::read(get(path).await).await;
        answer.assert_problem(404, "not_found", "final");
    }
}
