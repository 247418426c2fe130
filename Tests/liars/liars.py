"""Every store against a server that lies: liars.py [--only STORE[:LIE]] [--skip PATTERN] [--binary PATH] [--list] [--keep] [--jobs 2] [--share 12]

--share takes every so manieth case, another set each day. One line for each case, `ok`, `known`, `BROKEN` or `skipped`; then a summary. Exit status 0 when all promises held.
"""

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import folder_more  # noqa: E402,F401
import folder_place  # noqa: E402
import http_lies  # noqa: E402,F401
import sftp_lies  # noqa: E402,F401
import ssh_place  # noqa: E402
import store_lies  # noqa: E402,F401
from agent import Site  # noqa: E402
from case import Case, short  # noqa: E402
from known import KNOWN  # noqa: E402
from lies import LIES  # noqa: E402
from places import PLACES  # noqa: E402

# Seconds after which a case is ended from outside.
LONGEST = 200


PLACES |= {"sftp": ssh_place.SFTPPlace, "file": folder_place.FolderPlace}


def child(name, binary, root):
    """One case, in a process of its own; says what was broken as JSON."""
    store, _, lie = name.partition(":")
    told = LIES[store, lie]
    try:
        place = PLACES[store](root, told)
    except folder_place.Skipped as why:
        print(json.dumps({"broken": [], "notes": {}, "skipped": str(why)}), flush=True)
        os._exit(0)
    try:
        case = Case(Site(root, binary, place.settings(), stream={"compression": {"level": 1}} if told.big else None, deletes=told.deletes), place, told)
        case.run()
    finally:
        place.tell(None)
        place.close()
    print(short(case), flush=True)
    os._exit(0)


def one(name, options):
    reason = ssh_place.missing() if name.startswith("sftp:") else None
    if reason:
        return name, {"broken": [], "notes": {}, "skipped": reason}, 0
    root = tempfile.mkdtemp(prefix="liars-")
    at = time.monotonic()
    command = [sys.executable, os.path.abspath(__file__), "--child", name, "--binary", options.binary, "--root", root]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = process.communicate(timeout=LONGEST)
        result = json.loads(out.strip().split("\n")[-1])
        if options.trace:
            print(out)
    except subprocess.TimeoutExpired:
        # A session of its own, which we began: the program goes with it.
        os.killpg(process.pid, 9)
        result = {"broken": [f"the case did not end within {LONGEST} s"], "notes": {}}
    except (ValueError, IndexError):
        result = {"broken": [f"the case itself failed: {err[-1500:]}"], "notes": {}}
    if not options.keep:
        shutil.rmtree(root, ignore_errors=True)
    else:
        result["notes"]["root"] = root
    return name, result, time.monotonic() - at


def verdict(name, broken, hits):
    """Which of the broken promises are known; a known one that holds is told at the end: the list shrinks."""
    marks = []
    for promise in broken:
        known = next((n for n, (pattern, begins, _) in enumerate(KNOWN) if fnmatch.fnmatchcase(name, pattern) and fnmatch.fnmatchcase(promise, begins + "*")), None)
        if known is not None:
            hits.add(known)
        marks.append("known" if known is not None else "BROKEN")
    return marks


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--binary", default=".build/ship/navette")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--share", type=int, default=1)
    for flag in ("--list", "--keep", "--trace", "--notes"):
        parser.add_argument(flag, action="store_true")
    for hidden in ("--child", "--root"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    if options.child:
        return child(options.child, options.binary, options.root)
    names = [f"{store}:{lie}" for store, lie in LIES]
    if options.only:
        # In the order asked for.
        names = list(dict.fromkeys(n for only in options.only for n in names if fnmatch.fnmatchcase(n, only if ":" in only else only + ":*")))
    names = [n for n in names if not any(fnmatch.fnmatchcase(n, skip) for skip in options.skip)]
    names = [n for n in names if n in options.only or options.list or not LIES[tuple(n.split(":"))].costly]
    names = names[int(time.time() // 86400) % options.share :: options.share]
    if options.list:
        print("\n".join(names))
        return 0
    if not names or not os.access(options.binary, os.X_OK):
        print("liars: no such case" if names == [] else f"liars: there is no {options.binary}", file=sys.stderr)
        return 64
    counts, hits, lock = Counter(), set(), threading.Lock()

    def show(name):
        name, result, seconds = one(name, options)
        with lock:
            marks = verdict(name, result["broken"], hits)
            word = "skipped" if result.get("skipped") else "BROKEN" if "BROKEN" in marks else "known" if marks else "ok"
            counts[word] += 1
            print(f"{word:8} {name} ({seconds:.0f} s)" + (f": {result['skipped']}" if word == "skipped" else ""), flush=True)
            for mark, promise in zip(marks, result["broken"]):
                if mark == "BROKEN" or options.notes:
                    print(f"         {mark}: {promise}", flush=True)
            if options.notes or options.keep:
                print(f"         {json.dumps(result['notes'])}", flush=True)

    with ThreadPoolExecutor(min(2, options.jobs)) as pool:
        list(pool.map(show, names))
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())), flush=True)
    # Of a part of the cases nothing can be said about a pattern that fits others as well.
    stale = [] if options.only or options.skip or options.share > 1 else [why for n, (_, _, why) in enumerate(KNOWN) if n not in hits]
    for why in dict.fromkeys(KNOWN[n][2] for n in sorted(hits)):
        print(f"known: {why}")
    for why in stale:
        print(f"holds again, take it out of known.py: {why}")
    return 1 if counts["BROKEN"] or stale else 0


sys.exit(main())
