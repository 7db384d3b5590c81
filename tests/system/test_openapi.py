"""docs/openapi.yaml says what the server does: every call in it is served, and every answer has the
form stated."""
import re

import pytest
import yaml

from harness import ROOT
from problems import ERRORS, check_problem

API = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
CALLS = [(m, p) for p, item in API["paths"].items() for m in item if m != "parameters"]
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def resolve(node):
    while "$ref" in node:
        target = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def faults(value, schema, at="$"):
    """Where value is not as the schema says: of JSON Schema, what openapi.yaml uses; an unknown
    keyword is a fault, too."""
    schema = resolve(schema)
    known = {
        "type", "description", "required", "additionalProperties", "properties", "items", "enum",
        "pattern", "format", "minimum", "maximum", "oneOf", "default", "examples",
    }
    found = [f"{at}: keyword {k} is not understood by this test" for k in set(schema) - known]
    if "oneOf" in schema:
        ways = [faults(value, s, at) for s in schema["oneOf"]]
        return found if sum(not w for w in ways) == 1 else found + [f"{at}: not one of: {ways}"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(
        isinstance(value, TYPES[k]) and (k == "boolean" or not isinstance(value, bool))
        for k in kinds
    ):
        return found + [f"{at}: {value!r} is no {kinds}"]
    if value is None:
        return found
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} not in {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if (
        not schema.get("minimum", value) <= value <= schema.get("maximum", value)
        if isinstance(value, int)
        else False
    ):
        found.append(f"{at}: {value!r} is out of bounds")
    if isinstance(value, dict):
        members = schema.get("properties", {})
        found += [
            f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value
        ]
        found += [
            f"{at}: {name} is not described"
            for name in value
            if name not in members and schema.get("additionalProperties", True) is False
        ]
        for name in set(members) & set(value):
            found += faults(value[name], members[name], f"{at}.{name}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(item, schema["items"], f"{at}[{i}]")
    return found


def check_described(method, path, answer):
    """The answer's status, fields and content are as openapi.yaml says for this call."""
    responses = API["paths"][path][method]["responses"]
    assert (
        str(answer.status) in responses or answer.status >= 400
    ), f"{method} {path}: {answer.status} is not described"
    described = resolve(responses.get(str(answer.status), responses["default"]))
    kind = answer["Content-Type"].split(";")[0]
    assert kind in described["content"], f"{method} {path}: {kind}"
    every = {"Request-Id": API["components"]["headers"]["RequestId"]}
    assert all(answer.all(name) for name in every), answer
    for name, field in {**every, **described.get("headers", {})}.items():
        field = resolve(field)
        for value in answer.all(name):
            schema = resolve(field["schema"])
            if schema["type"] == "string":
                assert not faults(value, schema), (name, value)
        assert answer.has(name) or not field.get("required"), f"{name} is missing: {answer}"
    if kind == "application/problem+json":
        assert set(answer.json()) <= set(
            API["components"]["schemas"]["Problem"]["properties"]
        ), answer.json()
    if kind.endswith("json"):
        assert not faults(answer.json(), described["content"][kind]["schema"])


class Strict(yaml.SafeLoader):
    """YAML 1.2 as JSON has it: no merge keys, which 1.2 does not know, and no key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert "<<" not in keys, f"line {node.start_mark.line + 1}: a merge key"
        assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}: {keys}"
        return super().construct_mapping(node, deep)


def test_it_is_plain_yaml_and_names_the_license():
    """Readers of YAML 1.2 understand it, and who asks what the license is gets LICENSE's answer."""
    assert yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), Strict) == API
    terms = (ROOT / "LICENSE").read_text()
    assert (
        "Permission to use, copy, modify, and/or distribute this software for any" in terms
    )  # the ISC license's first words
    assert API["info"]["license"] == {"name": "ISC", "identifier": "ISC"}
    assert "ISC license" in (ROOT / "README.md").read_text()
    header = (ROOT / "include" / "timeglas" / "version.h").read_text()
    assert f'#define TG_VERSION "{API["info"]["version"]}"' in header


def test_the_checker_itself_finds_faults():
    """A validator that finds nothing proves nothing."""
    session = {"$ref": "#/components/schemas/Session"}
    good = dict(
        session="00" + "A" * 22, state="open", opened_at="2026-11-22T12:00:00.123Z",
        deadline="2026-11-22T13:00:00.123Z", idle_s=600,
    )
    assert not faults(good, session)
    for wrong in (
        dict(state="ajar"), dict(idle_s=0), dict(idle_s="600"),
        dict(deadline="2026-11-22T13:00:00Z"), dict(more=1), dict(session=None),
    ):
        assert faults({**good, **wrong}, session), wrong
    assert faults({k: v for k, v in good.items() if k != "state"}, session)
    assert faults({"blob": "x"}, {"$ref": "#/components/schemas/BlobView"})


