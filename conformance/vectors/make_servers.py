"""Vectors of what servers say of themselves and sign: documents, descriptors, requests. `make.py` writes them."""

import base64
import hashlib

from make_logs import DAY, JOIN, LEVELS, NEXT, OF_A, OF_B, OF_BEA, ROOM
from maker import ALICE, BEA, NOW, A, B, C, Key, changed, canonical, document

LATEST, NOBODY = Key(11), Key(12)


def of_documents():
    def vector(prefix, of, valid, key=OF_B, name=None):
        stated = {"prefix": f"scaiwave-{prefix}-v1", "document": of, "public_key": key.public, "expect": {"valid": valid}}
        return {"name": name, **stated} if name else stated

    summary = {
        "room_id": ROOM, "host": A, "room_type": "group", "name": "Launch", "topic": None, "avatar_url": None, "member_count": 1,
        "created_at": NOW, "creator": ALICE, "history_visibility": "shared", "edit_window_seconds": 86400, "power_levels": LEVELS,
        "ts": NOW + 2000, "key_id": OF_A.id,
    }
    later = document("scaiwave-profile-v1", {"fqid": BEA, "later": {"a": 0.5}, "key_id": OF_B.id}, OF_B)
    yield vector("profile", OF_BEA, True)
    yield vector("summary", document("scaiwave-summary-v1", summary, OF_A), True, OF_A)
    yield vector("request", JOIN, True)
    yield vector("profile", later, True, name="unknown members are covered")
    yield vector("request", OF_BEA, False, name="another prefix")
    yield vector("profile", changed(OF_BEA, display_name="Eve"), False, name="a member changed")
    yield vector("profile", changed(OF_BEA, x=1), False, name="a member added")
    yield vector("profile", changed(OF_BEA, signature=...), False, name="no signature")
    yield vector("profile", OF_BEA, False, OF_A, name="another key")


def entry(key, since=NOW - DAY, until=None, word=None):
    return {**key.content(), "valid_from": since, "expires_at": until, "signed_by_previous": word}


def word(previous, key, since):
    """The word of the key before for a key."""
    claim = {**key.content(), "valid_from": since, "server_name": B}
    return {"key_id": previous.id, "signature": previous.sign("scaiwave-key-v1\n" + canonical(claim))}


def descriptor(key, keys, by=None, until=NOW + 7 * DAY, name=B, versions=("v1",), **more):
    members = {
        "server_name": name, "public_key": key.public, "protocol_versions": list(versions),
        "endpoints": {"federation": "/_scaiwave/federation/v1"}, "keys": keys, "valid_until": until, **more,
    }
    return document("scaiwave-descriptor-v1", members, by or key)


