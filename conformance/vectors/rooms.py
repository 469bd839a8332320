"""The rooms of rooms.json, one a function; its first line is the vector's name. `make_rooms.py` writes them down."""

from make_rooms import (
    ANN, B, BEA, BOB, C, CEM, FROZEN, H, HAL, KEYS, NOTHING, VOID, WAIT, Room, at, body,
)

ROOMS = []


def room(**settings):
    """A room of this kind, played by the function below."""

    def remember(play):
        ROOMS.append((play, settings))
        return play

    return remember


def all_rooms():
    for play, settings in ROOMS:
        made = Room(play.__doc__, **settings)
        play(made)
        yield made


def bob_and_cem(r, bob=0, cem=50):
    return r.member(BOB, "join", bob), r.member(CEM, "join", cem)


# Members


@room()
def joining(r):
    """who has joined may speak, who is invited or unknown may not"""
    r.say(BOB, verdict=VOID)
    bob, _ = bob_and_cem(r)
    r.say(BOB)
    r.say(CEM)
    r.member(BEA, "invite", expires_at=r.now + 1)
    r.say(BEA, verdict=VOID)
    r.member(HAL, "knock")
    r.say(HAL, verdict=VOID)
    r.say(CEM, claim=bob)
    r.ends({BOB: "join 0", CEM: "join 50", BEA: "invite 0", HAL: "knock 0"})


@room()
def before_the_join(r):
    """a message that rests on the state before the join is void, the next one is not"""
    before = r.chain[-1]
    r.member(BOB, "join")
    r.say(BOB, verdict=VOID, claim=before)
    r.say(BOB)


@room()
def highest_claim(r):
    """an event rests on the highest state that its log has claimed so far"""
    bob_and_cem(r)
    before = r.chain[-1]
    r.state("power_levels", {"power_levels": {"send": 10}}, cutoff={B: NOTHING, C: NOTHING})
    r.state("power_levels", {"power_levels": {"send": 0}})
    r.say(BOB, claim=r.chain[-2], verdict=VOID)
    r.say(BOB, claim=before, verdict=VOID)
    r.say(BOB)
    r.say(BOB, claim=r.chain[-2])


@room()
def kick(r):
    """a kick voids what lies beyond its cut-off, whatever that claims"""
    bob_and_cem(r)
    early = r.chain[-1]
    one = r.say(BOB)
    two = r.say(BOB)
    r.member(BOB, "leave", cutoff={B: at(one)})
    r.say(BOB, claim=early, verdict=VOID)
    r.say(CEM, claim=early)
    r.verdicts[r.events.index(two)] = VOID
    r.ends({BOB: "leave 0", CEM: "join 50"})


@room()
def seen_raises(r):
    """a cut-off is raised to what an earlier state event has seen"""
    bob_and_cem(r)
    one, two = r.say(BOB), r.say(BOB)
    r.state("seen", {}, sender=None, seen={B: at(two)})
    r.member(BOB, "ban", cutoff={B: at(one)})
    r.say(BOB, verdict=VOID, claim=r.chain[2])


@room()
def own_seen(r):
    """what the event itself has seen does not raise its cut-off, an earlier cut-off does"""
    bob_and_cem(r)
    early = r.chain[-1]
    one, two = r.say(BOB), r.say(BOB, verdict=VOID)
    r.member(BOB, "leave", cutoff={B: at(one)}, seen={B: at(two)})
    again = r.member(BOB, "join", after=at(two))
    three = r.say(BOB)
    r.member(BOB, "ban", cutoff={B: NOTHING})
    r.verdicts[r.events.index(three)] = VOID
    r.say(BOB, verdict=VOID, claim=again)
    r.say(CEM, claim=early)


@room()
def ban_and_back(r):
    """after a ban, and an invitation again, what was beyond the old cut-off stays void"""
    bob_and_cem(r)
    early = r.chain[-1]
    one = r.say(BOB)
    r.say(BOB, verdict=VOID)
    r.member(BOB, "ban", cutoff={B: at(one)})
    r.member(BOB, "leave")
    three = r.say(BOB, verdict=VOID, claim=early)
    r.member(BOB, "invite", expires_at=r.now + 1_209_600_000)
    r.member(BOB, "join", after=at(three))
    r.say(BOB)
    r.ends({BOB: "join 0"})