@pytest.mark.parametrize("method, path", CALLS, ids=[f"{m} {p}" for m, p in CALLS])
def test_each_call_is_served_as_described(server, method, path):
    """Done right, it answers as described; asked of nothing and by a stranger to the role, its
    refusals do."""
    session = server.session()["session"]
    blob = server.put_ok(server.sealed(100), session=session)["blob"]
    claim = server.claim_ok(blob)["claim"] if "{claim}" in path else None
    event = server.erase(server.put_ok(server.sealed(100))["blob"]).json()["event"]
    target = path.format(id=blob, sid=session, claim=claim, subject="0f" * 32, event=event)
    peer = "verifier" if path.endswith("/take") or "claim" in path else "uploader"
    fields = server.upload_fields("passport", "SWE") if path == "/v1/blobs" else ()
    body = (
        server.sealed(100)
        if path == "/v1/blobs"
        else b'{"outcome":"ok"}' if path.endswith("/ack") else None
    )
    answer = server.call(method.upper(), target, peer, fields, body)
    assert 200 <= answer.status < 300, answer
    check_described(method, path, answer)
    if "{" in path:
        unknown = server.call(
            method.upper(),
            path.format(
                id="00" + "A" * 22, sid="00" + "A" * 22, claim="00" + "A" * 44, subject="0f" * 31,
                event="40-1-1",
            ),
            peer,
            body=body,
        )
        check_problem(unknown, 404, "not-found")
        check_described(method, path, unknown)
    if path not in ("/v1/policy", "/v1/receipts/{event}"):  # they are for every role
        refused = server.call(
            method.upper(), target, "operator" if "claim" in path else "processor", fields, body
        )
        check_problem(refused, 403, "role")
        check_described(method, path, refused)
    server.call("DELETE", f"/v1/sessions/{session}?erase=all")


def test_claims_and_repetitions_are_as_described(server):
    """Parts, the refusal of one, and what is said again under a key."""
    fields = [*server.upload_fields(), ("Idempotency-Key", "openapi")]
    put = [
        server.call("POST", "/v1/blobs", "uploader", fields, server.sealed(100)) for _ in range(2)
    ]
    blob = put[0].json()["blob"]
    claims = [server.claim(blob, key="openapi") for _ in range(2)]
    token = claims[0].json()["claim"]
    reads = [server.read_claim(token, fields=[("Range", r)]) for r in ("bytes=1-2", "bytes=99999-")]
    acks = [server.ack(token, key="openapi ack") for _ in range(2)]
    put.append(server.call("POST", "/v1/blobs", "uploader", fields, server.sealed(100)))
    assert [a.status for a in put + claims + reads + acks] == [
        201, 200, 200, 201, 200, 206, 416, 200, 200,
    ]
    for method, path, answers in (
        ("post", "/v1/blobs", put),
        ("post", "/v1/blobs/{id}/claim", claims),
        ("get", "/v1/claims/{claim}", reads),
        ("post", "/v1/claims/{claim}/ack", acks),
    ):
        for answer in answers:
            check_described(method, path, answer)


def test_views_of_live_and_gone_blobs_are_as_described(server):
    """Each state, to each peer that may look, has exactly the members that are written down."""
    session = server.session()["session"]
    blobs = [
        server.put_ok(server.sealed(100), session=session, kind="passport", issuer=c)["blob"]
        for c in ("DNK", "SWE")
    ]
    for step in ("live", "one taken", "closed"):
        if step == "one taken":
            assert server.take(blobs[0]).status == 200
        elif step == "closed":
            check_described(
                "delete",
                "/v1/sessions/{sid}",
                server.call("DELETE", f"/v1/sessions/{session}?erase=all"),
            )
        for peer in ("uploader", "verifier", "operator"):
            for blob in blobs:
                check_described("get", "/v1/blobs/{id}", server.stat(blob, peer))
        for peer in ("uploader", "verifier"):
            check_described(
                "get", "/v1/sessions/{sid}", server.call("GET", f"/v1/sessions/{session}", peer)
            )
        check_described(
            "post",
            "/v1/blobs/{id}/take",
            (
                server.take(blobs[1], "verifier2")
                if step == "closed"
                else server.take("00" + "A" * 22)
            ),
        )


def test_problem_types_named_in_it_exist():
    """The problems listed there are the product's own table, less what belongs to calls that do not
    exist yet."""
    text = API["components"]["responses"]["Problem"]["description"]
    named = set()
    for part in text.split("A refusal.")[1].split(";"):
        status, rest = part.strip().split(" ", 1)
        for slug in re.sub(r"\(.*?\)", "", rest).rstrip(". ").split(", "):
            assert ERRORS[slug.strip()][0] == int(status), slug
            named.add(slug.strip())
    later = {"media-type"}
    assert named == set(ERRORS) - later, named ^ (set(ERRORS) - later)


def test_subjects_are_as_described(server):
    """A subject with blobs in each state, while it is frozen and behind that; and its erasure."""
    at = "/v1/subjects/{subject}"
    target = at.format(subject="0e" * 32)
    blobs = [server.put_ok(server.sealed(100), subject="0e" * 32)["blob"] for _ in range(3)]
    assert server.take(blobs[0]).status == 200
    server.claim_ok(blobs[1])
    check_described("post", at + "/freeze", server.call("POST", target + "/freeze"))
    view = server.call("GET", target)
    assert len(view.json()["live"]) == 2 and len(view.json()["ended"]) == 1, view.json()
    check_described("get", at, view)
    refused = server.take(blobs[2])
    check_problem(refused, 423, "frozen")
    check_described("post", "/v1/blobs/{id}/take", refused)
    check_described("post", at + "/release", server.call("POST", target + "/release"))
    erased = server.call("DELETE", target + "?uploader=uploader", "operator")
    assert erased.json()["count"] == 2
    check_described("delete", at, erased)
