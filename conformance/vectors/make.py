#!/usr/bin/env python3
"""Makes the vectors: python3 make.py writes them beside this script, python3 make.py FOLDER elsewhere.

Everything follows from seeds and texts in the programs `make_*.py`: the files come out the same every time. What a vector
expects is stated there from the specification, by hand; `verify.py` and the server have to find the same.
"""

import pathlib
import sys

import make_bytes
import make_logs
import make_rooms
import make_servers
from maker import HERE, text_of


def files():
    """Each file's name and text."""
    for part in (make_bytes, make_logs, make_servers):
        for kind, (about, vectors) in part.FILES.items():
            yield f"{kind}.json", text_of(kind, about, list(vectors()))
    yield "rooms.json", make_rooms.text()


def main(arguments):
    folder = pathlib.Path(arguments[0]) if arguments else HERE
    for name, text in files():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
