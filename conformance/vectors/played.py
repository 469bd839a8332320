"""How the rooms of rooms.json are noted down to be played, and how most of them begin."""

from make_rooms import BOB, CEM, Room

ROOMS = []


def room(**settings):
    """A room of this kind, played by the function below."""

    def remember(play):
        ROOMS.append((play, settings))
        return play

    return remember


def all_rooms():
    """The rooms, each after it was played."""
    for play, settings in ROOMS:
        made = Room(play.__doc__, **settings)
        play(made)
        yield made


def bob_and_cem(r, bob=0, cem=50):
    return r.member(BOB, "join", bob), r.member(CEM, "join", cem)


def p_hash():
    return "sha256:" + "ab" * 32
