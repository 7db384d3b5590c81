"""What operators see: the request log, health, metrics; and what must never be seen there."""
import json
import re

from harness import SLOW, let_pass, wait_for
from redis_store import FIT


def test_request_log_is_json_lines_without_ids_or_persons(launch):
    """One line a request says which call, by whom, how it ended; never which blob, which session,
    whose passport."""
    server = launch(workers=2)
    subject = "5ca1ab1e" * 8
    session = server.session(subject=subject)["session"]
    blobs = [
        server.put_ok(server.sealed(300), kind="passport", issuer="DNK", session=session),
        server.put_ok(server.sealed(300), kind="passport", issuer="SWE", session=session),
    ]
    assert server.take(blobs[1]["blob"]).status == 200
    assert server.take(blobs[1]["blob"]).status == 410
    assert server.stat(blobs[0]["blob"]).status == 200
    assert server.put(b"MRZ P<DNKOLSEN<<ANNA").status in (415, 422)
    assert server.call("GET", f"/v1/sessions/{session}").status == 200
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all").status == 200
    wait_for(
        lambda: [e for e in server.log() if e.get("call", "").startswith("DELETE /v1/sessions/")],
        "the last line",
        3,
    )
    text = server.log_text()
    ids = [session, subject] + [b[m] for b in blobs for m in ("blob", "tag")]
    for secret in ids + ["DNK", "SWE", "OLSEN", "age1", "AGE-SECRET"]:
        assert secret not in text, secret
    for line in text.splitlines():
        assert isinstance(json.loads(line), dict), line
    calls = {(e["peer"], e["call"], e["status"]) for e in server.log() if "call" in e}
    assert {
        ("uploader", "POST /v1/sessions", 201), ("uploader", "POST /v1/blobs", 201),
        ("verifier", "POST /v1/blobs/{id}/take", 200),
        ("verifier", "POST /v1/blobs/{id}/take", 410), ("uploader", "GET /v1/blobs/{id}", 200),
    } <= calls, calls


def test_answers_and_log_lines_have_the_same_request_id(server):
    """What a client's operator quotes is what the server's finds. The id is not a count: it tells
    nobody how many others ask."""
    with server.connect() as conn:
        answers = [
            conn.request("GET", target) for target in ("/v1/policy", "/v1/nothing", "/v1/policy")
        ]
    ids = [a["Request-Id"] for a in answers]
    assert len(set(ids)) == 3 and all(re.fullmatch("[0-9a-f]{16}", i) for i in ids), ids
    assert answers[1].json()["request"] == ids[1]
    lines = wait_for(
        lambda: len(found := [e for e in server.log() if e.get("request") in ids]) == 3 and found,
        "three lines",
        3,
    )
    assert [(e["request"], e["status"]) for e in lines] == list(zip(ids, (200, 404, 200)))
    assert max(abs(int(a, 16) - int(b, 16)) for a, b in zip(ids, ids[1:])) > 1 << 40


def test_shared_servers_log_names_none_of_its_ids(server):
    """The same for everything that the shared server has been asked so far."""
    server.put_ok(server.sealed(10))
    text = server.log_text() + server.stderr()
    assert server.secrets and server.log_text() and not [s for s in server.secrets if s in text]


def reasons(server):
    """(ready, why not, the evidence's state), as /readyz says."""
    status, text = server.admin("/readyz")
    told = json.loads(text)
    assert (status == 200) == told["ready"] == (not told["reasons"]), text
    return told["ready"], " ".join(told["reasons"]), told["evidence"]


def test_readiness_says_that_the_store_is_full(launch):
    """Where uploads are answered 507, the server is not ready to store: right behind the first
    refusal, and while nothing fits, also when nobody tries."""
    server = launch(workers=1, options=[("store.max_bytes", "24MiB")])
    assert reasons(server)[0]
    body = server.sealed(1_000_000)
    with server.connect() as conn:
        for _ in range(40):
            answer = conn.request("POST", "/v1/blobs", server.upload_fields(), body)
            if answer.status != 201:
                break
            server.secrets.add(answer.json()["blob"])
    assert answer.status == 507
    ready, why, _ = reasons(server)
    assert not ready and "the store is full" in why, why
    server.redis("CONFIG", "SET", "maxmemory", "4mb")
    wait_for(
        lambda: [e for e in server.log() if e["event"] == "store-writes" and "full" in e["detail"]],
        "it is logged",
        4,
    )
    let_pass(3.5, "what the worker saw is forgotten after 3 s; the reason must stay")
    ready, why, _ = reasons(server)
    assert not ready and "the store is full" in why, why
    server.redis("CONFIG", "SET", "maxmemory", "48mb")
    wait_for(lambda: reasons(server)[0], "it is ready", 4)
    assert server.put(body).status == 201


