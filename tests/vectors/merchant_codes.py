"""Writes merchant-code.json, the test vectors of docs/merchant-codes.md.

    python3 merchant_codes.py            rewrite merchant-code.json
    python3 merchant_codes.py --check    exit 1 if the file is not what would be written

Needs Python 3.11 and pyca/cryptography 40 or newer; no network, no clock, no randomness. Shares
nothing with the Rust library; wallet-core/tests/merchant_code_vectors.rs makes the same codes from
the same fields and reads every text.
"""

import hashlib
import json
import sys
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

GUID = "F057414C4C4554"

ABOUT = (
    "Test vectors of merchant codes. Ids, seeds and keys are lower-case hexadecimal. 'positive' "
    "texts come out of the fields character by character and read as signed. Each 'negative' text "
    "reads as 'outcome', in 'mode', by the issuer. See docs/merchant-codes.md."
)


@dataclass(frozen=True)
class Key:
    """A signing key, and what is computed from it."""

    seed: bytes

    @property
    def public(self) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.public).digest()[:8]

    @property
    def issuer(self) -> bytes:
        return hashlib.sha256(b"wallet-issuer/1\0" + self.public).digest()

    def sign(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


ROOT = Key(bytes(range(1, 33)))
NEXT = Key(hashlib.sha256(b"the issuer's second key").digest())
STRANGER = Key(hashlib.sha256(b"somebody else").digest())


@dataclass(frozen=True)
class Code:
    """What a code says."""

    kind: str
    amount: str | None
    name: str
    label: str | None = None
    currency: str = "CNY"
    currency_numeric: int = 156
    id: str = "0192f0c1d2e3740085b6c7d8e9f0a1b2"
    merchant: str = "0192f0c0a1b27c3d8e4f5a6b7c8d9e0f"
    category: str = "5812"
    country: str = "CN"
    city: str = "Chengdu"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def obj(number: int, value: str) -> str:
    assert len(value) <= 99, (number, value)
    return f"{number:02d}{len(value):02d}{value}"


def ours(number: int, *objects: str) -> str:
    return obj(number, obj(0, GUID) + "".join(objects))


def crc(data: bytes) -> int:
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
            register &= 0xFFFF
    return register


def checked(text: str) -> str:
    text += "6304"
    return f"{text}{crc(text.encode()):04X}"


def is_printable(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)


def short_name(name: str) -> str:
    return name[:25] if is_printable(name) and name[:25].strip() else "MERCHANT"


def unsigned(code: Code, issuer: bytes, version: str = "1") -> str:
    text = obj(0, "01") + obj(1, {"order": "12", "plate": "11"}[code.kind])
    text += ours(
        26,
        obj(1, version),
        obj(2, b64(issuer[:8])),
        obj(3, b64(bytes.fromhex(code.id))),
        obj(4, b64(bytes.fromhex(code.merchant))),
    )
    text += obj(52, code.category) + obj(53, f"{code.currency_numeric:03d}")
    if code.amount is not None:
        text += obj(54, code.amount)
    text += obj(58, code.country) + obj(59, short_name(code.name)) + obj(60, code.city)
    if code.label is not None:
        text += obj(62, obj(8, code.label))
    if short_name(code.name) != code.name:
        text += ours(80, obj(1, code.name[:77]))
        if code.name[77:]:
            text += ours(81, obj(1, code.name[77:]))
    return text


def domain(kind: str, mode: str) -> bytes:
    return f"wallet-merchant-code/1/{kind}/{mode}\0".encode()


def seal(key_id: bytes, signature: bytes) -> str:
    text = b64(signature)
    return ours(82, obj(1, b64(key_id)), obj(2, text[:43])) + ours(83, obj(1, text[43:]))


def make(code: Code, key: Key = ROOT, mode: str = "live", issuer: bytes = ROOT.issuer) -> str:
    fits = len(unsigned(code, issuer)) + len(seal(bytes(8), bytes(64))) + 8 <= 512
    text = unsigned(code if fits else replace(code, label=None), issuer)
    signature = key.sign(domain(code.kind, mode) + issuer + text.encode())
    return checked(text + seal(key.id, signature))


EXAMPLE = Code("order", "12.50", "张记面馆", "Noodles")
PLATE = Code("plate", None, "Tea House")

POSITIVE = [
    ("the worked example", EXAMPLE, ROOT, "live"),
    ("a plate with an open amount and a short name", PLATE, ROOT, "live"),
    ("a plate with a fixed amount, test mode", replace(PLATE, amount="3.00"), ROOT, "test"),
    ("signed with the second key", PLATE, NEXT, "live"),
    (
        "a currency without minor digits",
        replace(EXAMPLE, amount="500", currency="JPY", currency_numeric=392, country="JP"),
        ROOT,
        "live",
    ),
    (
        "a currency with three minor digits, numeric code with a leading zero",
        replace(EXAMPLE, amount="1.250", currency="BHD", currency_numeric=48, country="BH"),
        ROOT,
        "live",
    ),
    ("a name of 25 characters", replace(PLATE, name="x" * 25), ROOT, "live"),
    ("a name of 26 characters", replace(PLATE, name="x" * 26), ROOT, "live"),
    ("a name of 77 characters", replace(PLATE, name="京" * 77), ROOT, "live"),
    ("a name of 78 characters", replace(PLATE, name="京" * 78), ROOT, "live"),
    ("a name that begins with 25 spaces", replace(PLATE, name=" " * 25 + "x"), ROOT, "live"),
    ("a name outside the basic plane", replace(PLATE, name="Café 🍜"), ROOT, "live"),
    (
        "the longest code",
        replace(
            EXAMPLE, amount="9999999999.99", name="x" * 100, city="ABCDEFGHIJKLMNO", label=None
        ),
        ROOT,
        "live",
    ),
]


def negatives() -> list[tuple[str, str, str, str]]:
    text = make(PLATE)
    body = text[:-8]
    start = unsigned(PLATE, ROOT.issuer)
    message = domain("plate", "live") + ROOT.issuer + start.encode()
    genuine = ROOT.sign(message)
    other = unsigned(replace(PLATE, merchant="ff" * 16), ROOT.issuer)
    second = unsigned(PLATE, ROOT.issuer, "2")
    signed = body[len(start) :]
    flipped = bytes([genuine[0] ^ 1]) + genuine[1:]
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(genuine[32:], "little") + order
    malleated = genuine[:32] + scalar.to_bytes(32, "little")
    fixed = unsigned(replace(PLATE, amount="3.00"), ROOT.issuer)
    turned = start.replace(obj(52, "5812") + obj(53, "156"), obj(53, "156") + obj(52, "5812"))
    cases = [
        ("no signature", "unsigned", checked(start)),
        ("only the first half of the signature", "malformed", checked(body[:-69])),
        ("only the second half", "malformed", checked(start + signed[-69:])),
        ("a bit of the signature flipped", "wrongly_signed", checked(start + seal(ROOT.id, flipped))),
        ("S above the order of the group", "wrongly_signed",
         checked(start + seal(ROOT.id, malleated))),
        ("another merchant under the signature", "wrongly_signed", checked(other + signed)),
        ("an amount put in", "wrongly_signed", checked(fixed + signed)),
        ("signed by a stranger", "unknown_key", make(PLATE, STRANGER)),
        ("signed by a stranger in the issuer's name", "wrongly_signed",
         checked(start + seal(ROOT.id, STRANGER.sign(message)))),
        ("signed for another issuer", "wrongly_signed",
         checked(start + seal(ROOT.id, ROOT.sign(
             domain("plate", "live") + STRANGER.issuer + start.encode())))),
        ("signed as an order", "wrongly_signed",
         checked(start + seal(ROOT.id, ROOT.sign(
             domain("order", "live") + ROOT.issuer + start.encode())))),
        ("of the test mode", "other_mode", make(PLATE, mode="test")),
        ("an object behind the signature", "malformed", checked(body + obj(65, "x"))),
        ("a template behind the signature", "malformed", checked(body + obj(84, obj(0, "X")))),
        ("an object before the signature", "malformed", checked(start + obj(65, "x") + signed)),
        ("two objects swapped, signed", "malformed",
         checked(turned + seal(ROOT.id, ROOT.sign(
             domain("plate", "live") + ROOT.issuer + turned.encode())))),
        ("version 2", "malformed",
         checked(second + seal(ROOT.id, ROOT.sign(
             domain("plate", "live") + ROOT.issuer + second.encode())))),
        ("an order without an amount", "malformed", make(replace(PLATE, kind="order"))),
        ("our identifier in an unexpected place", "unsigned",
         checked(obj(0, "01") + ours(27) + obj(53, "156") + obj(58, "CN"))),
        ("our identifier in small letters", "unsigned",
         checked(obj(0, "01") + obj(26, obj(0, GUID.lower())) + obj(53, "156") + obj(58, "CN"))),
        ("another issuer's", "other_issuer", make(PLATE, STRANGER, issuer=STRANGER.issuer)),
        ("another scheme's", "other_scheme",
         checked(obj(0, "01") + obj(26, obj(0, "br.gov.bcb.pix")) + obj(53, "986") + obj(58, "BR"))),
        ("a character changed, the checksum kept", "emv_wrong_checksum",
         text.replace("Tea", "Sea")),
        ("a line break at the end", "emv_line_break", text + "\n"),
        ("a checksum in small letters", "emv_checksum_lower_case", lower_case()),
    ]
    return [(name, "live", outcome, text) for name, outcome, text in cases]


def lower_case() -> str:
    """The first code whose checksum has a letter, with that in lower case."""
    for number in range(100):
        text = make(replace(PLATE, id=f"{number:032x}"))
        if text[-4:] != text[-4:].lower():
            return text[:-4] + text[-4:].lower()
    raise AssertionError("no checksum with a letter")


def vectors() -> dict:
    assert crc(b"123456789") == 0x29B1
    return {
        "about": ABOUT,
        "issuer": {
            "id": ROOT.issuer.hex(),
            "root_seed": ROOT.seed.hex(),
            "signing_keys": [ROOT.public.hex(), NEXT.public.hex()],
        },
        "positive": [
            {
                "name": name,
                "mode": mode,
                "seed": key.seed.hex(),
                **{f"code_{field}": value for field, value in asdict(code).items()},
                "signed_message": (
                    domain(code.kind, mode) + ROOT.issuer + unsigned(code, ROOT.issuer).encode()
                ).hex(),
                "text": make(code, key, mode),
            }
            for name, code, key, mode in POSITIVE
        ],
        "negative": [
            {"name": name, "mode": mode, "outcome": outcome, "text": text}
            for name, mode, outcome, text in negatives()
        ],
    }


def main() -> None:
    path = Path(__file__).with_name("merchant-code.json")
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if path.read_text() == text else "merchant-code.json is out of date")
    path.write_text(text)


if __name__ == "__main__":
    main()