def of_descriptors():
    def shown(name, steps, faults):
        steps = [{"descriptor": of, "now": now} for of, now in steps]
        return {"name": name, "server_name": B, "steps": steps, "expect": {"faults": faults}}

    def once(name, of, fault=None, now=NOW):
        return shown(name, [(of, now)], [fault])

    mine, old = entry(OF_B), entry(OF_B, until=NOW + 30 * DAY)
    first = descriptor(OF_B, [mine])
    following = entry(NEXT, NOW, word=word(OF_B, NEXT, NOW))
    second = descriptor(NEXT, [old, following], key_id=NEXT.id)
    third_key = entry(LATEST, NOW + DAY, word=word(NEXT, LATEST, NOW + DAY))
    third = descriptor(LATEST, [old, changed(following, expires_at=NOW + 40 * DAY), third_key], until=NOW + 20 * DAY)
    nowhere = descriptor(NOBODY, [old, entry(NOBODY, NOW)])
    claims = descriptor(NOBODY, [old, entry(NOBODY, NOW, word=following["signed_by_previous"])])
    stolen = descriptor(NOBODY, [old, following, entry(NOBODY, NOW, word=word(OF_B, NOBODY, NOW))])

    yield once("first contact", first)
    yield once("unknown members are covered", descriptor(OF_B, [mine], later=[1.5]))
    yield once("delegation", descriptor(OF_B, [mine], base_url="https://chat.b.example:8448"))
    yield shown("a new key, signed by the old one", [(first, NOW), (second, NOW)], [None, None])
    yield shown("two rotations while away", [(first, NOW), (third, NOW + 2 * DAY)], [None, None])
    yield shown("an old copy after a rotation", [(first, NOW), (second, NOW), (first, NOW)], [None, None, "outdated"])
    yield shown("a key from nowhere", [(first, NOW), (nowhere, NOW), (second, NOW)], [None, "replaced", None])
    yield shown("a key that claims to be signed", [(first, NOW), (claims, NOW)], [None, "replaced"])
    yield shown("a key signed by one that was replaced", [(first, NOW), (second, NOW), (stolen, NOW)], [None, None, "replaced"])
    yield once("of another server", descriptor(OF_B, [mine], name=C), "name")
    yield once("another version", descriptor(OF_B, [mine], versions=["v2"]), "version")
    yield once("a further version", descriptor(OF_B, [mine], versions=["v2", "v1"]))
    yield once("past its time", first, "expired", NOW + 7 * DAY)
    yield once("a key id that does not follow", descriptor(OF_B, [changed(mine, key_id=NEXT.id)]), "keys")
    yield once("the current key is not listed", descriptor(NEXT, [mine]), "keys")
    yield once("a key listed twice", descriptor(OF_B, [mine, mine]), "keys")
    yield once("the current key has expired", descriptor(OF_B, [entry(OF_B, until=NOW)]), "current_key")
    yield once("the current key is of the future", descriptor(OF_B, [entry(OF_B, NOW + 60_001)]), "current_key")
    yield once("within a minute of clocks", descriptor(OF_B, [entry(OF_B, NOW + 60_000)]))
    yield once("signed by another key", descriptor(OF_B, [mine], by=NEXT), "signature")
    yield once("a member changed", changed(first, valid_until=NOW + 8 * DAY), "signature")
    for url in (
        "http://chat.b.example", "https://chat.b.example/path", "https://127.0.0.1:8000", "https://user@chat.b.example",
        "https://CHAT.b.example",
    ):
        yield once(f"base_url {url}", descriptor(OF_B, [mine], base_url=url), "base_url")


# Signed requests (RFC 9421)

SECONDS = NOW // 1000
SEND, PROFILE = "/_scaiwave/federation/v1/send", "/_scaiwave/federation/v1/profile/%40bob"
PLAIN = ("@method", "@authority", "@path", "@query", "x-scaiwave-protocol")
WHOLE = (*PLAIN, "content-digest")
PARAMETERS = {"created": SECONDS, "keyid": f"{B}#{OF_B.id}", "alg": "ed25519", "tag": "scaiwave-federation-v1"}


def digest_of(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}:"


def request(
    method="POST", authority=A, path=SEND, query=None, body='{"events": []}', covered=None, parameters=PARAMETERS, more="", further=(),
    key=OF_B, with_digest=False,
):
    """A signed request and its signature base. `more` are parameters that stand behind the others, `further` header lines."""
    covered = covered or (WHOLE if body or with_digest else PLAIN)
    headers = [["X-ScaiWave-Protocol", "v1"]]
    if body or with_digest:
        headers.append(["Content-Digest", digest_of(body)])
    values = {
        "@method": method, "@authority": authority.lower(), "@path": path, "@query": "?" + (query or ""),
        **{name.lower(): value for name, value in (*headers, *further)},
    }
    written = ";".join(f"{name}={value}" if isinstance(value, int) else f'{name}="{value}"' for name, value in parameters.items())
    signature_input = "(" + " ".join(f'"{name}"' for name in covered) + ");" + written + more
    base = "".join(f'"{name}": {values[name]}\n' for name in covered) + f'"@signature-params": {signature_input}'
    signature = base64.b64encode(key.private.sign(base.encode())).decode()
    headers += [["Signature-Input", "sig1=" + signature_input], ["Signature", f"sig1=:{signature}:"], *further]
    return {"method": method, "authority": authority, "path": path, "query": query, "headers": headers, "body": body}, base


def without(headers, name):
    return [line for line in headers if line[0] != name]


