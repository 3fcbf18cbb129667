"""Codes that must be refused, one named case for each reason."""

import edwards
import reference as ref
from world import (
    ALICE,
    BOB,
    NOW_MS,
    OTHER_ISSUER,
    OTHER_TERMINAL,
    SEALING,
    STEP,
    STRANGER,
    TERMINAL,
    Device,
    Recipe,
    seed,
)

EXPIRED, SKEW, INVALID = "code_expired", "clock_skew", "invalid_code"

DEFAULT = Recipe(ikm_label="negative")
BOUND = DEFAULT.but(terminal=TERMINAL)


def case(stage: str, error: str, name: str, digits: str, **other: object) -> dict:
    """One case; 'at' says where the merchant scanned it, 'mode' with which key it asked."""
    return {
        "name": name,
        "stage": stage,
        "error": error,
        "merchant_sees": error if error in (EXPIRED, SKEW) else INVALID,
        "mode": other.get("mode", ref.LIVE),
        "at": other.get("at"),
        "now_ms": NOW_MS,
        "digits": digits,
    }


def negative_cases() -> list[dict]:
    return [
        *_texts(),
        *_headers(),
        *_slots(),
        *_flipped_bits(),
        *_encapsulated_keys(),
        *_sealing(),
        *_claims(),
        *_signers(),
        *_signed_messages(),
        *_signatures(),
        *_terminals(),
        *_steps(),
    ]


def _texts() -> list[dict]:
    good = DEFAULT.make().digits
    largest_chunk = f"{2**96:029d}"
    rows = [
        ("code_unknown_prefix", "no text", ""),
        ("code_unknown_prefix", "one digit", "7"),
        ("code_unknown_prefix", "another issuer's prefix", "71" + good[2:]),
        ("code_unknown_prefix", "a prefix of full-width digits", "\uff17\uff10" + good[2:]),
        ("code_wrong_length", "a prefix alone", "70"),
        ("code_wrong_length", "one digit short", good[:-1]),
        ("code_wrong_length", "one digit long", good + "0"),
        ("code_wrong_length", "the length of kind 2", "70" + "0" * 435),
        ("code_wrong_length", "the length of kind 3", "70" + "0" * 18),
        ("code_not_digits", "a letter", good[:-1] + "x"),
        ("code_not_digits", "a space within", good[:160] + " " + good[161:]),
        ("code_not_digits", "a line feed behind", good + "\n"),
        ("code_not_digits", "a minus sign", "70-" + good[3:]),
        ("code_not_digits", "a full-width digit", good[:-1] + "\uff10"),
        ("code_not_canonical", "the first chunk is 2^96", "70" + largest_chunk + good[31:]),
        ("code_not_canonical", "the last chunk is 2^96", good[:-29] + largest_chunk),
        ("code_not_canonical", "a chunk of nines", good[:-29] + "9" * 29),
    ]
    return [case("parse", error, name, digits) for error, name, digits in rows]


def _headers() -> list[dict]:
    """Codes signed and sealed with all care, under a header that this version does not know."""
    cases = []
    for version in (0, 2, 7):
        recipe = DEFAULT.but(head=ref.header(0, version=version))
        name = f"version {version} in the header"
        cases.append(case("parse", "code_unknown_version", name, recipe.make().digits))
    for kind in (0, 2, 3):
        recipe = DEFAULT.but(head=ref.header(0, kind=kind))
        name = f"kind {kind} in the header, at the length of kind 1"
        cases.append(case("parse", "code_unknown_kind", name, recipe.make().digits))
    return cases


def _slots() -> list[dict]:
    empty = DEFAULT.but(slot=5, sealed_to=SEALING[0].public)
    retired = DEFAULT.but(slot=3)
    wrong = DEFAULT.but(slot=7, sealed_to=SEALING[0].public)
    return [
        case("open", "code_unknown_slot", "a slot without a key", empty.make().digits),
        case("open", "code_unknown_slot", "a slot whose key has retired", retired.make().digits),
        case("open", "code_not_opened", "sealed to the key of another slot", wrong.make().digits),
    ]


