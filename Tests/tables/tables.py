"""See scripts/test-tables."""

import argparse
import collections
import multiprocessing
import os
import shutil
import sys
import tempfile
import time

import rows
from maker import make_feed, make_file
from oracle import DOUBTS, judge, written
from program import Site, read_back

FEEDS_TOGETHER = 40
# So many reasons of one file are compared.
SHOWN = 90


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=24000)
    parser.add_argument("--drops", type=int, help="drops for feeds with rules for rows, and of JSON; a quarter as many as files")
    parser.add_argument("--of-each", type=int, default=40, help="files for each feed")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--binary", default=".build/ship/navette")
    parser.add_argument("--only", help="one file, FEED/NAME, such as f003/0017")
    parser.add_argument("--folder")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    return parser.parse_args()


def expected(file):
    """The oracle's verdict, with what the feed's rewriting says of the cells."""
    verdict = judge(file.data, file.feed, file.is_conventional)
    if verdict.cells is not None and file.feed.rewrite and not verdict.is_fatal:
        verdict.cells, refused = written(verdict.cells, file.feed.rewrite, file.feed.header)
        if refused:
            verdict.reasons = verdict.reasons + refused
            verdict.place = "quarantine"
    return verdict


def differences(file, verdict, drop, site):
    """What the program says otherwise: short words, never a value."""
    if verdict.differs_from_csv:
        return ["the oracle and Python's csv module read different cells"]
    if verdict.place is None:
        return []
    if drop is None:
        return ["it is not there"]
    told = drop.get("all", [])
    found = []
    if drop["state"] != verdict.place:
        found.append(f"it is in {drop['state']}, not in {verdict.place}")
    if verdict.rows is not None and drop.get("rows") != verdict.rows:
        found.append(f"{drop.get('rows')} rows, not {verdict.rows}")
    if verdict.reasons and drop["state"] != "archive":
        if verdict.is_fatal:
            code, row = verdict.reasons[0]
            first = told[0] if told else ("nothing", None)
            is_first = first[0] == code and row in ("any", first[1]) or {first, (first[0], "any")} & verdict.either
            if not is_first:
                found.append("first reason")
        elif not are_alike(told, verdict.reasons):
            found.append("reasons")
    if found:
        return found + [f"told {told[:4]}, expected {verdict.reasons[:4]}"]
    data = site.handed_over(file)
    if verdict.place != "archive" or not verdict.is_delivered:
        return [] if data is None else ["it was handed over"]
    if data is None:
        return ["nothing was handed over"]
    if verdict.cells is None:
        return []
    if not file.feed.rewrite:
        return [] if data == file.data else ["other bytes were handed over"]
    cells = read_back(data, file.feed.rewrite)
    return [] if cells == verdict.cells else ["other cells were handed over"]


def are_alike(told, wanted):
    """A hundred reasons are told at most."""
    if len(wanted) > SHOWN or {code for code, _ in wanted} - DOUBTS != {"unwritable"}:
        # Of what is refused in any case it may be told as well what could not be written.
        told, wanted = ([one for one in ones if one[0] != "unwritable"] for ones in (told, wanted))
    if len(wanted) > SHOWN:
        told, wanted = ([one for one in ones if one[1]] for ones in (told, wanted))
        return told[:SHOWN] == sorted(wanted, key=lambda one: one[1])[:SHOWN]
    return sorted(map(str, told)) == sorted(map(str, wanted))


def batch(options, feeds, root, tally):
    """One round of the program over some feeds."""
    files = [make_file(options.seed, feed, number) for feed in feeds for number in range(options.of_each)]
    if options.only:
        files = [file for file in files if f"{file.feed.name}/{file.name.split('.')[0]}" == options.only]
    site = Site(root, os.path.abspath(options.binary), feeds)
    for file in files:
        site.lay(file)
    site.run()
    drops = site.drops()
    with multiprocessing.Pool() as pool:
        verdicts = pool.map(expected, files, chunksize=20)
    for file, verdict in zip(files, verdicts):
        found = differences(file, verdict, drops.get((file.feed.name, file.name)), site)
        tally.add(file, verdict, found)
        if options.only:
            print(file, verdict, drops.get((file.feed.name, file.name)), site.handed_over(file), sep="\n")


class Tally:
    def __init__(self):
        self.agreed, self.all, self.verdicts, self.wrong = (collections.Counter() for _ in range(4))

    def add(self, file, verdict, found):
        packing = "" if file.packing in ("plain", "gzip", "gzip members", "gzip with a name") else file.packing
        kind = packing or (file.fault if " + " not in file.fault else "two faults")
        self.all[kind] += 1
        self.verdicts[verdict.reasons[0][0] if verdict.reasons else "accepted"] += 1
        if not found:
            self.agreed[kind] += 1
            return
        self.wrong[kind] += 1
        if sum(self.wrong.values()) <= SHOWN:
            print(f"tables: {file.feed.name}/{file.name} ({file.fault}; {file.packing}): {'; '.join(found)}", file=sys.stderr)

    def show(self, seconds):
        print(f"{'what was done to it':28} files  agreed")
        for kind in sorted(self.all):
            print(f"{kind:28} {self.all[kind]:5} {self.agreed[kind]:7}")
        print("verdicts: " + ", ".join(f"{code} {count}" for code, count in self.verdicts.most_common()))
        print(f"tables: {sum(self.agreed.values())} of {sum(self.all.values())} files agreed in {seconds:.0f} s")


def round_of(options, feeds, root, run, tally):
    if options.only:
        feeds = [feed for feed in feeds if feed.name == options.only.split("/")[0]]
    for start in range(0, len(feeds), FEEDS_TOGETHER):
        folder = f"{root}/{start}"
        os.makedirs(folder)
        run(options, feeds[start:start + FEEDS_TOGETHER], folder, tally)
        if not options.keep:
            shutil.rmtree(folder)


def main():
    options = parse()
    began = time.monotonic()
    tally = Tally()
    of_rows = rows.Tally()
    root = tempfile.mkdtemp(prefix="navette-tables-", dir=options.folder)
    try:
        feeds = [make_feed(options.seed, number) for number in range(options.files // options.of_each)]
        round_of(options, feeds, f"{root}/tables", batch, tally)
        tally.show(time.monotonic() - began)
        began = time.monotonic()
        feeds = rows.feeds_for(options, options.files // 4 if options.drops is None else options.drops)
        round_of(options, feeds, f"{root}/rows", rows.batch, of_rows)
        of_rows.show(time.monotonic() - began)
    finally:
        if options.keep:
            print(f"tables: kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if tally.wrong or of_rows.wrong else 0)


if __name__ == "__main__":
    main()
