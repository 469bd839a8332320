"""Which events of a room count, and what becomes of it: judgement.md read directly, over complete logs.

Written from federation-spec/ and sharing no code with the server; `verify.py` uses it. It looks everything up again each
time it is asked, so that each function says what a paragraph of the specification says. `H`, `S`, `s` and `cut` are those
of the specification.
"""

import protocol as p

TIMELINE = {f"swp.room.{name}" for name in "message message.edit redaction reaction profile".split()}
OF_LOG = {"swp.room.leave", "swp.log.key", "swp.log.restart"}
MESSAGE, EDIT, REDACTION, REACTION, LEAVE = (
    f"swp.room.{name}" for name in "message message.edit redaction reaction leave".split()
)
LEVELS = {
    **dict.fromkeys("send react upload call_start default invite pin topic".split(), 0),
    "artifacts_write": 10,
    **dict.fromkeys("redact kick ban call_end call_record name archive".split(), 50),
    **dict.fromkeys("settings power workspace".split(), 100),
}
START = (1, 0)


def levels_of_new(create):
    """The thresholds of a new room (events.md, "Levels")."""
    by_type = {"public": {"pin": 50, "topic": 50}, "sidekick": {"send": 100, "react": 100}}
    restricted = {"invite": 50} if create.get("visibility") == "restricted" else {}
    return {**LEVELS, **by_type.get(create["room_type"], {}), **restricted}


# Contents (events.md, "Malformed")


def one_of(words):
    return lambda value: isinstance(value, str) and value in words.split()


def text(value):
    return isinstance(value, str)


def flag(value):
    return isinstance(value, bool)


def list_of(rule):
    return lambda value: isinstance(value, list) and all(map(rule, value))


def map_of(key_rule, rule):
    return lambda value: isinstance(value, dict) and all(key_rule(key) and rule(of) for key, of in value.items())


def is_emoji(value):
    is_control = lambda character: ord(character) < 32 or 127 <= ord(character) < 160
    return text(value) and 1 <= len(value.encode()) <= 64 and not any(map(is_control, value))


def is_position(value):
    if not isinstance(value, dict) or set(value) != {"epoch", "seq", "hash"}:
        return False
    is_one = p.integer(1, p.SAFE)(value["epoch"]) and p.integer(0, p.SAFE)(value["seq"])
    return is_one and (value["hash"] is None if value["seq"] == 0 else p.text_of(p.HASH)(value["hash"]))


def is_key(value):
    return isinstance(value, dict) and text(value.get("key_id")) and text(value.get("public_key"))


ID, TIME, SECONDS, LEVEL = p.text_of(p.UUID), p.integer(0, 2**48 - 1), p.integer(0, p.SAFE), p.integer(0, 100)
MARKS, LEVEL_MAP = map_of(p.is_server, is_position), map_of(lambda key: key in LEVELS, LEVEL)
ACTION, HISTORY, LIFE = one_of("add remove"), one_of("shared joined"), one_of("open archived closed")
# Members that must be there; with `?` they may be absent or null, with `-` absent but not null.
CONTENT = {
    "message.edit": {"event_id": ID, "content": lambda value: isinstance(value, dict)},
    "redaction": {"event_id": ID, "reason?": text},
    "reaction": {"event_id": ID, "emoji": is_emoji, "action": ACTION},
    "profile": {"profile": lambda value: isinstance(value, dict)},
    "create": {
        "nonce": text, "room_type": one_of("group public dm bridge incognito sidekick"), "name?": text, "topic?": text,
        "scope_kind?": text, "visibility?": text, "read_role_slugs-": list_of(text), "history_visibility": HISTORY,
        "edit_window_seconds": SECONDS, "auto_close": flag, "alias?": text, "power_levels": LEVEL_MAP, "key": is_key,
    },
    "member": {
        "participant": p.is_fqid, "membership": one_of("join leave ban invite knock"), "power_level": LEVEL,
        "reason?": text, "after?": is_position, "key?": is_key, "expires_at?": TIME, "recorded_leave?": ID,
    },
    "name": {"name": text},
    "topic": {"topic?": text},
    "state": {"state": LIFE},
    "settings": {
        "visibility?": text, "read_role_slugs?": list_of(text), "history_visibility?": HISTORY,
        "edit_window_seconds?": SECONDS, "auto_close?": flag, "avatar_url?": text,
        "allowed_servers?": list_of(p.is_server), "denied_servers?": list_of(p.is_server),
    },
    "power_levels": {"power_levels": LEVEL_MAP},
    "pin": {"event_id": ID, "action": ACTION},
    "seen": {},
    "log": {"origin": p.is_server, "epoch": p.integer(1, p.SAFE), "key": is_key},
}