def _flipped_bits() -> list[dict]:
    good = DEFAULT.make().bytes
    rows = [
        ("parse", "code_unknown_version", "header, version", 0, 5),
        ("parse", "code_unknown_kind", "header, kind", 0, 4),
        ("open", "code_unknown_slot", "header, slot", 0, 0),
        ("open", "code_not_opened", "encapsulated key, first byte", 1, 0),
        ("open", "code_not_opened", "encapsulated key, the top bit that X25519 ignores", 32, 7),
        ("open", "code_not_opened", "ciphertext, first byte (device key id)", 33, 0),
        ("open", "code_not_opened", "ciphertext, limit", 33 + 15, 0),
        ("open", "code_not_opened", "ciphertext, last byte (signature)", 115, 7),
        ("open", "code_not_opened", "tag, first byte", 116, 0),
        ("open", "code_not_opened", "tag, last byte", 131, 7),
    ]
    cases = []
    for stage, error, name, position, bit in rows:
        altered = bytearray(good)
        altered[position] ^= 1 << bit
        digits = "70" + ref.to_digits(bytes(altered))
        cases.append(case(stage, error, f"flipped bit: {name}", digits))
    return cases


def _encapsulated_keys() -> list[dict]:
    """Signed and sealed correctly for a shared secret of zeros: only the refusal of it helps."""
    cases = []
    for name, key in edwards.small_order_x25519():
        digits = DEFAULT.but(small_order_enc=key).make().digits
        name = f"encapsulated key of small order (all-zero X25519): {name}"
        cases.append(case("open", "code_not_opened", name, digits))
    return cases


def _sealing() -> list[dict]:
    test = DEFAULT.but(mode=ref.TEST)
    stranger = ref.x25519_public(seed("another issuer's sealing key"))
    rows = [
        ("a live code with a test key", DEFAULT, ref.TEST),
        ("a test code with a live key", test, ref.LIVE),
        ("sealed to another issuer's key", DEFAULT.but(sealed_to=stranger), ref.LIVE),
        ("another issuer's id in the info", DEFAULT.but(sealed_issuer=OTHER_ISSUER), ref.LIVE),
        (
            "another kind's domain in the info",
            DEFAULT.but(sealed_domain=ref.domain(ref.LIVE, kind="gate")),
            ref.LIVE,
        ),
        (
            "another version's domain in the info",
            DEFAULT.but(sealed_domain=ref.domain(ref.LIVE, version=2)),
            ref.LIVE,
        ),
        ("no associated data", DEFAULT.but(associated=b""), ref.LIVE),
        ("another header as associated data", DEFAULT.but(associated=ref.header(7)), ref.LIVE),
    ]
    return [
        case("open", "code_not_opened", name, recipe.make().digits, mode=mode)
        for name, recipe, mode in rows
    ]


def _claims() -> list[dict]:
    rows = [("code_zero_limit", "a limit of 0", DEFAULT.but(limit=0))]
    for bit in range(2, 6):
        recipe = DEFAULT.but(flags=1 << bit)
        rows.append(("code_reserved_flag", f"reserved flag {bit}", recipe))
    for number, what in ((0, "0"), (959, "959, gold, without minor units"), (1023, "1023")):
        recipe = DEFAULT.but(currency=number)
        rows.append(("unknown_currency", f"currency {what}", recipe))
    return [case("open", error, name, recipe.make().digits) for error, name, recipe in rows]


def _signers() -> list[dict]:
    def signed_by(device: Device) -> Recipe:
        return DEFAULT.but(sign=lambda message: ref.ed25519_sign(device.seed, message))

    stranger = DEFAULT.but(device=STRANGER)
    return [
        case(
            "look_up", "code_unknown_device", "a key that is not enrolled", stranger.make().digits
        ),
        case(
            "verify",
            "code_bad_signature",
            "an enrolled device's id, signed by a key that is not enrolled",
            signed_by(STRANGER).make().digits,
        ),
        case(
            "verify",
            "code_bad_signature",
            "an enrolled device's id, signed by another enrolled device",
            signed_by(BOB).make().digits,
        ),
    ]


