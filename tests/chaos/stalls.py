"""Tells when the machine did not let us run: a measured second is worth nothing if everybody, the
watch included, slept through half of it."""
import threading
import time

STEP_S = 0.01
WORTH_S = 0.05  # shorter delays are everyday scheduling, and count against the server


class Stalls(threading.Thread):
    def __init__(self):
        super().__init__(name="stalls", daemon=True)
        self.ended = threading.Event()
        self.found = []  # (from, to) on the monotonic clock

    def run(self):
        before = time.monotonic()
        while not self.ended.is_set():
            time.sleep(STEP_S)
            now = time.monotonic()
            if now - before > STEP_S + WORTH_S:
                self.found.append((before + STEP_S, now))
            before = now

    def stop(self):
        self.ended.set()
        self.join()

    def since(self, begun):
        """Seconds since that moment (monotonic clock) in which we were not run."""
        time.sleep(2 * STEP_S)  # a stall is noted at its end
        return sum(to - max(begun, start) for start, to in self.found if to > begun)