def test_readiness_says_that_the_store_takes_no_writes(store, launch):
    """A primary that becomes a replica keeps its connections. Said within two seconds, and no disk
    is blamed when evidence is late for it."""
    external = store(*FIT, "--repl-diskless-load", "swapdb")
    server = launch(
        workers=1,
        options=[("store.url", f"unix://{external.socket}"), ("server.audit_max_lag_s", 1)],
    )
    server.env.pop("TIMEGLAS_REDIS_SOCKET")  # its folder is ours, and stays
    assert reasons(server)[0]
    external.cli("REPLICAOF", "127.0.0.1", "1")
    wait_for(lambda: "is a replica now and takes no writes" in reasons(server)[1], "it says why", 2)
    late = wait_for(
        lambda: "evidence is late" in reasons(server)[1] and reasons(server), "evidence is late", 4
    )
    let_pass(3, "until then a recorder that only hangs would be reported")
    for ready, why, evidence in (late, reasons(server)):
        assert not ready and "replica" in why and "disk" not in why + evidence, (why, evidence)
    external.cli("REPLICAOF", "NO", "ONE")
    wait_for(lambda: reasons(server)[0], "it is ready", 5)
    blob = server.put_ok(server.sealed(300))
    assert server.take(blob["blob"]).status == 200


def test_health_and_readiness(server):
    """The admin plane answers on loopback: alive, and ready to store."""
    assert server.env["TIMEGLAS_ADMIN_URL"].startswith("http://127.0.0.1:")
    assert server.admin("/healthz")[0] == 200
    assert server.admin("/readyz")[0] == 200
    assert server.admin("/nowhere")[0] == 404


def test_metrics_are_well_formed_prometheus_text(server):
    """Each sample has its HELP and TYPE, each name stands once, histograms add up."""
    status, text = server.admin("/metrics")
    assert status == 200 and text.endswith("\n")
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, line
            types[name] = kind
        elif not line.startswith("#"):
            match = re.fullmatch(r"([a-z_]+)(\{[^}]*\})? ([0-9.eE+-]+|\+Inf|NaN)", line)
            assert match and (match[1] + (match[2] or "")) not in samples, line
            samples[match[1] + (match[2] or "")] = float(match[3])
    for name in samples:
        base = re.sub(r"\{.*", "", name)
        assert base in types or re.sub(r"_(bucket|sum|count)$", "", base) in types, name
    for name, kind in types.items():
        if kind == "histogram":
            assert samples[f'{name}_bucket{{le="+Inf"}}'] == samples[f"{name}_count"], name


def test_counters_move_and_workers_are_summed(launch):
    """Each of two workers does its part, and /metrics tells the sum."""
    server = launch(workers=2)
    conns = [server.connect() for _ in range(16)]
    for conn in conns:
        assert conn.request("GET", "/v1/policy").status == 200
    spread = [server.descriptors(pid) - server.baseline[pid] for pid in server.workers()]
    assert min(spread) >= 1, spread
    names = [
        "timeglas_blobs_stored_total", 'timeglas_blobs_ended_total{cause="consumed"}',
        'timeglas_blobs_ended_total{cause="erased"}', "timeglas_guard_refused_total",
        'timeglas_requests_total{status="4xx"}',
    ]
    before = {n: server.metric(n) for n in names}
    blobs = [
        conn.request("POST", "/v1/blobs", server.upload_fields(), server.sealed(300)).json()["blob"]
        for conn in conns * 2
    ]
    for blob in blobs[:5]:
        assert server.take(blob).status == 200
    for blob in blobs[5:8]:
        assert server.erase(blob).status == 200
    assert server.put(b"plain").status == 415
    wanted = dict(zip(names, (32, 5, 3, 1, 1)))
    wait_for(
        lambda: {n: server.metric(n) - before[n] for n in names} == wanted,
        lambda: f"{wanted}: {({n: server.metric(n) - before[n] for n in names})}",
        5,
    )
    wait_for(lambda: server.metric("timeglas_connections") == 16, "others are closed", 5)
    assert server.metric("timeglas_store_up") >= 2


def test_blobs_that_go_with_their_session_are_counted(launch):
    """One end each, by cause."""
    server = launch(workers=1)
    session = server.session()["session"]
    for _ in range(3):
        server.put_ok(server.sealed(300), kind="passport", issuer="DNK", session=session)
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    wait_for(
        lambda: server.metric('timeglas_blobs_ended_total{cause="session"}') == 3,
        lambda: server.metric('timeglas_blobs_ended_total{cause="session"}'),
        3,
    )
    assert server.metric("timeglas_blobs_stored_total") == 3


def test_expiry_is_counted_with_its_lateness(launch):
    """The reaper says how late it was, and within what bound."""
    server = launch(workers=1)
    server.put_ok(server.sealed(300), ttl=1)
    wait_for(
        lambda: server.metric('timeglas_blobs_ended_total{cause="expired"}') == 1,
        "it is counted",
        5,
    )
    assert server.metric("timeglas_erase_lateness_seconds_count") == 1
    assert server.metric("timeglas_erase_lateness_seconds_sum") < 2 * SLOW
