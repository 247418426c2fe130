"""See scripts/test-shapes."""

import argparse
import collections
import multiprocessing
import os
import shutil
import sys
import tempfile
import time

import golden
from campaign import make_log, make_stream
from oracle import Ids, Verdict, judge
from program import Site
from reader import MARK, records

STREAMS_TOGETHER = 40
SHOWN = 90


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--of-each", type=int, default=5, help="files for each stream")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--binary", default=".build/ship/navette")
    parser.add_argument("--only", help="one stream, such as s003")
    parser.add_argument("--folder")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    return parser.parse_args()


def expected(logs):
    """The oracle's verdicts on the logs of one stream, one after the other."""
    ids = Ids(logs[0].stream.rows.get("id_window", 200_000))
    return [judge(log, ids) for log in logs]


def sent(objects):
    """Rows by header, in the order of the objects, and what is wrong with the form of one."""
    found, wrong = collections.OrderedDict(), []
    for number, data in enumerate(objects, 1):
        lines = records(data)
        if data.startswith(MARK):
            wrong.append(f"object {number}: a byte order mark")
        if any(one.end != b"\n" for one in lines):
            wrong.append(f"object {number}: a line end other than LF")
        if any(one.is_open for one in lines):
            wrong.append(f"object {number}: a quote is left open")
        cells = [[cell.decode("utf-8", "surrogateescape") for cell in one.cells] for one in lines]
        if not lines or len(lines) == 1:
            wrong.append(f"object {number}: no row")
            continue
        found.setdefault(tuple(cells[0]), []).extend(cells[1:])
    return found, wrong


def differences(stream, logs, verdicts, site):
    """What the program did otherwise, one line each: file, row, code; never a value."""
    found = [f"{log.name}: the oracle and Python's csv module read different cells" for log, one in zip(logs, verdicts) if one.differs]
    have, wrong = sent(site.objects(stream))
    found += wrong
    want = collections.OrderedDict()
    for log, verdict in zip(logs, verdicts):
        for part in verdict.parts:
            want.setdefault(tuple(part.header), []).extend((log.name, number, row) for number, row in enumerate(part.rows, 1))
    for header in [one for one in have if one not in want]:
        found.append(f"sent: a header of {len(header)} columns with {len(have[header])} rows that is not expected")
    for header, rows in want.items():
        if header not in have:
            found.append(f"{rows[0][0]}: a header of {len(header)} columns with {len(rows)} rows was not sent")
            continue
        found += row_differences(header, have[header], rows)
    found += aside_differences(stream, logs, verdicts, site)
    skipped, wanted = site.skipped(stream), sum(one.skipped for one in verdicts)
    if skipped != wanted:
        found.append(f"{skipped} rows skipped, not {wanted}")
    return found


def row_differences(header, have, want):
    for place, (got, (name, number, row)) in enumerate(zip(have, want)):
        if got != row:
            columns = [header[at] for at, (one, other) in enumerate(zip(got, row)) if one != other]
            return [f"{name}: good row {number} of the header of {len(header)}, row {place + 1} sent:"
                    f" {f'other cells in {columns}' if len(got) == len(row) else f'{len(got)} cells'}; {len(have)} rows sent, {len(want)} expected"]
    if len(have) == len(want):
        return []
    return [f"{want[-1][0]}: {len(have)} rows sent, {len(want)} expected under the header of {len(header)}, alike as far as they go"]


def aside_differences(stream, logs, verdicts, site):
    found = []
    told, kept = site.aside(stream)
    for log, verdict in zip(logs, verdicts):
        have = told.pop(log.name, {})
        for start in sorted(verdict.aside.keys() | have.keys()):
            codes, raw = verdict.aside.get(start, (None, None))
            code = have.get(start)
            if codes is None:
                found.append(f"{log.name}: byte {start} is aside as {code}, and is a good row or skipped")
            elif code is None:
                found.append(f"{log.name}: byte {start} is not aside, expected {sorted(codes)}")
            elif code not in codes:
                found.append(f"{log.name}: byte {start} is aside as {code}, expected {sorted(codes)}")
            elif raw.rstrip(b"\r\n") not in kept:
                found.append(f"{log.name}: byte {start}: other bytes are aside")
    return found + [f"{name}: rows of a log that nobody knows are aside" for name in told]


class Tally:
    def __init__(self):
        self.all, self.agreed, self.codes, self.wrong, self.rows, self.skipped = (
            collections.Counter(), collections.Counter(), collections.Counter(), 0, 0, 0)

    def add(self, stream, logs, verdicts, found):
        for log, verdict in zip(logs, verdicts):
            self.all[log.fault] += 1
            self.agreed[log.fault] += not any(one.startswith(log.name) for one in found)
            self.codes.update(code for codes, _ in verdict.aside.values() for code in codes)
            self.rows += sum(len(part.rows) for part in verdict.parts)
            self.skipped += verdict.skipped
        for one in found:
            self.wrong += 1
            if self.wrong <= SHOWN:
                print(f"shapes: {stream.name}/{one} ({stream.kind}, {stream.rotation})", file=sys.stderr)

    def show(self, seconds):
        print(f"{'what was done to it':28} files  agreed")
        for kind in sorted(self.all):
            print(f"{kind:28} {self.all[kind]:5} {self.agreed[kind]:7}")
        print("aside: " + ", ".join(f"{code} {count}" for code, count in self.codes.most_common()))
        print(f"shapes: {self.rows} rows sent, {self.skipped} skipped, {self.wrong} differences in {sum(self.all.values())} files, {seconds:.0f} s")


def batch(options, streams, root, tally):
    """One round of the program over some streams."""
    logs = {stream.name: [make_log(options.seed, stream, number) for number in range(options.of_each)] for stream in streams}
    with multiprocessing.Pool() as pool:
        verdicts = dict(zip(logs, pool.map(expected, logs.values(), chunksize=1)))
    # A preset that lacks a column waits, with its whole stream.
    site = Site(root, os.path.abspath(options.binary), streams)
    for name, ones in logs.items():
        for number, log in enumerate(ones):
            site.lay(log, 1_700_000_000 + number)
    for one in site.run():
        tally.wrong += 1
        print(f"shapes: {streams[0].name} to {streams[-1].name}: {one}", file=sys.stderr)
    for stream in streams:
        tally.add(stream, logs[stream.name], verdicts[stream.name], differences(stream, logs[stream.name], verdicts[stream.name], site))


def main():
    options = parse()
    began = time.monotonic()
    tally = Tally()
    root = tempfile.mkdtemp(prefix="navette-shapes-", dir=options.folder)
    try:
        found = [] if options.only else golden.differences(f"{root}/golden", os.path.abspath(options.binary))
        for one in found:
            print(f"shapes: {one}", file=sys.stderr)
        streams = [make_stream(options.seed, number) for number in range(options.files // options.of_each)]
        if options.only:
            streams = [stream for stream in streams if stream.name == options.only]
        for start in range(0, len(streams), STREAMS_TOGETHER):
            folder = f"{root}/{start}"
            os.makedirs(folder)
            batch(options, streams[start:start + STREAMS_TOGETHER], folder, tally)
            if not options.keep:
                shutil.rmtree(folder)
        tally.show(time.monotonic() - began)
    finally:
        if options.keep:
            print(f"shapes: kept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if tally.wrong or found else 0)


if __name__ == "__main__":
    main()
