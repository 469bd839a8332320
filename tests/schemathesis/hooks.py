"""What schemathesis cannot know of the server under test: who may call, what exists, and what a call would break.

`tests/it/api_description.rs` makes the people and rooms and names them in the file $SCHEMATHESIS_WORLD.
"""

import itertools
import json
import os
import urllib.request

import schemathesis

with open(os.environ["SCHEMATHESIS_WORLD"], encoding="utf-8") as file:
    WORLD = json.load(file)

# Calls that end the session that makes them get one of their own, of somebody else.
ENDS_SESSIONS = {"post_auth_logout", "put_auth_password", "delete_me_sessions", "delete_me_sessions_session_id"}
# Calls that change a room for good get one that nobody needs.
USES_ROOMS_UP = {"archive", "close", "leave", "kick", "ban", "unban", "invite", "power-level", "power-levels"}

calls = itertools.count()
spare_rooms = itertools.cycle(WORLD["spare_rooms"])
answers = open(WORLD["answers"], "a", encoding="utf-8")


def sign_in():
    """A new access token of the person whose sessions may end."""
    request = urllib.request.Request(
        WORLD["url"] + "/v1/auth/token",
        data=json.dumps({"grant_type": "password", **WORLD["expendable"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]["access_token"]


def existing(name, path, number):
    """The id of something that is there, for a path's parameter; none: as it was generated."""
    last = path.rsplit("/", 1)[-1]
    match name:
        case "room_id" if last in USES_ROOMS_UP:
            return next(spare_rooms)
        case "room_id":
            return WORLD["room"]
        case "event_id":
            return WORLD["events"][number % len(WORLD["events"])]
        case "participant_id":
            return WORLD["people"][number % len(WORLD["people"])]
        case "media_id":
            return WORLD["media"]
        case "server_name":
            return WORLD["peer"]
    return None


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    identifier = operation.definition.raw["operationId"]
    number = next(calls)
    # Three calls of four are about what exists, and nine of ten by somebody who may make them.
    if number % 4:
        for name in case.path_parameters or {}:
            found = existing(name, operation.path, number)
            if found is not None:
                case.path_parameters[name] = found
    if operation.definition.raw["security"] and number % 10:
        token = sign_in() if identifier in ENDS_SESSIONS else WORLD["token"]
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
    # The server under test federates with nobody: a policy that lets it would send it out into the network.
    if identifier == "put_admin_federation_policy" and isinstance(case.body, dict):
        if case.body.get("default_mode") == "open":
            case.body["default_mode"] = "closed"
        if case.body.get("allowed_peers"):
            case.body["allowed_peers"] = []
    # A long poll would only wait.
    if identifier == "get_sync" and "timeout" not in (case.query or {}):
        case.query = {**(case.query or {}), "timeout": 0}
    elif identifier == "get_sync" and isinstance(case.query["timeout"], int):
        case.query["timeout"] = min(case.query["timeout"], 50)


@schemathesis.hook
def after_call(context, case, response):
    answers.write(f"{case.operation.definition.raw['operationId']} {response.status_code}\n")
    answers.flush()
