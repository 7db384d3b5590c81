"""Goal: the timeglas command talks to the server that it was told to, and to no other; it tells
refusals from nonsense; sessions, stat, rm and policy print what the server said. The server says
what the test wants, over real TLS 1.3 with client certificates."""
import json
import ssl

import pytest

from cli_client import (
    BLOB,
    GONE,
    ID,
    PROBLEM,
    RECEIPT,
    SESSION,
    command_env,
    home,
    keys,
    pki,
    run,
)  # noqa: F401  fixtures, too
from cli_command import environment
from cli_server import Answer, Handler, serve, stored


def test_nobody_there_is_exit_3(run):
    """Goal: "could not reach it" is not "refused"."""
    done = run(None, "policy", ok=3, url="https://127.0.0.1:1")
    assert done.stdout == b"" and done.stderr.startswith(b"timeglas: ")
    assert (
        json.loads(run(None, "--json", "policy", ok=3, url="https://127.0.0.1:1").stderr)["error"]
        == "unreachable"
    )


def test_server_of_another_authority_gets_nothing(run, pki):
    """Goal: no request leaves for a server that the given CA did not sign, not even one whose CA
    the system knows."""
    with serve(pki, Answer(200, {})) as server:
        run(server, "policy", ok=3, env={"TIMEGLAS_CA": pki["otherca.pem"]})
        run(
            server,
            "policy",
            ok=3,
            env={"TIMEGLAS_CA": pki["otherca.pem"], "SSL_CERT_FILE": pki["ca.pem"]},
        )
        assert server.seen == []


def test_server_with_another_name_gets_nothing(run, pki):
    """Goal: the certificate has to be for the host that was asked for."""
    with serve(pki, Answer(200, {})) as server:
        run(server, "policy", ok=3, url=server.url.replace("127.0.0.1", "localhost"))
        assert server.seen == []


def test_tls_12_is_not_spoken(run, pki):
    """Goal: TLS 1.3 or nothing."""
    with serve(
        pki, Answer(200, {}), versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    ) as server:
        run(server, "policy", ok=3)
        assert server.seen == []


@pytest.mark.parametrize(
    "what",
    [
        "http://127.0.0.1:1", "https://", "https://a@127.0.0.1:1", "https://127.0.0.1:1/x",
        "file:///etc",
    ],
)
def test_odd_addresses_are_usage(run, what):
    """Goal: an address that is not https://host:port is named, not tried."""
    assert b"https://host:port" in run(None, "policy", ok=2, url=what).stderr


def test_missing_certificate_is_usage(run, pki):
    """Goal: a file that is not there is told by name."""
    with serve(pki, Answer(200, {})) as server:
        assert b"/nowhere" in run(server, "policy", ok=2, env={"TIMEGLAS_KEY": "/nowhere"}).stderr
        done = run(server, "policy", ok=2, env={"TIMEGLAS_CERT": ""})
        assert b"--cert is missing" in done.stderr and server.seen == []


def test_proxies_and_redirects_are_not_followed(run, pki):
    """Goal: neither the environment nor the server can send evidence elsewhere."""
    with serve(pki, Answer(200, {"retention": []})) as server:
        run(
            server,
            "policy",
            ok=0,
            env={"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"},
        )
    with serve(pki, Answer(307, {}, fields={"Location": "/elsewhere"})) as server:
        run(server, "policy", ok=3)
        assert len(server.seen) == 1


def test_problem_is_printed(run, pki):
    """Goal: exit 1, and title, detail, status, cause and time for people; the same as JSON for
    scripts."""
    with serve(pki, Answer(410, GONE, PROBLEM)) as server:
        text = run(server, "stat", ID, ok=1).stderr.decode()
        for part in (GONE["title"], "410", GONE["detail"], "consumed", GONE["gone_at"]):
            assert part in text
        o = json.loads(run(server, "--json", "stat", ID, ok=1).stderr)
        assert (
            o["error"] == "gone"
            and o["status"] == 410
            and o["cause"] == "consumed"
            and o["exit"] == 1
        )


def test_retry_after_is_told(run, pki):
    """Goal: who may try again later learns when."""
    body = {"type": "/problems/store-full", "title": "the store is full", "status": 507}
    with serve(pki, Answer(507, body, PROBLEM, {"Retry-After": "7"})) as server:
        assert b"7 s" in run(server, "stat", ID, ok=6).stderr
        assert json.loads(run(server, "--json", "stat", ID, ok=6).stderr)["retry_after_s"] == 7


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, b"<html>bad gateway</html>", "text/html"),
        Answer(500, b"{", PROBLEM),
        Answer(500, b"[1]", PROBLEM),
        Answer(404, {"type": 3, "title": ["x"]}, PROBLEM),
        Answer(404, b"", "text/plain"),
    ],
)
def test_refusal_without_a_problem_is_still_a_refusal(run, pki, answer):
    """Goal: a proxy's HTML or a broken document neither crashes the client nor passes for something
    else."""
    with serve(pki, answer) as server:
        assert str(answer.status).encode() in run(server, "stat", ID, ok=1).stderr
        assert json.loads(run(server, "--json", "stat", ID, ok=1).stderr)["error"] == "refused"


