"""All rooms of rooms.json, in its order. `make_rooms.py` writes them down."""

# Each notes down the rooms that stand in it.
import rooms_people  # noqa: F401
import rooms_messages  # noqa: F401
import rooms_state  # noqa: F401
import rooms_logs  # noqa: F401
from played import all_rooms

__all__ = ["all_rooms"]
