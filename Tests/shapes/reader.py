"""A log as the manual has it: records with their places, by RFC 4180 or with a quote behind a backslash, byte by byte and without a
thought for speed. Where Python's csv module reads the same grammar, `by_csv` reads the log once more, and both have to agree."""

import csv
import io
from dataclasses import dataclass

csv.field_size_limit(1 << 30)

MARK = b"\xef\xbb\xbf"


@dataclass
class Record:
    # Where it begins in the log, the byte order mark counted.
    start: int
    # As it lies there, without its line end.
    raw: bytes
    cells: list
    end: bytes = b"\n"
    # A quote is opened in it and never closed.
    is_open: bool = False

    @property
    def is_blank(self):
        return not self.raw


def records(data, delimiter=b",", escape=None):
    """All of them, the header first."""
    at = len(MARK) if data.startswith(MARK) else 0
    found = []
    while at < len(data):
        record, after = one(data, at, delimiter, escape)
        if record.is_open:
            # Its line goes aside; the lines behind it are read for themselves.
            line = data.find(b"\n", at)
            after = len(data) if line < 0 else line + 1
            record.raw = data[at:after].rstrip(b"\n").removesuffix(b"\r")
        found.append(record)
        at = after
    return found


def one(data, start, delimiter, escape):
    cells, cell, state, at = [], bytearray(), "start", start
    while at < len(data):
        char = data[at:at + 1]
        if state == "quoted":
            behind = data[at + 1:at + 2]
            if escape and char == escape and behind in (escape, b'"'):
                cell += behind
                at += 2
            elif char == b'"' and behind == b'"':
                cell += b'"'
                at += 2
            else:
                if char == b'"':
                    state = "closed"
                else:
                    cell += char
                at += 1
            continue
        if char == b"\n" or data[at:at + 2] == b"\r\n":
            cells.append(bytes(cell))
            end = b"\n" if char == b"\n" else b"\r\n"
            return Record(start, data[start:at], cells, end), at + len(end)
        if char == delimiter:
            cells.append(bytes(cell))
            cell, state = bytearray(), "start"
        elif char == b'"' and state == "start":
            state = "quoted"
        else:
            cell += char
            state = "plain"
        at += 1
    cells.append(bytes(cell))
    return Record(start, data[start:], cells, b"", state == "quoted"), at


def by_csv(text, delimiter=",", escape=None):
    """The cells of a text without NUL, by Python."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, doublequote=True, escapechar=escape)
    return [row or [""] for row in reader]
