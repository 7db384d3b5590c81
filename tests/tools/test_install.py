"""Goal: `make install` puts down a usable library and takes away again all it put there; nothing
private is exported."""
import os
import re
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PROGRAM = """
#include <stdio.h>
#include <timeglas/timeglas.h>
int main(void)
{
	tg_recipient *r;
	if (tg_init() != 0 || tg_recipient_parse("age1nonsense", 12, &r) != TG_EKEY)
		return 1;
	return puts(tg_strerror(TG_EKEY)) < 0;
}
"""


def run(*command, **more):
    return subprocess.run(
        command, cwd=TOP, check=True, capture_output=True, text=True, timeout=300, **more
    ).stdout


def files(root):
    return sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("install")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TIMEGLAS"))}
    run("make", "install", f"DESTDIR={root}", "PREFIX=/opt/timeglas", env=env)
    yield root, env
    run("make", "uninstall", f"DESTDIR={root}", "PREFIX=/opt/timeglas", env=env)
    assert files(root) == []


def test_everything_is_below_the_prefix(installed):
    root, _ = installed
    below = {os.path.relpath(f, root / "opt/timeglas") for f in files(root)}
    assert {
        "bin/timeglasd", "bin/timeglas", "lib/libtimeglas.a", "lib/libtimeglas.so",
        "lib/libtimeglas.so.0", "lib/pkgconfig/timeglas.pc", "lib/timeglas/libtimeglas-wipe.so",
        "include/timeglas/timeglas.h",
    } <= below
    assert not [f for f in below if f.startswith("..")]
    for page in os.listdir(os.path.join(TOP, "docs/man")):
        assert f"share/man/man{page[-1]}/{page}" in below


@pytest.mark.parametrize("static", [False, True])
def test_a_program_builds_against_it_with_pkg_config(installed, tmp_path, static):
    root, _ = installed
    (tmp_path / "p.c").write_text(PROGRAM)
    lib = root / "opt/timeglas/lib"
    env = {**os.environ, "PKG_CONFIG_PATH": f"{lib}/pkgconfig", "LD_LIBRARY_PATH": str(lib)}
    flags = run(
        "pkg-config", f"--define-variable=prefix={root}/opt/timeglas", "--cflags", "--libs",
        "timeglas", env=env,
    ).split()
    if static:  # our archive, with the shared libraries of others
        needed = run("pkg-config", "--print-requires-private", "timeglas", env=env).split()
        flags = ["-l:libtimeglas.a" if f == "-ltimeglas" else f for f in flags] + run(
            "pkg-config", "--libs", *needed
        ).split()
    run("cc", "-o", str(tmp_path / "p"), str(tmp_path / "p.c"), *flags)
    assert run(str(tmp_path / "p"), env=env).strip()


def test_the_static_library_names_what_it_needs(installed):
    """Goal: Requires.private has each library that the shared one was linked with, and no other."""
    root, env = installed
    lib = root / "opt/timeglas/lib"
    needed = set(
        re.findall(
            r"\(NEEDED\).*\[lib(\w+)\.so", run("readelf", "-d", str(lib / "libtimeglas.so.0"))
        )
    ) - {"c"}
    private = run(
        "pkg-config",
        "--print-requires-private",
        "timeglas",
        env={**env, "PKG_CONFIG_PATH": f"{lib}/pkgconfig"},
    ).split()
    assert {re.sub("^lib", "", p) for p in private} == {re.sub("-.*", "", n) for n in needed}


def test_shared_library_exports_the_public_functions_alone(installed):
    root, _ = installed
    so = root / "opt/timeglas/lib/libtimeglas.so.0"
    assert "[libtimeglas.so.0]" in run("readelf", "-d", str(so))
    names = {
        line.split()[2].split("@")[0]
        for line in run("nm", "-D", "--defined-only", str(so)).splitlines()
    }
    names.discard("TIMEGLAS_0")
    headers = "".join(
        open(f, encoding="utf-8").read() for f in files(root / "opt/timeglas/include")
    )
    assert names and not {n for n in names if f"{n}(" not in headers}
    assert {"tg_seal_new", "tg_open_new", "tg_client_put", "tg_identity_generate"} <= names


