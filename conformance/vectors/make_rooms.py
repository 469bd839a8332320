"""Makes rooms.json, the vectors of judgement. `make.py` writes it.

`rooms_*.py` play the rooms and state the verdict of every event as it is written, from the specification and by hand, and of
the end what a room is about. The rest of the end (all members, rights, messages) is what `judgement.py` reads out of the
logs. Everything follows from the names and seeds here: the file comes out the same every time.
"""

import json

import judgement
from maker import Key, content_hash, event_hash, event_id, room_id, sha256, signed_text, unpadded

START = 1_780_000_000_000
H, B, C = "h.example", "b.example", "c.example"
ANN, HAL, BOB, BEA, CEM = "@ann:" + H, "@hal:" + H, "@bob:" + B, "@bea:" + B, "@cem:" + C
SEEDS = {H: 21, B: 22, C: 23, "b.example again": 24}
NOTHING = {"epoch": 1, "seq": 0, "hash": None}
HOUR = 3600
VALID, VOID, WAIT, FROZEN = "VALID", "VOID", "WAIT", "FROZEN"


KEYS = {name: Key(seed) for name, seed in SEEDS.items()}


def at(event):
    return {"epoch": event["epoch"], "seq": event["seq"], "hash": event_hash(event)}


def body(text):
    return {"body": text}


class Room:
    """A room while it is written, event by event in an order in which they could arrive."""

    def __init__(self, name, room_type="group", window=HOUR, levels=None, visibility=None):
        self.name, self.events, self.verdicts, self.chain = name, [], [], []
        self.keys, self.now, self.stated = dict(KEYS), START, {}
        content = {
            "nonce": name, "room_type": room_type, "name": name, "topic": None, "scope_kind": None, "visibility": visibility,
            "history_visibility": "shared", "edit_window_seconds": window, "auto_close": False, "alias": None,
            "power_levels": levels or {}, "key": KEYS[H].content(),
        }
        self.room_id = room_id(H, name)
        self.state("create", content, ANN)
        self.member(ANN, "join", 100)

    def last(self, origin):
        own = [event for event in self.events if event["origin"] == origin]
        return own[-1] if own else None

    def write(self, origin, sender, kind, content, verdict=VALID, claim=None, after=None, epoch=None, later=1, missing=False):
        """Appends to a log, after its last event or another one; `claim` is a state event, or what is stated of one."""
        before = after or self.last(origin)
        is_new = before is None or (epoch is not None and epoch != before["epoch"])
        claim = claim or (self.chain[-1] if self.chain else {"seq": 0})
        claimed = claim.get("state") or ((claim["seq"], event_hash(claim)) if claim["seq"] else (0, None))
        self.now += later * 1000
        salt, key = unpadded(sha256(f"{self.name} {len(self.events)}").digest()[:16]), self.keys[origin]
        event = {
            "v": "v1", "event_id": "", "room_id": self.room_id, "origin": origin, "epoch": epoch or (before or {"epoch": 1})["epoch"],
            "seq": 1 if is_new else before["seq"] + 1, "prev": None if is_new else event_hash(before), "sender": sender,
            "type": kind, "ts": self.now, "state_seq": claimed[0], "state_hash": claimed[1],
            "content_hash": content_hash(content, salt), "key_id": key.id,
        }
        event["event_id"] = event_id(event)
        event["signature"] = key.sign(signed_text(event))
        if not missing:
            event |= {"content": content, "salt": salt}
        self.events.append(event)
        self.verdicts.append(verdict)
        return event

    def state(self, name, content, sender=ANN, verdict=VALID, cutoff=None, seen=None, **how):
        """A state event of the host."""
        content = {**content, "seen": seen or {}, **({"cutoff": cutoff} if cutoff is not None else {})}
        event = self.write(H, sender, f"swp.room.{name}", content, verdict, **how)
        if verdict != WAIT:
            self.chain.append(event)
        return event

    def member(self, who, membership, level=0, verdict=VALID, sender=ANN, cutoff=None, seen=None, missing=False, **more):
        home = who.partition(":")[2]
        if membership == "join" and home != H:
            more = {"after": NOTHING, "key": KEYS[home].content(), **more}
        content = {"participant": who, "membership": membership, "power_level": level, **more}
        return self.state("member", content, sender, verdict, cutoff, seen, missing=missing)

    def say(self, who, kind="message", content=None, verdict=VALID, origin=None, **how):
        """An event of the timeline, in the log of its sender's server."""
        content = body(f"{len(self.events)}") if content is None else content
        return self.write(origin or who.partition(":")[2], who, f"swp.room.{kind}", content, verdict, **how)

    def edit(self, who, target, text, verdict=VALID, **how):
        return self.say(who, "message.edit", {"event_id": target["event_id"], "content": body(text)}, verdict, **how)

    def redact(self, who, target, verdict=VALID, **how):
        return self.say(who, "redaction", {"event_id": target["event_id"], "reason": None}, verdict, **how)

    def react(self, who, target, action="add", verdict=VALID, emoji="+", **how):
        return self.say(who, "reaction", {"event_id": target["event_id"], "emoji": emoji, "action": action}, verdict, **how)

    def leave(self, who, verdict=VALID, **how):
        return self.say(who, "leave", {}, verdict, **how)

    def ends(self, members=None, shows=None, **room):
        """What the room is about: members as `membership level`, what is shown of messages, the state's members."""
        self.stated = {"members": members or {}, "shows": shows or [], "room": room}

    def vector(self):
        found = judgement.Room(self.events)
        expect = {"verdicts": self.verdicts, "members": found.members(), "room": found.room(), "messages": found.messages()}
        for who, stated in self.stated.get("members", {}).items():
            member = expect["members"][who]
            self.agree(f"{member['membership']} {member['power_level']}", stated)
        for event, *stated in self.stated.get("shows", []):
            shown = next(message for message in expect["messages"] if message["event"] == self.events.index(event))
            content = shown["content"]
            self.agree([content and content["body"], shown["erased"], len(shown["reactions"])][: len(stated)], stated)
        for name, stated in self.stated.get("room", {}).items():
            found = expect["room"][name]
            self.agree(found, found if callable(stated) and stated(found) else stated)
        return {"name": self.name, "events": self.events, "expect": expect}

    def agree(self, found, stated):
        if found != stated:
            raise SystemExit(f"{self.name}: stated {stated}, judgement.py finds {found}")


def write(vectors):
    """The file's text: an event is a line."""
    about = "Whole rooms: the verdict on every event once all are there, in whatever order each log's came; members, rights and messages at the end."
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    lines = [f'{{\n "kind": "rooms",\n "about": {compact(about)},\n "vectors": [']
    for number, vector in enumerate(vectors):
        events = ",\n".join("    " + compact(event) for event in vector["events"])
        expect = ",\n".join(f"    {compact(name)}: {compact(value)}" for name, value in vector["expect"].items())
        end = "," if number + 1 < len(vectors) else ""
        lines.append(f'  {{\n   "name": {compact(vector["name"])},\n   "events": [\n{events}\n   ],\n   "expect": {{\n{expect}\n   }}\n  }}{end}')
    return "\n".join([*lines, " ]\n}\n"])


def text():
    """The file, whole."""
    import rooms

    return write([room.vector() for room in rooms.all_rooms()])
