"""Vectors about bytes: canonical form, ids, names, signatures. `make.py` writes them."""

import base64
import hashlib

from make_logs import HOST_LOG, MESSAGE, NONCE
from maker import ALICE, BEA, A, B, Key, hash_of, media_id, participant_id, room_id, sha256

# What is read, and its canonical form; both stated by hand.
CANONICAL = [
    ("members by UTF-16 code units", r'{"\uFB33":1,"\uD83D\uDE00":2}', '{"\U0001f600":2,"\ufb33":1}'),
    ("members in nested objects", ' { "b" : [ 3 , { "z" : 1 , "a" : null } ] , "a" : true } ', '{"a":true,"b":[3,{"a":null,"z":1}]}'),
    ("prefixes sort first", '{"aa":1,"a":2,"":3,"B":4}', '{"":3,"B":4,"a":2,"aa":1}'),
    ("shortest escapes", r'"\u0008\u0009\u000a\u000c\u000d\u0001\u001f\u007f\/\"\\\u00e9"', r'"\b\t\n\f\r\u0001\u001f' + '\x7f/' + r'\"\\' + 'é"'),
    ("nothing is normalised", r'["\u00e9","e\u0301","\ufb01"]', '["\u00e9","e\u0301","\ufb01"]'),
    ("numbers that are integers", "[1.0,1e3,1.5e1,-0,-0.0,0e5,100E-2]", "[1,1000,15,0,0,0,1]"),
    ("largest integers", "[9007199254740991,-9007199254740991,9.007199254740991e15]", "[9007199254740991,-9007199254740991,9007199254740991]"),
    (
        "fractions",
        "[0.1,0.000001,1e-7,123456789.125,-1.5,5e-324,0.30000000000000004]",
        "[0.1,0.000001,1e-7,123456789.125,-1.5,5e-324,0.30000000000000004]",
    ),
    ("small fractions with several digits", "[1.25e-7,0.00000012,4503599627370495.5]", "[1.25e-7,1.2e-7,4503599627370495.5]"),
    ("a lone value", '"x"', '"x"'),
    ("empty", '{"a":{},"b":[]}', '{"a":{},"b":[]}'),
    ("64 levels and more are JSON", "[" * 70 + "]" * 70, "[" * 70 + "]" * 70),
]

# What is no JSON here, as text or as bytes.
REFUSED = [
    ("an integer beyond 2^53-1", "9007199254740992"),
    ("the same with a fraction", "9007199254740993.0"),
    ("the same with an exponent", "[1e16]"),
    ("a number that overflows", "1e400"),
    ("a long integer", "123456789012345678901234567890"),
    ("a key that stands twice", '{"a":1,"a":1}'),
    ("a key that stands twice, once escaped", r'{"a":1,"\u0061":2}'),
    ("half of a surrogate pair", r'"\uD83D"'),
    ("halves in the wrong order", r'"\uDE00\uD83D"'),
    ("half of a pair as a key", r'{"\uDC00":1}'),
    ("U+0000", r'"\u0000"'),
    ("U+0000 in a key", r'{"a\u0000":1}'),
    ("NaN", "NaN"),
    ("Infinity", "[-Infinity]"),
    ("a leading zero", "01"),
    ("a plus sign", "+1"),
    ("no digit after the point", "1."),
    ("a trailing comma", "[1,]"),
    ("something after the value", "1 2"),
    ("nothing", ""),
    ("a raw control character", '"\t"'),
    ("a comment", "1 /* one */"),
    ("single quotes", "'a'"),
    ("a byte order mark", b"\xef\xbb\xbf1"),
    ("bytes that are no UTF-8", b'"\xff"'),
    ("a surrogate in UTF-8", b'"\xed\xa0\xbd"'),
    ("an overlong form", b'"\xc0\xaf"'),
    ("U+0000 as a byte", b'"\0"'),
]


def of_canonical():
    for name, read, form in CANONICAL:
        yield {"name": name, "json": read, "expect": {"canonical": form, "sha256": sha256(form).hexdigest()}}
    for name, read in REFUSED:
        given = {"json": read} if isinstance(read, str) else {"json_hex": read.hex()}
        yield {"name": name, **given, "expect": {"refused": True}}


def of_ids():
    def made(of, identity, **members):
        return {"of": of, **members, "expect": {"id": identity}}

    for host, nonce in ((A, NONCE), (B + ":8448", "n")):
        yield made("room", room_id(host, nonce), host=host, nonce=nonce)
    for fqid in (ALICE, BEA, "@a.b-c_d:xn--bcher-kva.example:8448"):
        yield made("participant", participant_id(fqid), fqid=fqid)
    for uploader, content in ((ALICE, b"a file"), (BEA, b"a file"), (ALICE, b"another")):
        content = sha256(content).hexdigest()
        yield made("media", media_id(uploader, content), uploader=uploader, sha256=content)
    for event in (*HOST_LOG[:2], MESSAGE):
        names = ("ts", "room_id", "origin", "epoch", "seq", "prev", "content_hash")
        yield made("event", event["event_id"], **{name: event[name] for name in names})
    for seed in range(7, 11):
        yield made("key", Key(seed).id, public_key=Key(seed).public)
    for event in (HOST_LOG[2], MESSAGE):
        yield made("content", event["content_hash"], content=event["content"], salt=event["salt"])
    # The canonical form is stated: keys beyond the basic plane sort by their UTF-16.
    content = {"z": 1e-7, "\u00e9": "\u2028", "a": [0.1, None, True, {"\U0001f600": 1, "\ufb33": 2}]}
    salt = "AQEBAQEBAQEBAQEBAQEBAQ"
    form = '{"content":{"a":[0.1,null,true,{"\U0001f600":1,"\ufb33":2}],"z":1e-7,"\u00e9":"\u2028"},"salt":"%s"}' % salt
    yield made("content", hash_of(form), content=content, salt=salt)