def test_programs_are_hardened_and_the_server_uses_jemalloc(installed):
    root, _ = installed
    for name in ("timeglasd", "timeglas"):
        path = str(root / "opt/timeglas/bin" / name)
        assert "DYN" in run("readelf", "-h", path)
        dynamic = run("readelf", "-d", "-l", path)
        assert "BIND_NOW" in dynamic and "GNU_RELRO" in dynamic
        stack = run("readelf", "-lW", path).split("GNU_STACK")[1].splitlines()[0]
        assert "RWE" not in stack
    assert "libjemalloc" in run("readelf", "-d", str(root / "opt/timeglas/bin/timeglasd"))


def test_each_file_that_a_page_links_to_is_installed(installed):
    """README and the pages below docs/ lead nowhere that is not there."""
    root, _ = installed
    top = root / "opt/timeglas/share/doc/timeglas"
    pages = [f for f in files(top) if f.endswith(".md")]
    assert len(pages) > 5
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", open(page, encoding="utf-8").read()):
            if "://" not in target:
                assert os.path.exists(
                    os.path.join(os.path.dirname(page), target)
                ), f"{os.path.relpath(page, top)}: {target}"


def test_what_variables_say_is_never_left_over_from_before(tmp_path):
    """The same build folder, other linker flags: what was linked with the old ones is linked again,
    and nothing is without a change."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TIMEGLAS"))}
    wipe = tmp_path / "libtimeglas-wipe.so"

    def make(build_id):
        flags = f"LDFLAGS=-Wl,--build-id=0x{build_id}"
        run("make", f"B={tmp_path}", flags, str(wipe), env=env)
        return re.search(r"Build ID: (\w+)", run("readelf", "-n", str(wipe)))[1]

    for build_id in ("1111222233334444", "5555666677778888"):
        assert make(build_id) == build_id
    before = os.stat(wipe).st_mtime_ns
    make("5555666677778888")
    assert os.stat(wipe).st_mtime_ns == before


def test_each_prefix_is_right_and_the_build_stays_as_it_is(installed, tmp_path):
    """After a build for one prefix, an installation under another names that one everywhere; and
    nothing in the build folder is written, which may be another user's, or read-only."""
    _, env = installed
    build = os.path.join(TOP, os.environ.get("TIMEGLAS_BUILD", "build/release"))

    def state():
        found = {f: os.stat(f) for f in files(build) + [os.path.dirname(f) for f in files(build)]}
        return {f: (s.st_mtime_ns, s.st_size, s.st_mode) for f, s in found.items()}

    before = state()
    for prefix in ("/usr", "/opt/a", "/usr/local"):
        root = tmp_path / prefix.replace("/", "_")
        run("make", "install", f"DESTDIR={root}", f"PREFIX={prefix}", env=env)
        top = f"{root}{prefix}"
        with open(f"{top}/lib/pkgconfig/timeglas.pc", encoding="utf-8") as pc:
            assert pc.readline() == f"prefix={prefix}\n"
        for name in os.listdir(os.path.join(TOP, "deploy")):
            with open(f"{top}/share/doc/timeglas/examples/{name}", encoding="utf-8") as example:
                named = re.findall(r"(/\S*)/bin/", example.read())
            assert set(named) <= {prefix}, name
            assert named or not name.endswith(".service")
    assert state() == before


def test_an_archive_forgets_a_file_that_went(tmp_path):
    """Sources that are removed leave no object behind in a library that is made again."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TIMEGLAS"))}
    archive = str(tmp_path / "libcore.a")
    for sources in ("core/b64.c core/num.c", "core/b64.c"):
        run("make", f"B={tmp_path}", f"CORE_SRC={sources}", archive, env=env)
        assert run("ar", "t", archive).split() == [
            os.path.basename(s)[:-2] + ".o" for s in sources.split()
        ]