@room()
def own_leave(r):
    """an own leave counts at once, from its place on, whether or not the host has written it down"""
    bob_and_cem(r)
    r.say(BOB)
    r.leave(BOB)
    r.say(BOB, verdict=VOID)
    r.say(CEM)
    r.ends({BOB: "leave 0", CEM: "join 50"})


@room()
def leave_and_back(r):
    """a join undoes the leaves up to the head that it names, and none after"""
    bob_and_cem(r)
    r.say(BOB)
    left = r.leave(BOB)
    r.member(BOB, "leave", sender=None, cutoff={B: at(left)}, recorded_leave=left["event_id"])
    r.say(BOB, verdict=VOID)
    head = r.last(B)
    r.member(BOB, "join", after=at(head))
    r.say(BOB)
    r.leave(BOB)
    r.say(BOB, verdict=VOID)
    r.ends({BOB: "leave 0"})


@room()
def after_is_kept(r):
    """a join without a head keeps the one before while the person is joined"""
    bob_and_cem(r)
    left = r.leave(BOB)
    r.member(BOB, "join", after=at(left))
    r.say(BOB)
    level = {"participant": BOB, "membership": "join", "power_level": 10}
    r.state("member", level)
    r.say(BOB)
    r.state("member", {**level, "membership": "leave"}, cutoff={B: at(r.last(B))})
    r.state("member", level)
    r.say(BOB, verdict=VOID)
    r.ends({BOB: "leave 10"})


@room()
def older_head(r):
    """a join that names an older head than the one before takes nothing from what was said in between"""
    bob_and_cem(r)
    left = r.leave(BOB)
    r.member(BOB, "join", after=at(left))
    between = r.chain[-1]
    r.say(BOB)
    r.member(BOB, "join")
    r.say(BOB, claim=between)
    r.say(BOB, verdict=VOID)
    r.ends({BOB: "leave 0"})


@room()
def expired_invitation(r):
    """an invitation that ran out has ended once the host says so"""
    r.member(CEM, "join", 50)
    r.member(BOB, "invite", expires_at=r.now + 2_000)
    r.say(BOB, verdict=VOID)
    r.member(BOB, "leave", sender=None)
    r.say(BOB, verdict=VOID)
    r.member(BEA, "invite", expires_at=r.now + 1)
    r.member(BEA, "join")
    r.say(BEA)
    r.ends({BOB: "leave 0", BEA: "join 0"})


@room()
def unfit_member(r):
    """a malformed membership event is a link of the chain and changes nothing, its marks included"""
    bob_and_cem(r)
    one = r.say(BOB)
    r.member(BOB, "leave", 101, verdict=VOID, cutoff={B: NOTHING})
    r.member(BOB, "banished", verdict=VOID)
    r.member(BOB, "invite", verdict=VOID, expires_at=-1)
    r.member(BOB, "join", 100, verdict=VOID, after={**at(one), "by": "somebody"})
    r.say(BOB)
    r.ends({BOB: "join 0"})


# Levels


@room(levels={"send": 50})
def level_given_and_taken(r):
    """a level is given and taken"""
    bob_and_cem(r)
    r.say(BOB, verdict=VOID)
    r.say(CEM)
    given = r.member(BOB, "join", 50)
    one = r.say(BOB)
    two = r.say(BOB)
    r.member(BOB, "join", 49, cutoff={B: at(one)})
    r.verdicts[r.events.index(two)] = VOID
    r.say(BOB, verdict=VOID, claim=given)
    r.ends({BOB: "join 49"})


@room(room_type="public", visibility="restricted", levels={"redact": 10})
def levels_of_a_new_room(r):
    """thresholds that the create event leaves out are those of a new room"""
    r.member(BOB, "join", 10)
    r.redact(BOB, r.say(ANN))
    levels = {"redact": 10, "pin": 50, "topic": 50, "invite": 50, "artifacts_write": 10, "power": 100, "send": 0}
    r.ends(power_levels=lambda found: {key: found[key] for key in levels} == levels)


