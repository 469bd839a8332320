"""What the makers of vectors share: keys from seeds, hashes, ids and signatures, by the shortest way that the specification
allows, and nothing of `protocol.py`, which checks the vectors. Needs Python 3.9 and the package `cryptography`.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW = 1_780_000_000_000
A, B, C = "a.example", "b.example", "c.example"
ALICE, BEA, EVE = "@alice:" + A, "@bea:" + B, "@eve:" + B


def canonical(value):
    """The canonical form of what vectors are made of: ASCII keys, whole numbers, fractions that Python writes alike."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode())


def hash_of(data):
    return "sha256:" + sha256(data).hexdigest()


def unpadded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def salt_of(name):
    return unpadded(sha256("salt of " + name).digest()[:16])


class Key:
    """A key whose seed is 32 times the same byte."""

    def __init__(self, seed):
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = "ed25519:" + base64.b64encode(raw).decode()
        self.id = "ed25519:" + sha256(raw).hexdigest()[:16]

    def sign(self, text):
        return unpadded(self.private.sign(text.encode()))

    def content(self):
        return {"key_id": self.id, "public_key": self.public}


def uuid(version, bits):
    """74 or 122 bits as a UUID of RFC 9562; those of a time come before the 74."""
    text = f"{bits >> 74:012x}{version:x}{bits >> 62 & 0xFFF:03x}{bits & (1 << 62) - 1 | 2 << 62:016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def first_bits(count, text):
    return int.from_bytes(sha256(text).digest(), "big") >> 256 - count


def room_id(host, nonce):
    return uuid(8, first_bits(122, f"scaiwave-room-v1\n{host}\n{nonce}"))


def participant_id(fqid):
    return uuid(8, first_bits(122, f"scaiwave-participant-v1\n{fqid}"))


def media_id(uploader, content):
    return uuid(8, first_bits(122, f"scaiwave-media-v1\n{uploader}\n{content}"))


def event_id(event):
    made_of = [event[name] for name in ("room_id", "origin", "epoch", "seq", "prev", "content_hash")]
    return uuid(7, event["ts"] << 74 | first_bits(74, "scaiwave-id-v1\n" + canonical(made_of)))


def content_hash(content, salt):
    return hash_of(canonical({"content": content, "salt": salt}))


def document(prefix, members, key, last=None):
    """A signed document; `last` are members that are added after signing."""
    signature = key.sign(f"{prefix}\n" + canonical(members))
    return {**members, "signature": signature, **(last or {})}


def profile(fqid, name, key):
    members = {
        "fqid": fqid, "display_name": name, "avatar_url": None, "bio": None, "participant_type": "human", "ts": NOW, "key_id": key.id,
    }
    return document("scaiwave-profile-v1", members, key)


def envelope(event):
    return {name: value for name, value in event.items() if name not in ("content", "salt", "signature")}


def signed_text(event):
    return "scaiwave-event-v1\n" + canonical(envelope(event))


def event_hash(event):
    return hash_of(signed_text(event))


def bare(event):
    return {name: value for name, value in event.items() if name not in ("content", "salt")}


def changed(members, **by):
    """The same with other values; `...` takes a member away."""
    return {name: value for name, value in {**members, **by}.items() if value is not ...}


class Log:
    """A log while it is written. Its events can be written more than once at a place, for branches."""

    def __init__(self, name, origin, room, key, sender, state=None):
        self.name, self.origin, self.room, self.key, self.sender, self.state = name, origin, room, key, sender, state

    def event(self, kind, content, after=None, ts=NOW, sender=..., key=None, state=..., hashed=None):
        """An event after another one. `state` is the state event that it claims; `hashed` the content as it is hashed."""
        key, state = key or self.key, self.state if state is ... else state
        seq = after["seq"] + 1 if after else 1
        salt = salt_of(f"{self.name} {seq}")
        event = {
            "v": "v1", "event_id": "", "room_id": self.room, "origin": self.origin, "epoch": 1, "seq": seq,
            "prev": event_hash(after) if after else None, "sender": self.sender if sender is ... else sender, "type": kind, "ts": ts,
            "state_seq": state["seq"] if state else 0, "state_hash": event_hash(state) if state else None,
            "content_hash": content_hash(content if hashed is None else hashed, salt), "salt": salt, "content": content, "key_id": key.id,
        }
        event["event_id"] = event_id(event)
        return {**event, "signature": key.sign(signed_text(event))}

    def says(self, text, after=None, **how):
        return self.event("swp.room.message", {"body": text}, after, **how)

    def names(self, content, after=None, **how):
        """An event that names the log's next key."""
        return self.event("swp.log.key", content, after, **{"sender": None, **how})


def pretty(value, indent=1):
    """JSON for people: on one line what fits there."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or len(flat) + indent <= 130 and indent > 2:
        return flat
    inner, outer = "\n" + " " * indent, "\n" + " " * (indent - 1)
    if isinstance(value, dict):
        lines = [f"{json.dumps(name, ensure_ascii=False)}: {pretty(part, indent + 1)}" for name, part in value.items()]
        return "{" + inner + ("," + inner).join(lines) + outer + "}"
    return "[" + inner + ("," + inner).join(pretty(part, indent + 1) for part in value) + outer + "]"


def text_of(kind, about, vectors):
    """A file of vectors."""
    return pretty({"kind": kind, "about": about, "vectors": vectors}) + "\n"


HERE = pathlib.Path(__file__).resolve().parent