def test_a_server_cannot_steer_the_terminal(run, pki):
    """Goal: escape sequences in a problem or in an answer come out as question marks."""
    evil = dict(GONE, title="a\x1b[2Jb", detail="c\u009bd\x07")
    with serve(
        pki, Answer(410, evil, PROBLEM), Answer(200, dict(BLOB, more="e\x1b[2Jf"))
    ) as server:
        err = run(server, "stat", ID, ok=1).stderr
        assert (
            b"\x1b" not in err
            and b"\xc2\x9b" not in err
            and b"\x07" not in err
            and b"a?[2Jb" in err
        )
        assert b"\x1b" not in run(server, "stat", ID, ok=0).stdout


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"nonsense"),
        Answer(200, b"[]"),
        Answer(200, {"blob": 7}),
        Answer(200, {"blob": "x" * 100}),
        Answer(200, b'{"blob":"a","pad":"' + b"x" * 1_100_000 + b'"}'),
        Answer(200, BLOB, cut=20),
    ],
)
def test_answers_out_of_contract_are_exit_3(run, pki, answer):
    """Goal: no JSON, other JSON, too much of it, half of it: never success."""
    with serve(pki, answer) as server:
        assert run(server, "stat", ID, ok=3).stdout == b""


@pytest.mark.parametrize(
    "lie",
    [
        {"blob": "../../etc"},
        {"blob": "a b"},
        {"blob": "$(id)"},
        {"deadline": None},
        {"kind": "face3d"},
        {"size": 8},
        {"size": None},
        {"issuer": "DNK", "kind": "face3d"},
        {"session": "s9"},
        {"deadline": "tomorrow"},
        {"sha256": "0"},
    ],
)
def test_put_answer_that_does_not_fit_is_exit_3(run, pki, keys, lie):
    """Goal: who puts gets a well-formed id of what was put, with its deadline, or no success."""
    with serve(pki, stored(BLOB, **lie)) as server:
        assert run(server, "put", "--kind", "liveness", "--raw", "-", env=keys, ok=3).stdout == b""


def test_answer_that_is_no_http_is_exit_3(run, pki, keys):
    """Goal: a server that speaks something else is the server's fault, not the user's."""
    with serve(pki, Answer(200, BLOB)) as server:
        server.RequestHandlerClass = type(
            "Gibberish",
            (Handler,),
            {"handle": lambda h: h.rfile.readline() and h.wfile.write(b"\0\xff" * 500)},
        )
        run(server, "stat", ID, ok=3)


def test_ids_cannot_leave_their_place_in_the_path(run, pki):
    """Goal: an "id" with a slash, a question mark or a line break is refused here."""
    with serve(pki, Answer(200, BLOB)) as server:
        for evil in ("a/b", "a?b", "a\r\nX: y", "a%2fb", "x" * 65, "..", "a#b"):
            for command in (
                ("stat",), ("rm",), ("take", "-o", "x"), ("session", "show"), ("session", "close"),
            ):
                run(server, *command, evil, ok=2)
        assert server.seen == []


def test_session_commands(run, pki):
    """Goal: the right calls, and the id alone on stdout."""
    subject = "ab" * 32
    with serve(pki, Answer(201, SESSION)) as server:
        assert (
            run(server, "session", "open", "--idle", "1m", "--subject", subject, ok=0).stdout
            == b"sess-1\n"
        )
        assert json.loads(server.seen[0][3]) == {"subject": subject, "idle_s": 60}
        assert server.seen[0][2]["Content-Type"] == "application/json"
        assert json.loads(run(server, "session", "open", "--json", ok=0).stdout) == SESSION
        assert json.loads(server.seen[1][3]) == {}
    closed = Answer(200, {**SESSION, "state": "closed", "receipts": [RECEIPT]})
    with serve(
        pki,
        Answer(200, SESSION),
        Answer(200, SESSION),
        closed,
        closed,
        Answer(200, {**SESSION, "receipts": []}),
    ) as server:
        assert b"600" in run(server, "session", "show", "sess-1", ok=0).stdout
        run(server, "session", "touch", "sess-1", ok=0)
        run(server, "session", "close", "sess-1", ok=0)
        run(server, "session", "close", "sess-1", "--erase-all", ok=0)
        assert [s[:2] for s in server.seen] == [
            ("GET", "/v1/sessions/sess-1"),
            ("POST", "/v1/sessions/sess-1/touch"),
            ("DELETE", "/v1/sessions/sess-1"),
            ("DELETE", "/v1/sessions/sess-1?erase=all"),
        ]
        assert b"still open" in run(server, "session", "close", "sess-1", ok=3).stderr
        assert (
            server.seen[1][2]["Content-Length"] == "0" and server.seen[1][2]["Content-Type"] is None
        )


def test_tables_and_json(run, pki):
    """Goal: people see every value of the answer, scripts the server's own object."""
    policy = {
        "retention": [
            {"kind": "passport", "issuer": "danish", "ceiling_s": 3600, "session_bound": True},
            {"kind": "face3d", "issuer": None, "ceiling_s": 86400, "session_bound": False},
        ],
        "lease_max_s": 900,
    }
    with serve(pki, Answer(200, policy)) as server:
        lines = run(server, "policy", ok=0).stdout.decode().splitlines()
        rows = [line.split() for line in lines]
        assert ["lease_max_s", "900"] in rows and [
            "kind",
            "issuer",
            "ceiling_s",
            "session_bound",
        ] in rows
        assert ["passport", "danish", "3600", "yes"] in rows and [
            "face3d",
            "-",
            "86400",
            "no",
        ] in rows
        assert json.loads(run(server, "--json", "policy", ok=0).stdout) == policy
    with serve(pki, Answer(200, RECEIPT)) as server:
        assert b"consumed" in run(server, "rm", ID, ok=0).stdout
        assert server.seen[0][:2] == ("DELETE", f"/v1/blobs/{ID}")