@room()
def raised_threshold(r):
    """a raised threshold takes from everybody beyond its cut-off, a lowered one from nobody"""
    bob_and_cem(r)
    early = r.chain[-1]
    one, two, of_cem = r.say(BOB), r.say(BOB, verdict=VOID), r.say(CEM)
    r.say(HAL, verdict=VOID)
    r.state("power_levels", {"power_levels": {"send": 50}}, cutoff={B: at(one), C: NOTHING})
    r.say(BOB, verdict=VOID, claim=early)
    r.say(CEM, claim=early)
    r.state("power_levels", {"power_levels": {"send": 0}})
    r.say(BOB)
    r.react(BOB, of_cem)
    r.redact(CEM, two)


@room()
def host_cut(r):
    """in the host's own log the cut is the place of the state event itself"""
    r.member(HAL, "join", 0)
    one = r.say(HAL)
    r.state("power_levels", {"power_levels": {"send": 10}}, cutoff={})
    two = r.say(HAL, verdict=VOID)
    r.say(ANN)
    r.redact(HAL, one)
    r.edit(HAL, two, "x")


@room(levels={"react": 10})
def reacting(r):
    """adding a reaction needs the level, taking it away does not; the last one decides"""
    bob_and_cem(r, bob=10)
    one = r.say(CEM)
    r.react(BOB, one)
    r.react(BOB, one, emoji="-")
    r.react(CEM, one)
    r.react(CEM, one, "remove")
    r.react(CEM, one)
    r.member(BOB, "join", 0, cutoff={B: at(r.last(B))})
    r.react(BOB, one, "remove", emoji="-")
    r.react(BOB, one, emoji="!", verdict=VOID)
    r.ends({BOB: "join 0"}, [(one, "4", False, 2)])


# Edits


@room(window=60)
def edit_window(r):
    """an edit is of the own message and within the window"""
    bob_and_cem(r)
    one, two = r.say(BOB), r.say(BOB, later=10)
    r.edit(BOB, one, "in time", later=49)
    r.edit(BOB, one, "too late", verdict=VOID)
    r.edit(CEM, two, "not mine", verdict=VOID)
    r.edit(BOB, two, "in time", later=8)
    r.edit(BOB, two, "too late", verdict=VOID)
    r.ends(None, [(one, "in time"), (two, "in time")])


@room()
def shorter_window(r):
    """a shorter window voids edits beyond the cut-off that it no longer allows; no window, no edit"""
    bob_and_cem(r)
    early = r.chain[-1]
    one = r.say(BOB)
    first = r.edit(BOB, one, "first", later=100)
    second = r.edit(BOB, one, "second", verdict=VOID)
    r.state("settings", {"edit_window_seconds": 10}, cutoff={B: at(first), C: NOTHING})
    two = r.say(BOB)
    r.edit(BOB, two, "quick", later=9)
    r.edit(BOB, one, "slow", verdict=VOID, claim=early)
    r.state("settings", {"edit_window_seconds": 0}, cutoff={B: at(r.last(B)), C: NOTHING})
    r.edit(BOB, r.say(BOB), "never", verdict=VOID)
    r.react(CEM, second, verdict=VOID)
    r.ends(None, [(one, "first"), (two, "quick")], edit_window_seconds=0)


@room()
def latest_edit(r):
    """the last edit in common order is shown, whichever came last"""
    r.member(CEM, "join", 50)
    r.member(BOB, "join")
    one = r.say(CEM)
    r.edit(CEM, one, "first")
    r.edit(CEM, one, "second", later=0)
    r.ends(None, [(one, "second", False)])


# Redactions


