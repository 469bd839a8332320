"""Rooms of rooms.json about members and levels, one a function; its first line is the vector's name."""

from make_rooms import ANN, B, BEA, BOB, C, CEM, HAL, NOTHING, VOID, at
from played import bob_and_cem, room


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
