"""Rooms of rooms.json about keys, forks and epochs of logs, one a function; its first line is the vector's name."""

from make_rooms import ANN, B, BEA, BOB, C, CEM, FROZEN, H, KEYS, NOTHING, VOID, WAIT, at
from played import bob_and_cem, p_hash, room


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
