"""The protocol's bytes, once more: canonical JSON, hashes, keys, ids, events, logs, documents, HTTP signatures.

Written from federation-spec/ and sharing no code with the server; `verify.py` uses it. Needs Python 3.9 and the package
`cryptography`. What the protocol refuses raises `Refused` with the word that the vectors use for it.
"""

import base64
import hashlib
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SAFE = 2**53 - 1
CONTENT_BYTES, STATE_BYTES, CONTENT_DEPTH = 73_728, 1_048_576, 64
STATE = {f"swp.room.{name}" for name in "create member name topic state settings power_levels pin seen log".split()}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HASH = re.compile(r"sha256:[0-9a-f]{64}")
KEY_ID = re.compile(r"ed25519:[0-9a-f]{16}")
TYPE = re.compile(r"swp\.[a-z0-9._]{1,60}")
LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
SERVER = re.compile(rf"{LABEL}(\.{LABEL})*(:[1-9][0-9]{{0,4}})?")
LOCAL = re.compile("@[a-z0-9][a-z0-9._-]{0,63}")


class Refused(Exception):
    """What the protocol refuses, with the word that vectors use for it."""


def require(condition, word):
    if not condition:
        raise Refused(word)


# JSON and its canonical form (canonical-form.md)


def read_json(data):
    """Reads strict JSON from bytes."""

    def whole(text):
        require(len(text) < 20 and abs(int(text)) <= SAFE, "json")
        return int(text)

    def number(text):
        value = float(text)
        require(abs(value) <= SAFE, "json")  # From 2^53 on every double is an integer.
        return int(value) if value.is_integer() else value

    def members(pairs):
        require(len({key for key, _ in pairs}) == len(pairs), "json")
        return dict(pairs)

    def constant(_):
        raise Refused("json")

    try:
        text = data.decode("utf-8")
        hooks = {"parse_int": whole, "parse_float": number, "parse_constant": constant}
        value = json.loads(text, object_pairs_hook=members, **hooks)
        check_texts(value)
    except (ValueError, RecursionError) as error:
        raise Refused("json") from error
    return value


def parts(value):
    return [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []


def check_texts(value):
    if isinstance(value, str):
        value.encode("utf-8")  # Fails for half of a surrogate pair.
        require("\0" not in value, "json")
    for part in parts(value):
        check_texts(part)


def depth(value):
    return 1 + max(map(depth, parts(value)), default=0) if isinstance(value, (dict, list)) else 0


def jcs(value):
    """The canonical form (RFC 8785) as text."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return ecmascript_number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(jcs(key) + ":" + jcs(value[key]) for key in keys) + "}"


def ecmascript_number(value):
    """Number::toString of ECMAScript, from Python's shortest digits."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


# Hashes, keys, ids (canonical-form.md, names.md)


def sha256(data):
    return hashlib.sha256(data).digest()


def hash_text(data):
    return "sha256:" + sha256(data).hex()


def decode(text, url_safe, length, word):
    """Strict Base64: the URL-safe alphabet without padding, or the standard one with it."""
    require(isinstance(text, str), word)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4 if url_safe else 0), b"-_" if url_safe else None)
    except ValueError as error:
        raise Refused(word) from error
    again = base64.urlsafe_b64encode(data).rstrip(b"=") if url_safe else base64.b64encode(data)
    require(again.decode() == text and len(data) == length, word)
    return data


def key_bytes(public_key, word="key"):
    require(isinstance(public_key, str) and public_key.startswith("ed25519:"), word)
    data = decode(public_key[8:], False, 32, word)
    require(is_usable_point(data), word)
    return data


def key_id(public_key):
    return "ed25519:" + sha256(key_bytes(public_key))[:8].hex()


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
# The y of the eight points of small order.
Y8 = int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16)
SMALL_ORDER = {0, 1, P - 1, Y8, P - Y8}