@room()
def own_redaction(r):
    """what a person said it can take back, removed, banned and in a closed room"""
    bob_and_cem(r)
    one, two, three, four = r.say(BOB), r.say(BOB), r.say(BOB), r.say(BOB)
    r.edit(BOB, one, "better")
    r.react(CEM, one)
    r.redact(BOB, one)
    r.leave(BOB)
    r.redact(BOB, two)
    r.member(BOB, "ban", cutoff={B: at(r.last(B))})
    r.redact(BOB, three)
    r.state("state", {"state": "closed"}, cutoff={B: at(r.last(B)), C: at(r.last(C))})
    r.redact(BOB, four)
    r.ends({BOB: "ban 0"}, [(event, None, True, 0) for event in (one, two, three, four)], state="closed")


@room()
def moderating(r):
    """a moderator's redaction hides at once, and erases once the host has seen it"""
    bob_and_cem(r)
    one, two, own = r.say(BOB), r.say(BOB), r.say(CEM)
    r.redact(BOB, own, verdict=VOID)
    first = r.redact(CEM, one)
    r.state("seen", {}, sender=None, seen={C: at(first)})
    r.redact(CEM, two)
    by_host = r.say(BOB)
    r.redact(ANN, by_host)
    r.ends(None, [(one, None, True), (two, None, False), (own, "6", False), (by_host, None, True)])


@room()
def redaction_cut_off(r):
    """a moderator's redaction that is cut off has destroyed nothing"""
    bob_and_cem(r)
    one = r.say(BOB)
    r.say(CEM)
    r.redact(CEM, one, verdict=VOID)
    r.member(CEM, "join", 0, cutoff={C: {**at(r.events[-2])}})
    r.ends({CEM: "join 0"}, [(one, "4", False)])


@room(room_type="dm")
def in_a_dm(r):
    """in a DM nobody redacts what the other one said"""
    r.member(BOB, "join", 100)
    one = r.say(BOB)
    r.redact(ANN, one, verdict=VOID)
    r.redact(BOB, one)
    r.ends(None, [(one, None, True)])


@room()
def late_targets(r):
    """an effect waits for its target, and is judged again when that comes"""
    bob_and_cem(r, bob=50, cem=0)
    one = r.say(CEM)
    two = r.say(CEM)
    redaction, edit = r.redact(BOB, one), r.edit(BOB, two, "not mine", verdict=VOID)
    r.react(BOB, edit, verdict=VOID)
    nowhere = {"event_id": "019e7044-0000-7000-8000-000000000000"}
    r.edit(BOB, nowhere, "of what")
    r.redact(BOB, nowhere)
    r.react(BOB, nowhere)
    r.redact(BOB, redaction, verdict=VOID)
    # Effects first: each log keeps its own order.
    order = [event for event in r.events if event["origin"] != C] + [one, two]
    verdicts = {event["event_id"]: verdict for event, verdict in zip(r.events, r.verdicts)}
    r.events, r.verdicts = order, [verdicts[event["event_id"]] for event in order]
    r.ends(None, [(one, None, False), (two, "5", False)])


# What is none of the sender's


@room()
def in_another_s_name(r):
    """a server speaks for its own people only, and what it says in another's name was said by nobody"""
    bob_and_cem(r)
    r.say(CEM, origin=B, verdict=VOID)
    posed = r.say(BOB, origin=C, verdict=VOID)
    r.say(None, origin=B, verdict=VOID)
    r.edit(BOB, posed, "mine?", verdict=VOID)
    r.leave(CEM, origin=B, verdict=VOID)
    r.write(B, None, "swp.room.leave", {}, VOID)
    r.say(CEM)
    r.ends({CEM: "join 50"})


@room()
def state_elsewhere(r):
    """a state event in another log than the host's is void"""
    bob_and_cem(r, bob=100)
    r.say(BOB, "name", {"name": "Mine", "seen": {}}, VOID)
    r.say(BOB, "member", {"participant": CEM, "membership": "ban", "power_level": 0, "seen": {}}, VOID)
    r.say(CEM)
    r.ends({CEM: "join 50"})


