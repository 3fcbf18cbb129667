//! Requests made of any bytes, sent by everybody whom the server lets in.
//!
//! Whoever holds an API key or a phone can send what they like; the operator's tools have bugs. A
//! request is written as text: a letter for who sends it, method and target, perhaps a second line
//! with an idempotency key, an empty line, the body.
//!
//! | letter | who | lets itself in with |
//! |---|---|---|
//! | `m` | a merchant | an API key with all scopes |
//! | `t` | a merchant in test mode | the same |
//! | `p` | a payer's phone | a signature over whatever it sends |
//! | `o` | the operator | the socket |
//! | any other | a stranger | nothing |
//!
//! A fuzzer and a test begin with a good request for every operation of the API's own description,
//! and change it.

use rand_core::Rng;
use regex::Regex;
use serde_json::{Value, json};
use wallet_server::store::Store;

use crate::contract::{Operation, example, operations};
use crate::{Answer, Charge, Database, Phone, Signed, Signer, Till, World};

/// The longest target: longer ones are refused before any of our code reads them.
const TARGET_LENGTH_MAX: usize = 2_000;

/// JSON that stands where something else is expected.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "0.1",
    "18446744073709551616",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"-12.50\"",
    "\"99999999999999999999.99\"",
    "\"\u{202e}\u{1f9e7}\"",
    "[]",
    "{}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];

/// Bytes that mean something somewhere on the way.
const BYTES: &[u8] = b"\0\n\r\t \"\\{}[],:%&=?#/.;'<>-+0\x7f\xc3\xff";

/// A world in which everybody may send anything.
pub struct Hostile {
    world: World,
    till: Till,
    test_till: Till,
    phone: Phone,
    documents: [Value; 2],
    requests: Vec<Vec<u8>>,
}

impl Hostile {
    /// The seed of the world that is fuzzed: what a fuzzer keeps has the ids of this one.
    pub const FUZZED: u64 = 9_000;

    /// Starts a server with somebody of each kind.
    pub async fn new(database: Database, seed: u64) -> Self {
        let world = World::start(database, seed).await;
        let till = world.merchant("Tea House").await;
        let test_till = world.merchant_with(json!({ "name": "Test House", "mode": "test" })).await;
        let mut phone = world.payer("Wei", "500.00").await;
        phone.set_pin(&world).await;
        let code = phone.code(&world, "200.00");
        let payment = till.charge(&Charge::new("order-0", &code, "12.50")).await.created();
        let known = [
            payment.text("/id").to_owned(),
            till.merchant.clone(),
            phone.payer.clone(),
            till.terminal("Till 1").await,
            phone.code(&world, "200.00"),
        ];
        let documents =
            [wallet_server::http::public_document(), wallet_server::http::operator_document()]
                .map(|text| serde_json::from_str(&text).unwrap());
        let requests = requests(&documents, &known);
        Self { world, till, test_till, phone, documents, requests }
    }

    /// A request for every operation, good or nearly so, of which others are made.
    #[must_use]
    pub fn requests(&self) -> &[Vec<u8>] {
        &self.requests
    }

    /// Sends a request. The answer is one that is described, tells nothing internal, and is no
    /// failure of the server's.
    ///
    /// Nothing comes of bytes that no client can send, and of such as ask the server to wait.
    pub async fn check(&self, request: &[u8]) -> Option<Answer> {
        let sent = Sent::read(request)?;
        let answer = self.send(&sent).await?;
        let own = Answer { text: own_words(&answer), ..answer.clone() };
        own.assert_tells_nothing_internal();
        if answer.status.is_client_error() {
            let code = answer.text("/code").to_owned();
            let status = answer.status.as_u16();
            answer.assert_problem(status, &code, answer.text("/certainty"));
        }
        Some(answer)
    }

    /// Checks that whatever was sent has left books in which everything holds, and ends the world.
    pub async fn end(mut self) {
        let _ = self.world.books().await;
        // A file has one server.
        self.world.stop().await;
        let store = Store::open(&self.world.database_url()).await.unwrap();
        let findings = store.check_books(|_| {}).await.unwrap();
        store.close().await;
        let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    async fn send(&self, sent: &Sent<'_>) -> Option<Answer> {
        let (method, target) = (sent.method, sent.target);
        let body = sent.body.to_vec();
        if sent.who == 'o' {
            return Some(self.world.operator_send(method, target, sent.key, body).await);
        }
        if sent.who == 'p' {
            let keyid = self.phone.key_id();
            let key = self.phone.device.key();
            let signer = Signer { key, keyid: &keyid, at: self.world.now() };
            let call = (method, target);
            return Some(
                Signed::under_key(&self.world, signer, call, &body, sent.key).send().await,
            );
        }
        let client = self.world.http();
        let mut request = client.request(method.parse().ok()?, self.world.url(target)).body(body);
        let till = match sent.who {
            'm' => Some(&self.till),
            't' => Some(&self.test_till),
            _ => None,
        };
        if let Some(till) = till {
            request = request.bearer_auth(&till.api_key);
        }
        if let Some(key) = sent.key {
            request = request.header("idempotency-key", key);
        }
        Some(Answer::read(request.send().await.unwrap()).await)
    }

    /// Which of the API's operations there is a request for.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.documents.iter().map(|document| operations(document).count()).sum()
    }
}

/// A request as it was written.
struct Sent<'a> {
    who: char,
    method: &'a str,
    target: &'a str,
    key: Option<&'a str>,
    body: &'a [u8],
}

