"""Ed25519 group arithmetic for the hostile vectors: points and signatures that no honest signer
makes, and that a library therefore offers no way to make. Affine, slow, not constant-time.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
IDENTITY = (0, 1)

Point = tuple[int, int]


def recover_x(y: int, sign: int) -> int | None:
    """The x with this parity on the curve, or None; for x = 0 the parity is ignored."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return x if x % 2 == sign else -x % P


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    cross = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - cross, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def base_point() -> Point:
    y = 4 * pow(5, -1, P) % P
    x = recover_x(y, 0)
    assert x is not None
    return x, y


BASE = base_point()


def torsion() -> list[Point]:
    """The eight points of small order, as multiples 0 to 7 of one of order 8."""
    for y in range(2, 100):
        x = recover_x(y, 0)
        if x is None:
            continue
        generator = multiply(L, (x, y))
        if multiply(4, generator) != IDENTITY:
            return [multiply(i, generator) for i in range(8)]
    raise AssertionError("no point of order 8 found")


def non_canonical_keys() -> list[tuple[str, bytes]]:
    """Every encoding that decodes leniently to a point but is not that point's encoding."""
    found = []
    for y in range(19):
        for sign in (0, 1):
            if recover_x(y, sign) is not None:
                encoded = (y + P | sign << 255).to_bytes(32, "little")
                found.append((f"y = p + {y}, sign bit {sign}", encoded))
    for name, y in (("1", 1), ("p - 1", P - 1)):
        found.append(
            (f"y = {name} with x = 0 and the sign bit set", (y | 1 << 255).to_bytes(32, "little"))
        )
    return found


def secret_scalar(seed: bytes) -> int:
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return scalar & ~7 & ~(1 << 255) & (1 << 255) - 1 | 1 << 254


def sign_with_r(seed: bytes, public: bytes, message: bytes, nonce: int, r_encoded: bytes) -> bytes:
    """A signature whose S matches R = nonce * B + anything, for the R as encoded by the caller."""
    digest = hashlib.sha512(r_encoded + public + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    s = (nonce + challenge * secret_scalar(seed)) % L
    return r_encoded + s.to_bytes(32, "little")


def small_order_x25519() -> list[tuple[str, bytes]]:
    """X25519 public keys whose shared secret is zero whatever the other key (RFC 7748, 6.1)."""
    order_8 = [
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    ]
    values = [("0", 0), ("1", 1), ("of order 8", order_8[0]), ("of order 8, the other", order_8[1])]
    values += [("p - 1", P - 1), ("p", P), ("p + 1", P + 1), ("0 with the top bit set", 1 << 255)]
    return [(name, value.to_bytes(32, "little")) for name, value in values]
