"""See scripts/endurance."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

from book import Book, Broken
from commands import Closed, Commands
from hanging import Hanging
from lanes import Pull, Push
from metadata import Metadata
from parts import Parts
from running import Running
from stores import ALL, sweep
from trouble import Trouble

PROMISES = [
    "it starts", "it goes on after a failure", "all delivered", "exactly once", "byte for byte",
    "fifty times as many transfers as slots", "twenty reloads under load", "recovery within 5 s of the store's",
    "no end by a signal", "the right exit code", "no thread more", "no descriptor more", "no memory more",
    "a stop within 20 s", "every command ends", "verify and check tell the truth", "run --once gives up after about 30 s",
    "keys from a metadata service, 8 of 8", "twenty objects in parts"]
# What the scenes of each kind must have looked at before they may call themselves done.
DELIVERED = ["all delivered", "exactly once", "byte for byte"]
STEADY = ["no thread more", "no descriptor more", "no memory more"]
RUN = [*DELIVERED, *STEADY, "fifty times as many transfers as slots", "twenty reloads under load",
       "recovery within 5 s of the store's", "a stop within 20 s"]
COMMANDS = [*DELIVERED, "fifty times as many transfers as slots", "every command ends", "verify and check tell the truth",
            "a stop within 20 s"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/ship/navette")
    parser.add_argument("--seconds", type=float, default=0, help="of the long part of each agent's life, at least")
    parser.add_argument("--rate", type=float, default=5, help="batches or objects a second, of each agent")
    parser.add_argument("--only", help="scenes by name, or the beginning of names, with commas")
    parser.add_argument("--list", action="store_true", help="print the names of the scenes")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    return parser.parse_args()


class Run:
    """What all scenes share."""

    def __init__(self, options, root):
        self.binary, self.seconds, self.rate = os.path.abspath(options.binary), options.seconds, options.rate
        self.root, self.book = root, Book(PROMISES)
        self.mark = f"endurance-{os.getpid()}-{int(time.time())}"

    def folder(self, name):
        path = f"{self.root}/{name}"
        os.mkdir(path)
        return path

    def store(self, kind, name):
        return ALL[kind](f"{self.mark}/{name}")


def running(lane, kind):
    def play(run, name):
        root, store = run.folder(name), run.store(kind, name)
        trouble = Trouble(store.port, store.http)
        scene = Running(lane(store, root), run, trouble, root)
        try:
            scene.play()
        finally:
            scene.lane.going.clear()
            run.book.row(name, **scene.report())
            scene.agent.kill()
            trouble.end()
            sweep(store)
    return play


def commands(scene):
    try:
        scene.play()
    finally:
        scene.book.row(scene.where, **scene.report())
        scene.trouble.end()
        sweep(scene.store)


def parts(run, name):
    scene = Parts(run, name)
    try:
        scene.play()
    finally:
        run.book.row(name, **scene.report())
        scene.end()


def hanging(run, name):
    scene = Hanging(run, name)
    try:
        scene.play()
    finally:
        run.book.row(name, **scene.report())


def scenes():
    """Those that play side by side, group after group: first what mostly waits, then what works."""
    waits = {f"{lane.kind}-{kind}": (running(lane, kind), RUN) for lane in (Push, Pull) for kind in ALL}
    waits.update({f"closed-{kind}": (lambda run, name, kind=kind: commands(Closed(run, name, kind)),
                                     ["run --once gives up after about 30 s"]) for kind in ALL})
    waits["metadata"] = (lambda run, name: commands(Metadata(run, name)), ["keys from a metadata service, 8 of 8"])
    waits["hanging"] = (hanging, ["a stop within 20 s"])
    works = {f"commands-{kind}": (lambda run, name, kind=kind: commands(Commands(run, name, kind)), COMMANDS) for kind in ALL}
    works["parts"] = (parts, [*DELIVERED, *STEADY, "twenty objects in parts"])
    return [waits, works]


def play(run, name, scene):
    began = time.monotonic()
    try:
        scene(run, name)
    except Broken as broken:
        run.book.hold(broken.promise, name, False, broken.why)
    except Exception:  # Whatever else happens must not pass for a promise that was kept.
        run.book.hold("it starts", name, False, "the scene itself failed: " + traceback.format_exc()[-1500:])
    run.book.row(name, seconds=f"{time.monotonic() - began:.0f}")
    print(f"endurance: {name} has played, {time.monotonic() - began:.0f} s", file=sys.stderr)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse()
    groups = scenes()
    if options.list:
        print("\n".join(name for group in groups for name in group))
        return 0
    wanted = options.only.split(",") if options.only else [""]
    root = tempfile.mkdtemp(prefix="navette-endurance-")
    run, began, promised = Run(options, root), time.monotonic(), set()
    try:
        for group in groups:
            mine = {name: scene for name, scene in group.items() if any(name.startswith(w) for w in wanted)}
            threads = []
            for name, (scene, promises) in mine.items():
                promised |= set(promises)
                threads.append(threading.Thread(target=play, args=(run, name, scene), daemon=True))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if not promised:
            sys.exit(f"endurance: no scene is called {options.only}; see --list")
        return report(run, promised, time.monotonic() - began)
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)


def report(run, promised, seconds):
    book = run.book
    book.table()
    good = book.tell(promised)
    print(f"{seconds:.0f} s: transfers {book.sums.get('transfers', 0)}, failures met {book.sums.get('failures', 0)}, "
          f"reloads {book.sums.get('reloads', 0)}, stops {book.sums.get('stops', 0)}, "
          f"longest stop {book.most.get('longest stop', 0):.2f} s, slowest recovery {book.most.get('recovery', 0):.1f} s, "
          f"peak memory {book.most.get('peak KiB', 0) / 1024:.1f} MiB")
    print("endurance: " + ("every promise was kept" if good else "FAILED"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
