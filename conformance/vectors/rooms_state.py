"""Rooms of rooms.json about the chain of the host's state, lifecycle and lists, one a function; its first line is the vector's name."""

from make_rooms import ANN, B, BEA, BOB, C, CEM, H, NOTHING, VOID, WAIT, at
from played import bob_and_cem, p_hash, room


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
