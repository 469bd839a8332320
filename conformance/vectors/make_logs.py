"""Vectors of events by themselves and of logs. `make.py` writes them."""

from maker import (
    ALICE, BEA, EVE, NOW, A, B, Key, Log, bare, changed, document, event_hash, participant_id, profile, room_id, signed_text,
)

OF_A, OF_B, LOST, NEXT = Key(7), Key(8), Key(9), Key(10)
NONCE = "MTIzNDU2Nzg5MDEyMzQ1Ng"
ROOM = room_id(A, NONCE)
START = {"epoch": 1, "seq": 0, "hash": None}
DAY = 24 * 3600 * 1000
LEVELS = {
    **dict.fromkeys(("send", "react", "upload", "call_start", "invite", "pin", "topic"), 0), "artifacts_write": 10,
    **dict.fromkeys(("redact", "kick", "ban", "call_end", "call_record", "name", "archive"), 50),
    **dict.fromkeys(("settings", "power", "workspace"), 100), "default": 0,
}
OF_ALICE, OF_BEA = profile(ALICE, "Alice", OF_A), profile(BEA, "Bea", OF_B)
JOIN = document(
    "scaiwave-request-v1",
    {
        "request_id": "00000000-0000-4000-8000-000000000001", "room_id": ROOM, "host": A, "actor": BEA, "action": "join",
        "content": {"profile": OF_BEA, "key": OF_B.content(), "after": START}, "ts": NOW + 3000, "key_id": OF_B.id,
    },
    OF_B,
)


def host_log():
    """A room is made, somebody is invited and comes."""
    log = Log("host", A, ROOM, OF_A, ALICE)
    create = {
        "nonce": NONCE, "room_type": "group", "name": "Launch", "topic": None, "scope_kind": None, "visibility": None,
        "read_role_slugs": [], "history_visibility": "shared", "edit_window_seconds": 86400, "auto_close": False,
        "alias": "#launch:a.example", "power_levels": LEVELS, "key": OF_A.content(), "seen": {},
    }
    first = log.event("swp.room.create", create)
    member = {"participant": ALICE, "membership": "join", "power_level": 100, "profile": OF_ALICE, "seen": {}}
    second = log.event("swp.room.member", member, first, state=first)
    third = log.event("swp.room.message", {"msgtype": "swp.text", "body": "Welcome"}, second, ts=NOW + 1000, state=second)
    invite = {
        "participant": BEA, "membership": "invite", "power_level": 0, "profile": OF_BEA, "expires_at": NOW + 2000 + 14 * DAY, "seen": {},
    }
    fourth = log.event("swp.room.member", invite, third, ts=NOW + 2000, state=second)
    join = {
        "participant": BEA, "membership": "join", "power_level": 0, "after": START, "key": OF_B.content(), "profile": OF_BEA, "seen": {},
        "request": JOIN,
    }
    fifth = log.event("swp.room.member", join, fourth, ts=NOW + 3000, sender=BEA, state=fourth)
    return [first, second, third, fourth, fifth]


HOST_LOG = host_log()
OTHER = Log("b", B, ROOM, OF_B, BEA, state=HOST_LOG[4])
HELLO = {"msgtype": "swp.text", "body": "Hello from the other server", "mentions": [participant_id(ALICE)]}
MESSAGE = OTHER.event("swp.room.message", HELLO, ts=NOW + 4000)


def nested(levels):
    return {"a": nested(levels - 1)} if levels > 1 else {}


def of_events():
    later = Log("later", B, ROOM, OF_B, BEA, state=HOST_LOG[1])
    unknown = later.event("swp.later.thing", {"a": 1.5, "\u00e9": []}, sender=None)
    whole = later.event("swp.room.message", {"n": 1.0}, unknown, hashed={"n": 1})
    for name, event, content in (
        ("a create event", HOST_LOG[0], "present"),
        ("a message", MESSAGE, "present"),
        ("after a redaction", bare(MESSAGE), "absent"),
        ("content of another event", changed(MESSAGE, content={**HELLO, "body": "Something else"}), "mismatch"),
        ("another salt", changed(MESSAGE, salt="AQEBAQEBAQEBAQEBAQEBAQ"), "mismatch"),
        ("a salt of the wrong form", changed(MESSAGE, salt="short"), "unhashable"),
        ("a content that is no object", changed(MESSAGE, content="text"), "unhashable"),
        ("a content of 65 levels", changed(MESSAGE, content=nested(65)), "unhashable"),
        ("an unknown type with an unknown member, sent by nobody", unknown, "present"),
        ("numbers in the content are canonical by value", whole, "present"),
    ):
        stated = {"fault": None, "signed_bytes": signed_text(event), "hash": event_hash(event), "content": content}
        key = OF_A if event["origin"] == A else OF_B
        yield {"name": name, "event": event, "public_key": key.public, "expect": stated}

    disguised = {**MESSAGE, "key_id": NEXT.id}
    disguised["signature"] = OF_B.sign(signed_text(disguised))
    for name, fault, event, key in (
        ("a missing member", "shape", changed(MESSAGE, prev=...), OF_B),
        ("an unknown member", "shape", changed(MESSAGE, unsigned={}), OF_B),
        ("another version", "shape", changed(MESSAGE, v="v2"), OF_B),
        ("prev at the first place", "shape", changed(MESSAGE, prev=event_hash(MESSAGE)), OF_B),
        ("seq 0", "shape", changed(MESSAGE, seq=0), OF_B),
        ("a text for a number", "shape", changed(MESSAGE, ts=str(MESSAGE["ts"])), OF_B),
        ("upper case in an id", "shape", changed(MESSAGE, room_id=ROOM.upper()), OF_B),
        ("content without salt", "shape", changed(MESSAGE, salt=...), OF_B),
        ("padding in the signature", "shape", changed(MESSAGE, signature=MESSAGE["signature"] + "=="), OF_B),
        ("no state_hash beside a state_seq", "shape", changed(MESSAGE, state_hash=None), OF_B),
        ("a host name that is a number", "shape", changed(MESSAGE, origin="1.2.3.4"), OF_B),
        ("a time that no UUID holds", "shape", changed(MESSAGE, ts=2**48), OF_B),
        ("an id that does not follow", "id", changed(MESSAGE, ts=MESSAGE["ts"] + 1), OF_B),
        ("another event's id", "id", changed(MESSAGE, event_id=HOST_LOG[0]["event_id"]), OF_B),
        ("another key than the log has", "key_id", MESSAGE, NEXT),
        ("another sender than was signed", "signature", changed(MESSAGE, sender=EVE), OF_B),
        ("the signature of another event", "signature", changed(MESSAGE, signature=HOST_LOG[0]["signature"]), OF_B),
        ("the key id of another key", "signature", disguised, NEXT),
    ):
        yield {"name": name, "event": event, "public_key": key.public, "expect": {"fault": fault}}


