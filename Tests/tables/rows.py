"""Drops for feeds with rules for rows, through the program and beside the oracle: part of scripts/test-tables."""

import collections
import gzip
import json
import os
import sys

from program import Site, quoted, read_back
from rowmaker import make_drop, make_feed
from roworacle import MARK, Nested, judge, read_json

FEEDS_TOGETHER = 40
SHOWN = 90


def settings(root, feeds):
    out = f"state: {root}/state\nhost: tables\nlimits: {{ min_free: 0 }}\nfeeds:\n"
    for feed in feeds:
        out += f"  {feed.name}:\n    landing: {root}/landing/{feed.name}\n    handover: {root}/import/{feed.name}\n"
        out += "    duplicates: deliver\n    ready: { settle: 0s, manifest: off }\n"
        out += "    format: { type: json }\n" if feed.is_json else f"    format: {{ delimiter: {quoted(feed.delimiter)}, escape: double }}\n"
        out += (f"    require: {{ columns: {quoted(feed.required)}, types: {quoted(feed.types)}, not_null: {quoted(feed.not_null)},"
                f" length: {quoted(feed.length)}, max_row_bytes: {feed.max_row_bytes} }}\n")
        if feed.unique:
            out += f"    unique: {{ columns: {quoted(feed.unique)}{f', keep: {feed.keep}' if feed.at_most else ''} }}\n"
        if feed.at_most:
            out += f"    rejects: {{ at_most: {feed.at_most} }}\n"
        if feed.rewrite:
            one = feed.rewrite
            out += (f"    rewrite: {{ delimiter: {quoted(one.delimiter)}, quote: {quoted(one.quote or 'none')}, line_end: {one.line_end},"
                    f" encoding: {one.encoding}, compress: {one.compress}, replacement: {quoted(one.replacement)}")
            if feed.is_json:
                out += (f", columns: {quoted(feed.columns) if feed.columns is not None else 'auto'},"
                        f" path_separator: {quoted(feed.separator)}, join: {quoted(feed.join)}, nested: {feed.nested},"
                        f" null_value: {quoted(feed.null)}, missing_value: {quoted(feed.missing)}")
                out += f", new_columns: {feed.new_columns}" if feed.columns is None else ""
            out += " }\n"
    return out


class RowSite(Site):
    settings = staticmethod(settings)

    def lay(self, drop):
        for name, data in zip(drop.names, drop.data):
            with open(f"{self.root}/landing/{drop.feed.name}/{name}", "wb") as out:
                out.write(data)

    def rejected(self, told, name):
        """What was left out of one part: its bytes, and the codes by row."""
        folder = f"{self.root}/state/feeds/{told['feed']}/quarantine/{told['id']}.rejected"
        listed = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        stem = name.split(".")[0] + "."
        found = [one for one in listed if one.startswith(stem)]
        data = [one for one in found if not one.endswith(".reasons.jsonl")]
        if not found:
            return b"", {}
        with open(f"{folder}/{data[0]}", "rb") as file:
            content = file.read()
        reasons = [one for one in found if one.endswith(".reasons.jsonl")]
        with open(f"{folder}/{reasons[0]}", encoding="utf-8") as file:
            return unpacked(content), {one["row"]: one["code"] for one in map(json.loads, file)}

    def all_handed_over(self, drop, name):
        folder, stem = f"{self.root}/import/{drop.feed.name}", name.split(".")[0] + "."
        for one in os.listdir(folder):
            if one.startswith(stem):
                with open(f"{folder}/{one}", "rb") as file:
                    return file.read()
        return None

    def reasons(self, told):
        place = f"{self.root}/state/feeds/{told['feed']}/{told['state']}/{told['id']}/reasons.json"
        if not os.path.exists(place):
            return []
        with open(place, encoding="utf-8") as file:
            return [(one.get("part"), one.get("row"), one["code"]) for one in json.load(file)]


