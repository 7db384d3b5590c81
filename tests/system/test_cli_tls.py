"""What the timeglas command says when one side refuses the other's certificate or TLS: which
certificate, what is wrong, what to do; and which words it has for the fields that the server's
refusals name."""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from cli_server import Answer, serve
from harness import BIN, SLOW, let_pass
from cli_command import environment
from cli_client import command_env, home, pki, run  # noqa: F401  fixtures, too

TIMEGLAS = str(BIN / "timeglas")
RAW = (b"OpenSSL", b"SSL_", b"routines", b"error:", b"errno", b"alert ")


def openssl(folder, *args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def odd(tmp_path_factory, pki):  # noqa: F811
    """Certificates and keys that do not fit, each with one thing wrong."""
    folder = tmp_path_factory.mktemp("odd")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = {
        ca: [
            "-CA", pki["ca.pem"].replace("ca.pem", f"{ca}.pem"), "-CAkey",
            pki["ca.pem"].replace("ca.pem", f"{ca}.key"), "-CAserial", folder / "serial",
        ]
        for ca in ("ca", "otherca")
    }
    for name, ca, days, ext in (
        ("stranger", "otherca", 2, "extendedKeyUsage=clientAuth"),
        ("server-expired", "ca", 0, "subjectAltName=IP:127.0.0.1"),
    ):
        (folder / "ext").write_text(ext + "\n")
        openssl(
            folder, "req", *new_key, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}"
        )
        openssl(
            folder, "x509", "-req", "-in", "csr", *authority[ca], "-CAcreateserial", "-days", days,
            "-extfile", "ext", "-out", f"{name}.pem",
        )
    (folder / "junk.pem").write_text("junk\n")
    let_pass(1.1, "certificates of no days are over; their times are of seconds")
    return folder


def said(done):
    """What stands on standard error: one sentence, and none of it for those who know OpenSSL
    alone."""
    assert (
        done.stdout == b""
        and done.stderr.startswith(b"timeglas: ")
        and done.stderr.count(b"\n") == 1
    ), done
    assert not [word for word in RAW if word in done.stderr], done.stderr
    return done.stderr.decode()


@pytest.mark.parametrize(
    "name, words",
    [
        ("stranger", "does not know the authority that issued the client certificate {}"),
        ("expired", "the client certificate {} has expired"),
    ],
)
def test_a_client_certificate_that_the_server_refuses(server, tmp_path, name, words):
    """Goal: named by its file, with the reason, by a real server; and told at once, as trying again
    does not help."""
    folder = server.dir / "d"
    (tmp_path / "x").write_bytes(b"x")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (tmp_path / "ext").write_text("extendedKeyUsage=clientAuth\n")
    openssl(
        tmp_path, "req", "-x509", *new_key, "-keyout", "other.key", "-out", "other.pem", "-days", 2,
        "-subj", "/CN=other",
    )
    openssl(tmp_path, "req", *new_key, "-keyout", "c.key", "-out", "csr", "-subj", f"/CN={name}")
    ca = (
        [tmp_path / "other.pem", tmp_path / "other.key"]
        if name == "stranger"
        else [folder / "ca.pem", folder / "ca.key"]
    )
    openssl(
        tmp_path,
        "x509",
        "-req",
        "-in",
        "csr",
        "-CA",
        ca[0],
        "-CAkey",
        ca[1],
        "-CAserial",
        tmp_path / "serial",
        "-CAcreateserial",
        "-days",
        0 if name == "expired" else 2,
        "-extfile",
        "ext",
        "-out",
        "c.pem",
    )
    if name == "expired":
        let_pass(1.1, "a certificate of no days is over; its times are of seconds")
    env = environment(
        tmp_path, **server.env, TIMEGLAS_CERT=tmp_path / "c.pem", TIMEGLAS_KEY=tmp_path / "c.key"
    )
    for args in (("policy",), ("put", "--kind", "liveness", "x")):
        began = time.monotonic()
        done = subprocess.run(
            [TIMEGLAS, *args], capture_output=True, env=env, cwd=tmp_path, timeout=60
        )
        assert done.returncode == 3 and words.format(tmp_path / "c.pem") in said(done)
        assert time.monotonic() - began < 4 * SLOW, "it was not tried again and again"


def test_a_server_certificate_that_is_refused(run, pki, odd):  # noqa: F811
    """Goal: another authority, another name, a past date: each told apart."""
    with serve(pki, Answer(200, {})) as server:
        assert f"the authority in {pki['otherca.pem']} did not issue" in said(
            run(server, "policy", ok=3, TIMEGLAS_CA=pki["otherca.pem"])
        )
        url = server.url.replace("127.0.0.1", "localhost")
        assert f"is not for {url}" in said(run(server, "policy", ok=3, url=url))
        error = json.loads(run(server, "--json", "policy", ok=3, url=url).stderr)
        assert error["error"] == "tls" and error["exit"] == 3
    with serve(
        {**pki, "server.pem": odd / "server-expired.pem", "server.key": odd / "server-expired.key"},
        Answer(200, {}),
    ) as server:
        assert "has expired: its operator has to renew it" in said(run(server, "policy", ok=3))


