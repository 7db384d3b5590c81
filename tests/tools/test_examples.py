"""Goal: the programs of docs/examples, as somebody builds them who has nothing but what `make
install` put down and pkg-config: they store and fetch, across languages; and without a line of
their own for it they refuse what a thief of the store exchanged, restored, or kept for too long."""
import ctypes
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/system"))
from harness import Server  # noqa: E402

EXAMPLES = TOP / "docs/examples"
BUILDS = {
    "c": ["cc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"],
    "cc": ["c++", "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror"],
}
LANGUAGES = (*BUILDS, "py")

# The sealed bytes of two blobs change places; what the store says of them stays.
FIND = """
local function find(id)
  for _, key in ipairs(redis.call('KEYS', 'tg:*' .. id .. '*')) do
    if redis.call('TYPE', key).ok == 'string' then
      local value = redis.call('GET', key)
      local at = string.find(value, 'age-encryption.org/v1\\n', 1, true)
      if at then return key, string.sub(value, 1, at - 1), string.sub(value, at) end
    end
  end
end
"""
EXCHANGE = (
    FIND
    + """
local a, head_a, sealed_a = find(ARGV[1])
local b, head_b, sealed_b = find(ARGV[2])
assert(#sealed_a == #sealed_b and sealed_a ~= sealed_b)
redis.call('SET', a, head_a .. sealed_b, 'KEEPTTL')
redis.call('SET', b, head_b .. sealed_a, 'KEEPTTL')
"""
)
SEALED = (
    FIND
    + """
local key, head, sealed = find(ARGV[1])
return string.gsub(sealed, '.', function(c) return string.format('%02x', string.byte(c)) end)
"""
)
# All of a blob's shard but the events and what the recorder notes of them: it notices a store that
# was taken back as a whole.
COPY = """
for _, key in ipairs(redis.call('KEYS', 'tg:{' .. string.sub(ARGV[1], 1, 2) .. '}:*')) do
  if not string.find(key, ':out$') and not string.find(key, ':rec$') then
    redis.call('COPY', key, 'copy:' .. key, 'REPLACE')
  end
end
"""
RESTORE = (
    "for _, key in ipairs(redis.call('KEYS', 'copy:*')) do redis.call('RENAME', key,"
    " string.sub(key, 6)) end"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What a packager makes, and the environment of somebody who builds against it."""
    root = tmp_path_factory.mktemp("install")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TIMEGLAS"))}
    subprocess.run(
        ["make", "install", f"DESTDIR={root}", "PREFIX=/opt/timeglas"],
        cwd=TOP,
        check=True,
        capture_output=True,
        env=env,
    )
    lib = root / "opt/timeglas/lib"
    return root / "opt/timeglas", {
        **env,
        "PKG_CONFIG_SYSROOT_DIR": str(root),
        "PKG_CONFIG_PATH": f"{lib}/pkgconfig",
        "LD_LIBRARY_PATH": str(lib),
    }


@pytest.fixture(scope="module")
def programs(installed, tmp_path_factory):
    """(name, language) to the command line that runs it."""
    prefix, env = installed
    folder, out = tmp_path_factory.mktemp("programs"), {}
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "timeglas"], check=True, capture_output=True,
        text=True, env=env,
    ).stdout.split()
    for name in ("put", "fetch"):
        for language in LANGUAGES:
            source = prefix / f"share/doc/timeglas/examples/{name}.{language}"
            out[name, language] = ["/usr/bin/python3", str(source)]
            if language in BUILDS:
                out[name, language] = [str(folder / f"{name}-{language}")]
                subprocess.run(
                    [*BUILDS[language], "-o", *out[name, language], str(source), *flags], check=True
                )
    return out


@pytest.fixture(scope="module")
def server():
    server = Server(workers=1)
    yield server
    server.stop()


@pytest.fixture
def run(installed, programs, server, tmp_path):
    """Runs a program as a peer, with the state of somebody who has never fetched anything."""

    def run(name, language, *args):
        peer = "UPLOADER" if name == "put" else "VERIFIER"
        env = {
            **installed[1],
            **server.env,
            "TIMEGLAS_CERT": server.env[f"TIMEGLAS_{peer}_CERT"],
            "TIMEGLAS_KEY": server.env[f"TIMEGLAS_{peer}_KEY"],
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [*programs[name, language], *map(str, args)], env=env, capture_output=True, text=True,
            timeout=30,
        )

    return run


def put(run, server, file, language="c"):
    done = run("put", language, file, "passport", "UTO")
    assert done.returncode == 0, done.stderr
    server.secrets.add(done.stdout.strip())
    return done.stdout.strip()


def refused(done, target, *said):
    assert done.returncode == 1 and done.stdout == "", done
    assert all(text in done.stderr for text in said), done.stderr
    assert not target.exists() and not [
        f for f in os.listdir(target.parent) if f.startswith(".timeglas")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_stores_and_fetches(run, server, tmp_path, language):
    """Goal: each language reads what each other has stored; the kind and the sender's name come
    from the signed head."""
    for other in LANGUAGES:
        content = os.urandom(100_000)
        (tmp_path / "in").write_bytes(content)
        blob = put(run, server, tmp_path / "in", other)
        done = run("fetch", language, blob, tmp_path / "out")
        assert done.returncode == 0 and re.fullmatch(
            r"passport by app at \d{13}\n", done.stdout
        ), done
        assert (tmp_path / "out").read_bytes() == content
        assert server.stat(blob).json()["outcome"] == "ok"
        (tmp_path / "out").unlink()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_exchanged_in_the_store_is_refused(run, server, tmp_path, language):
    blobs = []
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 10_000)
        blobs.append(put(run, server, tmp_path / name, language))
    server.redis("EVAL", EXCHANGE, "0", *blobs)
    refused(
        run("fetch", language, blobs[0], tmp_path / "out"),
        tmp_path / "out",
        "the sealed head differs",
    )
    assert server.stat(blobs[0]).json()["outcome"] == "mislabelled"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_thief_restored_is_refused(run, server, tmp_path, language):
    """Goal: the same blob, served a second time, and its sealed bytes, uploaded again by somebody
    else under an id that the server drew."""
    (tmp_path / "in").write_bytes(b"x" * 10_000)
    blob = put(run, server, tmp_path / "in", language)
    sealed = bytes.fromhex(server.redis("EVAL", SEALED, "0", blob))
    server.redis("EVAL", COPY, "0", blob)
    assert run("fetch", language, blob, tmp_path / "first").returncode == 0
    server.redis("EVAL", RESTORE, "0")
    refused(run("fetch", language, blob, tmp_path / "out"), tmp_path / "out", "seen before")
    again = server.put_ok(sealed, kind="passport", issuer="UTO")["blob"]
    refused(
        run("fetch", language, again, tmp_path / "out"), tmp_path / "out", "the sealed head differs"
    )


@pytest.fixture(scope="module")
def old_sealed(installed, server):
    """A file that the sender has signed 25 hours ago, and its name."""
    tg = ctypes.CDLL(str(installed[0] / "lib/libtimeglas.so.0"))
    out = bytearray()
    write_fn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

    class SealOpts(ctypes.Structure):
        _fields_ = [
            ("struct_size", ctypes.c_size_t),
            ("recipient", ctypes.c_void_p),
            ("n_recipients", ctypes.c_size_t),
            ("signer", ctypes.c_void_p),
            *(
                (name, ctypes.c_char_p)
                for name in ("kind", "issuer", "session", "subject", "content_type")
            ),
            ("ref", ctypes.c_char_p),
            ("time_ms", ctypes.c_int64),
            ("write", write_fn),
            ("ctx", ctypes.c_void_p),
        ]

    def write(_, data, n):
        out.extend(ctypes.string_at(data, n))
        return 0

    def age(hours):
        recipient, signer, sender, sealer = (ctypes.c_void_p() for _ in range(4))
        to, ref, name = (
            server.env["TIMEGLAS_RECIPIENT"].encode(),
            os.urandom(16),
            ctypes.create_string_buffer(23),
        )
        assert tg.tg_recipient_parse(to, ctypes.c_size_t(len(to)), ctypes.byref(recipient)) == 0
        assert (
            tg.tg_signer_load(server.env["TIMEGLAS_SIGNING_KEY"].encode(), ctypes.byref(signer))
            == 0
        )
        assert tg.tg_signer_sender(signer, ctypes.byref(sender)) == 0
        o = SealOpts(
            ctypes.sizeof(SealOpts), ctypes.addressof(recipient), 1, signer, b"passport", b"UTO",
            None, None, None, ref, int((time.time() - hours * 3600) * 1000), write_fn(write), None,
        )
        out.clear()
        assert tg.tg_seal_new(ctypes.byref(o), ctypes.byref(sealer)) == 0
        assert (
            tg.tg_seal_push(sealer, b"old", ctypes.c_size_t(3)) == 0
            and tg.tg_seal_finish(sealer) == 0
        )
        tg.tg_seal_free(sealer)
        tg.tg_name_of(sender, ref, name)
        tg.tg_sender_free(sender)
        tg.tg_signer_free(signer)
        tg.tg_recipient_free(recipient)
        return bytes(out), name.value.decode()

    assert tg.tg_init() == 0
    return age


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_head_of_25_hours_ago_is_refused(run, server, tmp_path, old_sealed, language):
    for hours, good in ((25, False), (23, True), (-1, False)):
        sealed, name = old_sealed(hours)
        fields = [*server.upload_fields(kind="passport", issuer="UTO"), ("Timeglas-Name", name)]
        answer = server.call("POST", "/v1/blobs", fields=fields, body=sealed)
        assert answer.status == 201, answer
        done = run("fetch", language, answer.json()["blob"], tmp_path / "out")
        if good:
            assert done.returncode == 0, done
            (tmp_path / "out").unlink()
        else:
            refused(done, tmp_path / "out", "old" if hours > 0 else "future")


def test_examples_without_arguments_or_keys_say_what_they_need(installed, programs):
    """Goal: whoever starts one for the first time reads how it is used, not an error code alone."""
    env = {k: v for k, v in installed[1].items() if not k.startswith("TIMEGLAS")}
    for (name, language), command in programs.items():
        for args in ([], ["a", "b"]) if language != "py" else ([],):
            done = subprocess.run(
                [*command, *args], env=env, capture_output=True, text=True, timeout=30
            )
            assert done.returncode == 1 and f"usage: {name}" in done.stderr, (name, language, done)


def test_example_of_the_readme_compiles(installed, tmp_path):
    """Goal: what README shows is what the header has, given the variables that it names."""
    code = re.search(r"```c\n(.*?)```", (TOP / "README.md").read_text(), re.S)[1]
    assert len(code.splitlines()) <= 10
    (tmp_path / "r.c").write_text(
        "#include <stdio.h>\n#include <timeglas/timeglas.h>\nint f(tg_client *client, const char"
        " *id, tg_identity **identity, size_t n, tg_senders *senders);\nint f(tg_client *client,"
        " const char *id, tg_identity **identity, size_t n, tg_senders"
        f" *senders)\n{{\n{code}\nreturn err;\n}}\n"
    )
    subprocess.run(
        [*BUILDS["c"], "-c", "-o", "/dev/null", f"-I{installed[0]}/include", str(tmp_path / "r.c")],
        check=True,
    )


# Layouts -------------------------------------------------------------------


def test_structs_of_the_python_examples_are_those_of_c(installed, tmp_path):
    """Goal: the examples cannot drift from the header: each member that they declare has C's place
    and size."""
    _, env = installed
    lines = []
    for name in ("put", "fetch"):
        source = (EXAMPLES / f"{name}.py").read_text().split("tg = CDLL")[0]
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, None))
        exec(
            source, module.__dict__
        )  # the layouts stand above the first line that needs the library
        found = [
            v
            for v in vars(module).values()
            if isinstance(v, type) and issubclass(v, ctypes.Structure) and "_fields_" in vars(v)
        ]
        assert found
        for s in found:
            c = "tg_" + re.sub(r"(?<!^)([A-Z])", r"_\1", s.__name__).lower()
            lines.append((f"sizeof({c})", ctypes.sizeof(s)))
            for member, *_ in s._fields_:
                if member != "more":
                    lines.append((f"offsetof({c}, {member})", getattr(s, member).offset))
                    lines.append((f"sizeof((({c} *)0)->{member})", getattr(s, member).size))
    checks = "".join(
        f'_Static_assert({what} == {value}, "{what} is not {value}");\n' for what, value in lines
    )
    (tmp_path / "layout.c").write_text(
        f"#include <stddef.h>\n#include <timeglas/timeglas.h>\n{checks}"
    )
    flags = subprocess.run(
        ["pkg-config", "--cflags", "timeglas"], check=True, capture_output=True, text=True, env=env
    ).stdout.split()
    done = subprocess.run(
        ["cc", "-std=c11", "-c", "-o", "/dev/null", str(tmp_path / "layout.c"), *flags],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(lines) > 80


@pytest.mark.parametrize(
    "compiler", [["c++", "-std=c++17"], ["cc", "-std=c99"]], ids=lambda c: c[1][5:]
)
def test_each_header_compiles_alone_without_a_warning(installed, tmp_path, compiler):
    prefix, _ = installed
    for header in sorted(os.listdir(prefix / "include/timeglas")):
        (tmp_path / "h").write_text(
            f"#include <timeglas/{header}>\n#include <timeglas/{header}>\nint nothing;\n"
        )
        subprocess.run(
            [
                *compiler,
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Werror",
                "-x",
                "c++" if "++" in compiler[0] else "c",
                "-c",
                "-o",
                "/dev/null",
                f"-I{prefix}/include",
                str(tmp_path / "h"),
            ],
            check=True,
        )


def test_examples_are_short():
    """Goal: who counts the lines of main() finds thirty or so, and no check among them."""
    for name in sorted(os.listdir(EXAMPLES)):
        text = (EXAMPLES / name).read_text()
        assert len(text.splitlines()) <= 45, name
        assert not re.search(
            r"digest|sha256|max_age|replay|seen\(", text.replace("max_age_ms:q", "")
        ), name
