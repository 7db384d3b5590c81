#!/usr/bin/python3
"""fetch.py: fetches a blob into a file that appears only when all of it is checked; prints who
sealed it, and when.

usage: fetch.py ID FILE [SESSION]; keys, certificates and the buffer's address are in the
environment."""
import ctypes
import os
import sys
from ctypes import (
    POINTER,
    byref,
    c_char,
    c_char_p,
    c_int,
    c_int64,
    c_long,
    c_size_t,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
    sizeof,
)


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
Expect = struct(
    "Expect",
    ("identity", c_void_p),
    ("n_identities", c_size_t),
    ("senders", c_void_p),
    ("raw", c_int),
    ("blob", c_char_p),
    ("kind", c_char_p),
    ("issuer", c_char_p),
    ("session", c_char_p),
    ("subject", c_char_p),
    ("max_age_ms", c_int64),
    ("now_ms", c_int64),
)
FetchOpts = struct(
    "FetchOpts",
    ("expect", POINTER(Expect)),
    ("take", c_int),
    ("lease_s", c_uint32),
    ("max_size", c_uint64),
    ("seen", c_void_p),
    ("seen_ctx", c_void_p),
    ("keep", c_char_p),
    ("sealed", c_int),
)
Head = struct(
    "Head",
    ("kind", c_char * 32),
    ("issuer", c_char * 4),
    ("session", c_char * 65),
    ("subject", c_char * 65),
    ("content_type", c_char * 128),
    ("name", c_char * 23),
    ("ref", c_uint8 * 16),
    ("time_ms", c_int64),
    ("sender", c_char * 128),
    ("sender_name", c_char * 128),
    ("n_recipients", c_size_t),
)
Fetched = struct(
    "Fetched",
    ("head", POINTER(Head)),
    ("blob", c_void_p),
    ("receipt", c_void_p),
    ("acked", c_int),
    ("released", c_int),
    ("kept_until_ms", c_int64),
    ("kept", c_char * 4128),
)
tg = ctypes.CDLL("libtimeglas.so.0")
tg.tg_strerror.restype = tg.tg_client_error.restype = c_char_p
blob, file, session = (
    (list(map(os.fsencode, sys.argv[1:])) + [None])[:3] if len(sys.argv) > 2 else sys.exit(__doc__)
)
url, ca, cert, key, identities, sender = (
    os.fsencode(os.environ["TIMEGLAS_" + name])
    for name in ("URL", "CA", "CERT", "KEY", "IDENTITY", "SENDER")
)
identity, n, senders, client = (c_void_p * 16)(), c_size_t(), c_void_p(), c_void_p()
got = Fetched(sizeof(Fetched))
err = (
    tg.tg_init()
    or tg.tg_identity_load(identities, identity, c_size_t(16), byref(n))
    or tg.tg_senders_new(byref(senders))
    or tg.tg_senders_add(senders, b"app", sender)
    or tg.tg_client_new(byref(ClientOpts(sizeof(ClientOpts), url, ca, cert, key)), byref(client))
)
expect = Expect(sizeof(Expect), ctypes.addressof(identity), n, senders, session=session)
err = err or tg.tg_fetch_file(
    client, blob, byref(FetchOpts(sizeof(FetchOpts), ctypes.pointer(expect))), file, byref(got)
)
if err:
    sys.exit(
        f"fetch: {tg.tg_strerror(err).decode()}:"
        f" {tg.tg_client_error(client).decode() if client else __doc__}"
    )
head = got.head.contents
print(f"{head.kind.decode()} by {head.sender_name.decode()} at {head.time_ms}")
