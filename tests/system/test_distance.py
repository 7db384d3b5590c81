"""With a store that is 50 ms away, every request takes one or two round trips to it, and nothing
takes a round trip for each shard."""
import time

import pytest

from delay_relay import Relay
from harness import SLOW, wait_for
from redis_store import FIT

DELAY = 0.05
ROUND = 2 * DELAY


@pytest.fixture
def far(store, launch):
    external = store(*FIT)
    relay = Relay(external.dir / "far", external.socket, DELAY)
    began = time.monotonic()
    server = launch(workers=1, options=[("store.url", f"unix://{relay.path}")])
    server.env.pop("TIMEGLAS_REDIS_SOCKET")  # its folder is ours, and stays
    server.start_s = time.monotonic() - began
    yield server
    if not server.exit_checked:
        server.stop()
    relay.stop()


def test_a_distant_store_costs_few_round_trips(far):
    """Ready is ready; a put and a take are one round trip each; ends are on time; closing a session
    goes by hundreds."""
    server, took = far, {}

    def timed(name, call, status):
        """The quickest of its calls counts: the machine may be busy with something else."""
        began = time.monotonic()
        answer = call()
        took[name] = min(took.get(name, 1e9), (time.monotonic() - began) / ROUND)
        assert answer.status == status, answer
        return answer

    assert server.admin("/readyz")[0] == 200 and server.start_s < 3 * SLOW
    with server.connect() as up, server.connect("verifier") as reader:

        def put(**fields):
            return up.request(
                "POST", "/v1/blobs", server.upload_fields(**fields), server.sealed(300)
            )

        # A worker's first take may be sent again: it has not heard the store's last stamp yet.
        first = put().json()["blob"]
        assert reader.request("POST", f"/v1/blobs/{first}/take").status == 200
        for _ in range(3):
            blob = timed("put", put, 201).json()["blob"]
            timed("take", lambda b=blob: reader.request("POST", f"/v1/blobs/{b}/take"), 200)
        session = server.session()["session"]
        tags = [put(ttl=4).json()["tag"] for _ in range(20)]
        for _ in range(10):
            assert put(session=session).status == 201
        timed("close", lambda: up.request("DELETE", f"/v1/sessions/{session}?erase=all"), 200)
    ends = wait_for(
        lambda: len(e := server.evidence("gone", cause="expired")) == len(tags) and e,
        "all have expired",
        8,
    )
    late = sorted(e["late_us"] / 1e6 for e in ends)
    print(
        f"ready after {server.start_s:.2f} s; round trips:"
        f" {({k: round(v, 1) for k, v in took.items()})}; late: median {late[10]:.3f} s, worst"
        f" {late[-1]:.3f} s"
    )
    assert took["put"] < 1.6 * SLOW and took["take"] < 1.6 * SLOW and took["close"] < 3 * SLOW
    # a moment in which the machine stands still makes two of them late; a round trip for each of
    # the 64 shards would be 6.4 s
    assert late[10] < ROUND * SLOW and late[-3] < 2.5 * ROUND * SLOW
    assert late[-1] < 10 * ROUND * SLOW