def unpacked(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def bare(data):
    """Without what belongs to no row."""
    return unpacked(data).removeprefix(MARK).rstrip(b"\r\n")


def differences(drop, verdict, told, site):
    if told is None:
        return ["it is not there"]
    found = []
    if told["state"] != verdict.place:
        found.append(f"it is in {told['state']}, not in {verdict.place}")
    if verdict.rows is not None and told.get("rows") != verdict.rows:
        found.append(f"{told.get('rows')} rows, not {verdict.rows}")
    reasons = [(drop.names.index(part) if part in drop.names and row else None, row, code) for part, row, code in site.reasons(told)]
    wanted = {(part if row else None, row, code) for part, row, code in verdict.reasons}
    # Of many, no more are kept.
    is_cut = len(wanted) > SHOWN or len(reasons) > SHOWN
    if not {code for _, _, code in wanted} <= {"unwritable", "new_column"}:
        reasons = [one for one in reasons if one[2] not in ("unwritable", "new_column")]
    if not drop.feed.at_most and len({code for *_, code in wanted}) > 1:
        # What shares a key is told where rows are good otherwise.
        wanted, reasons = ({one for one in ones if one[2] != "duplicate_key"} for ones in (wanted, reasons))
    if verdict.is_fatal:
        if not wanted & set(reasons):
            found.append("reasons")
    elif is_cut:
        if not set(reasons) <= wanted:
            found.append("reasons")
    elif not set(reasons) <= wanted or {one[:2] for one in reasons} != {one[:2] for one in wanted}:
        # Of several faults of a row, one is told at least.
        found.append("reasons")
    if found:
        return found + [f"not expected {sorted(set(reasons) - wanted, key=str)[:5]}, not told {sorted(wanted - set(reasons), key=str)[:5]}"]
    for part, name in enumerate(drop.names):
        found += part_differences(drop, verdict, told, site, part, name)
    return found


def part_differences(drop, verdict, told, site, part, name):
    data = site.all_handed_over(drop, name)
    if verdict.place != "archive":
        return [] if data is None else ["it was handed over"]
    head = b"".join(verdict.heads[part])
    bad = [line for line in verdict.parts[part] if line.codes]
    good = [line for line in verdict.parts[part] if not line.codes]
    found = []
    left, codes = site.rejected(told, name)
    if set(codes) != {line.number for line in bad} or any(codes[line.number] not in line.codes for line in bad):
        found.append(f"left out {sorted(codes.items())[:5]}, not {[(line.number, line.codes) for line in bad][:5]}")
    elif bad and bare(left) != (head + b"".join(line.raw for line in bad)).rstrip(b"\r\n"):
        found.append("other rows in quarantine")
    if data is None:
        # A part without a good row.
        return found + (["nothing was handed over"] if good else [])
    if not drop.feed.rewrite:
        if not bad and data != drop.data[part] or bare(data) != (head + b"".join(line.raw for line in good)).rstrip(b"\r\n"):
            found.append("other rows were handed over")
        return found
    cells, wanted = read_back(data, drop.feed.rewrite), verdict.cells[part]
    if cells is None or len(cells) != len(wanted) or not all(map(are_alike, cells, wanted)):
        found.append("other cells were handed over")
    return found


def are_alike(cells, wanted):
    return len(cells) == len(wanted) and all(
        is_text_of(text, one.value) if isinstance(one, Nested) else text == one for text, one in zip(cells, wanted))


def is_text_of(text, value):
    try:
        made = read_json('{"a":' + text + "}")["a"]
    except ValueError:
        return False
    return json.dumps(made) == json.dumps(value)


def kind_of(drop):
    return f"{'JSON' if drop.feed.is_json else 'rows'}: {drop.fault}"


def batch(options, feeds, root, tally):
    site = RowSite(root, os.path.abspath(options.binary), feeds)
    drops = [[make_drop(options.seed, feed, number) for number in range(options.of_each)] for feed in feeds]
    # Columns are found in the first accepted drop, and may be appended by the second.
    for some in (lambda number: number == 0, lambda number: number == 1, lambda number: number > 1):
        for drop in (drop for ones in drops for drop in ones if some(drop.number)):
            site.lay(drop)
        site.run()
    told = site.drops()
    for ones in drops:
        columns = []
        for drop in ones:
            verdict = judge(drop, columns)
            if drop.number < 2 and verdict.columns is not None:
                columns = verdict.columns
            if options.only and options.only != drop.key:
                continue
            one = told.get((drop.feed.name, drop.names[0]))
            found = differences(drop, verdict, one, site)
            tally.add(drop, verdict, found)
            if options.only:
                print(drop, [[(line.number, line.codes) for line in part if line.codes] for part in verdict.parts], verdict.place,
                      verdict.reasons, verdict.cells, one, site.reasons(one) if one else None,
                      [site.all_handed_over(drop, name) for name in drop.names], sep="\n")


class Tally:
    def __init__(self):
        self.agreed, self.all, self.verdicts, self.wrong = (collections.Counter() for _ in range(4))

    def add(self, drop, verdict, found):
        kind = kind_of(drop)
        self.all[kind] += 1
        first = min((str(code) for _, _, code in verdict.reasons), default="accepted, rows left out" if verdict.rejected else "accepted")
        self.verdicts["several codes" if len({code for *_, code in verdict.reasons}) > 1 else first] += 1
        if not found:
            self.agreed[kind] += 1
        else:
            self.wrong[kind] += 1
            if sum(self.wrong.values()) <= SHOWN:
                print(f"rows: {drop.key} ({drop.fault}; {drop.packing}): {'; '.join(found)}", file=sys.stderr)

    def show(self, seconds):
        print(f"{'what was done to it':28} drops  agreed")
        for kind in sorted(self.all):
            print(f"{kind:28} {self.all[kind]:5} {self.agreed[kind]:7}")
        print("verdicts: " + ", ".join(f"{code} {count}" for code, count in self.verdicts.most_common()))
        print(f"rows: {sum(self.agreed.values())} of {sum(self.all.values())} drops agreed in {seconds:.0f} s")


def feeds_for(options, drops):
    """Half of them of tables, half of lines of JSON."""
    count = max(2, drops // options.of_each)
    return [make_feed(options.seed, number, is_json) for is_json in (False, True) for number in range(count // 2)]
