"""What runs and ends: `run --once`, `verify`, `verify --content` and `check --connect`, each over fifty times as many transfers as
slots, with failures among them."""

import signal
import time

from agent import Process, stop
from lanes import Push, folder
from stores import SLOTS
from trouble import Trouble

DONE, FINDINGS, AWAY, LATER = 0, 1, 69, 75
TERM = -signal.SIGTERM
# Longer than any of them may take: `run --once` goes on for as long as something is confirmed every 30 s.
BOUND = 90


class Commands:
    def __init__(self, run, name, kind):
        self.run, self.book, self.where = run, run.book, name
        self.root, self.store, self.slots = run.folder(name), run.store(kind, name), SLOTS[kind]
        self.trouble = Trouble(self.store.port, self.store.http)
        self.lane = Push(self.store, self.root)
        self.transfers, self.stops, self.longest, self.peak = 0, 0, 0.0, 0
        self.settings = self.write("navette.yaml", self.lane.yaml(self.yaml(), 1, f"{self.root}/state"))

    def yaml(self):
        return self.store.yaml(self.trouble.port, self.slots)

    def write(self, name, text):
        with open(f"{self.root}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        return file.name

    def begin(self, *words, settings=None, env=None):
        return Process([self.run.binary, *words, "--config", settings or self.settings], env)

    def carry_out(self, *words, codes, why, settings=None):
        """- Returns: the process, ended."""
        process = self.begin(*words, settings=settings)
        where = f"{self.where}: {' '.join(words)}, {why}"
        code = self.watch(process, BOUND)
        if code is None:
            process.kill()
        self.book.need("every command ends", where, code is not None, f"not within {BOUND} s: {process.words[-300:]}")
        self.book.need("no end by a signal", where, code >= 0, f"signal {-code}: {process.words[-300:]}")
        self.book.need("the right exit code", where, code in codes, f"{code}, not {codes}: {process.words[-600:]}")
        return process

    def watch(self, process, seconds):
        deadline = time.monotonic() + seconds
        while process.code is None and time.monotonic() < deadline:
            self.peak = max(self.peak, process.peak)
            process.until(lambda: False, 0.25)
        return process.end(1)

    def play(self):
        self.once()
        self.verify()
        self.differences()
        self.check()

    # run --once

    def once(self):
        self.lane.write(20 * self.slots)
        before = self.trouble.requests
        process = self.begin("run", "--once", "--log-format", "json")
        process.until(lambda: self.trouble.requests > before + 4, 30)
        self.stop(process, "run --once, stopped in the middle")
        first = process.events.get("batch_confirmed", 0)
        self.lane.write(55 * self.slots)
        self.trouble.set("storm:9")
        most, process = 0, None
        for _ in range(4):
            process = self.carry_out("run", "--once", "--log-format", "json", codes=(DONE, LATER, AWAY), why="in a storm")
            most = max(most, process.events.get("batch_confirmed", 0))
            self.transfers += process.events.get("batch_confirmed", 0)
            if process.code == DONE:
                break
        self.transfers += first
        self.trouble.set("pass")
        self.book.need("all delivered", self.where, process.code == DONE, f"run --once ends with {process.code} four times")
        self.book.hold("fifty times as many transfers as slots", f"{self.where}: run --once", most >= 50 * self.slots,
                       f"{most} only")
        complaints = self.lane.compare()
        for promise, mark in (("all delivered", "missing"), ("exactly once", "more than once"), ("byte for byte", "")):
            bad = [c for c in complaints if mark in c]
            self.book.hold(promise, f"{self.where}: run --once", not bad, "; ".join(bad[:3]))

    def stop(self, process, where):
        took = stop(process, self.book, f"{self.where}: {where}", codes=(DONE, LATER, AWAY, TERM))
        self.stops += 1
        self.longest = max(self.longest, took)
        self.book.top("longest stop", took)

    # verify

    def verify(self):
        number = len(self.store.names())
        self.book.hold("fifty times as many transfers as slots", f"{self.where}: verify", number >= 50 * self.slots,
                       f"{number} objects only")
        for words in (["verify"], ["verify", "--content"]):
            self.away(words)
            for mode in ("pass", "storm:40", "pass"):
                self.trouble.set(mode)
                codes = (DONE,) if mode == "pass" else (DONE, AWAY)
                process = self.carry_out(*words, codes=codes, why=mode)
                if process.code == DONE:
                    self.transfers += number
                    wanted = f"{number} objects {'read back and compared' if '--content' in words else 'compared'}, no difference"
                    self.book.hold("verify and check tell the truth", f"{self.where}: {' '.join(words)}",
                                   wanted in process.words, process.words[-300:])
            self.trouble.set("pass")

    def away(self, words, settings=None):
        """A store in trouble is a store in trouble for each of them, and they say so and end."""
        for mode in ["closed", "busy", "reset", "silent"]:
            self.trouble.set(mode)
            self.carry_out(*words, codes=(AWAY,), why=f"the store is {mode}", settings=settings)
        self.trouble.set("pass")

    def differences(self):
        """A check that finds nothing must be able to find something."""
        names = self.store.names()
        content = self.store.read(names[1])
        self.store.remove(names[0])
        self.store.remove(names[1])
        self.store.put(names[1], content[:-1] + bytes([content[-1] ^ 1]))
        process = self.carry_out("verify", "--content", codes=(FINDINGS,), why="one object gone, one altered")
        found = sorted(line.split()[0] for line in process.words.splitlines() if names[0] in line or names[1] in line)
        self.book.hold("verify and check tell the truth", f"{self.where}: verify --content",
                       found == ["altered", "missing"], process.words[-300:])

    # check --connect

    def check(self):
        """For feeds that fetch there are two questions for each feed, for a stream four in all: so many feeds, and so many checks."""
        feeds = "".join(
            f"  f{n}: {{ landing: {folder(self.root, 'in', str(n))}, handover: {folder(self.root, 'out', str(n))},"
            f" pull: {{ store: there, prefix: feed-{n}/ }} }}\n" for n in range(26 * self.slots))
        many = self.write("feeds.yaml", f"state: {self.root}/state\nstores: {{ there: {self.yaml()} }}\nfeeds:\n{feeds}")
        before = self.trouble.requests
        for settings, words in ((many, "get: yes"), (self.settings, "delete: yes")):
            self.away(["check", "--connect"], settings)
            for _ in range(3):
                process = self.carry_out("check", "--connect", codes=(DONE,), why="all is well", settings=settings)
                self.book.hold("verify and check tell the truth", f"{self.where}: check --connect",
                               words in process.words and ": no" not in process.words, process.words[-300:])
        asked = 3 * (2 * 26 * self.slots) if self.store.http is False else (self.trouble.requests - before) // 3
        self.transfers += asked
        self.book.hold("fifty times as many transfers as slots", f"{self.where}: check --connect", asked >= 50 * self.slots,
                       f"{asked} requests only")

    def report(self):
        self.book.add("transfers", self.transfers)
        self.book.add("failures", self.trouble.failures)
        self.book.top("peak KiB", self.peak)
        return {"transfers": self.transfers, "slots": self.slots, "failures": self.trouble.failures, "stops": self.stops,
                "longest stop": f"{self.longest:.2f}", "peak MiB": f"{self.peak / 1024:.1f}"}


class Closed(Commands):
    """`run --once` with the port closed: patient for half a minute, then 69; and nothing is lost by it."""

    def play(self):
        self.lane.write(5)
        self.trouble.set("closed")
        began = time.monotonic()
        self.carry_out("run", "--once", "--log-format", "json", codes=(AWAY,), why="the port is closed")
        took = time.monotonic() - began
        self.book.hold("run --once gives up after about 30 s", self.where, 25 <= took <= 45, f"{took:.1f} s")
        self.trouble.set("pass")
        self.carry_out("run", "--once", codes=(DONE,), why="the port is open again")
        complaints = self.lane.compare()
        self.book.hold("all delivered", self.where, not complaints, "; ".join(complaints[:3]))
        self.transfers = 5