@pytest.mark.parametrize(
    "env, words",
    [
        ({"TIMEGLAS_CERT": "junk.pem"}, "{}/junk.pem holds no certificate in PEM form"),
        ({"TIMEGLAS_KEY": "junk.pem"}, "{}/junk.pem holds no private key in PEM form"),
        (
            {"TIMEGLAS_KEY": "stranger.key"},
            "the key {}/stranger.key does not belong to the certificate",
        ),
        ({"TIMEGLAS_CA": "junk.pem"}, "{}/junk.pem holds no certificates in PEM form"),
    ],
)
def test_files_that_do_not_fit_are_named(run, pki, odd, env, words):  # noqa: F811
    """Goal: a mistake on this machine is told as one, by file."""
    with serve(pki, Answer(200, {})) as server:
        done = run(server, "policy", ok=2, **{k: odd / v for k, v in env.items()})
        assert words.format(odd) in said(done) and server.seen == []


def test_another_protocol_is_told(run, pki):  # noqa: F811
    """Goal: TLS that is too old, and no TLS at all."""
    with serve(
        pki, Answer(200, {}), versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    ) as server:
        assert "does not speak TLS 1.3" in said(run(server, "policy", ok=3))
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer():
            conn, _ = plain.accept()
            with conn, contextlib.suppress(ConnectionResetError):
                conn.recv(1)
                conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                conn.shutdown(socket.SHUT_WR)
                while conn.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        done = run(None, "policy", ok=3, url=f"https://127.0.0.1:{plain.getsockname()[1]}")
        thread.join()
        assert "does not speak TLS: is the port right?" in said(done)


def test_refusals_speak_of_options_and_commands(server, tmp_path):
    """Goal: a real server's 422s name what the user can change: options, not the fields of HTTP;
    JSON keeps the server's own words."""
    (tmp_path / "x").write_bytes(b"x")

    def command(*args, peer="uploader"):
        cert, key = server.files(peer)
        env = environment(
            tmp_path, **{k: v for k, v in server.env.items()}, TIMEGLAS_CERT=cert, TIMEGLAS_KEY=key
        )
        done = subprocess.run(
            [TIMEGLAS, *args], capture_output=True, env=env, cwd=tmp_path, timeout=30, text=True
        )
        assert done.returncode == 1, done
        return done.stderr

    for args, option in (
        (("--kind", "liveness", "--ttl", "999999"), "--ttl"),
        (("--kind", "liveness", "--to", "nobody"), "--to"),
        (("--kind", "passport", "--issuer", "DNK"), "--session"),
        (("--kind", "nonsense"), "timeglas policy"),
        (("--kind", "liveness", "--session", "00" + "A" * 22), "--session"),
    ):
        text = command("put", *args, "x")
        assert option in text and "Timeglas-" not in text and "/v1/" not in text, text
        detail = json.loads(command("--json", "put", *args, "x"))["detail"]
        assert "Timeglas-" in detail or "/v1/" in detail, detail
    text = command("put", "--kind", "liveness", "x", peer="verifier")
    assert "for the role uploader" in text and "configured as verifier" in text, text


def repeatable(command):
    """The options of a command that take a value: (name, whether its help says that it may be
    repeated)."""
    done = subprocess.run(
        [TIMEGLAS, *command.split(), "--help"], capture_output=True, text=True, check=True
    )
    for line in re.sub(r"\n {31}", " ", done.stdout).splitlines():
        words = line.split()
        option = next((w for w in words if w.startswith("--")), None)
        if (
            line.startswith("  ")
            and option
            and len(words) > words.index(option) + 1
            and words[words.index(option) + 1].isupper()
        ):
            yield option, "repeatable" in line


@pytest.mark.parametrize(
    "command",
    [
        "seal", "put", "get", "take", "open", "session open", "audit verify", "audit show",
        "keygen", "policy",
    ],
)
def test_an_option_given_twice_is_refused(tmp_path, command):
    """Goal: a second --sender does not silently take the place of the first, nor does any other
    option's; --help says which may be repeated."""
    options = list(repeatable(command))
    assert len(options) >= 1
    for option, many in options:
        done = subprocess.run(
            [TIMEGLAS, *command.split(), option, "a", option, "b", "x"], capture_output=True,
            text=True, env=environment(tmp_path), cwd=tmp_path, timeout=30,
        )
        assert (f"{option} is given more than once" in done.stderr) != many, (option, done.stderr)
        assert many or done.returncode == 2


@pytest.mark.parametrize(
    "args, words",
    [
        (("-c", "a", "-c", "b"), "give it once: -c"),
        (("--dev", "a", "--dev=b"), "give it once: --dev=b"),
        (("--dev", "a", "--workers", "1", "--workers", "2"), "give it once: --workers"),
        (("--dev", "a", "--listen=127.0.0.1:0", "--listen=127.0.0.1:1"), "give it once: --listen"),
        (
            ("--dev", "a", "--set", "limits.max_blob=1MiB", "--set", "limits.max_blob=2MiB"),
            "keep one: limits.max_blob=2MiB",
        ),
        (
            ("--dev", "a", "--workers", "1", "--set", "server.workers=2"),
            "keep one: server.workers=1",
        ),
    ],
)
def test_the_server_refuses_a_second_value_too(tmp_path, args, words):
    """Goal: the same of timeglasd's command line."""
    done = subprocess.run(
        [str(BIN / "timeglasd"), *args],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
    )
    assert (
        done.returncode == 2 and words in done.stderr and not list(tmp_path.iterdir())
    ), done.stderr