def is_usable_point(data):
    """Whether a point is canonically encoded and not of small order; that it lies on the curve OpenSSL finds out."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    return y < P and y not in SMALL_ORDER


def verify(public_key, message, signature, word="signature"):
    """Strict verification (canonical-form.md, Signatures)."""
    public = key_bytes(public_key, word)
    require(is_usable_point(signature[:32]), word)
    require(int.from_bytes(signature[32:], "little") < L, word)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Refused(word) from error


def uuid(version, first, middle, last):
    digits = f"{first << 80 | version << 76 | middle << 64 | 2 << 62 | last:032x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def uuid_v8(data):
    bits = int.from_bytes(sha256(data)[:16], "big") >> 6
    return uuid(8, bits >> 74, bits >> 62 & 0xFFF, bits & 2**62 - 1)


def room_id(host, nonce):
    return uuid_v8(f"scaiwave-room-v1\n{host}\n{nonce}".encode())


def participant_id(fqid):
    return uuid_v8(f"scaiwave-participant-v1\n{fqid}".encode())


def media_id(uploader, content):
    return uuid_v8(f"scaiwave-media-v1\n{uploader}\n{content}".encode())


def event_id(event):
    place = [event[name] for name in ("room_id", "origin", "epoch", "seq", "prev", "content_hash")]
    bits = int.from_bytes(sha256(("scaiwave-id-v1\n" + jcs(place)).encode())[:16], "big") >> 54
    return uuid(7, event["ts"], bits >> 62, bits & 2**62 - 1)


# Events and logs (events.md, logs.md)


def integer(least, most):
    return lambda value: type(value) is int and least <= value <= most


def text_of(pattern):
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def null_or(rule):
    return lambda value: value is None or rule(value)


def is_server(value):
    """Whether this is a server name; labels with `xn--` are not looked into."""
    if not text_of(SERVER)(value) or len(value) > 255:
        return False
    host, _, port = value.partition(":")
    is_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rsplit(".", 1)[-1])
    return len(host) <= 253 and int(port or 1) <= 65535 and not is_number


def is_fqid(value):
    local, _, server = value.partition(":") if isinstance(value, str) else ("", "", "")
    return LOCAL.fullmatch(local) is not None and is_server(server)


MEMBERS = {
    "v": lambda value: value == "v1",
    "event_id": text_of(UUID),
    "room_id": text_of(UUID),
    "origin": is_server,
    "epoch": integer(1, SAFE),
    "seq": integer(1, SAFE),
    "prev": null_or(text_of(HASH)),
    "sender": null_or(is_fqid),
    "type": text_of(TYPE),
    "ts": integer(0, 2**48 - 1),
    "state_seq": integer(0, SAFE),
    "state_hash": null_or(text_of(HASH)),
    "content_hash": text_of(HASH),
    "key_id": text_of(KEY_ID),
    "signature": lambda value: bool(decode(value, True, 64, "shape")),
}


def signed_bytes(event):
    rest = {name: value for name, value in event.items() if name not in ("content", "salt", "signature")}
    return ("scaiwave-event-v1\n" + jcs(rest)).encode()


def event_hash(event):
    return hash_text(signed_bytes(event))


def content_hash(content, salt):
    return hash_text(jcs({"content": content, "salt": salt}).encode())


def content_status(event):
    """`present`, `absent`, `mismatch`, or `unhashable`."""
    if "content" not in event:
        return "absent"
    content, most = event["content"], STATE_BYTES if event["type"] in STATE else CONTENT_BYTES
    try:
        decode(event["salt"], True, 16, "salt")
    except Refused:
        return "unhashable"
    if not isinstance(content, dict) or depth(content) > CONTENT_DEPTH or len(jcs(content).encode()) > most:
        return "unhashable"
    return "present" if content_hash(content, event["salt"]) == event["content_hash"] else "mismatch"


def check_shape(event):
    require(isinstance(event, dict), "shape")
    require(all(name in event and rule(event[name]) for name, rule in MEMBERS.items()), "shape")
    require(not set(event) - set(MEMBERS) - {"content", "salt"}, "shape")
    require(("content" in event) == ("salt" in event), "shape")
    require((event["prev"] is None) == (event["seq"] == 1), "shape")
    require((event["state_hash"] is None) == (event["state_seq"] == 0), "shape")


def check_event(event, public_key):
    check_shape(event)
    require(event["event_id"] == event_id(event), "id")
    require(event["key_id"] == key_id(public_key), "key_id")
    verify(public_key, signed_bytes(event), decode(event["signature"], True, 64, "shape"))


def next_key(event):
    """The public key that a `swp.log.key` with its content names, or None."""
    content, sender = event["content"], event["sender"]
    is_own = sender is None or sender.partition(":")[2] == event["origin"]
    if not is_own or not all(isinstance(content.get(name), str) for name in ("key_id", "public_key")):
        return None
    try:
        key_bytes(content["public_key"])
    except Refused:
        return None
    return content["public_key"]


def check_chain(events, public_key):
    """Checks the events of one log from its first one on; the index at which it breaks, and why."""
    last, had = None, {public_key}
    for index, event in enumerate(events):
        try:
            check_event(event, public_key)
            if last is None:
                require(event["seq"] == 1, "gap")
            else:
                same_log = all(event[name] == last[name] for name in ("room_id", "origin", "epoch"))
                require(same_log, "log")
                require(event["seq"] <= last["seq"] + 1, "gap")
                require(event["seq"] == last["seq"] + 1, "taken")
                require(event["prev"] == event_hash(last), "prev")
                require(event["ts"] >= last["ts"], "ts")
            is_key = event["type"] == "swp.log.key"
            require(not is_key or content_status(event) not in ("absent", "mismatch"), "content")
        except Refused as refused:
            return index, str(refused)
        if is_key and content_status(event) == "present":
            named = next_key(event)
            if named and named not in had:
                public_key = named
                had.add(named)
        last = event
    return None


# Documents and descriptors (identity.md)


def check_document(prefix, document, public_key):
    rest = {name: value for name, value in document.items() if name != "signature"}
    signature = decode(document.get("signature"), True, 64, "signature")
    verify(public_key, (prefix + "\n" + jcs(rest)).encode(), signature)


def is_valid_at(key, now):
    return key["valid_from"] <= now + 60_000 and (key["expires_at"] is None or now < key["expires_at"])


def check_descriptor(document, server_name, now):
    """What can be judged without knowing the server from before; the entry of its current key."""
    for name in ("server_name", "public_key", "protocol_versions", "endpoints", "keys", "valid_until", "signature"):
        require(name in document, "shape")
    require(document["server_name"] == server_name, "name")
    require(len(document["protocol_versions"]) <= 16 and len(document["endpoints"]) <= 32, "shape")
    require("v1" in document["protocol_versions"], "version")
    require(now < document["valid_until"], "expired")
    keys = document["keys"]
    require(1 <= len(keys) <= 16 and len({key["key_id"] for key in keys}) == len(keys), "keys")
    require(all(key["key_id"] == key_id(key["public_key"]) for key in keys), "keys")
    require(document.get("key_id") in (None, key_id(document["public_key"])), "keys")
    base_url = document.get("base_url")
    if base_url is not None:
        host = base_url[8:].removesuffix("/")
        require(base_url.startswith("https://") and is_server(host), "base_url")
    current = [key for key in keys if key["public_key"] == document["public_key"]]
    require(current, "keys")
    require(is_valid_at(current[0], now), "current_key")
    check_document("scaiwave-descriptor-v1", document, document["public_key"])
    return current[0]


def check_descent(document, entry, pinned):
    """Follows signed_by_previous back to the pinned current key; `pinned` maps ids to keys and says which is current."""
    keys = {key["key_id"]: key for key in document["keys"]}
    if entry["key_id"] == pinned["current"]:
        return
    require(entry["key_id"] not in pinned["keys"], "outdated")
    for _ in range(16):
        link = entry["signed_by_previous"]
        require(link is not None, "replaced")
        listed = keys.get(link["key_id"])
        previous = pinned["keys"].get(link["key_id"]) or (listed and listed["public_key"])
        require(previous, "replaced")
        claim = {name: entry[name] for name in ("key_id", "public_key", "valid_from")}
        claim["server_name"] = document["server_name"]
        signature = decode(link["signature"], True, 64, "replaced")
        verify(previous, ("scaiwave-key-v1\n" + jcs(claim)).encode(), signature, "replaced")
        if link["key_id"] == pinned["current"]:
            return
        require(link["key_id"] not in pinned["keys"] and listed, "replaced")
        entry = listed
    raise Refused("replaced")


# HTTP signatures (RFC 9421; identity.md, Signatures)

COVERED = ["@method", "@authority", "@path", "@query", "x-scaiwave-protocol"]
PARAMETER = re.compile(r';(created|keyid|alg|tag)=(?:(-?[0-9]{1,15})|"((?:[^"\\]|\\["\\])*)")')


def http_base(request):
    """The signature base of a request, the signature and its parameters."""
    headers = {}
    for name, value in request["headers"]:
        require(name.lower() not in headers and len(value.encode()) <= 2048, "header")
        headers[name.lower()] = value.strip()
    require("signature-input" in headers and "signature" in headers, "header")
    found = re.fullmatch(r"([a-z*][a-z0-9_.*-]*)=\(([^()]*)\)(.*)", headers["signature-input"])
    require(found, "input")
    label, names, rest = found.groups()
    components = re.findall(r'"([^"\\]+)"', names)
    require(" ".join(f'"{name}"' for name in components) == " ".join(names.split()), "coverage")
    parameters, end = [], 0
    while end < len(rest):
        found = PARAMETER.match(rest, end)
        require(found, "parameter")
        name, number, text = found.groups()
        require((number is None) == (name != "created"), "parameter")
        parameters.append((name, int(number) if text is None else text))
        end = found.end()
    values = dict(parameters)
    require(len(values) == len(parameters) == 4, "parameter")
    require(values["alg"] == "ed25519" and values["tag"] == "scaiwave-federation-v1", "parameter")
    body = request["body"].encode()
    wanted = COVERED + (["content-digest"] if body or "content-digest" in components else [])
    require(sorted(components) == sorted(wanted), "coverage")
    derived = {
        "@method": request["method"],
        "@authority": request["authority"].lower(),
        "@path": request["path"],
        "@query": "?" + (request["query"] or ""),
    }
    lines = []
    for name in components:
        require(name in derived or name in headers, "header")
        lines.append(f'"{name}": {derived.get(name) or headers[name]}\n')
    if "content-digest" in components:
        digest = f"sha-256=:{base64.b64encode(sha256(body)).decode()}:"
        require(digest in headers["content-digest"].replace(" ", "").split(","), "digest")
    written = "".join(f";{n}={v}" if n == "created" else f';{n}="{v}"' for n, v in parameters)
    covered = " ".join(f'"{name}"' for name in components)
    base = "".join(lines) + f'"@signature-params": ({covered}){written}'
    found = re.fullmatch(re.escape(label) + r"=:([A-Za-z0-9+/=]*):", headers["signature"])
    require(found, "label")
    return base, decode(found.group(1), False, 64, "signature"), values


def check_request(vector):
    request = vector["request"]
    base, signature, values = http_base(request)
    require(values["keyid"] == f"{vector['caller']}#{key_id(vector['public_key'])}", "keyid")
    require(abs(values["created"] - vector["now"]) <= 60, "clock")
    require(request["authority"].lower() in vector["own"], "authority")
    if "base" in vector:
        require(base == vector["base"], "base")
    verify(vector["public_key"], base.encode(), signature)