def of_http_signatures():
    def vector(name, made, fault=None, own=(A,), as_received=None):
        asked, base = made
        stated = {"base": base} if fault is None else {}
        return {
            "name": name, "request": {**asked, **(as_received or {})}, "caller": B, "public_key": OF_B.public, "own": list(own),
            "now": SECONDS, **stated, "expect": {"fault": fault},
        }

    def at(seconds):
        return request(parameters={**PARAMETERS, "created": SECONDS + seconds})

    get = {"method": "GET", "path": PROFILE, "body": ""}
    yield vector("a delivery", request())
    yield vector("a request without body", request(**get, query="x=a%2Fb"))
    yield vector("an empty query", request(**get, query=""))
    yield vector("a base_url", request(authority="chat.a.example:8448"), own=(A, "chat.a.example:8448"))
    yield vector("authority in any case", request(authority="A.example"))
    mixed = ("content-digest", "@query", "x-scaiwave-protocol", "@path", "@authority", "@method")
    yield vector("components in another order", request(covered=mixed))
    yield vector("parameters in another order", request(parameters=dict(reversed(PARAMETERS.items()))))
    yield vector("a digest although there is no body", request(method="GET", body="", with_digest=True))
    yield vector("a clock 60 s behind", at(-60))
    yield vector("a clock 60 s ahead", at(60))
    yield vector("a clock 61 s behind", at(-61), "clock")
    yield vector("a clock 61 s ahead", at(61), "clock")

    yield vector("another method", request(), "signature", as_received={"method": "PUT"})
    yield vector("another path", request(), "signature", as_received={"path": SEND.replace("send", "invite")})
    yield vector("a decoded path", request(**get), "signature", as_received={"path": PROFILE.replace("%40", "@")})
    yield vector("another query", request(), "signature", as_received={"query": "a=1"})
    yield vector("another server was meant", request(authority=C), "authority")
    yield vector("a changed host", request(authority=C), "signature", as_received={"authority": A})
    yield vector("another body", request(), "digest", as_received={"body": '{"events": [1]}'})
    headers = request()[0]["headers"]
    yield vector("no digest", request(), "header", as_received={"headers": without(headers, "Content-Digest")})

    yield vector("a body that is not covered", request(covered=PLAIN), "coverage")
    for name in PLAIN:
        covered = tuple(other for other in WHOLE if other != name)
        yield vector(f"{name} is not covered", request(covered=covered), "coverage")
    date = [["Date", "Thu, 28 May 2026 20:26:40 GMT"]]
    yield vector("a further component", request(covered=(*WHOLE, "date"), further=date), "coverage")
    yield vector("a component twice", request(covered=("@method", *WHOLE)), "coverage")

    yield vector("another algorithm", request(parameters={**PARAMETERS, "alg": "ed448"}), "parameter")
    yield vector("another tag", request(parameters={**PARAMETERS, "tag": "scaiwave-federation-v2"}), "parameter")
    yield vector("no tag", request(parameters=changed(PARAMETERS, tag=...)), "parameter")
    yield vector("a parameter twice", request(more=';alg="ed25519"'), "parameter")
    yield vector("an unknown parameter", request(more=';nonce="x"'), "parameter")
    yield vector("a further time", request(more=";expires=1"), "parameter")

    yield vector("of another server", request(parameters={**PARAMETERS, "keyid": f"{C}#{OF_B.id}"}), "keyid")
    yield vector("of another key", request(parameters={**PARAMETERS, "keyid": f"{B}#{NEXT.id}"}), "keyid")
    yield vector("the signature of another key", request(key=NEXT), "signature")
    yield vector("no signature", request(), "header", as_received={"headers": without(headers, "Signature")})
    yield vector("no signature input", request(), "header", as_received={"headers": without(headers, "Signature-Input")})
    renamed = [[name, value.replace("sig1=", "sig2=") if name == "Signature" else value] for name, value in headers]
    yield vector("another label", request(), "label", as_received={"headers": renamed})
    yield vector("a header twice", request(), "header", as_received={"headers": [*headers, headers[0]]})


FILES = {
    "documents": ("Signed documents (identity.md)", of_documents),
    "descriptors": ("Descriptors, and which of them a reader believes (identity.md)", of_descriptors),
    "http_signatures": ("Signed requests (identity.md, Signatures)", of_http_signatures),
}
