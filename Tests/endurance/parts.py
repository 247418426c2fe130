"""Objects that go in parts, twenty in a row to each of two stores, with failures and reloads among them."""

import os
import threading
import time
import urllib.error
import zlib

from agent import Agent
from running import SOON, MEMORY, allowance
from stores import sweep
from trouble import Trouble

# Both stores send what is larger than 64 MiB in parts. A record is as long as two windows of the compressor, and made of bytes that
# do not compress: the object is larger than its records.
OBJECTS, RECORDS, BLOCK = 20, 1040, os.urandom(1 << 16).translate(bytes.maketrans(b"\r\n\0", b"rnO"))
SLOTS = 2
TROUBLES = {3: "reset", 6: "busy", 9: "lost", 12: "silent", 15: "reset"}
RELOADS = {5, 8, 11, 14}


def record(number):
    return b"%08d," % number + BLOCK + b"\n"


class Parts:
    def __init__(self, run, name):
        self.book, self.where, self.root = run.book, name, run.folder(name)
        self.stores = {kind: run.store(kind, name) for kind in ("s3", "azure")}
        self.troubles = {kind: Trouble(store.port) for kind, store in self.stores.items()}
        os.mkdir(f"{self.root}/logs")
        self.settings, self.turn = f"{self.root}/navette.yaml", 0
        self.configure()
        self.agent = Agent(self.book, name, run.binary, self.settings)
        self.seen, self.complaints = {"s3": {}, "azure": {}}, []
        self.over = threading.Event()

    def configure(self):
        self.turn += 1
        limits = "timeouts: { connect: 1s, stall: 6s }"
        stores = ", ".join(f"{kind}: {store.yaml(self.troubles[kind].port, SLOTS, timeouts=limits)}"
                           for kind, store in self.stores.items())
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(
                f"state: {self.root}/state\nhost: endurance\nlimits: {{ min_free: 1MiB, spool_max_bytes: 8GiB }}\n"
                f"stores: {{ {stores} }}\n"
                f"streams:\n  large: {{ logs: ['{self.root}/logs/*.csv'], rotation: closed, store: [s3, azure], record: line,"
                f" header: {{ from: none }}, compression: {{ level: 1 }}, key: '{{seq}}.gz', delivered: {{ keep: 0s }},"
                f" archive: {{ keep: {self.turn}h }}, batch: {{ max_bytes: 1GiB, max_rows: {RECORDS}, max_age: 200ms }} }}\n")

    def write(self, number):
        path = f"{self.root}/logs/{number:03}"
        with open(path + ".writing", "wb") as file:
            for n in range(number * RECORDS, (number + 1) * RECORDS):
                file.write(record(n))
        os.rename(path + ".writing", path + ".csv")

    def play(self):
        reader = threading.Thread(target=self.take, daemon=True)
        reader.start()
        self.agent.start()
        first = None
        try:
            for number in range(OBJECTS):
                self.write(number)
                if number in TROUBLES:
                    self.hurt(TROUBLES[number], ["s3", "azure"])
                if number in RELOADS:
                    self.configure()
                    self.agent.reload()
                # At most two ahead: no more than so much disk is needed.
                self.agent.reach("batch_confirmed", 2 * (number - 1), SOON, "twenty objects in parts", f"object {number}")
                if number == OBJECTS // 3:
                    first = self.rest(number + 1)
            last = self.rest(OBJECTS)
        finally:
            self.over.set()
            reader.join()
        threads, descriptors = allowance(2 * SLOTS)
        for name, was, now, more in (
                ("no thread more", first[0], last[0], threads), ("no descriptor more", first[1], last[1], descriptors),
                ("no memory more", first[2], last[2], MEMORY)):
            self.book.hold(name, self.where, now <= was + more, f"{was} at first, {now} at last, {more} more are allowed")
        self.measured = first, last
        self.agent.stop("with nothing to do")
        self.reckon()

    def rest(self, objects):
        self.agent.reach("batch_confirmed", 2 * objects, SOON, "twenty objects in parts", f"{objects} objects to both stores")
        return self.agent.settled()

    def hurt(self, mode, kinds):
        before = {kind: self.troubles[kind].failures for kind in kinds}
        for kind in kinds:
            self.troubles[kind].set(mode)
        self.agent.process.until(lambda: all(self.troubles[k].failures > before[k] for k in kinds), SOON)
        for kind in kinds:
            self.troubles[kind].set("pass")
            self.book.need("it goes on after a failure", f"{self.where}, {kind}, {mode}", self.troubles[kind].failures > before[kind],
                           "no transfer was tried")

    # What arrives is compared at once, and stays: the agent may look after what it has put before it believes it.

    def take(self):
        while not self.over.is_set():
            if not self.look():
                self.over.wait(0.3)

    def look(self):
        found = False
        for kind, store in self.stores.items():
            for name in store.names():
                if name in self.seen[kind]:
                    continue
                content = self.read(store, name)
                if content is None:
                    continue
                found = True
                self.seen[kind][name] = self.examine(kind, name, content)
        return found

    @staticmethod
    def read(store, name):
        try:
            return store.read(name)
        except urllib.error.HTTPError:
            return None  # Listed before it is whole.

    def examine(self, kind, name, content):
        text = zlib.decompress(content, wbits=31)
        size = len(record(0))
        first = int(text[:8])
        good = len(text) == RECORDS * size and first % RECORDS == 0 and all(
            text[n * size:(n + 1) * size] == record(first + n) for n in range(RECORDS))
        if not good:
            self.complaints.append(f"{kind} {name} is not what was written")
        if len(content) <= 64 << 20:
            self.complaints.append(f"{kind} {name} is too small to go in parts: {len(content)} bytes")
        return first

    def reckon(self):
        self.look()
        for kind, seen in self.seen.items():
            where = f"{self.where}, {kind}"
            self.book.hold("all delivered", where, len(seen) == OBJECTS, f"{len(seen)} of {OBJECTS}")
            # By their records, not by their names.
            firsts = sorted(seen.values())
            self.book.hold("exactly once", where, firsts == [n * RECORDS for n in range(OBJECTS)], str(firsts))
            parts = self.troubles[kind].parts
            self.book.hold("twenty objects in parts", where, parts >= 2 * OBJECTS, f"{parts} parts only")
        self.book.hold("byte for byte", self.where, not self.complaints, "; ".join(self.complaints[:3]))

    def end(self):
        self.over.set()
        self.agent.kill()
        for kind, trouble in self.troubles.items():
            trouble.end()
            sweep(self.stores[kind])

    def report(self):
        done = sum(len(seen) for seen in self.seen.values())
        failures = sum(trouble.failures for trouble in self.troubles.values())
        self.book.add("transfers", done)
        self.book.add("failures", failures)
        self.book.top("peak KiB", self.agent.peak)
        figures = {"transfers": done, "slots": SLOTS, "failures": failures, "reloads": self.agent.reloads,
                   "stops": self.agent.stops, "longest stop": f"{self.agent.longest:.2f}",
                   "peak MiB": f"{self.agent.peak / 1024:.1f}"}
        if hasattr(self, "measured"):
            first, last = self.measured
            figures.update({"threads": f"{first[0]} {last[0]}", "descriptors": f"{first[1]} {last[1]}",
                            "memory MiB": f"{first[2] / 1024:.1f} {last[2] / 1024:.1f}"})
        return figures
