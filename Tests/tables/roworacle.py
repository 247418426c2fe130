"""Which rows of a drop are good, and what becomes of it: rules for rows, of tables (read by csv) and of lines of JSON (read by json)."""

import csv
import io
import json
import re
from dataclasses import dataclass, field

from oracle import can
from values import duplicates, faults, is_too_many

MARK = b"\xef\xbb\xbf"
# docs/state-folder.md: jsonDepth, longRows.
DEPTH, LONG = 64, 16


class Number(str):
    pass


class Repeated(Exception):
    pass


class BadAndRepeated(Exception):
    pass


MISSING = object()


@dataclass
class Line:
    raw: bytes
    codes: set = field(default_factory=set)
    values: object = None
    feed: object = None
    part: int = 0
    number: int = 0

    def value(self, column):
        if not self.feed.is_json:
            return self.values.get(column, "")
        return plain(look_up(self.values, column), self.feed) or ""


@dataclass
class Verdict:
    place: str = "archive"
    # Of (part, row, code); all of them, or with `is_fatal` one that must be among them.
    reasons: set = field(default_factory=set)
    is_fatal: bool = False
    rows: int | None = None
    parts: list = field(default_factory=list)
    # For each part the cells that are written.
    cells: list | None = None
    # (part, row): codes of what is left out.
    rejected: dict = field(default_factory=dict)
    heads: list = field(default_factory=list)
    # Of a feed whose columns are found, those it has with this drop.
    columns: list | None = None


class Stop(Exception):
    def __init__(self, code, row=None):
        super().__init__(code)
        self.code, self.row = code, row


# Reading

def physical(text, feed):
    """The lines of a text with their ends; of a table, line breaks within quotes are data."""
    out, begun = [], 0
    for match in re.finditer(b"\n", text):
        if feed.is_json or text.count(b'"', begun, match.end()) % 2 == 0:
            out.append(text[begun:match.end()])
            begun = match.end()
    return out + ([text[begun:]] if begun < len(text) else [])


def without_end(line):
    return line.removesuffix(b"\n").removesuffix(b"\r")


def read_part(text, feed, part):
    """(head, lines, what ended it or None)"""
    text = text.removeprefix(MARK)
    stop = None
    try:
        text.decode()
    except UnicodeDecodeError as error:
        stop, text = "bad_encoding", text[:error.start]
    if b"\0" in text:
        stop, text = "nul_byte", text[:text.index(b"\0")]
    raw = physical(text, feed)
    if stop:
        # The row that the fault lies in was not read to its end.
        ended = len(raw) if not text or text.endswith(b"\n") and (feed.is_json or text.count(b'"') % 2 == 0) else len(raw) - 1
        raw, stop = raw[:ended], Stop(stop, ended + (1 if feed.is_json else 0))
    else:
        if raw and not feed.is_json and not without_end(raw[0]):
            raise Stop("no_header")
        while raw and not without_end(raw[-1]):
            raw.pop()
        if not raw:
            raise Stop("empty")
    head = [] if feed.is_json else raw[:1]
    if not stop and not raw[len(head):]:
        raise Stop("header_only")
    lines = []
    for number, line in enumerate(raw[len(head):], 1):
        made = Line(line, part=part, number=number, feed=feed)
        lines.append(made)
        size = len(without_end(line))
        is_last = number == len(raw) - len(head)
        if not feed.is_json and is_last and not stop and text.count(b'"') % 2:
            is_long = size > feed.max_row_bytes * (LONG if feed.at_most else 1)
            return head, lines[:-1], Stop("row_too_long" if is_long else "open_quote", number)
        if size > feed.max_row_bytes:
            if not feed.at_most or size > LONG * feed.max_row_bytes:
                return head, lines[:-1], Stop("row_too_long", number)
            # What else is wrong with it may be told as well.
            judge_line(made, feed, head)
            made.codes |= {"row_too_long"}
            continue
        judge_line(made, feed, head)
    return head, lines, stop


def judge_line(line, feed, head):
    text = without_end(line.raw).decode()
    if feed.is_json:
        try:
            line.values = read_json(text)
        except Repeated:
            line.codes = {"repeated_key"}
        except BadAndRepeated:
            # Which of the two is told is not promised.
            line.codes = {"repeated_key", "bad_json"}
        except ValueError:
            line.codes = {"bad_json"}
        if line.codes:
            return
        line.codes = {"missing_key" for path in feed.required if look_up(line.values, path) is MISSING}
        line.codes |= faults(feed, line.value)
        return
    def cells(one):
        return next(csv.reader(io.StringIO(one, newline=""), delimiter=feed.delimiter, strict=True), [])
    names, found = cells(without_end(head[0]).decode()), cells(text)
    if len(names) != len(found):
        line.codes = {"column_count"}
        return
    line.values = dict(zip(names, found))
    line.codes = faults(feed, line.value)


def read_json(text):
    repeated = []

    def pairs(found):
        if len({key for key, _ in found}) < len(found):
            repeated.append(True)
        return dict(found)

    def refuse(word):
        raise ValueError(word)

    if text.count("[") + text.count("{") > DEPTH and is_deep(text):
        raise ValueError("deep")
    try:
        made = json.loads(text, object_pairs_hook=pairs, parse_float=Number, parse_int=Number, parse_constant=refuse)
        if not isinstance(made, dict):
            raise ValueError("no object")
        check_surrogates(made)
    except ValueError as error:
        if repeated:
            raise BadAndRepeated from error
        raise
    if repeated:
        raise Repeated
    return made