@room()
def unknown_types(r):
    """an unknown type counts, whoever of the origin sent it and whatever it claims"""
    bob_and_cem(r)
    r.say(BOB, "later", {"event_id": 7})
    r.say(BEA, "later", {})
    r.write(B, BOB, "swp.other.thing", {"any": "thing"}, claim={"seq": 99, "state": (99, p_hash())})
    r.say(CEM, "later", {}, origin=B, verdict=VOID)
    r.write(C, None, "swp.other.thing", {}, VOID)
    r.say(BOB, verdict=WAIT)


def p_hash():
    return "sha256:" + "ab" * 32


@room()
def malformed(r):
    """malformed content voids an event, further members do not"""
    bob_and_cem(r)
    one = r.say(BOB)
    about = {"event_id": one["event_id"]}
    r.say(BOB, "message.edit", about, VOID)
    r.say(BOB, "message.edit", {**about, "content": "text"}, VOID)
    r.say(BOB, "redaction", {"event_id": 7}, VOID)
    r.say(BOB, "redaction", {**about, "reason": 7}, VOID)
    r.say(BOB, "reaction", {**about, "emoji": "", "action": "add"}, VOID)
    r.say(BOB, "reaction", {**about, "emoji": "x" * 65, "action": "add"}, VOID)
    r.say(BOB, "reaction", {**about, "emoji": "a\u0085b", "action": "add"}, VOID)
    r.say(BOB, "reaction", {**about, "emoji": "x", "action": "toggle"}, VOID)
    r.say(BOB, "profile", {"profile": []}, VOID)
    r.say(BOB, "reaction", {**about, "emoji": "é", "action": "add", "later": True})
    r.say(BOB, content={"body": 7, "msgtype": [], "later": None})
    r.ends(None, [(one, "4", False, 1)])


@room(levels={"send": 100})
def profiles(r):
    """to show oneself it is enough to be in the room"""
    bob_and_cem(r)
    r.say(BOB, "profile", {"profile": {"fqid": BOB}})
    r.say(BEA, "profile", {"profile": {"fqid": BEA}}, VOID)
    r.say(CEM, verdict=VOID)


# The chain of the host's state


@room()
def later_state(r):
    """an event that claims a state that is not there waits, and so does what follows it in its log"""
    bob_and_cem(r)
    r.say(BOB)
    r.say(BOB, verdict=WAIT, claim={"seq": 9, "state": (9, p_hash())})
    r.say(BOB, verdict=WAIT)
    r.leave(BOB)
    r.say(CEM)
    r.ends({BOB: "leave 0"})


@room()
def other_hash(r):
    """an event that claims another hash than the state event's waits, and the next one does not"""
    bob_and_cem(r)
    r.say(BOB, verdict=WAIT, claim={"seq": 3, "state": (3, p_hash())})
    r.say(BOB)
    said = r.say(ANN)
    r.say(CEM, verdict=WAIT, claim=said)
    r.say(CEM, verdict=WAIT)


@room()
def broken_chain(r):
    """a state event that names another than the last one ends the chain, and what rests on it waits"""
    bob_and_cem(r)
    r.say(ANN)
    orphan = r.state("name", {"name": "Other"}, verdict=WAIT, claim=r.chain[1])
    r.state("topic", {"topic": "more"}, verdict=WAIT, claim=orphan)
    r.say(ANN, verdict=WAIT, claim=r.chain[-1])
    r.say(BOB)
    r.say(BOB, verdict=WAIT, claim=orphan)


@room()
def missing_membership(r):
    """while the content of a membership event is missing, the state after it waits"""
    bob_and_cem(r)
    gone = r.member(BOB, "ban", verdict=WAIT, cutoff={B: NOTHING}, missing=True)
    r.state("name", {"name": "Later"}, verdict=WAIT, claim=gone)
    r.say(BOB)
    r.say(CEM, verdict=WAIT, claim=gone)
    r.say(ANN, verdict=WAIT, claim=gone)
    r.ends({BOB: "join 0"})


