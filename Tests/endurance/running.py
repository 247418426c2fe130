"""`navette run` over many transfers, failures, reloads and stops: for logs that are sent and for objects that are fetched."""

import time

from agent import Agent
from stores import SLOTS

MODES = {True: ["busy", "reset", "silent", "closed", "lost"], False: ["reset", "silent", "closed", "busy"]}
RELOADS, STOPS, OUTAGE, RECOVERY = 20, 5, 12, 5
# How long we wait for what must come soon, on a machine that may be slow. Only the promises' own limits are shorter.
SOON = 60
# A pool begins a thread, and a thread a connection, when it is first needed: what has not been needed before the first measure may
# be needed before the last. One reload that leaves something behind would leave it 15 times.
def allowance(slots):
    return slots, 3 * slots + 2
# KiB of private memory. SQLite fills a cache of 2 MiB for each of two connections as the ledger grows, and the C library keeps up to
# sixteen arenas of some 200 KiB once as many threads were busy at a time; neither grows on. What a reload left behind, would be there 15 times.
MEMORY = 8192


class Running:
    def __init__(self, lane, run, trouble, root):
        self.lane, self.run, self.trouble, self.root = lane, run, trouble, root
        self.book = run.book
        self.where = f"run, {lane.kind}, {lane.store.kind}"
        self.slots, self.turn = SLOTS[lane.store.kind], 0
        self.settings = f"{root}/navette.yaml"
        self.configure()
        self.agent = Agent(self.book, self.where, run.binary, self.settings)
        self.recoveries = []

    def configure(self):
        self.turn = 1 + self.turn % 2
        text = self.lane.yaml(self.lane.store.yaml(self.trouble.port, self.slots), self.turn, f"{self.root}/state")
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(text)

    def play(self):
        self.lane.begin(self.run.rate)
        self.agent.start()
        self.onward(self.slots + 1, "right after the start")
        self.round(MODES[self.lane.store.http], reloads=5)
        first = self.all_there("after the first round")
        began = time.monotonic()
        while True:
            self.lane.begin(self.run.rate)
            self.round(MODES[self.lane.store.http], reloads=5)
            self.outage()
            self.round([], reloads=max(0, RELOADS - self.agent.reloads))
            if time.monotonic() - began >= self.run.seconds:
                break
            self.lane.rest()
        last = self.all_there("at the end of a long life")
        self.grown(first, last)
        self.stops()
        self.reckon()

    # The steps

    @property
    def done(self):
        return self.agent.count(self.lane.event)

    def onward(self, more, why):
        """Transfers go on."""
        self.agent.reach(self.lane.event, self.done + more, SOON, "it goes on after a failure", why)

    def hurt(self, mode, times):
        """Until the trouble has met so many transfers."""
        before = self.trouble.failures
        self.trouble.set(mode)
        self.agent.process.until(lambda: self.trouble.failures >= before + times, 15)
        if mode == "closed":
            # Nobody counts what nobody answers: the program tells of it.
            self.agent.process.until(lambda: False, 1.5)
        elif self.trouble.failures < before + times:
            self.agent.fail("it goes on after a failure", f"no transfer was tried within 15 s while the store was {mode}")

    def round(self, modes, reloads):
        for mode in modes:
            self.hurt(mode, 2)
            self.trouble.set("pass")
            self.onward(2, f"after {mode}")
            if reloads > 0:
                self.reload("pass")
                reloads -= 1
        for number in range(reloads):
            self.reload(["pass", "storm:5"][number % 2])
        self.trouble.set("pass")

    def reload(self, mode):
        self.trouble.set(mode)
        self.configure()
        self.agent.reload()
        self.trouble.set("pass")
        self.onward(1, f"after reload {self.agent.reloads}")

    def outage(self):
        """A dozen seconds with the port closed; how long after its end something arrives."""
        self.trouble.set("closed")
        self.agent.process.until(lambda: False, OUTAGE)
        before = self.done
        began = time.monotonic()
        self.trouble.set("pass")
        self.agent.reach(self.lane.event, before + 1, 40, "recovery within 5 s of the store's", "an outage of 12 s")
        took = time.monotonic() - began
        self.recoveries.append(took)
        self.book.top("recovery", took)
        self.book.hold("recovery within 5 s of the store's", self.where, took <= RECOVERY, f"{took:.1f} s after an outage of {OUTAGE} s")

    def all_there(self, why):
        """Nothing more is produced, everything has arrived. - Returns: the measures at rest."""
        self.lane.rest()
        self.agent.reach(self.lane.event, self.lane.written, SOON, "all delivered", why)
        self.agent.peak = max(self.agent.peak, self.agent.process.peak)
        return self.agent.settled()

    def grown(self, first, last):
        threads, descriptors = allowance(self.slots)
        for name, was, now, more in (
                ("no thread more", first[0], last[0], threads), ("no descriptor more", first[1], last[1], descriptors),
                ("no memory more", first[2], last[2], MEMORY)):
            self.book.hold(name, self.where, now <= was + more, f"{was} at first, {now} at last, {more} more are allowed")
        self.measured = first, last

    def stops(self):
        """SIGTERM in the middle: while transfers run, are refused, or hang."""
        modes = ["pass"] + MODES[self.lane.store.http][:4]
        for number in range(STOPS):
            mode = modes[number % len(modes)]
            if self.agent.process is None:
                self.agent.start()
            self.lane.begin(self.run.rate * 2)
            self.onward(1, f"before stop {number + 1}")
            if mode == "pass":
                before = self.trouble.requests
                self.agent.process.until(lambda: self.trouble.requests > before, SOON)
            else:
                self.hurt(mode, 1)
            self.agent.stop(f"while the store is {mode}")
            self.trouble.set("pass")
            self.lane.rest()
        self.agent.start()
        # Events of a transfer that a stop broke off are not told twice or at all: what counts now is what is there.
        deadline = time.monotonic() + SOON
        while self.lane.arrived() < self.lane.written and time.monotonic() < deadline and self.agent.process.code is None:
            self.agent.process.until(lambda: False, 0.5)
        self.agent.stop("with nothing to do")

    def reckon(self):
        complaints = self.lane.compare()
        self.book.hold("all delivered", self.where, not any("missing" in c for c in complaints), "; ".join(complaints[:3]))
        self.book.hold("exactly once", self.where, not any("more than once" in c for c in complaints), "; ".join(complaints[:3]))
        others = [c for c in complaints if "missing" not in c and "more than once" not in c]
        self.book.hold("byte for byte", self.where, not others, "; ".join(others[:3]))
        self.book.hold("fifty times as many transfers as slots", self.where, self.done >= 50 * self.slots, f"{self.done} only")
        self.book.hold("twenty reloads under load", self.where, self.agent.reloads >= RELOADS, f"{self.agent.reloads} only")

    def report(self):
        figures = {"transfers": self.done, "slots": self.slots, "failures": self.trouble.failures,
                   "reloads": self.agent.reloads, "stops": self.agent.stops,
                   "longest stop": f"{self.agent.longest:.2f}", "peak MiB": f"{self.agent.peak / 1024:.1f}"}
        if self.recoveries:
            figures["recovery"] = f"{max(self.recoveries):.1f}"
        if hasattr(self, "measured"):
            first, last = self.measured
            figures.update({"threads": f"{first[0]} {last[0]}", "descriptors": f"{first[1]} {last[1]}",
                            "memory MiB": f"{first[2] / 1024:.1f} {last[2] / 1024:.1f}"})
        self.book.add("transfers", self.done)
        self.book.add("failures", self.trouble.failures)
        self.book.top("peak KiB", self.agent.peak)
        return figures
