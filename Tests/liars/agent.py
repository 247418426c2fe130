"""The program as it ships, on a folder of its own, and what it says."""

import glob
import gzip
import json
import os
import re
import signal
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
# Proxies and keys of the machine are for reaching the Internet.
FOREIGN = re.compile("proxy|^AWS_|^AZURE_|^SSL_|CA_BUNDLE|^CREDENTIALS_", re.I)


def environment():
    return {name: value for name, value in os.environ.items() if not FOREIGN.search(name)} | {"HOME": "/nonexistent"}


class Run:
    """`navette run`, with its events."""

    def __init__(self, site):
        self.lines, self.events, self.began = [], [], time.monotonic()
        self.process = subprocess.Popen(
            [site.binary, "run", "--log-format", "json", "--config", site.config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", env=environment())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            try:
                self.events.append(json.loads(line) | {"at": time.monotonic()})
            except ValueError:
                self.events.append({"NAVETTE_EVENT": "no_json", "MESSAGE": line[:300], "PRIORITY": 3, "at": time.monotonic()})

    def cpu(self):
        """Seconds so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """MiB at most so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii", errors="replace") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) // 1024

    def end(self, within):
        """Seconds until it ended after SIGTERM, and its status; `None` where it had to be killed."""
        at = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(within)
            return time.monotonic() - at, status
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None, None

    def told(self, **fields):
        return [e for e in self.events if all(e.get(name) == value for name, value in fields.items())]


class Site:
    def __init__(self, root, binary, store, stream=None, deletes=False):
        self.root, self.binary, self.config = root, binary, f"{root}/navette.yaml"
        for folder in ("log", "otherlog", "landing", "near", "handover", "nearout", "shelf", "state"):
            os.makedirs(f"{root}/{folder}", exist_ok=True)
        batch = {"max_age": "200ms"}
        settings = {
            "state": f"{root}/state", "host": "liars", "limits": {"min_free": 0},
            "stores": {"liar": {"timeouts": {"connect": "1s", "stall": "6s" if stream else "2s"}, **store}, "shelf": {"url": f"file://{root}/shelf"}},
            "streams": {
                "out": {"logs": [f"{root}/log/*.csv"], "rotation": "closed", "store": "liar", "batch": batch,
                        "key": "{stream}/{host}_{stream}_{seq}.csv.gz", **(stream or {})},
                "other": {"logs": [f"{root}/otherlog/*.csv"], "rotation": "closed", "store": "shelf", "batch": batch}},
            "feeds": {
                "in": {"landing": f"{root}/landing", "handover": f"{root}/handover", "ready": {"settle": "100ms"},
                       "duplicates": "deliver", "pull": {"store": "liar", "prefix": "drops/", "every": "1s", "after": "delete" if deletes else "keep"}},
                "near": {"landing": f"{root}/near", "handover": f"{root}/nearout", "ready": {"settle": "100ms"},
                         "duplicates": "deliver"}}}
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(settings, file, indent=1)

    def lay(self, path, data):
        """In one step, as a good sender does."""
        with open(f"{self.root}/.laying", "wb") as file:
            file.write(data)
        os.rename(f"{self.root}/.laying", f"{self.root}/{path}")

    def call(self, *arguments, within=30):
        """Status, output and seconds; the status is `None` where it did not end."""
        at = time.monotonic()
        try:
            ended = subprocess.run(
                [self.binary, *arguments, "--config", self.config], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", check=False, timeout=within, env=environment())
            return ended.returncode, ended.stdout + ended.stderr, time.monotonic() - at
        except subprocess.TimeoutExpired:
            return None, "", time.monotonic() - at

    def handed(self, folder="handover"):
        found = {}
        for path in sorted(glob.glob(f"{self.root}/{folder}/*")):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[os.path.basename(path)] = file.read()
        return found

    def shelf(self):
        """The records that lie on the shelf."""
        found = []
        for path in sorted(glob.glob(f"{self.root}/shelf/**/*.gz", recursive=True)):
            with open(path, "rb") as file:
                found += rows(file.read())
        return found


def rows(packed):
    """What is no gzip is told as a row that nobody sent."""
    try:
        return gzip.decompress(packed).decode().split("\n")[1:-1]
    except (OSError, EOFError, ValueError):
        return [f"<{len(packed)} bytes that are no batch>"]