@room()
def missing_content(r):
    """missing content voids nothing"""
    bob_and_cem(r)
    one = r.say(BOB)
    two = r.say(BOB, missing=True)
    r.edit(BOB, one, "new", missing=True)
    r.redact(BOB, one, missing=True)
    r.react(BOB, one, missing=True)
    r.say(BEA, verdict=VOID, missing=True)
    r.member(BOB, "ban", cutoff={B: at(r.last(B))})
    r.redact(BOB, one, missing=True)
    redaction = r.redact(CEM, two)
    r.state("seen", {}, sender=None, seen={C: at(redaction)})
    r.ends(None, [(one, "4", False), (two, None, True)])


@room()
def malformed_state(r):
    """malformed state is void, and later state names it all the same"""
    bob_and_cem(r)
    r.state("name", {"name": 5}, verdict=VOID)
    r.state("power_levels", {"power_levels": {"send": 101}}, verdict=VOID)
    r.state("power_levels", {"power_levels": {"shout": 1}}, verdict=VOID)
    r.state("settings", {"edit_window_seconds": -1}, verdict=VOID)
    r.state("settings", {"denied_servers": ["B.example"]}, verdict=VOID)
    r.state("state", {"state": "shut"}, verdict=VOID)
    r.state("pin", {"event_id": "x", "action": "add"}, verdict=VOID)
    r.state("seen", {}, verdict=VOID, seen={B: {"epoch": 1, "seq": 1, "hash": None}})
    r.state("topic", {})
    r.say(BOB)
    r.ends(None, None, state="open", edit_window_seconds=3600)


# Lifecycle and lists


@room()
def archived(r):
    """in an archived room nothing is said, until it is open again"""
    bob_and_cem(r)
    early = r.chain[-1]
    one, two = r.say(BOB), r.say(BOB, verdict=VOID)
    r.state("state", {"state": "archived"}, cutoff={B: at(one), C: NOTHING})
    r.say(CEM, verdict=VOID, claim=early)
    r.react(BOB, one, "remove", verdict=VOID)
    r.state("state", {"state": "open"})
    r.say(BOB)
    r.say(CEM)
    r.state("state", {"state": "archived"}, cutoff={B: at(r.last(B)), C: at(r.last(C))})
    r.leave(CEM)
    r.ends({CEM: "leave 50"}, None, state="archived")


@room()
def lists(r):
    """a room's lists keep a server out, and let it in again"""
    bob_and_cem(r)
    early = r.chain[-1]
    one = r.say(BOB)
    r.state("settings", {"denied_servers": [B]}, cutoff={B: at(one), C: NOTHING})
    r.say(BOB, verdict=VOID, claim=early)
    r.say(CEM, claim=early)
    r.state("settings", {"denied_servers": [], "allowed_servers": [H, B]}, cutoff={B: at(r.last(B)), C: at(r.last(C))})
    r.say(BOB)
    r.say(CEM, verdict=VOID)
    r.say(ANN)
    r.state("settings", {"allowed_servers": []})
    r.say(CEM)
    r.ends({BOB: "join 0", CEM: "join 50"})


# Logs


@room()
def new_key(r):
    """a log goes over to another key, and nothing else changes"""
    bob_and_cem(r)
    r.say(BOB)
    r.write(B, None, "swp.log.key", KEYS["b.example again"].content())
    r.keys[B] = KEYS["b.example again"]
    r.say(BOB)


@room()
def fork(r):
    """from a fork on a log is frozen, and other logs go on"""
    bob_and_cem(r)
    one = r.say(BOB)
    two = r.say(BOB, verdict=FROZEN)
    r.say(BOB, verdict=FROZEN)
    r.react(BOB, one, verdict=FROZEN)
    r.say(BOB, verdict=FROZEN, after=one)
    r.say(CEM)
    r.react(CEM, two)
    r.ends({BOB: "join 0"}, [(one, "4", False, 0)])


@room()
def fork_of_the_host(r):
    """state at or after a fork in the host's log is out of its chain, what claims it waits, and other logs go on"""
    _, before = bob_and_cem(r)
    r.say(BOB)
    one = r.member(BOB, "ban", verdict=WAIT, cutoff={B: NOTHING})
    r.say(ANN, verdict=FROZEN, claim=one)
    other = r.state("state", {"state": "archived"}, verdict=WAIT, cutoff={B: NOTHING, C: NOTHING}, after=before)
    r.say(BOB, verdict=WAIT, claim=one)
    r.say(CEM)
    r.say(CEM, verdict=WAIT, claim=other)
    r.ends({BOB: "join 0", CEM: "join 50"}, None, state="open")


