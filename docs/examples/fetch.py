#!/usr/bin/python3
"""fetch.py: fetches a blob into a file that appears only when all of it is checked; prints who
sealed it, and when.
usage: fetch.py ID FILE [SESSION]; keys, certificates and address are in the environment."""
import os
import sys
from ctypes import *

TYPES = dict(s=c_char_p, p=c_void_p, i=c_int, l=c_long, n=c_size_t, q=c_int64, I=c_uint, Q=c_uint64)


def struct(name, members):  # a struct of timeglas.h; "kind:32" is an array of 32 bytes
    pairs = (member.split(":") for member in ("struct_size:n " + members).split())
    fields = [(m, TYPES.get(t) or c_char * int(t)) for m, t in pairs]
    return type(name, (Structure,), {"_fields_": fields})


ClientOpts = struct("ClientOpts", """url:s ca:s cert:s key:s connect_timeout_ms:l
    stall_timeout_ms:l progress:p progress_ctx:p timeout_ms:l""")
Expect = struct("Expect", """identity:p n_identities:n senders:p raw:i blob:s kind:s issuer:s
    session:s subject:s max_age_ms:q now_ms:q""")
FetchOpts = struct("FetchOpts", """expect:p take:i lease_s:I max_size:Q seen:p seen_ctx:p keep:s
    sealed:i""")
Head = struct("Head", """kind:32 issuer:4 session:65 subject:65 content_type:128 name:23 ref:16
    time_ms:q sender:128 sender_name:128 n_recipients:n""")
Fetched = struct("Fetched", "head:p blob:p receipt:p acked:i released:i kept_until_ms:q kept:4128")
tg = CDLL("libtimeglas.so.0")
tg.tg_strerror.restype = tg.tg_client_error.restype = c_char_p
len(sys.argv) > 2 or sys.exit(__doc__)
blob, file, session = [*map(os.fsencode, sys.argv[1:]), None][:3]
names = ("URL", "CA", "CERT", "KEY", "IDENTITY", "SENDER")
*server, identities, sender = (os.fsencode(os.environ["TIMEGLAS_" + name]) for name in names)
opts, got = ClientOpts(sizeof(ClientOpts), *server), Fetched(sizeof(Fetched))
ids, n, senders, client = (c_void_p * 16)(), c_size_t(), c_void_p(), c_void_p()
err = tg.tg_init() or tg.tg_identity_load(identities, ids, c_size_t(16), byref(n))
err = err or tg.tg_senders_new(byref(senders)) or tg.tg_senders_add(senders, b"app", sender)
expect = Expect(sizeof(Expect), addressof(ids), n, senders, session=session)
o = FetchOpts(sizeof(FetchOpts), addressof(expect))
err = err or tg.tg_client_new(byref(opts), byref(client))
err = err or tg.tg_fetch_file(client, blob, byref(o), file, byref(got))
why = tg.tg_client_error(client).decode() if client else __doc__
if err:
    sys.exit(f"fetch: {tg.tg_strerror(err).decode()}: {why}")
head = Head.from_address(got.head)
print(f"{head.kind.decode()} by {head.sender_name.decode()} at {head.time_ms}")
