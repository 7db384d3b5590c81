"""Goal: whoever may not know of a blob does not learn of it from the time that the answer takes."""
import statistics
import time

import pytest

PAIRS = 200


@pytest.mark.parametrize("how", ["take", "claim"])
def test_a_refusal_takes_as_long_as_that_of_an_id_that_was_never_there(server, how):
    """A large live blob of somebody else, and an id that names nothing, asked for by turns: the
    difference is small beside the time itself."""
    blob = server.put_ok(server.sealed(300_000), to="verifier")["blob"]
    nobody = blob[:2] + "A" * 21 + "g"
    took = {blob: [], nobody: []}
    with server.connect("verifier2") as conn:
        for i in range(2 * PAIRS):
            asked = (blob, nobody)[i % 2]
            start = time.perf_counter()
            assert conn.request("POST", f"/v1/blobs/{asked}/{how}").status == 404
            took[asked].append(time.perf_counter() - start)
    there, missing = (statistics.median(took[i]) for i in (blob, nobody))
    print(f"{how}: {there * 1e6:.0f} us where there is one, {missing * 1e6:.0f} us where not")
    assert abs(there - missing) < 0.2 * missing
    # What the machine adds is in the slower ones: the faster quarter tells of the server alone. (To
    # read the blob takes some 200 us.)
    quick, quick_missing = (statistics.quantiles(took[i])[0] for i in (blob, nobody))
    print(f"{how}: quarter {(quick - quick_missing) * 1e6:+.0f} us")
    if how == "take":
        assert abs(quick - quick_missing) < 100e-6
    assert server.erase(blob).status == 200