NAMES = {
    "server_name": (
        [
            "a.example", "localhost", "localhost:8001", "a.example:443", "1a.example", "a-b.c--d.example", "xn--bcher-kva.example", "a.1x",
            "a" * 63 + ".example",
        ],
        [
            "", "A.example", "b\u00fccher.example", "a.example.", "a..example", ".a", "-a.example", "a-.example", "a_b.example", "a.example:",
            "a.example:0", "a.example:08", "a.example:65536", "127.0.0.1", "[::1]", "1.2.3", "0x7f.1", "a.0x7f", "a.0x",
            "a" * 64 + ".example", "a.example/", "a b.example", ".".join(["a" * 60] * 5),
        ],
    ),
    "fqid": (
        [ALICE, "@0:localhost:8001", "@" + "a" * 64 + ":a.example", "@a._-:a.example"],
        [
            "alice:a.example", "@:a.example", "@Alice:a.example", "@.a:a.example", "@" + "a" * 65 + ":a.example", "@alice", "@alice:",
            "@alice@a.example", "@\u00e4:a.example",
        ],
    ),
    "event_type": (
        ["swp.room.message", "swp.x", "swp." + "a" * 60],
        ["swp.", "room.message", "swp.Room", "swp.a-b", "swp." + "a" * 61, ""],
    ),
}


def of_names():
    for of, lists in NAMES.items():
        for valid, names in zip((True, False), lists):
            for name in names:
                yield {"of": of, "name": name, "expect": {"valid": valid}}


# The curve, for what no library signs: points as (x, y), slow and plain (RFC 8032, section 5.1).
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, -1, P) % P)
# A point of order 8.
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def add(one, other):
    (x, y), (u, v) = one, other
    t = D * x * y * u * v
    return (x * v + u * y) * pow(1 + t, -1, P) % P, (y * v + x * u) * pow(1 - t, -1, P) % P


def times(count, point):
    result = (0, 1)
    for bit in f"{count:b}":
        result = add(result, result)
        result = add(result, point) if bit == "1" else result
    return result


def encoded(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decoded(data):
    y = int.from_bytes(data, "little")
    y, odd = y & (1 << 255) - 1, y >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == odd else P - x), y


def little(data):
    return int.from_bytes(data, "little")


def cofactored(message):
    """A key with a part of small order, and a signature that holds only if both sides are multiplied by 8."""
    secret, nonce = little(sha256("a secret").digest()) % L, little(sha256("a nonce").digest()) % L
    public = encoded(add(times(secret, BASE), decoded(ORDER_8)))
    while True:
        r = encoded(times(nonce, BASE))
        k = little(hashlib.sha512(r + public + message).digest()) % L
        if k % 8:
            return public, r + ((nonce + k * secret) % L).to_bytes(32, "little")
        nonce += 1


def of_signatures():
    one, two, message = Key(7), Key(8), b"scaiwave-event-v1\n{}"
    lawful = one.private.sign(message)
    identity = (1).to_bytes(32, "little")
    mixed, by_cofactor = cofactored(message)

    def key(data):
        return "ed25519:" + base64.b64encode(data).decode()

    for name, public, signed, signature, valid in (
        ("lawful", one.public, message, lawful, True),
        ("lawful, empty message", two.public, b"", two.private.sign(b""), True),
        ("another message", one.public, message + b" ", lawful, False),
        ("another key", two.public, message, lawful, False),
        ("S not reduced", one.public, message, lawful[:32] + (little(lawful[32:]) + L).to_bytes(32, "little"), False),
        ("key of small order: anybody can sign", key(identity), message, identity + bytes(32), False),
        ("R of small order", one.public, message, identity + lawful[32:], False),
        ("key that is not canonically encoded", key((P + 3).to_bytes(32, "little")), message, lawful, False),
        ("key that is no point", key((2).to_bytes(32, "little")), message, lawful, False),
        ("key of order 8", key(ORDER_8), message, ORDER_8 + bytes(32), False),
        ("a bit of R changed", one.public, message, bytes([lawful[0] ^ 1]) + lawful[1:], False),
        ("only the equation with cofactor holds", key(mixed), message, by_cofactor, False),
    ):
        yield {"name": name, "public_key": public, "message_hex": signed.hex(), "signature_hex": signature.hex(), "expect": {"valid": valid}}


FILES = {
    "canonical": ("Strict JSON and its canonical form (canonical-form.md)", of_canonical),
    "ids": ("Derived ids and content hashes (names.md, canonical-form.md)", of_ids),
    "names": ("Names of servers, people and event types (names.md)", of_names),
    "signatures": ("Strict verification of Ed25519 (canonical-form.md)", of_signatures),
}
