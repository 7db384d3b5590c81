"""A server that is configured by a file, with a CA and peers that openssl made."""
import signal
import socket
import subprocess

import pytest

import harness
from harness import wait_for

NAMES = ("uploader", "other", "verifier", "processor", "operator", "newcomer")
QUIET = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA, a server's certificate and one for each peer, all made by openssl."""
    d = tmp_path_factory.mktemp("pki")
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [
            "openssl", "req", "-x509", *ec, "-days", "1", "-subj", "/CN=test CA", "-keyout",
            d / "ca.key", "-out", d / "ca.pem",
        ],
        **QUIET,
    )
    for name in ("server", *NAMES):
        extra = d / f"{name}.ext"
        extra.write_text(
            "subjectAltName=IP:127.0.0.1\n" if name == "server" else "extendedKeyUsage=clientAuth\n"
        )
        request = d / f"{name}.csr"
        subprocess.run(
            [
                "openssl", "req", *ec, "-subj", f"/CN={name}", "-keyout", d / f"{name}.key", "-out",
                request,
            ],
            **QUIET,
        )
        subprocess.run(
            [
                "openssl", "x509", "-req", "-days", "1", "-in", request, "-CA", d / "ca.pem",
                "-CAkey", d / "ca.key", "-CAcreateserial", "-extfile", extra, "-out",
                d / f"{name}.pem",
            ],
            **QUIET,
        )
    return d


class Configured:
    """A configuration file and the server that runs by it."""

    def __init__(self, pki, folder):
        self.pki, self.file = pki, folder / "timeglasd.conf"
        self.port, self.admin = free_port(), free_port()
        self.peers = {
            "uploader": "role = uploader",
            "other": "role = uploader\nto = verifier",
            "verifier": "role = verifier",
            "processor": "role = processor",
            "operator": "role = operator",
        }
        self.write()

    def write(self, more=""):
        lines = [
            "[server]", f"listen = 127.0.0.1:{self.port}", f"admin = 127.0.0.1:{self.admin}",
            "workers = 2", f"certificate = {self.pki}/server.pem", f"key = {self.pki}/server.key",
            f"client_ca = {self.pki}/ca.pem", f"audit_log = {self.file.parent}/audit.jsonl",
            "drain_s = 0", "[retention]", "face3d = 60", "[limits]", "max_blob = 1MiB", more,
        ]
        for name, settings in self.peers.items():
            lines += [f"[peer {name}]", f"certificate = {self.pki}/{name}.pem", settings]
        self.file.write_text("\n".join(lines) + "\n")

    def start(self, **options):
        env = {
            "TIMEGLAS_URL": f"https://127.0.0.1:{self.port}",
            "TIMEGLAS_ADMIN_URL": f"http://127.0.0.1:{self.admin}",
            "TIMEGLAS_CA": f"{self.pki}/ca.pem",
        }
        for name in NAMES:
            env[f"TIMEGLAS_{name.upper()}_CERT"] = f"{self.pki}/{name}.pem"
            env[f"TIMEGLAS_{name.upper()}_KEY"] = f"{self.pki}/{name}.key"
        key = subprocess.run(
            ["age-keygen"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        ).stdout
        public = subprocess.run(
            ["age-keygen", "-y"], input=key, stdout=subprocess.PIPE, check=True
        ).stdout
        env["TIMEGLAS_RECIPIENT"] = public.decode().strip()
        self.server = harness.Server(argv=["-c", str(self.file)], env=env, **options)
        return self.server

    def reload(self):
        lines = len(self.server.log())
        self.server.proc.send_signal(signal.SIGHUP)

        def heard():  # every worker must have read it before a test asks what has changed
            return [
                e
                for e in self.server.log()[lines:]
                if "reload" in e.get("event", "") and "worker" in e.get("process", "")
            ]

        wait_for(
            lambda: len(heard()) >= 2,
            lambda: f"both workers reload: {self.server.log()[lines:]}",
            5,
        )
