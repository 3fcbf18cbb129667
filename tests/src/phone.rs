//! A payer's phone.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, IssuerId, Mode, Money, SealingPublicKey, Slot, TerminalId,
    Timestamp,
};

use crate::{Answer, Signed, Signer, World};

/// The PIN of every payer who has one.
pub const PIN: &str = "135790";

/// An enrolled phone. It keeps the sequence number of its codes itself.
pub struct Phone {
    /// The payer's id.
    pub payer: String,
    /// Makes codes and signs requests.
    pub device: PayerDevice,
    rng: ChaCha20Rng,
    seq: u8,
}

fn bytes<const N: usize>(hex: &Value) -> [u8; N] {
    base16ct::lower::decode_vec(hex.as_str().unwrap()).unwrap().try_into().unwrap()
}

impl Phone {
    /// Enrols with an invitation; the seed of its randomness is its name.
    pub async fn enrol(world: &World, name: &str, invitation: &str) -> Self {
        let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = DeviceKey::generate(&mut rng);
        let answer = Self::try_enrol(world, &key, invitation).await.created();
        Self::joined(key, rng, &answer)
    }

    /// A phone with this key, for which the server gave this answer.
    #[must_use]
    pub fn joined(key: DeviceKey, rng: ChaCha20Rng, answer: &Answer) -> Self {
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
        let signer = Signer { key, keyid, at: world.now() };
        let path = "/v1/wallet/enrolments";
        Signed::new(world, signer, "POST", path, body.to_string().as_bytes()).send().await
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

    /// Begins the numbers of codes again, because a step has passed.
    pub fn next_step(&mut self) {
        self.seq = 0;
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

    /// A request of this phone, signed at some time.
    #[must_use]
    pub fn signed_at(&self, world: &World, at: Timestamp, path: &str) -> Signed {
        let keyid = self.device.key_id().to_string();
        let signer = Signer { key: self.device.key(), keyid: &keyid, at };
        Signed::new(world, signer, "GET", path, b"")
    }

    /// Looks something up, with a signed request.
    pub async fn get(&self, world: &World, path: &str) -> Answer {
        self.signed_at(world, world.now(), path).send().await
    }

    /// Asks for something to be done, with a signed request.
    pub async fn send(&self, world: &World, method: &str, path: &str, body: Value) -> Answer {
        self.signed(world, method, path, &body).send().await
    }

    /// A request to do something, to be sent as it is or altered first. Nothing is sent for null.
    #[must_use]
    pub fn signed(&self, world: &World, method: &str, path: &str, body: &Value) -> Signed {
        let keyid = self.device.key_id().to_string();
        let signer = Signer { key: self.device.key(), keyid: &keyid, at: world.now() };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Signed::new(world, signer, method, path, body.as_bytes())
    }

    /// Posts something, with a signed request.
    pub async fn post(&self, world: &World, path: &str, body: Value) -> Answer {
        self.send(world, "POST", path, body).await
    }

    /// Posts something that moves money, under an idempotency key; again while another PIN of this
    /// payer waits to be looked at.
    pub async fn post_under_key(
        &self,
        world: &World,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let keyid = self.device.key_id().to_string();
        let signer = Signer { key: self.device.key(), keyid: &keyid, at: world.now() };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = ("POST", path);
        loop {
            let signed = Signed::under_key(world, signer, call, body.as_bytes(), Some(key));
            let answer = signed.send().await;
            let waits = answer.headers.get("retry-after").is_some_and(|seconds| seconds == "1");
            if !(waits && answer.text("/code") == "too_many_requests") {
                return answer;
            }
        }
    }

    /// Sets the PIN of the payer to [`PIN`](crate::PIN), unless it is that already.
    pub async fn set_pin(&self, world: &World) {
        let answer = self.send(world, "PUT", "/v1/wallet/pin", json!({ "pin": PIN })).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// Enrols another phone of the same payer, with an invitation of this one.
    pub async fn another(&self, world: &World, name: &str) -> Self {
        self.set_pin(world).await;
        let path = "/v1/wallet/devices/invitations";
        let invitation = self.post(world, path, json!({ "pin": PIN })).await.created();
        Self::enrol(world, name, invitation.text("/invitation")).await
    }

    /// The id by which the server knows this device.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.device.key_id().to_string()
    }

    /// What is in the wallet.
    pub async fn balance(&self, world: &World) -> String {
        self.get(world, "/v1/wallet/balance").await.text("/available").to_owned()
    }
}