impl<'a> Sent<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]);
        let (line, key) = match head.split_once('\n') {
            Some((line, key)) => (line, Some(key)),
            None => (head, None),
        };
        let mut words = line.splitn(3, ' ');
        let (who, method, target) = (words.next()?, words.next()?, words.next()?);
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        // What would make a client of the target, and not the server, is left out: it would
        // resolve dots and cut a fragment off, and then sign and send two different paths.
        let can_be_sent = target.starts_with('/')
            && !target.starts_with("//")
            && target.len() <= TARGET_LENGTH_MAX
            && visible(target)
            && !target.contains(['#', '\\', '"', '<', '>', '`', '{', '}', '\'', '^', '|'])
            && !target
                .split(['/', '?'])
                .any(|part| part.starts_with('.') || part.starts_with("%2e"))
            && matches!(method, "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD")
            && key.is_none_or(|key| !key.is_empty() && visible(key));
        // Answers to HEAD have no body to be held against the description.
        let is_quick = !target.contains("wait") && method != "HEAD";
        let sent = Self { who: who.chars().next()?, method, target, key, body };
        (can_be_sent && is_quick).then_some(sent)
    }
}

/// What an error says in the server's own words: without the path, and without what it quotes.
fn own_words(answer: &Answer) -> String {
    let said = answer.json["errors"].as_array().into_iter().flatten();
    let said = said.filter_map(|error| error["detail"].as_str());
    let said = said.chain([answer.text("/title"), answer.text("/detail")]);
    said.flat_map(|text| text.split(['`', '"']).step_by(2)).collect()
}

/// A request for every operation, with every parameter and every field.
fn requests(documents: &[Value; 2], known: &[String]) -> Vec<Vec<u8>> {
    let [public, operator] = documents;
    let of_public = operations(public).map(|operation| (sender(&operation), operation));
    let of_operator = operations(operator).map(|operation| ('o', operation));
    let written = of_public.chain(of_operator).map(|(who, operation)| {
        let request = write(who, &operation);
        with_known(request, known).into_bytes()
    });
    written.collect()
}

fn sender(operation: &Operation<'_>) -> char {
    match operation.security() {
        Some("device_signature") => 'p',
        Some(_) if operation.path.starts_with("/v1/test/") => 't',
        Some(_) => 'm',
        None => '-',
    }
}

fn write(who: char, operation: &Operation<'_>) -> String {
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (mut path, mut query) = (operation.path.to_owned(), Vec::new());
    for parameter in operation.body["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = text(example(operation.document, &parameter["schema"]));
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            // Whoever waits holds up the next request.
            Some("query") if name != "wait" => query.push(format!("{name}={value}")),
            _ => {}
        }
    }
    let mut request = format!("{who} {} {path}", operation.method.to_uppercase());
    if !query.is_empty() {
        request.push('?');
        request.push_str(&query.join("&"));
    }
    if operation.parameters("header").contains(&"Idempotency-Key") {
        request.push_str("\nkey-1");
    }
    request.push_str("\n\n");
    let schema = &operation.body["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_null() {
        request.push_str(&example(operation.document, schema).to_string());
    }
    request
}

/// Puts ids and a code of this world in the place of examples.
fn with_known(request: String, known: &[String]) -> String {
    known.iter().fold(request, |request, known| {
        let pattern = match known.split_once('_') {
            Some((kind, _)) => format!("{kind}_[0-9a-f]{{32}}"),
            None if known.len() == 32 => "\"terminal\":\"[0-9a-f]{32}".to_owned(),
            None => "\"code\":\"[^\"]*".to_owned(),
        };
        let field = pattern.split_once(":\"").map_or("", |(field, _)| field);
        let colon = if field.is_empty() { "" } else { ":\"" };
        let known = format!("{field}{colon}{known}");
        Regex::new(&pattern).unwrap().replace_all(&request, known.as_str()).into_owned()
    })
}

/// A request with some changes; who sends it stays.
pub fn altered(request: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for _ in 0..=rng.next_u32() % 3 {
        let number = rng.next_u32() as usize;
        let at = 1 + rng.next_u32() as usize % (bytes.len() - 1);
        let until = bytes.len().min(at + number % 24);
        match rng.next_u32() % 6 {
            0 => bytes[at] = BYTES[number % BYTES.len()],
            1 => bytes.insert(at, BYTES[number % BYTES.len()]),
            2 => drop(bytes.drain(at..until)),
            3 => {
                let part = bytes[at..until].to_vec();
                bytes.splice(at..at, part);
            }
            _ => replace_value(&mut bytes, at, VALUES[number % VALUES.len()]),
        }
        if bytes.len() < 2 {
            return request.to_vec();
        }
    }
    bytes
}

/// Replaces the JSON value behind a place, if there is one.
fn replace_value(bytes: &mut Vec<u8>, at: usize, value: &str) {
    let Some(colon) = bytes[at..].iter().position(|byte| *byte == b':') else { return };
    let begin = at + colon + 1;
    let quoted = bytes.get(begin) == Some(&b'"');
    let end = bytes[begin..]
        .iter()
        .skip(usize::from(quoted))
        .position(|byte| if quoted { *byte == b'"' } else { matches!(byte, b',' | b'}' | b']') });
    let end = end.map_or(bytes.len(), |end| begin + end + 2 * usize::from(quoted));
    let end = end.min(bytes.len());
    bytes.splice(begin..end, value.bytes());
}
