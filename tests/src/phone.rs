//! A payer's phone.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice};
use wallet_core::requests::{RequestParts, sign_request};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, IssuerId, Mode, Money, SealingPublicKey, Slot, TerminalId,
    Timestamp,
};

use crate::{Answer, World};

/// An enrolled phone. It keeps the sequence number of its codes itself.
pub struct Phone {
    /// The payer's id.
    pub payer: String,
    /// Makes codes and signs requests.
    pub device: PayerDevice,
    rng: ChaCha20Rng,
    seq: u8,
    base: String,
    http: reqwest::Client,
}

fn bytes<const N: usize>(hex: &Value) -> [u8; N] {
    base16ct::lower::decode_vec(hex.as_str().unwrap()).unwrap().try_into().unwrap()
}

impl Phone {
    /// Enrols with an invitation; the seed of its randomness is its name.
    pub async fn enrol(world: &World, name: &str, invitation: &str) -> Self {
        let seed = name.bytes().fold(7_u64, |seed, byte| seed * 31 + u64::from(byte));
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = DeviceKey::generate(&mut rng);
        let answer = Self::try_enrol(world, &key, invitation).await.created();
        let issuer = &answer.json["issuer"];
        let sealing = issuer["sealing_keys"].as_array().unwrap();
        let current = sealing.iter().find(|key| key["current"] == true).unwrap();
        let profile = IssuerProfile {
            id: IssuerId::from_bytes(bytes(&issuer["issuer_id"])),
            mode: Mode::from_name(answer.text("/mode")).unwrap(),
            prefix: CodePrefix::parse(issuer["code_prefix"].as_str().unwrap()).unwrap(),
            slot: Slot::from_number(u8::try_from(current["slot"].as_u64().unwrap()).unwrap())
                .unwrap(),
            sealing_key: SealingPublicKey::from_bytes(bytes(&current["public_key"])),
            sealing_key_retires_at: Timestamp::from_unix_millis(i64::MAX),
        };
        let key_id = DeviceKeyId::from_bytes(bytes(&answer.json["device_key_id"]));
        Self {
            payer: answer.text("/payer").to_owned(),
            device: PayerDevice::new(key, key_id, profile),
            rng,
            seq: 0,
            base: world.url(""),
            http: reqwest::Client::new(),
        }
    }

    /// Asks to be enrolled.
    pub async fn try_enrol(world: &World, key: &DeviceKey, invitation: &str) -> Answer {
        let public_key = base16ct::lower::encode_string(key.public_key().as_bytes());
        let body = json!({ "invitation": invitation, "public_key": public_key,
            "device_name": "phone" });
        Self::try_enrol_with(world, key, &public_key, body).await
    }

    /// Asks to be enrolled with any body, signed by any key.
    pub async fn try_enrol_with(
        world: &World,
        key: &DeviceKey,
        keyid: &str,
        body: Value,
    ) -> Answer {
        let base = world.url("");
        let body = body.to_string();
        let signed = sign(key, keyid, &base, "POST", "/v1/wallet/enrolments", &body, world.now());
        send(&reqwest::Client::new(), &base, "POST", "/v1/wallet/enrolments", body, signed).await
    }

    /// A code with this limit at the world's present time.
    pub fn code(&mut self, world: &World, limit: &str) -> String {
        self.code_at(world.now(), limit)
    }

    /// A code with this limit at any time.
    pub fn code_at(&mut self, now: Timestamp, limit: &str) -> String {
        let limit = Money::parse(limit, Currency::from_code("CNY").unwrap()).unwrap();
        self.code_with(now, &CodeTerms::up_to(CodeLimit::new(limit).unwrap()))
    }

    /// A code that works at one terminal.
    pub fn bound_code(&mut self, world: &World, limit: &str, terminal: &str) -> String {
        let limit = Money::parse(limit, Currency::from_code("CNY").unwrap()).unwrap();
        let terms = CodeTerms {
            terminal: Some(TerminalId::from_hex(terminal).unwrap()),
            ..CodeTerms::up_to(CodeLimit::new(limit).unwrap())
        };
        self.code_with(world.now(), &terms)
    }

    /// A code with these terms at any time; each has the next sequence number.
    pub fn code_with(&mut self, now: Timestamp, terms: &CodeTerms) -> String {
        let code = self.device.make_code(now, self.seq, terms, &mut self.rng).unwrap();
        self.seq += 1;
        code.digits().to_owned()
    }

    /// Looks something up, with a signed request.
    pub async fn get(&self, world: &World, path: &str) -> Answer {
        let (key, keyid) = (self.device.key(), self.device.key_id().to_string());
        let signed = sign(key, &keyid, &self.base, "GET", path, "", world.now());
        send(&self.http, &self.base, "GET", path, String::new(), signed).await
    }

    /// Looks something up, with a request signed at another time.
    pub async fn get_signed_at(&self, path: &str, at: Timestamp) -> Answer {
        let (key, keyid) = (self.device.key(), self.device.key_id().to_string());
        let signed = sign(key, &keyid, &self.base, "GET", path, "", at);
        send(&self.http, &self.base, "GET", path, String::new(), signed).await
    }

    /// What is in the wallet.
    pub async fn balance(&self, world: &World) -> String {
        self.get(world, "/v1/wallet/balance").await.text("/available").to_owned()
    }
}

/// The fields of a signed request.
fn sign(
    key: &DeviceKey,
    keyid: &str,
    base: &str,
    method: &str,
    path: &str,
    body: &str,
    now: Timestamp,
) -> Vec<(String, String)> {
    let (path, query) =
        path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let (scheme, authority) = base.split_once("://").unwrap();
    let parts = RequestParts {
        method: method.to_owned(),
        scheme: scheme.to_owned(),
        authority: authority.to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: Vec::new(),
    };
    let mut nonce = ChaCha20Rng::from_seed(*key.seed());
    let nonce = format!("{:016x}{:016x}", nonce.next_u64(), nonce.next_u64());
    let created = u64::try_from(now.unix_seconds()).unwrap();
    sign_request(key, keyid, &parts, body.as_bytes(), created, &nonce)
        .unwrap()
        .into_fields()
        .into_iter()
        .collect()
}

async fn send(
    http: &reqwest::Client,
    base: &str,
    method: &str,
    path: &str,
    body: String,
    fields: Vec<(String, String)>,
) -> Answer {
    let mut request = http.request(method.parse().unwrap(), format!("{base}{path}")).body(body);
    for (name, value) in fields {
        request = request.header(name, value);
    }
    Answer::read(request.send().await.unwrap()).await
}
