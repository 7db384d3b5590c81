"""The primitives that an envelope needs, written out from their specifications, with nothing but
Python's own library.

For test vectors only: nothing here runs in constant time. `python3 primitives.py` checks each
against its specification's examples."""
import functools
import hashlib
import hmac
import struct

# X25519, RFC 7748 ----------------------------------------------------------

P = 2**255 - 19
A24 = 121665


@functools.lru_cache(4096)
def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + A24 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASEPOINT = bytes([9]) + bytes(31)

# HKDF-SHA256, RFC 5869 -----------------------------------------------------


def hmac_sha256(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def hkdf(secret, salt, info):
    """32 bytes: one block of the expansion."""
    return hmac_sha256(hmac_sha256(salt or bytes(32), secret), info + b"\1")


# ChaCha20-Poly1305, RFC 8439 -----------------------------------------------


def chacha20(key, nonce, counter, n):
    """n bytes of key stream. All blocks at once: a word of the state is one number with a lane of
    64 bits for each block."""
    blocks = (n + 63) // 64
    every = int.from_bytes(b"\1\0\0\0\0\0\0\0" * blocks, "little")
    mask = every * 0xFFFFFFFF
    words = (
        struct.unpack("<4I", b"expand 32-byte k")
        + struct.unpack("<8I", key)
        + (0,)
        + struct.unpack("<3I", nonce)
    )
    start = [w * every for w in words]
    start[12] = int.from_bytes(
        b"".join(struct.pack("<Q", counter + i) for i in range(blocks)), "little"
    )
    s = list(start)

    def rotate(x, by):
        return x << by & mask | x >> 32 - by & mask

    def quarter(a, b, c, d):
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & mask
            s[z] = rotate(s[z] ^ s[x], by)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    out = bytearray(64 * blocks)
    for j in range(16):
        lanes = (s[j] + start[j] & mask).to_bytes(8 * blocks, "little")
        for k in range(4):
            out[4 * j + k :: 64] = lanes[k::8]
    return bytes(out[:n])


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc, p = 0, 2**130 - 5
    for at in range(0, len(message), 16):
        acc = (acc + int.from_bytes(message[at : at + 16] + b"\1", "little")) * r % p
    return (acc + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def xor(a, b):
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def _tag(key, nonce, aad, sealed):
    padded = (
        aad
        + bytes(-len(aad) % 16)
        + sealed
        + bytes(-len(sealed) % 16)
        + struct.pack("<QQ", len(aad), len(sealed))
    )
    return poly1305(chacha20(key, nonce, 0, 32), padded)


def aead_seal(key, nonce, plain, aad=b""):
    sealed = xor(plain, chacha20(key, nonce, 1, len(plain)))
    return sealed + _tag(key, nonce, aad, sealed)


def aead_open(key, nonce, sealed, aad=b""):
    """The plaintext, or None."""
    if len(sealed) < 16 or not hmac.compare_digest(
        _tag(key, nonce, aad, sealed[:-16]), sealed[-16:]
    ):
        return None
    return xor(sealed[:-16], chacha20(key, nonce, 1, len(sealed) - 16))


# Ed25519 and Ed25519ph, RFC 8032 -------------------------------------------

L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _x_of(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or x == 0 and sign:
        return None
    return P - x if x & 1 != sign else x


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _mul(k, p):
    q = (0, 1, 1, 0)
    while k:
        if k & 1:
            q = _add(q, p)
        p = _add(p, p)
        k >>= 1
    return q


def _same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def _pack(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _unpack(s):
    y = int.from_bytes(s, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = _x_of(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (_x_of(BASE_Y, 0), BASE_Y, 1, _x_of(BASE_Y, 0) * BASE_Y % P)


def _scalar(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]


def ed25519_public(seed):
    return _pack(_mul(_scalar(seed)[0], BASE))


def small_order(public):
    point = _unpack(public)
    return point is not None and _same(_mul(8, point), (0, 1, 1, 0))


@functools.lru_cache(64)
def in_main_subgroup(public):
    """A point of the curve in its one spelling, of the order that signatures need."""
    point = _unpack(public)
    return point is not None and not small_order(public) and _same(_mul(L, point), (0, 1, 1, 0))


def dom2(context=b""):
    """What stands before everything that Ed25519ph hashes."""
    return b"SigEd25519 no Ed25519 collisions" + bytes([1, len(context)]) + context


def _challenge(prefix, r, public, message):
    return int.from_bytes(hashlib.sha512(prefix + r + public + message).digest(), "little") % L


def ed25519_sign(seed, message, prefix=b""):
    a, secret = _scalar(seed)
    public = _pack(_mul(a, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + secret + message).digest(), "little") % L
    point = _pack(_mul(r, BASE))
    return point + ((r + _challenge(prefix, point, public, message) * a) % L).to_bytes(32, "little")


def ed25519_verify(public, message, signature, prefix=b""):
    a, r, s = _unpack(public), _unpack(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or small_order(public) or small_order(signature[:32]):
        return False
    return _same(
        _mul(s, BASE), _add(r, _mul(_challenge(prefix, signature[:32], public, message), a))
    )


def ed25519ph_sign(seed, message, context=b""):
    return ed25519_sign(seed, hashlib.sha512(message).digest(), dom2(context))


def ed25519ph_verify(public, message, signature):
    return ed25519_verify(public, hashlib.sha512(message).digest(), signature, dom2())


# Bech32, BIP 173, without its limit of 90 characters -----------------------

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _polymod(values):
    check = 1
    for v in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> i & 1:
                check ^= generator
    return check


def _expand(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32_encode(prefix, data):
    number, bits = int.from_bytes(data, "big"), 8 * len(data)
    number, bits = number << -bits % 5, bits + -bits % 5
    values = [number >> at & 31 for at in range(bits - 5, -1, -5)]
    check = _polymod(_expand(prefix) + values + [0] * 6) ^ 1
    return (
        prefix
        + "1"
        + "".join(CHARSET[v] for v in values + [check >> 5 * (5 - i) & 31 for i in range(6)])
    )


def bech32_decode(prefix, text):
    """The bytes, or None. Lower case only."""
    start, rest = prefix + "1", text[len(prefix) + 1 :]
    if not text.startswith(start) or len(rest) < 6 or any(c not in CHARSET for c in rest):
        return None
    values = [CHARSET.index(c) for c in rest]
    if _polymod(_expand(prefix) + values) != 1:
        return None
    values, number = values[:-6], 0
    for v in values:
        number = number << 5 | v
    spare = 5 * len(values) % 8
    if spare > 4 or number & (1 << spare) - 1:
        return None
    return (number >> spare).to_bytes(5 * len(values) // 8, "big")


def self_test():
    h = bytes.fromhex
    assert x25519(
        h("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        h("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    ) == h("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"), "RFC 7748, 5.2"
    assert hmac_sha256(
        hmac_sha256(bytes(range(13)), b"\x0b" * 22), h("f0f1f2f3f4f5f6f7f8f901")
    ) == h("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"), "RFC 5869, A.1"
    key, nonce = bytes(range(0x80, 0xA0)), h("070000004041424344454647")
    plain = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the"
        b" future, sunscreen would be it."
    )
    sealed = aead_seal(key, nonce, plain, h("50515253c0c1c2c3c4c5c6c7"))
    assert sealed[-16:] == h("1ae10b594f09e26a7e902ecbd0600691"), "RFC 8439, 2.8.2"
    assert aead_open(key, nonce, sealed, h("50515253c0c1c2c3c4c5c6c7")) == plain
    assert aead_open(key, nonce, sealed) is None
    seed = h("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
    signature = ed25519ph_sign(seed, b"abc")
    assert ed25519_public(seed) == h(
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
    ), "RFC 8032, 7.3"
    assert signature == h(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    ), "RFC 8032, 7.3"
    assert ed25519ph_verify(ed25519_public(seed), b"abc", signature)
    assert not ed25519ph_verify(ed25519_public(seed), b"abd", signature)
    assert (
        bech32_encode("a", b"") == "a12uel5l" and bech32_decode("a", "a12uel5l") == b""
    ), "BIP 173"


if __name__ == "__main__":
    self_test()
    print("primitives: as in RFC 7748, RFC 5869, RFC 8439, RFC 8032 and BIP 173")
