"""A second implementation of docs/payment-code.md, written from the specification alone.

It shares no code with the Rust library: X25519, Ed25519, ChaCha20-Poly1305 and HMAC come from
pyca/cryptography and the standard library, and the HPKE key schedule (RFC 9180) is spelled out
so that every intermediate value can be published. `check_against_rfc_9180` runs before anything
is generated. It favours plainness over speed and is not constant-time: for test vectors only.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

LIVE, TEST = "live", "test"
FLAG_TERMINAL_BOUND, FLAG_PAYER_VERIFIED = 1, 2

# --- Digits -------------------------------------------------------------------------------------


def to_digits(data: bytes) -> str:
    """12 bytes become 29 digits, zero-padded."""
    assert len(data) % 12 == 0
    chunks = (data[i : i + 12] for i in range(0, len(data), 12))
    return "".join(f"{int.from_bytes(chunk, 'big'):029d}" for chunk in chunks)


# --- HPKE (RFC 9180), base mode, one message ----------------------------------------------------

KEM_ID, KDF_ID, AEAD_ID = 0x0020, 0x0001, 0x0003
KEM_SUITE = b"KEM" + KEM_ID.to_bytes(2, "big")
HPKE_SUITE = b"HPKE" + b"".join(i.to_bytes(2, "big") for i in (KEM_ID, KDF_ID, AEAD_ID))


def _extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        output, counter = output + block, counter + 1
    return output[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return _expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def derive_key_pair(ikm: bytes) -> tuple[bytes, bytes]:
    """DeriveKeyPair of section 7.1.3: the secret key as expanded (not clamped), the public key."""
    prk = _labeled_extract(KEM_SUITE, b"", b"dkp_prk", ikm)
    secret = _labeled_expand(KEM_SUITE, prk, b"sk", b"", 32)
    return secret, x25519_public(secret)


def x25519_public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


@dataclass(frozen=True)
class Context:
    """The sender's side of one HPKE context, with everything that RFC 9180 names."""

    ikm_e: bytes
    sk_e: bytes
    enc: bytes
    shared_secret: bytes = b""
    key: bytes = b""
    base_nonce: bytes = b""


def setup(ikm_e: bytes, recipient: bytes, info: bytes) -> Context:
    """SetupBaseS with the ephemeral key pair DeriveKeyPair(ikm_e)."""
    sk_e, enc = derive_key_pair(ikm_e)
    peer = X25519PublicKey.from_public_bytes(recipient)
    dh = X25519PrivateKey.from_private_bytes(sk_e).exchange(peer)
    return schedule(Context(ikm_e, sk_e, enc), dh, recipient, info)


def setup_with_zero_secret(enc: bytes, recipient: bytes, info: bytes) -> Context:
    """What an attacker computes who sends a small-order key: everything but the refusal."""
    return schedule(Context(b"", b"", enc), bytes(32), recipient, info)


def schedule(context: Context, dh: bytes, recipient: bytes, info: bytes) -> Context:
    """ExtractAndExpand (section 4.1) and KeySchedule for mode_base (section 5.1)."""
    eae_prk = _labeled_extract(KEM_SUITE, b"", b"eae_prk", dh)
    shared = _labeled_expand(KEM_SUITE, eae_prk, b"shared_secret", context.enc + recipient, 32)
    psk_id_hash = _labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    inputs = b"\0" + psk_id_hash + info_hash
    secret = _labeled_extract(HPKE_SUITE, shared, b"secret", b"")
    key = _labeled_expand(HPKE_SUITE, secret, b"key", inputs, 32)
    nonce = _labeled_expand(HPKE_SUITE, secret, b"base_nonce", inputs, 12)
    return replace(context, shared_secret=shared, key=key, base_nonce=nonce)


def check_against_rfc_9180() -> None:
    """The vector of RFC 9180, appendix A.2.1 (the same suite, base mode), first message."""
    h = bytes.fromhex
    recipient = h("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")
    context = setup(
        h("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b"),
        recipient,
        h("4f6465206f6e2061204772656369616e2055726e"),
    )
    assert context.enc == h("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    sealed = ChaCha20Poly1305(context.key).encrypt(
        context.base_nonce,
        h("4265617574792069732074727574682c20747275746820626561757479"),
        h("436f756e742d30"),
    )
    assert sealed == h(
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    )


# --- Payment codes of kind 1 --------------------------------------------------------------------


def domain(mode: str, kind: str = "online", version: int = 1) -> bytes:
    return f"wallet-code/{version}/{kind}/{mode}\0".encode()


def header(slot: int, version: int = 1, kind: int = 1) -> bytes:
    return bytes([version << 5 | kind << 3 | slot])


def issuer_id(root_public: bytes) -> bytes:
    return hashlib.sha256(b"wallet-issuer/1\0" + root_public).digest()


def claims(key_id: bytes, step: int, limit: int, currency: int, flags: int, seq: int) -> bytes:
    packed = currency << 6 | flags
    return (
        key_id
        + step.to_bytes(4, "big")
        + limit.to_bytes(4, "big")
        + packed.to_bytes(2, "big")
        + bytes([seq])
    )


def signed_message(
    code_domain: bytes, head: bytes, issuer: bytes, enc: bytes, body: bytes, terminal: bytes
) -> bytes:
    return code_domain + head + issuer + enc + body + len(terminal).to_bytes(2, "big") + terminal


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def seal(context: Context, plaintext: bytes, associated: bytes) -> bytes:
    """Ciphertext and tag of the first and only message of a context (sequence number 0)."""
    return ChaCha20Poly1305(context.key).encrypt(context.base_nonce, plaintext, associated)