def of_chains():
    def chain(name, events, breaks_at=None, fault=None, key=OF_B):
        return {"name": name, "events": events, "public_key": key.public, "expect": {"breaks_at": breaks_at, "fault": fault}}

    yield chain("the host's log", HOST_LOG, key=OF_A)
    first = OTHER.says("1")
    yield chain("the same ts twice is in order", [first, OTHER.says("2", first)])

    zero = OTHER.says("0", ts=NOW + 4000)
    one = OTHER.says("1", zero, ts=NOW + 4001)
    two = OTHER.says("2", one, ts=NOW + 4002)
    branch = OTHER.says("another second", zero, ts=NOW + 4001)
    elsewhere = Log("elsewhere", B, room_id(A, "another room"), OF_B, BEA, state=HOST_LOG[4])
    yield chain("an erased event in between", [zero, bare(one), two])
    yield chain("does not begin with the first", [one, two], 0, "gap")
    yield chain("a gap", [zero, two], 1, "gap")
    yield chain("an event twice", [zero, one, one], 2, "taken")
    yield chain("two events for one place", [zero, one, branch], 2, "taken")
    yield chain("after the event of another branch", [zero, branch, two], 2, "prev")
    yield chain("time goes back", [first, OTHER.says("0", first, ts=NOW - 1)], 1, "ts")
    yield chain("an event of another log", [zero, HOST_LOG[1]], 1, "key_id")
    yield chain("an event of another room", [zero, elsewhere.says("y", elsewhere.says("x"), ts=NOW + 9000)], 1, "log")

    old = OTHER.says("old key")
    named = OTHER.names(NEXT.content(), old, ts=NOW + 1)
    new = OTHER.says("new key", named, ts=NOW + 2, key=NEXT)
    yield chain("a new key", [old, named, new])
    yield chain("the old key after the new one", [old, named, OTHER.says("stolen", named, ts=NOW + 2)], 2, "key_id")
    yield chain("the new key before it was named", [old, OTHER.says("early", old, ts=NOW + 2, key=NEXT)], 1, "key_id")
    yield chain("a key that is missing", [old, bare(named), new], 1, "content")
    other = OTHER.names(LOST.content(), old, ts=NOW + 1, hashed=NEXT.content())
    under_it = OTHER.says("new key", other, ts=NOW + 2, key=LOST)
    yield chain("a key that is another one than was hashed", [old, other, under_it], 1, "content")

    weak = "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    for name, content, sender in (
        ("a key without its text names none", {"key_id": NEXT.id}, None),
        ("a key that cannot be used names none", {"key_id": NEXT.id, "public_key": weak}, None),
        ("a key named by another server's person names none", NEXT.content(), ALICE),
    ):
        none = OTHER.names(content, old, ts=NOW + 1, sender=sender)
        yield chain(name, [old, none, OTHER.says("old key again", none, ts=NOW + 2)])
    beside = OTHER.names({"key_id": LOST.id, "public_key": NEXT.public}, old, ts=NOW + 1)
    yield chain("a new key beside the id of another", [old, beside, OTHER.says("new key", beside, ts=NOW + 2, key=NEXT)])

    over = OTHER.names(NEXT.content())
    back = OTHER.names(OF_B.content(), over, ts=NOW + 1, key=NEXT)
    stays = OTHER.says("new key", back, ts=NOW + 2, key=NEXT)
    yield chain("a key that the log has had changes nothing", [over, back, stays])
    yield chain("back to a key that the log has had", [over, back, OTHER.says("old key", back, ts=NOW + 2)], 2, "key_id")


FILES = {
    "events": ("Events by themselves (events.md)", of_events),
    "chains": ("Logs from their first event on (events.md, logs.md)", of_chains),
}
