#!/usr/bin/python3
"""put.py: seals a file to a verifier and stores it in the buffer; prints the blob's id.

usage: put.py FILE KIND [ISSUER [SESSION]]; keys, certificates and the buffer's address are in the
environment."""
import os
import sys
from ctypes import *

TYPES = dict(s=c_char_p, p=c_void_p, i=c_int, l=c_long, n=c_size_t, q=c_int64, I=c_uint, Q=c_uint64)


def struct(name, members):  # a struct of timeglas.h; "blob:65" is an array of 65 bytes
    pairs = (member.split(":") for member in ("struct_size:n " + members).split())
    fields = [(m, TYPES.get(t) or c_char * int(t)) for m, t in pairs]
    return type(name, (Structure,), {"_fields_": fields})


ClientOpts = struct("ClientOpts", """url:s ca:s cert:s key:s connect_timeout_ms:l
    stall_timeout_ms:l progress:p progress_ctx:p timeout_ms:l""")
PutFileOpts = struct("PutFileOpts", """recipient:p n_recipients:n signer:p raw:i kind:s issuer:s
    session:s subject:s content_type:s to:s ttl_s:Q sealed:i name:s idempotency_key:s""")
Blob = struct("Blob", "blob:65 more:479")
tg = CDLL("libtimeglas.so.0")
tg.tg_strerror.restype = tg.tg_client_error.restype = c_char_p
len(sys.argv) > 2 or sys.exit(__doc__)
file, kind, issuer, session = [*map(os.fsencode, sys.argv[1:]), None, None][:4]
names = ("URL", "CA", "CERT", "KEY", "RECIPIENT", "SIGNING_KEY")
*server, to, signing_key = (os.fsencode(os.environ["TIMEGLAS_" + name]) for name in names)
opts, blob = ClientOpts(sizeof(ClientOpts), *server), Blob(sizeof(Blob))
recipient, signer, client = (c_void_p * 1)(), c_void_p(), c_void_p()
err = tg.tg_init() or tg.tg_recipient_parse(to, c_size_t(len(to)), recipient)
err = err or tg.tg_signer_load(signing_key, byref(signer))
o = PutFileOpts(sizeof(PutFileOpts), addressof(recipient), 1, signer, 0, kind, issuer, session)
err = err or tg.tg_client_new(byref(opts), byref(client))
err = err or tg.tg_put_file(client, byref(o), file, byref(blob))
why = tg.tg_client_error(client).decode() if client else __doc__
if err:
    sys.exit(f"put: {tg.tg_strerror(err).decode()}: {why}")
print(blob.blob.decode())
