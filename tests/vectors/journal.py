"""Writes journal.json, the test vectors of the journal's proofs (docs/audit.md, docs/receipts.md).

    python3 journal.py            rewrite journal.json
    python3 journal.py --check    exit 1 if the file is not what would be written

Made from the definitions of RFC 6962, section 2.1, and of C2SP signed-note, and shares nothing with
the Rust library. Needs pyca/cryptography; no network, no clock, no randomness.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED = hashlib.sha256(b"journal vectors: issuer").digest()
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
ISSUER = hashlib.sha256(b"wallet-issuer/1\0" + PUBLIC).digest()
NAME = "wallet-journal/1/" + ISSUER.hex()
# How many records each batch has.
BATCHES = [1, 2, 3, 1, 7, 4, 1, 1, 5, 2, 1, 9, 1]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(count: int) -> int:
    """The largest power of two smaller than a count."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not entries:
        return sha256(b"")
    if len(entries) == 1:
        return sha256(b"\0" + entries[0])
    k = split(len(entries))
    return sha256(b"\1" + root(entries[:k]) + root(entries[k:]))


def path(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return path(index, entries[:k]) + [root(entries[k:])]
    return path(index - k, entries[k:]) + [root(entries[:k])]


def proof(older: int, entries: list[bytes], known: bool = True) -> list[bytes]:
    """PROOF of RFC 6962, section 2.1.2."""
    if older == len(entries):
        return [] if known else [root(entries)]
    k = split(len(entries))
    if older <= k:
        return proof(older, entries[:k], known) + [root(entries[k:])]
    return proof(older - k, entries[k:], False) + [root(entries[:k])]


def record(batch: int, number: int) -> bytes:
    """A live payment of CNY that succeeded: docs/receipts.md."""
    amount = (batch * 100 + number + 1).to_bytes(8, "big")
    money = (156).to_bytes(2, "big") + amount
    return (
        bytes([1, 0, 1, 3])
        + sha256(b"subject %d %d" % (batch, number))[:16]
        + sha256(b"merchant")[:16]
        + (1_800_000_000_000 + batch).to_bytes(8, "big")
        + money
        + money
        + sha256(b"reference %d %d" % (batch, number))
        + sha256(b"books %d %d" % (batch, number))
    )


def checkpoint(leaves: list[bytes]) -> str:
    """A signed note."""
    text = f"{NAME}\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
    key_id = sha256(NAME.encode() + b"\n\1" + PUBLIC)[:4]
    signature = base64.b64encode(key_id + KEY.sign(text.encode())).decode()
    return f"{text}\n\u2014 {NAME} {signature}\n"


def receipt(body: bytes, behind: bytes) -> str:
    """A receipt with a proof behind its signature."""
    signature = KEY.sign(b"wallet-receipt/1/live\0" + ISSUER + body)
    data = bytes([1]) + body + sha256(PUBLIC)[:8] + signature
    data += len(behind).to_bytes(2, "big") + behind
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def inclusion(position: int, number: int, batches: list[list[bytes]], leaves: list[bytes]) -> bytes:
    """The bytes of a proof."""
    batch = batches[position - 1]
    within, along = path(number, batch), path(position - 1, leaves)
    return (
        bytes([1])
        + position.to_bytes(8, "big")
        + number.to_bytes(4, "big")
        + len(batch).to_bytes(4, "big")
        + bytes([len(within)])
        + b"".join(within)
        + bytes([len(along)])
        + b"".join(along)
        + checkpoint(leaves).encode()
    )


def vectors() -> dict:
    batches = [[record(i, n) for n in range(count)] for i, count in enumerate(BATCHES, 1)]
    leaves = [root(batch) for batch in batches]
    receipts = []
    for size in (1, 2, 7, len(leaves)):
        for position in range(1, size + 1):
            number = position % len(batches[position - 1])
            behind = inclusion(position, number, batches, leaves[:size])
            text = receipt(batches[position - 1][number], behind)
            receipts.append({"position": position, "size": size, "receipt": text})
    growth = [
        {"from": older, "to": newer, "hashes": [h.hex() for h in proof(older, leaves[:newer])]}
        for newer in range(1, len(leaves) + 1)
        for older in range(1, newer + 1)
    ]
    return {
        "about": "Test vectors of the journal's checkpoints and proofs: see docs/audit.md.",
        "issuer": ISSUER.hex(),
        "public_key": PUBLIC.hex(),
        "seed": SEED.hex(),
        "verifier_key": f"{NAME}+{sha256(NAME.encode() + chr(10).encode() + bytes([1]) + PUBLIC)[:4].hex()}"
        f"+{base64.b64encode(bytes([1]) + PUBLIC).decode()}",
        "leaves": [leaf.hex() for leaf in leaves],
        "checkpoints": [checkpoint(leaves[:size]) for size in range(1, len(leaves) + 1)],
        "receipts": receipts,
        "growth": growth,
    }


def main() -> int:
    file = Path(__file__).parent / "journal.json"
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        file.write_text(text, encoding="utf-8")
        return 0
    if file.read_text(encoding="utf-8") == text:
        return 0
    print("journal.json is not what journal.py writes", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
