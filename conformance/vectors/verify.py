#!/usr/bin/env python3
"""Checks test vectors of the federation protocol: python3 verify.py [FILE...]; without files, all beside this script.

README.md describes the files. Exit code 0: every vector states what `protocol.py` finds.
"""

import pathlib
import sys

import judgement
import protocol as p
from protocol import Refused


def outcome(check, *arguments):
    """None if the check passes, else its word."""
    try:
        check(*arguments)
    except Refused as refused:
        return str(refused)
    return None


def of_canonical(vector):
    data = vector["json"].encode() if "json" in vector else bytes.fromhex(vector["json_hex"])
    try:
        text = p.jcs(p.read_json(data))
    except Refused:
        return {"refused": True}
    return {"canonical": text, "sha256": p.sha256(text.encode()).hex()}


def of_ids(vector):
    derive = {
        "room": lambda: p.room_id(vector["host"], vector["nonce"]),
        "participant": lambda: p.participant_id(vector["fqid"]),
        "media": lambda: p.media_id(vector["uploader"], vector["sha256"]),
        "event": lambda: p.event_id(vector),
        "key": lambda: p.key_id(vector["public_key"]),
        "content": lambda: p.content_hash(vector["content"], vector["salt"]),
    }
    return {"id": derive[vector["of"]]()}


def of_names(vector):
    rule = {"server_name": p.is_server, "fqid": p.is_fqid, "event_type": p.text_of(p.TYPE)}
    return {"valid": rule[vector["of"]](vector["name"])}


def of_signatures(vector):
    message, signature = bytes.fromhex(vector["message_hex"]), bytes.fromhex(vector["signature_hex"])
    return {"valid": outcome(p.verify, vector["public_key"], message, signature) is None}


def of_events(vector):
    event = vector["event"]
    fault = outcome(p.check_event, event, vector["public_key"])
    if fault:
        return {"fault": fault}
    signed = p.signed_bytes(event)
    return {"fault": None, "signed_bytes": signed.decode(), "hash": p.hash_text(signed), "content": p.content_status(event)}


def of_chains(vector):
    broken = p.check_chain(vector["events"], vector["public_key"])
    index, fault = broken or (None, None)
    return {"breaks_at": index, "fault": fault}


def of_documents(vector):
    return {"valid": outcome(p.check_document, vector["prefix"], vector["document"], vector["public_key"]) is None}


def of_descriptors(vector):
    """Shows descriptors to a reader one after the other; the fault of each."""
    pinned, faults = None, []
    for step in vector["steps"]:
        try:
            current = p.check_descriptor(step["descriptor"], vector["server_name"], step["now"])
            if pinned:
                p.check_descent(step["descriptor"], current, pinned)
            keys = {key["key_id"]: key["public_key"] for key in step["descriptor"]["keys"]}
            pinned = {"current": current["key_id"], "keys": {**(pinned or {"keys": {}})["keys"], **keys}}
            faults.append(None)
        except Refused as refused:
            faults.append(str(refused))
    return {"faults": faults}


def of_http_signatures(vector):
    return {"fault": outcome(p.check_request, vector)}


def of_rooms(vector):
    """The verdicts and the end of a room whose logs all hold."""
    fault = outcome(judgement.check_logs, vector["events"])
    if fault:
        return {"verdicts": fault}
    room = judgement.Room(vector["events"])
    verdicts = [room.verdict(event) for event in room.events]
    return {"verdicts": verdicts, "members": room.members(), "room": room.room(), "messages": room.messages()}


KINDS = {name[3:]: value for name, value in list(globals().items()) if name.startswith("of_")}


def check_file(path):
    """Prints what differs; how many vectors there are, and how many differ."""
    file = p.read_json(path.read_bytes())
    find, wrong = KINDS[file["kind"]], 0
    for number, vector in enumerate(file["vectors"]):
        found, stated = find(vector), vector["expect"]
        if any(found.get(name) != value for name, value in stated.items()):
            wrong += 1
            print(f"{path.name}[{number}] {vector.get('name', '')}: stated {stated}, found {found}")
    return len(file["vectors"]), wrong


def main(arguments):
    here = pathlib.Path(__file__).resolve().parent
    paths = [pathlib.Path(name) for name in arguments] or sorted(here.glob("*.json"))
    total = failed = 0
    for path in paths:
        count, wrong = check_file(path)
        total, failed = total + count, failed + wrong
        print(f"{path.name}: {count - wrong} of {count} as stated")
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
