"""One installation in a folder of its own, and the program of version 0.1 run on it."""

import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

FOREVER = "36500d"


class NotThere(Exception):
    """A life that was killed left something else than the scene is about."""


class Site:
    def __init__(self, root, program, attempt):
        """attempt: at which of its system calls a life of this site is killed."""
        self.root, self.program, self.attempt = root, program, attempt
        for name in ["landing", "import", "log", "shelf"]:
            os.makedirs(self.path(name))

    def configure(self, feeds=None, streams=None, stores=("shelf",)):
        """Nothing is swept, however old the fixtures become."""
        config = {"state": "ROOT/state", "host": "acc", "limits": {"min_free": 0}}
        config["stores"] = {name: {"url": f"file://ROOT/{name}"} for name in stores}
        config["feeds"] = {
            name: {
                "landing": "ROOT/landing", "handover": "ROOT/import", "archive": {"keep": FOREVER},
                "quarantine": {"keep": FOREVER}, **keys, "ready": {"settle": "50ms", "timeout": "365d", **keys.get("ready", {})},
            }
            for name, keys in (feeds or {}).items()
        }
        config["streams"] = {
            name: {
                "logs": [f"ROOT/log/{name}*.csv"], "store": "shelf", "delivered": {"keep": FOREVER}, **keys,
                "batch": {"max_age": "4h", **keys.get("batch", {})},
            }
            for name, keys in (streams or {}).items()
        }
        self.config = json.dumps(config, indent=1) + "\n"
        self.write("site.yaml", self.config.replace("ROOT", self.root))

    # Files

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text, how="w"):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), how, newline="") as file:
            file.write(text)

    def log(self, name, first, last):
        """Records with these numbers; a log begins with its header."""
        path = self.path(name)
        isNew = not os.path.exists(path) or os.path.getsize(path) == 0
        self.write(name, ("id,label\n" if isNew else "") + "".join(f"{n},label {n}\n" for n in range(first, last + 1)), "a")

    def move(self, name, to):
        os.rename(self.path(name), self.path(to))

    def remove(self, name):
        path = self.path(name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)

    def found(self, pattern):
        return sorted(os.path.relpath(path, self.root) for path in glob.glob(self.path(pattern), include_hidden=True))

    def ledger(self, question):
        """Asked of a copy: a look would leave its traces."""
        with tempfile.TemporaryDirectory() as folder:
            for path in self.found("state/ledger.sqlite*"):
                shutil.copy(self.path(path), folder)
            copy = sqlite3.connect(os.path.join(folder, "ledger.sqlite"))
            answer = copy.execute(question).fetchall()
            copy.close()
            return answer

    # The program

    def argv(self, *words):
        return [self.program, *words, "--config", self.path("site.yaml")]

    def run(self, *words, ends=(0,)):
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=60)
        assert done.returncode in ends, f"{words} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def once(self, ends=(0,)):
        self.run("run", "--once", ends=ends)

    def killed(self, call, wanted, path=None):
        """A life that is killed as it makes a system call of this name, on this path: the first before which all is as wanted."""
        inject = f"inject={call}:signal=KILL:when={self.attempt}"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        if path:
            strace += ["-P", self.path(path)]
        done = subprocess.run(strace + self.argv("run", "--once"), capture_output=True, timeout=60)
        if done.returncode == 0:
            raise AssertionError("no life left what was wanted")
        if not wanted():
            raise NotThere

    def agent(self):
        """An agent that runs; the caller ends it."""
        events = tempfile.TemporaryFile("w+")
        agent = subprocess.Popen(self.argv("run"), stderr=events)
        self.until(lambda: events.seek(0) == 0 and "agent_started" in events.read())
        return agent

    def slow(self, call, path):
        """A life that rests for a second before each system call of this name on this path; the caller ends it."""
        inject = f"inject={call}:delay_enter=1000000"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, "-P", self.path(path)]
        return subprocess.Popen(strace + self.argv("run", "--once"), stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self, agent):
        """With all that it has started, where it leads a group."""
        os.kill(-agent.pid if os.getpgid(agent.pid) == agent.pid else agent.pid, signal.SIGKILL)
        agent.wait()

    def until(self, isSo):
        deadline = time.monotonic() + 60
        while not isSo():
            assert time.monotonic() < deadline, "it does not come to pass"
            time.sleep(0.05)

    def ask(self, agent, *words):
        """Leaves a request that the agent, which is stopped, does not answer."""
        agent.send_signal(signal.SIGSTOP)
        before = self.found("state/requests/*.json")
        command = subprocess.Popen(self.argv(*words), stdout=subprocess.DEVNULL)
        self.until(lambda: len(self.found("state/requests/*.json")) > len(before))
        self.end(command)