def is_deep(text):
    depth = most = 0
    for char in re.sub(r'"(\\.|[^"\\])*"', "", text):
        depth += (char in "[{") - (char in "]}")
        most = max(most, depth)
    return most > DEPTH


def check_surrogates(value):
    if isinstance(value, dict):
        for key, one in value.items():
            check_surrogates(key)
            check_surrogates(one)
    elif isinstance(value, list):
        for one in value:
            check_surrogates(one)
    elif isinstance(value, str):
        # A half one cannot be written.
        value.encode()


# Paths

def steps(path):
    return [step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", path)]


def look_up(value, path):
    for step in steps(path) if isinstance(path, str) else path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and str(int(step)) == step and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def is_single(value):
    return not isinstance(value, (dict, list))


def plain(value, feed, null=""):
    """The text of a value; None where it has none."""
    if value is MISSING or value is None:
        return null
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(map(is_single, value)):
        return feed.join.join(plain(one, feed, feed.null) for one in value)
    return str(value) if isinstance(value, str) else None


def found_paths(value, path=()):
    """Each path at which a value lies, in order."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in found_paths(one, (*path, key))]
    return [path] if path else []


# What is handed over

@dataclass
class Nested:
    value: object


def cell(value, feed):
    """The text, or Nested, or None where it cannot be written."""
    if value is MISSING:
        return feed.missing
    if value is None:
        return feed.null
    if is_single(value):
        return plain(value, feed)
    if isinstance(value, list) and all(map(is_single, value)):
        texts = [plain(one, feed, feed.null) for one in value]
        if feed.join and any(feed.join in text for text in texts):
            if not feed.rewrite.replacement:
                return None
            texts = [text.replace(feed.join, feed.rewrite.replacement) for text in texts]
        return feed.join.join(texts)
    return Nested(value) if feed.nested == "json" else None


def in_dialect(cells, rewrite):
    """As the dialect has them, or None."""
    out = []
    for text in cells:
        if text is None:
            return None
        if isinstance(text, Nested):
            out.append(text)
            continue
        is_quoted = rewrite.quote and any(char in text for char in (rewrite.quote, rewrite.delimiter, "\r", "\n"))
        bad = [char for char in text
               if char in (rewrite.delimiter, "\r", "\n") and not is_quoted or not can(char, rewrite.encoding)]
        if bad and not rewrite.replacement:
            return None
        out.append("".join(rewrite.replacement if char in bad else char for char in text))
    if out == [""] and not rewrite.quote:
        return [rewrite.replacement] if rewrite.replacement else None
    return out


# A drop

def judge(drop, columns):
    """`columns` are the paths that a feed whose columns are found has by now; they may grow."""
    feed = drop.feed
    verdict, lines = Verdict(rows=0), []
    for part, text in enumerate(drop.texts):
        try:
            head, found, stop = read_part(text, feed, part)
        except Stop as stopped:
            head, found, stop = [], [], stopped
        verdict.parts.append(found)
        verdict.heads.append(head)
        lines += found
        if stop:
            verdict.is_fatal, verdict.place = True, "quarantine"
            verdict.reasons.add((part, stop.row, stop.code))
    if verdict.is_fatal:
        verdict.rows = None
        return verdict
    verdict.rows = len(lines)
    if feed.unique:
        for place in duplicates(feed, lines):
            lines[place].codes = {"duplicate_key"}
    bad = [line for line in lines if line.codes]
    every = {(line.part, line.number, code) for line in bad for code in line.codes}
    if bad and (not feed.at_most or is_too_many(feed.at_most, len(bad), len(lines))):
        verdict.place, verdict.reasons = "quarantine", every
        if feed.at_most:
            verdict.reasons.add((None, None, "too_many_rejects"))
        return verdict
    verdict.rejected = {(line.part, line.number): line.codes for line in bad}
    if feed.rewrite:
        write(drop, verdict, columns)
    return verdict


def write(drop, verdict, columns):
    feed, cells = drop.feed, []
    good = [[line for line in part if not line.codes] for part in verdict.parts]
    if not feed.is_json:
        rows = [[list(line.values.values()) for line in part] for part in good]
        heads = [next(csv.reader([without_end(head[0]).decode()], delimiter=feed.delimiter)) for head in verdict.heads]
    else:
        if feed.columns is not None:
            paths, names = list(feed.columns.values()), list(feed.columns)
        else:
            new = []
            for path in (path for part in good for line in part for path in found_paths(line.values)):
                # Null in place of an object is no path of its own.
                if path not in columns and path not in new and not any(one[:len(path)] == path for one in columns):
                    new.append(path)
            if not columns or feed.new_columns == "append":
                columns = columns + new
            elif new and feed.new_columns == "hold":
                verdict.place, verdict.reasons = "held", {(None, None, "new_column")}
            paths, names = columns, [feed.separator.join(path) for path in columns]
        rows = [[[cell(look_up(line.values, path), feed) for path in paths] for line in part] for part in good]
        heads = [names] * len(good)
    refused = set()
    for part, (head, some) in enumerate(zip(heads, rows)):
        made = [in_dialect(head, feed.rewrite)] + [in_dialect(row, feed.rewrite) for row in some]
        refused |= {(part, line.number, "unwritable") for line, row in zip(good[part], made[1:]) if row is None}
        refused |= {(part, None, "unwritable")} if made[0] is None else set()
        cells.append(made)
    if refused:
        verdict.place, verdict.reasons, verdict.rejected = "quarantine", refused | (verdict.reasons if verdict.place == "held" else set()), {}
        return
    if verdict.place == "held":
        verdict.rejected = {}
        return
    verdict.cells = cells
    if feed.is_json and feed.columns is None:
        verdict.columns = columns
