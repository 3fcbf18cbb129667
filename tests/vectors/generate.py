"""Writes payment-code.json, the test vectors of docs/payment-code.md.

    python3 generate.py            rewrite payment-code.json
    python3 generate.py --check    exit 1 if the file is not what would be written

Needs Python 3.11 and pyca/cryptography 40 or newer; no network, no clock, no randomness: every
key is SHA-256 of a label, so the output is the same on every machine.

The codes are made by reference.py, which shares nothing with the Rust library; the Rust test
tests/tests/payment_code_vectors.rs makes the same codes from the same inputs and compares.
"""

import json
import sys
from pathlib import Path

import reference as ref
from hostile_keys import enrolment_cases, sealing_cases
from negative import negative_cases
from settlement import SCENARIOS
from world import (
    ALICE,
    BOB,
    ISSUER,
    ISSUER_SEED,
    JPY,
    KWD,
    NOW_MS,
    OTHER_TERMINAL,
    SEALING,
    STEP,
    STRANGER,
    TERMINAL,
    Code,
    Recipe,
)

ABOUT = (
    "Test vectors of payment codes, kind 1. Bytes are lower-case hexadecimal; times are Unix "
    "milliseconds. 'positive' codes come out of the inputs byte for byte and verify. Each "
    "'negative' code is refused at 'stage' with 'error'; 'merchant_sees' is the code of the HTTP "
    "answer. 'freshness' places steps against a clock. 'settlement' describes refusals that "
    "depend on the issuer's books. See docs/payment-code.md."
)

POSITIVE = [
    ("live, not bound", Recipe(ikm_label="positive 1")),
    (
        "live, bound to a terminal, payer verified",
        Recipe(ikm_label="positive 2", terminal=TERMINAL, payer_verified=True, seq=3),
    ),
    ("test mode", Recipe(ikm_label="positive 3", mode=ref.TEST, seq=1)),
    (
        "the highest limit, in a currency without minor digits",
        Recipe(ikm_label="positive 4", limit=2**32 - 1, currency=JPY, payer_verified=True),
    ),
    (
        "the last slot, the last seq, a currency with three minor digits",
        Recipe(ikm_label="positive 5", slot=7, seq=255, currency=KWD, device=BOB),
    ),
    (
        "the lowest limit, another prefix, bound, test mode",
        Recipe(ikm_label="positive 6", mode=ref.TEST, limit=1, prefix="07", terminal=TERMINAL),
    ),
]

FRESHNESS = [
    (-(STEP), "expired"),
    (-2, "expired"),
    (-1, "current"),
    (0, "current"),
    (1, "current"),
    (2, "ahead"),
    (2**32 - 1 - STEP, "ahead"),
]


def positive(name: str, code: Code) -> dict:
    recipe, context = code.recipe, code.context
    return {
        "name": name,
        "mode": recipe.mode,
        "prefix": recipe.prefix,
        "now_ms": NOW_MS,
        "slot": recipe.slot,
        "device": recipe.device.name,
        "step": recipe.step,
        "seq": recipe.seq,
        "limit_minor": recipe.limit,
        "currency_numeric": recipe.currency,
        "payer_verified": recipe.payer_verified,
        "terminal": recipe.terminal.hex() if recipe.terminal else None,
        "ikm_e": context.ikm_e.hex(),
        "sk_e": context.sk_e.hex(),
        "encapsulated_key": context.enc.hex(),
        "info": code.info.hex(),
        "associated_data": code.associated.hex(),
        "shared_secret": context.shared_secret.hex(),
        "key": context.key.hex(),
        "base_nonce": context.base_nonce.hex(),
        "claims": code.claims.hex(),
        "signed_message": code.message.hex(),
        "signature": code.signature.hex(),
        "plaintext": (code.claims + code.signature).hex(),
        "ciphertext": code.sealed[:-16].hex(),
        "tag": code.sealed[-16:].hex(),
        "code": code.bytes.hex(),
        "digits": code.digits,
        "evidence": code.evidence.hex(),
    }


def vectors() -> dict:
    return {
        "about": ABOUT,
        "suite": {
            "mode": "base",
            "kem_id": "0020",
            "kdf_id": "0001",
            "aead_id": "0003",
            "signature": "Ed25519",
        },
        "prefix": "70",
        "issuer": {
            "root_seed": ISSUER_SEED.hex(),
            "root_public_key": ref.ed25519_public(ISSUER_SEED).hex(),
            "id": ISSUER.hex(),
        },
        "sealing_keys": [
            {
                "slot": key.slot,
                "created_at_ms": key.created_at_ms,
                "secret": key.secret.hex(),
                "public_key": key.public.hex(),
            }
            for key in SEALING.values()
        ],
        "devices": [
            {
                "name": device.name,
                "key_id": device.key_id.hex(),
                "seed": device.seed.hex(),
                "public_key": device.public.hex(),
                "enrolled": device.enrolled,
            }
            for device in (ALICE, BOB, STRANGER)
        ],
        "terminals": [TERMINAL.hex(), OTHER_TERMINAL.hex()],
        "positive": [positive(name, recipe.make()) for name, recipe in POSITIVE],
        "negative": negative_cases(),
        "enrolment": enrolment_cases(),
        "sealing": sealing_cases(),
        "freshness": [
            {"now_ms": NOW_MS, "step": STEP + offset, "is": verdict}
            for offset, verdict in FRESHNESS
        ],
        "settlement": SCENARIOS,
    }


def main() -> None:
    ref.check_against_rfc_9180()
    path = Path(__file__).with_name("payment-code.json")
    text = json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if path.read_text() == text else "payment-code.json is out of date")
    path.write_text(text)


if __name__ == "__main__":
    main()
