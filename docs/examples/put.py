#!/usr/bin/python3
"""put.py: seals a file to a verifier and stores it in the buffer; prints the blob's id.

usage: put.py FILE KIND [ISSUER [SESSION]]; keys, certificates and the buffer's address are in the
environment."""
import ctypes
import os
import sys
from ctypes import byref, c_char, c_char_p, c_int, c_long, c_size_t, c_uint64, c_void_p, sizeof


def struct(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": [("struct_size", c_size_t), *fields]})


ClientOpts = struct(
    "ClientOpts",
    ("url", c_char_p),
    ("ca", c_char_p),
    ("cert", c_char_p),
    ("key", c_char_p),
    ("connect_timeout_ms", c_long),
    ("stall_timeout_ms", c_long),
    ("progress", c_void_p),
    ("progress_ctx", c_void_p),
    ("timeout_ms", c_long),
)
PutFileOpts = struct(
    "PutFileOpts",
    ("recipient", c_void_p),
    ("n_recipients", c_size_t),
    ("signer", c_void_p),
    ("raw", c_int),
    ("kind", c_char_p),
    ("issuer", c_char_p),
    ("session", c_char_p),
    ("subject", c_char_p),
    ("content_type", c_char_p),
    ("to", c_char_p),
    ("ttl_s", c_uint64),
    ("sealed", c_int),
    ("name", c_char_p),
    ("idempotency_key", c_char_p),
)
Blob = struct("Blob", ("blob", c_char * 65), ("more", c_char * 479))
tg = ctypes.CDLL("libtimeglas.so.0")
tg.tg_strerror.restype = tg.tg_client_error.restype = c_char_p
file, kind, issuer, session = (
    (list(map(os.fsencode, sys.argv[1:])) + [None, None])[:4]
    if len(sys.argv) > 2
    else sys.exit(__doc__)
)
url, ca, cert, key, to, signing_key = (
    os.fsencode(os.environ["TIMEGLAS_" + name])
    for name in ("URL", "CA", "CERT", "KEY", "RECIPIENT", "SIGNING_KEY")
)
recipient, signer, client = (c_void_p * 1)(), c_void_p(), c_void_p()
blob = Blob(sizeof(Blob))
err = (
    tg.tg_init()
    or tg.tg_recipient_parse(to, c_size_t(len(to)), recipient)
    or tg.tg_signer_load(signing_key, byref(signer))
    or tg.tg_client_new(byref(ClientOpts(sizeof(ClientOpts), url, ca, cert, key)), byref(client))
    or tg.tg_put_file(
        client,
        byref(
            PutFileOpts(
                sizeof(PutFileOpts),
                ctypes.addressof(recipient),
                1,
                signer,
                0,
                kind,
                issuer,
                session,
            )
        ),
        file,
        byref(blob),
    )
)
if err:
    sys.exit(
        f"put: {tg.tg_strerror(err).decode()}:"
        f" {tg.tg_client_error(client).decode() if client else __doc__}"
    )
print(blob.blob.decode())
