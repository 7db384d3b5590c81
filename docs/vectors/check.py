#!/usr/bin/env python3
"""Checks every test vector of a folder with envelope.py, a second implementation.

    check.py [FOLDER]     exit 1 and the names of those that do not come out as they say

The reason of a refused head must be the same line; of a refused file the same code.
"""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
import envelope as env
import primitives as pr


def load(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return json.load(f)


def check_keys(keys):
    for name, k in keys["identities"].items():
        secret = bytes.fromhex(k["secret_hex"])
        yield f"key {name}", (
            env.identity_text(secret) == k["identity"]
            and pr.x25519(secret, pr.BASEPOINT).hex() == k["public_hex"]
            and env.parse_recipient(k["recipient"]).hex() == k["public_hex"]
        )
    for name, k in keys["signers"].items():
        seed = bytes.fromhex(k["seed_hex"])
        yield f"key {name}", (
            env.signing_key_text(seed) == k["signing_key"]
            and pr.ed25519_public(seed).hex() == k["public_hex"]
            and env.parse_sender(k["sender"]).hex() == k["public_hex"]
        )
    for k in keys["refused"]:
        yield f"refused {k['kind']}, {k['why']}", (
            env.parse_sender if k["kind"] == "sender" else env.parse_recipient
        )(k["text"]) is None


def check_heads(heads):
    for case in heads["cases"]:
        text = case["head"].encode("latin-1")
        try:
            fields, length = env.parse_head(text)
            result = (
                case["ok"]
                and fields == case["fields"]
                and length == len(text)
                and env.format_head(fields) == text
                and env.parse_time(fields["time"]) == case["time_ms"]
            )
        except env.Refused as e:
            result = not case["ok"] and e.line == case["line"] and case["says"] in e.why
        yield f"head {case['name']}", result


def check_trailers(trailers):
    for case in trailers["cases"]:
        message = case["head"].encode() + bytes.fromhex(case["content_hex"])
        verified = pr.ed25519ph_verify(
            env.parse_sender(case["sender"]), message, bytes.fromhex(case["trailer_hex"])
        )
        made = pr.ed25519ph_sign(bytes.fromhex(case["seed_hex"]), message).hex()
        yield f"trailer {case['name']}", (
            verified == case["ok"]
            and hashlib.sha512(message).hexdigest() == case["sha512_hex"]
            and (not case["ok"] or made == case["trailer_hex"])
        )


def check_names(names):
    for case in names["names"]:
        name = env.name_of(bytes.fromhex(case["sender_hex"]), bytes.fromhex(case["ref_hex"]))
        yield f"name {case['name']}", name == case["name"] and env.shard_of_name(name) == case[
            "shard"
        ]
    for case in names["ids"]:
        yield f"id {case['id']!r}", env.name_of_id(case["id"]) == case.get("name")
    for case in names["subjects"]:
        digest = env.subject_hash(case["uploader"], case["subject"])
        yield f"subject of {case['uploader']}", digest == case["hash"] and bytes.fromhex(digest)[
            0
        ] % 64 == case["shard"]


def check_sealed(folder, sealed, keys):
    for case in sealed["cases"]:
        expect = {
            name: case[name]
            for name in ("raw", "max_age_ms", "id", "kind", "issuer", "session", "subject")
            if name in case
        }
        expect["now_ms"] = env.parse_time(case["now"])
        expect["identities"] = [
            bytes.fromhex(keys["identities"][who]["secret_hex"]) for who in case["identities"]
        ]
        expect["senders"] = [
            env.parse_sender(keys["signers"][who]["sender"]) for who in case["senders"]
        ]
        with open(os.path.join(folder, case["file"]), "rb") as f:
            data = f.read()
        try:
            head, content = env.open_sealed(data, expect)
            result = (
                case["outcome"] == "ok"
                and len(content) == case["content_length"]
                and hashlib.sha256(content).hexdigest() == case["content_sha256"]
                and (
                    head is None
                    or env.name_of(env.parse_sender(head["sender"]), bytes.fromhex(head["ref"]))
                    == case["blob_name"]
                )
            )
        except env.Refused as e:
            result = e.code == case["outcome"] and e.line == case.get("line")
        yield f"sealed {case['name']}", result


def check_sizes(folder, sealed, keys):
    """Of each file that opens: its size is the one that an upload can declare before it is sealed
    (section 1)."""
    for case in sealed["cases"]:
        if case["outcome"] != "ok" or case.get("raw") or "grease" in case["name"]:
            continue
        with open(os.path.join(folder, case["file"]), "rb") as f:
            data = f.read()
        stanzas, _, _, at = env.parse_header(data)
        secrets = [
            bytes.fromhex(keys["identities"][who]["secret_hex"]) for who in case["identities"]
        ]
        plain = len(b"".join(env.open_chunks(env.unwrap(stanzas, secrets)[0], data[at:])))
        size = 22 + 98 * len(stanzas) + 48 + 16 + plain + 16 * max(1, -(-plain // 65536))
        yield f"size of {case['name']}", size == len(data)


def main(folder):
    pr.self_test()
    keys, sealed = load(folder, "keys.json"), load(folder, "sealed.json")
    results = [
        *check_keys(keys), *check_heads(load(folder, "heads.json")),
        *check_trailers(load(folder, "trailers.json")), *check_names(load(folder, "names.json")),
        *check_sealed(folder, sealed, keys), *check_sizes(folder, sealed, keys),
    ]
    wrong = [name for name, result in results if not result]
    for name in wrong:
        print(f"not as it says: {name}", file=sys.stderr)
    used = {os.path.basename(case["file"]) for case in sealed["cases"]}
    for name in sorted(used ^ set(os.listdir(os.path.join(folder, "sealed")))):
        wrong.append(name)
        print(f"no case and file that belong together: {name}", file=sys.stderr)
    print(f"{len(results) - len(wrong)} of {len(results)} vectors come out as they say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))))
