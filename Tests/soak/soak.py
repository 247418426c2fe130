"""See scripts/soak."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from bad_store import BadStore
from reckoning import Bucket, Reckoning

HERE = os.path.dirname(os.path.abspath(__file__))
# Outside of these, an agent that ends by itself is a fault: 74 and 75 are what a full disk makes of a start.
EXCUSED = {74, 75}


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float, help="instead of minutes")
    parser.add_argument("--rotation", default="rename,copytruncate,follow,closed")
    parser.add_argument("--rate", type=int, default=20_000, help="lines a second, over all rotations")
    parser.add_argument("--binary", default=".build/ship/navette")
    parser.add_argument("--disk", type=int, default=192, help="MiB for the state folder, as root")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    if options.seconds:
        options.minutes = options.seconds / 60
    return options


class Soak:
    def __init__(self, options, root):
        self.options, self.root = options, root
        self.rotations = options.rotation.split(",")
        self.random = random.Random(options.seed)
        self.tallies = {"kills": 0, "disk full": 0}
        self.problems, self.peak, self.agent, self.isFull = [], 0, None, False
        self.over = threading.Event()
        env = os.environ
        self.store = BadStore(int(env["NAVETTE_TEST_S3"].rsplit(":", 1)[1]))
        self.prefix = f"soak-{os.getpid()}-{int(time.time())}"
        self.bucket = Bucket(
            env["NAVETTE_TEST_S3"], env["NAVETTE_TEST_S3_BUCKET"], env["NAVETTE_TEST_S3_KEY_ID"],
            env["NAVETTE_TEST_S3_SECRET"], env["NAVETTE_TEST_S3_REGION"])
        self.mount()
        self.configure()

    # The site

    def mount(self):
        self.state = f"{self.root}/disk"
        os.mkdir(self.state)
        size = f"size={self.options.disk}m"
        self.has_disk = os.geteuid() == 0 and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "navette-soak", self.state], stderr=subprocess.DEVNULL).returncode

    def unmount(self):
        if self.has_disk:
            subprocess.run(["umount", self.state], check=False)

    def configure(self):
        env = os.environ
        streams = ""
        for name in self.rotations:
            os.mkdir(f"{self.root}/{name}")
            streams += (
                f"  {name}: {{ logs: ['{self.root}/{name}/opens*'], rotation: {name}, store: s3,"
                f" batch: {{ max_bytes: 4MiB, max_age: 2s }}, key: '{{stream}}/{{seq}}.csv.gz', delivered: {{ keep: 0s }} }}\n")
        self.settings = f"{self.root}/navette.yaml"
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(
                f"state: {self.state}/state\nhost: soak\nlimits: {{ min_free: 1MiB, spool_max_bytes: 64MiB }}\n"
                f"stores:\n  s3: {{ url: 's3://{env['NAVETTE_TEST_S3_BUCKET']}/{self.prefix}',"
                f" region: {env['NAVETTE_TEST_S3_REGION']}, endpoint: 'http://127.0.0.1:{self.store.port}',"
                f" force_path_style: true, access_key_id: {env['NAVETTE_TEST_S3_KEY_ID']},"
                f" secret_access_key: {env['NAVETTE_TEST_S3_SECRET']}, timeouts: {{ connect: 2s, stall: 5s }} }}\n"
                f"streams:\n{streams}")

    # The agent

    def navette(self, *words):
        return [os.path.abspath(self.options.binary), *words, "--config", self.settings]

    def keep_running(self):
        """As systemd would: started again whenever it ends. Killed at random."""
        with open(f"{self.root}/agent.log", "ab") as log:
            while not self.over.is_set():
                self.agent = subprocess.Popen(self.navette("run", "--log-format", "json"), stdout=log, stderr=log)
                until = time.monotonic() + self.random.choice([0.3, 2, 4, 8, 12]) * self.random.uniform(0.5, 1.5)
                while self.agent.poll() is None and time.monotonic() < until and not self.over.is_set():
                    self.measure()
                    time.sleep(0.1)
                if self.agent.poll() is None:
                    self.agent.kill()
                    self.tallies["kills"] += 1
                    self.agent.wait()
                elif not (self.agent.returncode in EXCUSED and self.has_disk):
                    self.problems.append(f"the agent ended by itself with {self.agent.returncode}")
                    self.over.wait(1)
                else:
                    self.over.wait(0.5)

    def measure(self):
        try:
            with open(f"/proc/{self.agent.pid}/status", encoding="ascii") as status:
                self.peak = max(self.peak, *(int(l.split()[1]) for l in status if l.startswith("VmHWM")))
        except (OSError, TypeError):
            pass

    # Trouble

    def trouble(self, seconds):
        end = time.monotonic() + seconds
        kinds = ["away", "500", "503", "lost", "cut"] + (["disk"] if self.has_disk else [])
        turn = 0
        while time.monotonic() < end:
            time.sleep(min(self.random.uniform(0.5, 3), max(0, end - time.monotonic())))
            kind = kinds[turn % len(kinds)]
            turn += 1
            longest = 60 if kind == "away" else 20
            length = min(self.random.uniform(1, 6), longest, max(0, end - time.monotonic()))
            if turn % len(kinds) == 1 and seconds > 300:
                length = min(longest, max(0, end - time.monotonic()))
            if kind == "disk":
                self.fill(length)
            else:
                before = self.store.counts.get(kind, 0)
                self.store.set(kind)
                # Until it has hurt somebody, within reason.
                until, latest = time.monotonic() + length, min(time.monotonic() + 12, end)
                while time.monotonic() < until or (time.monotonic() < latest and self.store.counts.get(kind, 0) == before):
                    time.sleep(0.1)
                self.store.set("pass")

    def fill(self, length):
        path = f"{self.state}/filler"
        try:
            with open(path, "wb", buffering=0) as file:
                while file.write(bytes(1 << 16)):
                    pass
        except OSError:
            pass
        self.tallies["disk full"] += 1
        time.sleep(length)
        os.remove(path)

    # The run

    def run(self):
        total = self.options.minutes * 60
        rate = max(1, self.options.rate // len(self.rotations))
        self.writers = [
            subprocess.Popen(
                [sys.executable, f"{HERE}/writers.py", name, f"{self.root}/{name}", str(rate)], stdout=subprocess.PIPE)
            for name in self.rotations]
        runner = threading.Thread(target=self.keep_running)
        runner.start()
        try:
            self.trouble(total)
        finally:
            for writer in self.writers:
                writer.terminate()
            self.over.set()
            runner.join()
        self.written = [tuple(int(n) for n in writer.communicate()[0].split()) for writer in self.writers]
        self.finish()
        return self.report()

    def finish(self):
        """Now that nothing is wrong any more, everything leaves. `follow` and `closed` leave their logs where they are."""
        for _ in range(20):
            last = subprocess.run(self.navette("run", "--once"), capture_output=True, text=True, check=False)
            left = os.listdir(f"{self.root}/rename") if "rename" in self.rotations else []
            if last.returncode == 0 and not left:
                break
            time.sleep(1)
        else:
            self.problems.append(f"run --once ends with {last.returncode}, logs left: {left}: {last.stderr[-400:]}")
        verify = subprocess.run(self.navette("verify"), capture_output=True, text=True, check=False)
        if verify.returncode:
            self.problems.append(f"verify: {verify.stdout[-400:]}{verify.stderr[-400:]}")

    def report(self):
        rows = [("rotation", "lines", "logs", "objects", "sent", "missing", "twice", "disordered")]
        for name, (lines, logs) in zip(self.rotations, self.written):
            found = Reckoning(self.bucket, f"{self.prefix}/{name}/", lines)
            rows.append((name, lines, logs, found.objects, found.sent, found.missing, found.twice, found.disordered))
            # Between the last look at a log and its cut a writer may slip in: that cannot be closed, only be kept short.
            if name == "copytruncate" and found.only_missing(lines // 1000):
                continue
            if not found.is_good:
                self.problems += [f"{name}: {c}" for c in found.complaints[:5]] or [f"{name}: see the table"]
            if lines < self.options.rate // len(self.rotations) * self.options.minutes * 60 * 0.5:
                self.problems.append(f"{name}: the writer came to {lines} lines only")
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join(str(cell).rjust(width) for cell, width in zip(row, widths)))
        disk = self.tallies["disk full"] if self.has_disk else "not tried, needs root"
        counts = self.store.counts
        print(
            f"{self.options.minutes * 60:.0f} s: kills {self.tallies['kills']}, refused connections {counts.get('away', 0)}, "
            f"500 {counts.get('500', 0)}, 503 {counts.get('503', 0)}, replies lost {counts.get('lost', 0)}, "
            f"requests cut {counts.get('cut', 0)}, disk full {disk}; peak memory {self.peak / 1024:.1f} MiB")
        for problem in self.problems:
            print(f"soak: {problem}", file=sys.stderr)
        print("soak: " + ("FAILED" if self.problems else "every line is in exactly one object, in order per log")
              + f" (seed {self.options.seed})")
        return 1 if self.problems else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse()
    root = tempfile.mkdtemp(prefix="navette-soak-")
    soak = Soak(options, root)
    code = 1
    try:
        code = soak.run()
    finally:
        if code and os.path.exists(f"{root}/agent.log"):
            with open(f"{root}/agent.log", "rb") as log:
                sys.stderr.buffer.write(log.read()[-4000:])
        if soak.agent and soak.agent.poll() is None:
            soak.agent.kill()
        if not options.keep:
            soak.unmount()
            shutil.rmtree(root, ignore_errors=True)
    sys.exit(code)


main()