def holds(content, members):
    for name, rule in members.items():
        value = content.get(name.rstrip("?-"))
        may_be_absent = name[-1] == "?" or (name[-1] == "-" and name[:-1] not in content)
        if not (value is None and may_be_absent) and not rule(value):
            return False
    return True


def is_malformed(event):
    """Whether the content, which is there, is malformed for its type."""
    content, name = event["content"], event["type"].removeprefix("swp.room.")
    members = dict(CONTENT.get(name, {}))
    if event["type"] in p.STATE:
        members |= {"seen-": MARKS, "cutoff-": MARKS}
    if not holds(content, members):
        return True
    if name == "log":
        before = content.get("cutoff", {}).get(content["origin"], {}).get("epoch")
        return before is None or before + 1 != content["epoch"]
    return False


# The state


class State:
    """`S[k]`, and what state event k itself says of the logs."""

    def __init__(self, event, before):
        self.seq, self.hash, self.before = event["seq"], p.event_hash(event), before
        self.cutoff, self.seen, self.admits = {}, {}, None
        self.life, self.window, self.room_type = "open", 0, None
        self.levels, self.allowed, self.denied, self.people = {}, None, set(), {}
        if before:
            for name in "life window room_type levels allowed denied".split():
                setattr(self, name, getattr(before, name))
            self.people = dict(before.people)
        self.is_void = is_malformed(event)
        if not self.is_void:
            self.apply(event["type"], event["content"])

    def apply(self, kind, content):
        marks = lambda name: {origin: (at["epoch"], at["seq"]) for origin, at in content.get(name, {}).items()}
        self.cutoff, self.seen = marks("cutoff"), marks("seen")
        if kind == "swp.room.create":
            self.room_type, self.window = content["room_type"], content["edit_window_seconds"]
            self.levels = {**levels_of_new(content), **content["power_levels"]}
        elif kind == "swp.room.member":
            self.move(content)
        elif kind == "swp.room.state":
            self.life = content["state"]
        elif kind == "swp.room.power_levels":
            self.levels = {**self.levels, **content["power_levels"]}
        elif kind == "swp.room.settings":
            window, allowed, denied = (content.get(name) for name in ("edit_window_seconds", "allowed_servers", "denied_servers"))
            self.window = self.window if window is None else window
            self.allowed = self.allowed if allowed is None else set(allowed) or None
            self.denied = self.denied if denied is None else set(denied)
        elif kind == "swp.room.log":
            self.admits = (content["origin"], content["epoch"], content["cutoff"][content["origin"]])

    def move(self, content):
        known = self.people.get(content["participant"], {"membership": None, "after": START})
        stated, was_joined = content.get("after"), known["membership"] == "join"
        after = (stated["epoch"], stated["seq"]) if stated else known["after"] if was_joined else START
        self.people[content["participant"]] = {
            "membership": content["membership"], "level": content["power_level"], "after": after,
        }

    def level_of(self, person):
        """The level of a joined person; None of anybody else."""
        known = self.people.get(person, {"membership": None})
        return known["level"] if known["membership"] == "join" else None

    def lets_in(self, server):
        return server not in self.denied and (self.allowed is None or server in self.allowed)

    def takes_from(self, person):
        """Taking a right away: whether this state event takes one from the person."""
        before = self.before
        if before is None or self.is_void:
            return False
        had, has = before.level_of(person), self.level_of(person)
        is_put_out = had is not None and (has is None or has < had)
        is_raised = any(self.levels[key] > level for key, level in before.levels.items())
        is_shut = self.life != "open" and self.changes_life
        names = {*before.denied, *self.denied, *(before.allowed or ()), *(self.allowed or ()), "a-server-on-no-list.example"}
        is_stricter = any(before.lets_in(name) and not self.lets_in(name) for name in names)
        return is_put_out or is_raised or is_shut or is_stricter or self.window < before.window


