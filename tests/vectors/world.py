"""The fixed keys of the vectors, and `Recipe`: one code, with every part open to tampering."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import reference as ref

NOW_MS = 1_800_000_012_345
STEP = NOW_MS // 30_000
LIFE_MS = 2 * 365 * 24 * 60 * 60 * 1000

CNY, JPY, KWD = 156, 392, 414


def seed(label: str, length: int = 32) -> bytes:
    """Bytes that nobody chose: SHA-256 of a label."""
    return hashlib.sha256(b"wallet-test-vectors/1\0" + label.encode()).digest()[:length]


@dataclass(frozen=True)
class Device:
    name: str
    enrolled: bool = True

    @property
    def seed(self) -> bytes:
        return seed(f"device seed {self.name}")

    @property
    def key_id(self) -> bytes:
        return seed(f"device key id {self.name}", 8)

    @property
    def public(self) -> bytes:
        return ref.ed25519_public(self.seed)


@dataclass(frozen=True)
class SealingKey:
    slot: int
    created_at_ms: int

    @property
    def secret(self) -> bytes:
        return ref.derive_key_pair(seed(f"sealing key {self.slot}"))[0]

    @property
    def public(self) -> bytes:
        return ref.x25519_public(self.secret)


ALICE, BOB = Device("alice"), Device("bob")
STRANGER = Device("stranger", enrolled=False)
ISSUER_SEED = seed("issuer root")
ISSUER = ref.issuer_id(ref.ed25519_public(ISSUER_SEED))
OTHER_ISSUER = ref.issuer_id(ref.ed25519_public(seed("another issuer root")))
TERMINAL, OTHER_TERMINAL = seed("terminal", 16), seed("another terminal", 16)
DAY_MS = 24 * 60 * 60 * 1000
# Slot 0 is in use, slot 7 is the newest, slot 3 retired an hour ago, the others are empty.
SEALING = {
    key.slot: key
    for key in (
        SealingKey(3, NOW_MS - LIFE_MS - 60 * 60 * 1000),
        SealingKey(0, NOW_MS - 100 * DAY_MS),
        SealingKey(7, NOW_MS - DAY_MS),
    )
}


@dataclass(frozen=True)
class Recipe:
    """How to make a code. The fields after `ikm_label` are None unless a vector tampers."""

    mode: str = ref.LIVE
    slot: int = 0
    device: Device = ALICE
    step: int = STEP
    seq: int = 0
    limit: int = 20_000
    currency: int = CNY
    payer_verified: bool = False
    terminal: bytes | None = None
    prefix: str = "70"
    ikm_label: str = "default"

    head: bytes | None = None
    small_order_enc: bytes | None = None
    flags: int | None = None
    sealed_to: bytes | None = None
    sealed_domain: bytes | None = None
    sealed_issuer: bytes = field(default=ISSUER)
    associated: bytes | None = None
    signed_domain: bytes | None = None
    signed_head: bytes | None = None
    signed_issuer: bytes = field(default=ISSUER)
    signed_enc: bytes | None = None
    signed_claims: bytes | None = None
    signed_terminal: bytes | None = None
    signed_bytes: Callable[[bytes], bytes] | None = None
    sign: Callable[[bytes], bytes] | None = None

    def but(self, **changes: object) -> "Recipe":
        return replace(self, **changes)

    def make(self) -> "Code":
        head = self.head or ref.header(self.slot)
        recipient = self.sealed_to or SEALING[self.slot].public
        domain = ref.domain(self.mode)
        info = (self.sealed_domain or domain) + self.sealed_issuer
        if self.small_order_enc:
            context = ref.setup_with_zero_secret(self.small_order_enc, recipient, info)
        else:
            context = ref.setup(seed(f"ikmE {self.ikm_label}"), recipient, info)
        flags = self.flags
        if flags is None:
            flags = (ref.FLAG_TERMINAL_BOUND if self.terminal is not None else 0) | (
                ref.FLAG_PAYER_VERIFIED if self.payer_verified else 0
            )
        body = ref.claims(self.device.key_id, self.step, self.limit, self.currency, flags, self.seq)
        terminal = self.signed_terminal if self.signed_terminal is not None else self.terminal
        message = ref.signed_message(
            self.signed_domain or domain,
            self.signed_head or head,
            self.signed_issuer,
            self.signed_enc or context.enc,
            self.signed_claims or body,
            terminal or b"",
        )
        if self.signed_bytes:
            message = self.signed_bytes(message)
        sign = self.sign or (lambda text: ref.ed25519_sign(self.device.seed, text))
        signature = sign(message)
        associated = head if self.associated is None else self.associated
        sealed = ref.seal(context, body + signature, associated)
        return Code(self, context, info, associated, body, message, signature, sealed, head)


@dataclass(frozen=True)
class Code:
    """A code with everything that went into it."""

    recipe: Recipe
    context: ref.Context
    info: bytes
    associated: bytes
    claims: bytes
    message: bytes
    signature: bytes
    sealed: bytes
    head: bytes

    @property
    def bytes(self) -> bytes:
        return self.head + self.context.enc + self.sealed

    @property
    def digits(self) -> str:
        return self.recipe.prefix + ref.to_digits(self.bytes)

    @property
    def evidence(self) -> bytes:
        return self.head + self.context.enc + self.claims + self.signature
