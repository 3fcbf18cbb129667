"""Public keys that must be refused, of devices and of issuers."""

import edwards


def enrolment_cases() -> list[dict]:
    """Device public keys that enrolment refuses."""
    rows = []
    for number, point in enumerate(edwards.torsion()):
        rows.append(
            (f"small order: multiple {number} of a point of order 8", edwards.encode(point))
        )
    for number, point in enumerate(edwards.torsion()[1:], 1):
        mixed = edwards.add(edwards.BASE, point)
        name = f"torsion: the base point plus multiple {number} of a point of order 8"
        rows.append((name, edwards.encode(mixed)))
    rows += [(f"not canonical: {name}", key) for name, key in edwards.non_canonical_keys()]
    rows.append(("no point of the curve: y = 2", (2).to_bytes(32, "little")))
    return [
        {"name": name, "public_key": key.hex(), "error": "weak_public_key"} for name, key in rows
    ]


def sealing_cases() -> list[dict]:
    """Sealing keys with which a device makes no code."""
    return [
        {"name": f"small order: {name}", "public_key": key.hex(), "error": "cannot_seal"}
        for name, key in edwards.small_order_x25519()
    ]