class Room:
    """A room of which all these events are there; two of them for one place are a fork."""

    def __init__(self, events):
        self.events = events
        self.host = next(event["origin"] for event in events if event["type"] == "swp.room.create")
        self.forks = {}
        places = {}
        for event in events:
            place = (event["origin"], event["epoch"], event["seq"])
            if places.setdefault(place, p.event_hash(event)) != p.event_hash(event):
                log = place[:2]
                self.forks[log] = min(place[2], self.forks.get(log, place[2]))
        self.H = []
        for event in self.log(self.host):
            if event["seq"] >= self.forks.get((self.host, 1), p.SAFE):
                break
            last = self.H[-1] if self.H else None
            names_last = (event["state_seq"], event["state_hash"]) == ((last.seq, last.hash) if last else (0, None))
            if event["type"] in p.STATE:
                if not names_last or "content" not in event:
                    break
                state = State(event, last)
                state.changes_life = event["type"] == "swp.room.state"
                self.H.append(state)
        self.epochs = {}
        for state in self.H:
            if state.admits:
                origin, epoch, cutoff = state.admits
                latest = max((number for name, number in self.epochs if name == origin), default=1)
                if origin != self.host and epoch == latest + 1:
                    self.epochs[origin, epoch] = (state.seq, cutoff)

    def log(self, origin):
        of_origin = [event for event in self.events if event["origin"] == origin]
        return sorted(of_origin, key=lambda event: (event["epoch"], event["seq"]))

    def is_excluded(self, event):
        """Beyond what counts of an epoch that another one follows, or on another branch; or resting on the state before its epoch."""
        own, following = (self.epochs.get((event["origin"], event["epoch"] + by)) for by in (0, 1))
        if own and event["state_seq"] < own[0]:
            return True
        if not following:
            return False
        cutoff = following[1]
        if event["seq"] > cutoff["seq"]:
            return True
        branch, by_hash = set(), {p.event_hash(other): other for other in self.log(event["origin"])}
        link = cutoff["hash"]
        while link in by_hash:
            branch.add(link)
            link = by_hash[link]["prev"]
        return p.event_hash(event) not in branch

    def is_frozen(self, event):
        forked_at = self.forks.get((event["origin"], event["epoch"]))
        is_settled = (event["origin"], event["epoch"] + 1) in self.epochs
        is_state = event["origin"] == self.host and event["type"] in p.STATE
        return forked_at is not None and not is_state and event["seq"] >= forked_at and not is_settled

    def S(self, k):
        """S[k] for the last state event up to k."""
        return [state for state in self.H if state.seq <= k][-1]

    def s(self, event):
        place = (event["epoch"], event["seq"])
        if event["origin"] == self.host:
            return max(other["seq"] for other in self.log(self.host) if other["type"] in p.STATE and other["seq"] < place[1])
        upto = [other for other in self.log(event["origin"]) if (other["epoch"], other["seq"]) <= place]
        return max(other["state_seq"] for other in upto if not self.is_out_of_log(other))

    def is_out_of_log(self, event):
        own = self.epochs.get((event["origin"], event["epoch"]))
        rests_before = own is not None and event["state_seq"] < own[0]
        return self.is_excluded(event) and not rests_before

    def cut(self, state, origin):
        if origin == self.host:
            return (1, state.seq)
        earlier = [marks.get(origin, START) for other in self.H if other.seq < state.seq for marks in (other.cutoff, other.seen)]
        return max([START, state.cutoff.get(origin, START), *earlier])

    def target(self, event):
        """The event of this room that an edit, reaction or redaction is about; None where it is unknown."""
        if event["type"] not in (EDIT, REACTION, REDACTION) or "content" not in event:
            return None
        return next((other for other in self.events if other["event_id"] == event["content"].get("event_id")), None)

    def verdict(self, event):
        sender, origin = event["sender"], event["origin"]
        is_own = sender is not None and sender.partition(":")[2] == origin
        if self.is_frozen(event):
            return "FROZEN"
        if self.is_excluded(event):
            return "VOID"
        if origin == self.host and event["type"] in p.STATE:
            entry = next((state for state in self.H if state.seq == event["seq"]), None)
            return "WAIT" if entry is None else "VOID" if entry.is_void else "VALID"
        if event["type"] in OF_LOG:
            return "VALID" if is_own or (sender is None and event["type"] != LEAVE) else "VOID"
        if not is_own or event["type"] in p.STATE:
            return "VOID"
        if event["type"] not in TIMELINE:
            return "VALID"
        s, last = self.s(event), self.H[-1].seq
        claimed = next((state.hash for state in self.H if state.seq == event["state_seq"]), None)
        if s > last or event["state_seq"] > last or claimed != event["state_hash"]:
            return "WAIT"
        if "content" in event and is_malformed(event):
            return "VOID"
        if event["type"] == REDACTION and self.may_be_of_own_message(event):
            return "VALID"
        place = (event["epoch"], event["seq"])
        judged = [self.S(s)] + [
            state for state in self.H if state.seq > s and state.takes_from(sender) and place > self.cut(state, origin)
        ]
        return "VALID" if all(self.right(event, state) for state in judged) else "VOID"

    def may_be_of_own_message(self, event):
        target = self.target(event)
        is_missing = "content" not in event
        return is_missing or (target is not None and target["type"] == MESSAGE and speaker(target) == event["sender"])

    def right(self, event, state):
        sender, kind, target = event["sender"], event["type"], self.target(event)
        level = state.level_of(sender)
        if state.life != "open" or not state.lets_in(event["origin"]) or level is None:
            return False
        if self.left_between(sender, state.people[sender]["after"], (event["epoch"], event["seq"])):
            return False
        is_message = target is None or target["type"] == MESSAGE
        if kind == REACTION:
            takes_away = "content" not in event or event["content"]["action"] == "remove"
            return is_message and (takes_away or level >= state.levels["react"])
        if kind == EDIT:
            is_in_time = target is None or (state.window != 0 and event["ts"] - target["ts"] < state.window * 1000)
            return target is None or (is_message and speaker(target) == sender and is_in_time)
        if kind == REDACTION:
            return target is None or (is_message and state.room_type != "dm" and level >= state.levels["redact"])
        return kind != MESSAGE or level >= state.levels["send"]

    def left_between(self, person, after, place):
        own = self.log(person.partition(":")[2])
        counts = lambda event: not self.is_frozen(event) and not self.is_excluded(event)
        leaves = [event for event in own if event["type"] == LEAVE and event["sender"] == person and counts(event)]
        return any(after < (leave["epoch"], leave["seq"]) < place for leave in leaves)

    # What becomes of it: members, rights, messages

    def members(self):
        found = {}
        for person, known in self.H[-1].people.items():
            has_left = known["membership"] == "join" and self.left_between(person, known["after"], (p.SAFE, p.SAFE))
            found[person] = {"membership": "leave" if has_left else known["membership"], "power_level": known["level"]}
        return found

    def room(self):
        last = self.H[-1]
        return {"state": last.life, "edit_window_seconds": last.window, "power_levels": last.levels}

    def messages(self):
        """The messages that count: what is shown of each, and whether it is erased."""
        counting = [event for event in self.events if event["type"] in TIMELINE and self.verdict(event) == "VALID"]
        counting.sort(key=lambda event: (event["ts"], event["origin"], event["epoch"], event["seq"]))
        found = []
        for number, event in enumerate(self.events):
            if event["type"] != MESSAGE or event not in counting:
                continue
            about = [other for other in counting if self.target(other) is event]
            redactions = [other for other in about if other["type"] == REDACTION]
            content = event.get("content")
            for edit in about:
                content = edit["content"]["content"] if edit["type"] == EDIT and content is not None else content
            reactions = {}
            for reaction in about:
                if reaction["type"] == REACTION and not redactions:
                    key = (reaction["content"]["emoji"], reaction["sender"])
                    reactions[key] = reaction["content"]["action"] == "add"
            found.append({
                "event": number,
                "content": None if redactions else content,
                "erased": any(self.erases(redaction, event) for redaction in redactions),
                "reactions": sorted([emoji, who] for (emoji, who), is_there in reactions.items() if is_there),
            })
        return found

    def erases(self, redaction, message):
        origin, place = redaction["origin"], (redaction["epoch"], redaction["seq"])
        marks = [marks.get(origin, START) for state in self.H for marks in (state.cutoff, state.seen)]
        return redaction["sender"] == message["sender"] or origin == self.host or any(place <= mark for mark in marks)


def speaker(event):
    """Who said it: nobody, where another server wrote it in a person's name."""
    sender = event["sender"]
    return sender if sender is not None and sender.partition(":")[2] == event["origin"] else None


def check_logs(events):
    """Every log is verified by the keys that the room names; a second branch by itself, after the first."""
    keys, seen = {}, set()
    for event in events:
        content = event.get("content") or {}
        if event["type"] == "swp.room.create":
            keys.setdefault(event["origin"], content["key"]["public_key"])
        elif event["type"] == "swp.room.member" and content.get("key"):
            keys.setdefault(content["participant"].partition(":")[2], content["key"]["public_key"])
    logs = {}
    for event in events:
        logs.setdefault((event["origin"], event["epoch"]), []).append(event)
    for (origin, _), log in logs.items():
        branch = [event for event in log if event["seq"] not in seen and not seen.add(event["seq"])]
        seen.clear()
        p.require(p.check_chain(branch, keys[origin]) is None, "chain")
        for event in log:
            if event not in branch:
                p.check_event(event, keys[origin])
