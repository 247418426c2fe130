"""The program as it ships, on a folder with many streams, and what lies in its store and its state folder afterwards."""

import glob
import gzip
import json
import os
import sqlite3
import subprocess


def settings(root, streams):
    """JSON is YAML too."""
    def one(stream):
        out = {"logs": [f"{root}/logs/{stream.name}/*.csv"], "rotation": stream.rotation, "store": "aep" if stream.for_aep else "shelf",
               "delivered": {"keep": "30d"}}
        if stream.for_aep:
            # Another header goes beside at once.
            out["schema"] = "auto"
        for key in ("shape", "header", "rows"):
            if getattr(stream, key):
                out[key] = getattr(stream, key)
        if stream.max_rows:
            out["batch"] = {"max_rows": stream.max_rows}
        return out

    return json.dumps({
        "state": f"{root}/state", "host": "shapes", "limits": {"min_free": 0},
        "stores": {"shelf": {"url": f"file://{root}/shelf"}, "aep": {"url": f"file://{root}/aep", "for": "aep"}},
        "streams": {stream.name: one(stream) for stream in streams}}, indent=1)


# Seconds that one command may take.
LONGEST = 60


class Site:
    def __init__(self, root, binary, streams):
        self.root, self.binary, self.streams = root, binary, streams
        self.status = None
        for folder in ("shelf", "aep", "state"):
            os.makedirs(f"{root}/{folder}", exist_ok=True)
        for stream in streams:
            os.makedirs(f"{root}/logs/{stream.name}")
        with open(f"{root}/navette.yaml", "w", encoding="utf-8") as file:
            file.write(settings(root, streams))

    def lay(self, log, at):
        path = f"{self.root}/logs/{log.stream.name}/{log.name}"
        with open(path, "wb") as out:
            out.write(log.data)
        os.utime(path, (at, at))

    def call(self, *arguments):
        return subprocess.run(
            [self.binary, *arguments, "--config", f"{self.root}/navette.yaml"], capture_output=True, check=False, timeout=LONGEST)

    def run(self):
        try:
            ended = self.call("run", "--once")
        except subprocess.TimeoutExpired:
            return [f"run --once did not end within {LONGEST} s"]
        # 1 and 75: something is held, or a log waits.
        if ended.returncode not in (0, 1, 75):
            raise SystemExit(f"run --once ended with {ended.returncode}: {ended.stderr.decode()[-4000:]}")
        return []

    def objects(self, stream):
        """By number: the bytes as they were before they were packed."""
        found = {}
        for path in glob.glob(f"{self.root}/{'aep' if stream.for_aep else 'shelf'}/**/shapes_{stream.name}_*.csv.gz", recursive=True):
            with gzip.open(path) as file:
                found[int(path.rsplit("_", 1)[1].split(".")[0])] = file.read()
        return [found[number] for number in sorted(found)]

    def aside(self, stream):
        """What was left out, by log and byte: the code; and all the rows as they were."""
        ledger = sqlite3.connect(f"file:{self.root}/state/ledger.sqlite?mode=ro", uri=True)
        names = {source: os.path.basename(path) for source, path in ledger.execute("SELECT id, path FROM sources WHERE stream = ?", [stream.name])}
        ledger.close()
        found, kept = {}, b""
        folder = f"{self.root}/state/streams/{stream.name}/aside"
        for reasons in sorted(glob.glob(f"{folder}/*.reasons.jsonl")):
            with open(reasons, encoding="utf-8") as file:
                told = [json.loads(line) for line in file]
            with open(reasons.replace(".reasons.jsonl", ".csv"), "rb") as file:
                data = file.read()
            for one in told:
                found.setdefault(names.get(one["log"], one["log"]), {})[one["byte"]] = one["code"]
            kept += data
        return found, kept

    def skipped(self, stream):
        if self.status is None:
            self.status = {one["name"]: one for one in json.loads(self.call("status", "--json").stdout)["streams"]}
        return self.status[stream.name].get("skipped_rows", 0)
