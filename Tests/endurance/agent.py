"""One navette process after the other with one configuration: its events, its measures, its end."""

import json
import os
import signal
import subprocess
import threading
import time

from book import Broken

# The promise for a stop, and how long we wait to see by how much it was broken.
STOP, TOO_LONG = 20, 30


class Process:
    """A program under way. Its events are counted as they come."""

    def __init__(self, words, env=None):
        self.ended_at = None
        self.events, self.tail, self.changed = {}, [], threading.Condition()
        self.latest = {}
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        threading.Thread(target=self.wait, daemon=True).start()

    def wait(self):
        self.child.wait()
        with self.changed:
            self.ended_at = time.monotonic()
            self.changed.notify_all()

    def read(self):
        for line in self.child.stdout:
            self.note(line.decode(errors="replace").rstrip())

    def note(self, line):
        kind = None
        if line.startswith("{"):
            try:
                kind = json.loads(line).get("NAVETTE_EVENT")
            except ValueError:
                pass
        with self.changed:
            self.tail = self.tail[-200:] + [line]
            if kind:
                self.events[kind] = self.events.get(kind, 0) + 1
                self.latest[kind] = time.monotonic()
            self.changed.notify_all()

    @property
    def code(self):
        return self.child.returncode if self.ended_at else None

    def until(self, is_so, seconds):
        """Waits for an event or for the end. - Returns: whether it came to be so."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not is_so():
                left = deadline - time.monotonic()
                if left <= 0 or self.ended_at:
                    return is_so()
                self.changed.wait(min(left, 0.25))
            return True

    def end(self, seconds):
        """- Returns: the exit code, None where it goes on."""
        self.until(lambda: self.ended_at, seconds)
        if self.ended_at:
            self.reader.join(5)
        return self.code

    def kill(self):
        if not self.ended_at:
            self.child.kill()
            self.end(10)

    @property
    def words(self):
        return "\n".join(self.tail)

    # Measures

    def status(self, name):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
        return 0

    def measures(self):
        """Threads, descriptors, KiB of own memory. Files that were taken are kept open for a while, and counted only where there are
        more of them than there may be."""
        try:
            folder = f"/proc/{self.child.pid}/fd"
            names = os.listdir(folder)
            taken = sum(is_taken(f"{folder}/{name}") for name in names)
            return (self.status("Threads"), len(names) - min(taken, MOST_TAKEN), self.status("RssAnon"))
        except OSError:
            return (0, 0, 0)

    @property
    def peak(self):
        try:
            return self.status("VmHWM")
        except OSError:
            return 0

    def bytes_read(self):
        try:
            with open(f"/proc/{self.child.pid}/io", encoding="ascii") as counts:
                return int(counts.readline().split()[1])
        except OSError:
            return 0


# `Limits.takenFiles`
MOST_TAKEN = 256


def is_taken(descriptor):
    """Of a drop: in landing, or among its parts."""
    try:
        target = os.readlink(descriptor)
    except OSError:
        return False
    return "/feeds/" in target and "/parts/" in target or "/landing/" in target


def stop(process, book, where, codes=(0,)):
    """SIGTERM, and what follows from it. Bad ends are noted; one that does not end is killed.
    - Returns: the seconds it took."""
    began = time.monotonic()
    process.child.send_signal(signal.SIGTERM)
    code = process.end(TOO_LONG)
    took = (process.ended_at or time.monotonic()) - began
    book.add("stops")
    if code is None:
        book.hold("a stop within 20 s", where, False, f"still there {took:.1f} s after SIGTERM")
        process.kill()
        return took
    book.hold("a stop within 20 s", where, took <= STOP, f"{took:.1f} s from SIGTERM to the end")
    is_good = code in codes
    promise = "no end by a signal" if code < 0 else "the right exit code"
    book.hold(promise, where, is_good, f"it ended with {code} after SIGTERM, not {codes}: {process.words[-600:]}")
    return took


class Agent:
    """`navette run`, in as many lives as it takes."""

    def __init__(self, book, where, binary, settings):
        self.book, self.where, self.binary, self.settings = book, where, binary, settings
        self.process, self.before = None, {}
        self.reloads, self.stops, self.longest, self.peak = 0, 0, 0.0, 0

    def start(self):
        self.process = Process([self.binary, "run", "--log-format", "json", "--config", self.settings])
        if not self.process.until(lambda: self.process.events.get("agent_started"), 30):
            self.fail("it starts", "no agent_started within 30 s")

    def count(self, kind):
        return self.before.get(kind, 0) + (self.process.events.get(kind, 0) if self.process else 0)

    def fail(self, promise, why):
        code = self.process.code
        if code is not None and code < 0:
            promise, why = "no end by a signal", f"signal {-code}"
        elif code is not None:
            promise, why = "the right exit code", f"it ended by itself with {code}: {self.process.words[-600:]}"
        raise Broken(promise, f"{self.where}: {why}")

    def reach(self, kind, number, seconds, promise, why):
        """Waits until so many events of the kind have come, in all lives."""
        if not self.process.until(lambda: self.count(kind) >= number, seconds):
            self.fail(promise, f"{why}: {self.count(kind)} of {number} {kind} within {seconds} s")

    def reload(self):
        wanted = self.count("config_reloaded") + 1
        self.process.child.send_signal(signal.SIGHUP)
        self.reach("config_reloaded", wanted, 30, "twenty reloads under load", "a SIGHUP")
        self.reloads += 1
        self.book.add("reloads")

    def stop(self, where):
        self.peak = max(self.peak, self.process.peak)
        took = stop(self.process, self.book, f"{self.where}, {where}")
        self.stops += 1
        self.longest = max(self.longest, took)
        for kind, number in self.process.events.items():
            self.before[kind] = self.before.get(kind, 0) + number
        self.process = None
        self.book.top("longest stop", took)

    def settled(self):
        """Its measures, once they are the same five times in a row, or after 10 s."""
        deadline, same, last = time.monotonic() + 10, 0, None
        while same < 5 and time.monotonic() < deadline:
            now = self.process.measures()
            same = same + 1 if last and now[:2] == last[:2] else 0
            last = now
            self.process.until(lambda: False, 0.2)
        return last

    def kill(self):
        if self.process:
            self.process.kill()