def _signed_messages() -> list[dict]:
    """Sealed correctly, but the signature is over something else."""
    genuine = DEFAULT.but(ikm_label="genuine").make()
    lower = ref.claims(ALICE.key_id, STEP, 1, DEFAULT.currency, 0, 0)
    rows = [
        ("the test domain", DEFAULT.but(signed_domain=ref.domain(ref.TEST))),
        ("another kind's domain", DEFAULT.but(signed_domain=ref.domain(ref.LIVE, kind="gate"))),
        ("another version's domain", DEFAULT.but(signed_domain=ref.domain(ref.LIVE, version=2))),
        ("no domain", DEFAULT.but(signed_bytes=lambda text: text[len(ref.domain(ref.LIVE)) :])),
        ("another issuer's id", DEFAULT.but(signed_issuer=OTHER_ISSUER)),
        ("another header", DEFAULT.but(signed_head=ref.header(7))),
        (
            "another encapsulated key: a genuine code's contents sealed again",
            DEFAULT.but(signed_enc=genuine.context.enc, sign=lambda _: genuine.signature),
        ),
        ("a lower limit", DEFAULT.but(signed_claims=lower)),
        ("no length of the terminal id", DEFAULT.but(signed_bytes=lambda text: text[:-2])),
    ]
    return [
        case("verify", "code_bad_signature", f"signed over {name}", recipe.make().digits)
        for name, recipe in rows
    ]


def _signatures() -> list[dict]:
    """Signatures that some verifiers take and others do not; all are refused."""
    order_8 = edwards.torsion()[1]
    nonce = int.from_bytes(seed("nonce"), "little") % edwards.L
    mixed = edwards.add(edwards.multiply(nonce, edwards.BASE), order_8)

    def s_plus_order(message: bytes) -> bytes:
        signature = ref.ed25519_sign(ALICE.seed, message)
        s = int.from_bytes(signature[32:], "little") + edwards.L
        return signature[:32] + s.to_bytes(32, "little")

    def with_r(nonce: int, r_encoded: bytes):
        return lambda text: edwards.sign_with_r(ALICE.seed, ALICE.public, text, nonce, r_encoded)

    rows = [
        ("S + L instead of S (S not below the group order)", s_plus_order),
        ("R is the identity (small order)", with_r(0, edwards.encode(edwards.IDENTITY))),
        (
            "R is the identity, not canonically encoded",
            with_r(0, (1 + edwards.P).to_bytes(32, "little")),
        ),
        (
            "R has a small-order component (valid to cofactored verifiers)",
            with_r(nonce, edwards.encode(mixed)),
        ),
        (
            "R is no point of the curve",
            lambda text: b"\x02" + bytes(31) + ref.ed25519_sign(ALICE.seed, text)[32:],
        ),
        ("all zeros", lambda _: bytes(64)),
    ]
    return [
        case(
            "verify",
            "code_bad_signature",
            f"signature: {name}",
            DEFAULT.but(sign=sign).make().digits,
        )
        for name, sign in rows
    ]


def _terminals() -> list[dict]:
    at, elsewhere = TERMINAL.hex(), OTHER_TERMINAL.hex()
    hidden = DEFAULT.but(signed_terminal=TERMINAL)
    pretended = DEFAULT.but(flags=ref.FLAG_TERMINAL_BOUND)
    rows = [
        ("a bound code at another terminal", BOUND, elsewhere),
        ("a bound code without a terminal", BOUND, None),
        ("signed over a terminal, but the flag is clear", hidden, at),
        ("the flag is set, but signed over no terminal", pretended, at),
    ]
    return [
        case("verify", "code_bad_signature", name, recipe.make().digits, at=terminal)
        for name, recipe, terminal in rows
    ]


def _steps() -> list[dict]:
    rows = [
        (EXPIRED, "two steps old", -2),
        (EXPIRED, "a year old", -1_051_200),
        (SKEW, "two steps ahead", 2),
        (SKEW, "a year ahead", 1_051_200),
    ]
    return [
        case("window", error, name, DEFAULT.but(step=STEP + offset).make().digits)
        for error, name, offset in rows
    ]
