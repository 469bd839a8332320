"""Rooms of rooms.json about edits, redactions, and what is none of the sender's, one a function; its first line is the vector's name."""

from make_rooms import ANN, B, BEA, BOB, C, CEM, NOTHING, VOID, WAIT, at, body
from played import bob_and_cem, p_hash, room


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