@room()
def new_epoch(r):
    """a new epoch settles a fork: what lies beyond the cut-off is excluded"""
    bob_and_cem(r)
    early = r.chain[-1]
    one = r.say(BOB)
    two, later = r.say(BOB), r.say(BOB, verdict=VOID)
    other = r.say(BOB, verdict=VOID, after=one)
    r.say(BOB, verdict=VOID, after=other)
    admit(r, 2, two)
    restart = r.write(B, None, "swp.log.restart", {"stands_by": at(two)}, epoch=2, after=two)
    r.say(BOB, after=restart)
    r.say(BOB, verdict=VOID, claim=early)
    r.say(BOB)
    r.react(CEM, later)
    r.ends({BOB: "join 0"}, [(two, "5", False)])


def admit(r, epoch, stands_by):
    content = {"origin": B, "epoch": epoch, "key": KEYS[B].content()}
    return r.state("log", content, sender=None, cutoff={B: at(stands_by)})


@room()
def leaves_across_epochs(r):
    """own leaves up to the cut-off count in the new epoch, those beyond it do not"""
    r.member(BOB, "join")
    r.member(BEA, "join")
    left = r.leave(BOB)
    r.leave(BEA, verdict=VOID)
    admit(r, 2, left)
    restart = r.write(B, None, "swp.log.restart", {"stands_by": at(left)}, epoch=2, after=left)
    r.say(BOB, verdict=VOID, after=restart)
    r.say(BEA)
    r.ends({BOB: "leave 0", BEA: "join 0"})


@room()
def excluded_claims(r):
    """what was excluded has no say in the state that later events rest on"""
    bob_and_cem(r)
    one = r.say(BOB)
    r.say(BOB, verdict=VOID, claim={"seq": 99, "state": (99, p_hash())})
    r.say(BOB, verdict=VOID)
    admit(r, 2, one)
    restart = r.write(B, None, "swp.log.restart", {"stands_by": at(one)}, epoch=2, after=one)
    r.say(BOB, after=restart)
    r.say(BOB)


@room()
def claims_across_epochs(r):
    """what counts of an earlier epoch has its say in the state that later events rest on"""
    bob_and_cem(r)
    one = r.say(BOB, verdict=WAIT, claim={"seq": 99, "state": (99, p_hash())})
    admit(r, 2, one)
    restart = r.write(B, None, "swp.log.restart", {"stands_by": at(one)}, epoch=2, after=one)
    r.say(BOB, after=restart, verdict=WAIT)
    r.say(CEM)


@room()
def taking_across_epochs(r):
    """places of a later epoch lie beyond every cut-off in an earlier one"""
    bob_and_cem(r)
    one = r.say(BOB)
    admitted = admit(r, 2, one)
    restart = r.write(B, None, "swp.log.restart", {"stands_by": at(one)}, epoch=2, after=one)
    r.say(BOB, after=restart, verdict=VOID)
    r.member(BOB, "ban", cutoff={B: at(one)})
    r.say(BOB, verdict=VOID, claim=admitted)
    r.ends({BOB: "ban 0"}, [(one, "4", False)])


@room()
def admissions_that_mean_nothing(r):
    """only the log's next epoch is admitted, once, and none of the host's log"""
    bob_and_cem(r)
    one = r.say(BOB)
    content = {"origin": B, "epoch": 3, "key": KEYS[B].content()}
    r.state("log", content, sender=None, cutoff={B: {**at(one), "epoch": 2}})
    r.state("log", {**content, "epoch": 2}, sender=None, verdict=VOID, cutoff={C: NOTHING})
    r.state("log", {**content, "origin": H, "epoch": 2}, sender=None, cutoff={H: at(r.chain[0])})
    r.say(BOB)
    r.say(ANN)
