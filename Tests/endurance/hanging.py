"""SIGTERM while something hangs or is huge: each way of hanging, with each command that it can stop."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from agent import Process, stop
from commands import AWAY, DONE, FINDINGS, LATER, TERM
from lanes import HEADER, Push, folder, line
from stores import ALL, sweep
from trouble import Trouble

COMMANDS = {"run": ["run", "--log-format", "json"], "once": ["run", "--once", "--log-format", "json"], "verify": ["verify"],
            "content": ["verify", "--content"], "check": ["check", "--connect"]}
# As they are by default: the hang goes on for longer than a stop may take.
PATIENT = "timeouts: { connect: 10s, stall: 60s }"
HUGE, REAL = 64 << 30, 2 << 30
AT_A_TIME = 6


class Case:
    """One command that hangs at one place."""

    def __init__(self, scene, command, place):
        self.scene, self.command, self.place = scene, command, place
        self.where = f"{' '.join(COMMANDS[command][:2 if command != 'run' else 1])}, {place}"
        self.root = folder(scene.root, f"{command}-{place}")
        self.env = {"HOME": self.root, "AWS_EC2_METADATA_DISABLED": "true"}
        self.process = None

    def write(self, name, text, mode=0o644):
        path = f"{self.root}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def play(self):
        kind = self.place.rpartition("-")[2] if self.place.startswith("store") else "s3"
        store = self.scene.run.store(kind, f"{self.scene.name}-{self.command}-{self.place}")
        trouble = Trouble(store.port, store.http)
        try:
            self.hang(store, trouble)
        finally:
            if self.process:
                self.process.kill()
            self.clean()
            trouble.end()
            sweep(store)

    def hang(self, store, trouble):
        """A life before this one, so that there is a ledger; then the one that hangs."""
        lane = Push(store, self.root)
        lane.write(3)
        good = self.write("good.yaml", lane.yaml(store.yaml(trouble.port, 1), 1, f"{self.root}/state"))
        before = Process([self.scene.run.binary, "run", "--once", "--config", good])
        self.scene.book.need("the right exit code", f"{self.where}: before it", before.end(60) == 0, before.words[-300:])
        lane.write(3)
        keys = {} if self.place.startswith("store") else {"keys": ""}
        if self.place.startswith("store"):
            trouble.set("silent")
        settings = self.write(
            "navette.yaml", lane.yaml(store.yaml(trouble.port, 1, timeouts=PATIENT, **keys), 1, f"{self.root}/state"))
        hangs = self.arrange(trouble)
        self.process = Process([self.scene.run.binary, *COMMANDS[self.command], "--config", settings], self.env)
        self.process.until(hangs, 30)
        self.scene.book.need("every command ends", f"{self.where}: begins", hangs(), f"it never came to hang: {self.process.words[-300:]}")
        self.stop()

    def arrange(self, trouble):
        """- Returns: whether it hangs by now."""
        if self.place.startswith("store"):
            return lambda: trouble.held > 0
        if self.place == "metadata":
            self.service = Trouble(1)
            self.service.set("silent")
            self.env.update({"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.service.port}",
                             "AWS_EC2_METADATA_DISABLED": "false"})
            return lambda: self.service.held > 0
        program = self.write("keys", f"#!/bin/sh\necho $$ >{self.root}/hanging\nexec sleep 600\n", 0o755)
        self.env["AWS_CONFIG_FILE"] = self.write("aws", f"[default]\ncredential_process = {program}\n")
        return lambda: os.path.exists(f"{self.root}/hanging")

    def stop(self):
        codes = (DONE,) if self.command == "run" else (DONE, FINDINGS, AWAY, LATER, TERM)
        took = stop(self.process, self.scene.book, self.where, codes)
        self.scene.stopped(took, self.process.peak)

    def clean(self):
        if hasattr(self, "service"):
            self.service.end()
        try:
            with open(f"{self.root}/hanging", encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # Gone with its parent.


class Log(Case):
    """A log that takes longer to read than a stop may take."""

    def play(self):
        name = self.scene.huge() if self.place == "nothing but NUL" else self.scene.real()
        settings = self.write(
            "navette.yaml",
            f"state: {self.root}/state\nhost: endurance\nlimits: {{ min_free: 1MiB, spool_max_bytes: 1TiB }}\n"
            f"stores: {{ there: {{ url: 'file://{folder(self.root, 'shelf')}' }} }}\n"
            f"streams:\n  opens: {{ logs: ['{name}'], rotation: closed, after: keep, store: there,"
            f" batch: {{ max_bytes: 1TiB, max_age: 200ms }} }}\n")
        self.process = Process([self.scene.run.binary, *COMMANDS[self.command], "--config", settings])
        try:
            if self.place == "nothing but NUL":
                # What was never written to the disk is passed over without being read.
                begun = lambda: "record_too_large" in self.process.words  # noqa: E731
            else:
                begun = lambda: self.process.bytes_read() > 64 << 20  # noqa: E731
            self.process.until(begun, 60)
            self.scene.book.need("every command ends", f"{self.where}: begins", begun(), f"the log is not read: {self.process.words[-300:]}")
            if self.process.child.poll() is None:
                self.stop()
        finally:
            self.process.kill()


class Hanging:
    def __init__(self, run, name):
        self.run, self.book, self.name, self.root = run, run.book, name, run.folder(name)
        self.stops, self.longest, self.peak, self.faults = 0, 0.0, 0, []
        self.logs = {}

    def cases(self):
        places = [f"store-{kind}" for kind in ALL] + ["credential_process", "metadata"]
        for place in places:
            for command in COMMANDS:
                yield Case(self, command, place)
        for place in ("nothing but NUL", "real"):
            for command in ("run", "once"):
                yield Log(self, command, place)

    def play(self):
        self.real()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for case, future in [(case, pool.submit(case.play)) for case in self.cases()]:
                fault = future.exception()
                if fault:
                    promise = getattr(fault, "promise", "it starts")
                    self.book.hold(promise, case.where, False, getattr(fault, "why", repr(fault)))

    def stopped(self, took, peak):
        self.stops += 1
        self.longest, self.peak = max(self.longest, took), max(self.peak, peak)
        self.book.top("longest stop", took)

    def huge(self):
        """One record that never ends: a writer's disk was full, or its file was cut off under it."""
        path = f"{folder(self.root, 'huge')}/log.csv"
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(HEADER + line(1) + b"2,b")
                file.truncate(HUGE)
        return path

    def real(self):
        path = f"{folder(self.root, 'real')}/log.csv"
        if not os.path.exists(path):
            block = b"".join(line(n) for n in range(1, 100_000))
            with open(path, "wb") as file:
                file.write(HEADER)
                while file.tell() < REAL:
                    file.write(block)
        return path

    def report(self):
        self.book.top("peak KiB", self.peak)
        return {"stops": self.stops, "longest stop": f"{self.longest:.2f}"}
