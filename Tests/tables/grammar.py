"""What the manual says of a table (navette.yaml(5), TABLES), read byte by byte and without a thought for speed.

This is the oracle. It rests on the manual alone, and knows nothing of how the program does it. Where Python's own csv module reads
the same grammar, `by_csv` reads the file once more, and both have to agree before the program is asked at all.
"""

import csv
import io
import re
from dataclasses import dataclass, field

csv.field_size_limit(1 << 30)

ESCAPES = {"double": None, "backslash": "\\", "apostrophe": "'"}
CANDIDATES = [",", "\t", ";", "|", ":"]
# csv has its own mind on NUL.
STAND_IN = "\ue000"


@dataclass
class Row:
    cells: list = field(default_factory=list)
    # Bytes as UTF-8, without the line end.
    size: int = 0
    # Characters, with the line end.
    length: int = 0
    is_blank: bool = False
    # The line ends in another way than it should.
    is_strange: bool = False
    # A quote of NUL is data here.
    has_nul: bool = False


@dataclass
class Reading:
    rows: list
    # The text ends inside of quotes.
    is_open: bool = False
    # Text behind a closing quote, in row number …: the sign of a wrong reading.
    strays: int = 0
    # An escape was one.
    escapes: int = 0
    # The escape's sign stood for itself.
    plain_marks: int = 0


def read(text, delimiter, quote, escape, line_end, limit=None):
    """All rows, the first line among them; with `limit`, so many at least."""
    mark = ESCAPES[escape] if quote else None
    rows, row, cell = [], Row(), []
    state = "start"
    strays = escapes = plain_marks = 0
    is_strange = has_nul = False
    index, begun, count = 0, 0, len(text)

    def end_row(end, terminator):
        nonlocal row, cell, begun, is_strange, has_nul, state
        row.cells.append("".join(cell))
        row.size = len(text[begun:end].encode("utf-8", "surrogatepass"))
        row.length = end + terminator - begun
        row.is_blank = end == begun and not (is_strange and line_end == "lf")
        row.is_strange, row.has_nul = is_strange, has_nul
        rows.append(row)
        row, cell, is_strange, has_nul = Row(), [], False, False
        begun = end + terminator
        state = "start"

    # A stretch in which nothing stands that has a meaning is taken at once.
    plain = re.compile("[^" + "".join(re.escape(char) for char in {delimiter, quote, mark, "\r", "\n", "\0"} - {None}) + "]+")
    while index < count:
        if state in ("quoted", "plain"):
            stretch = plain.match(text, index)
            if stretch:
                cell.append(stretch[0])
                index = stretch.end()
                continue
        char = text[index]
        if state == "quoted":
            if char == mark and index + 1 < count and text[index + 1] in (mark, quote):
                cell.append(text[index + 1])
                has_nul = has_nul or text[index + 1] == "\0"
                escapes += 1
                index += 2
                continue
            if char == quote:
                if index + 1 < count and text[index + 1] == quote:
                    cell.append(quote)
                    has_nul = has_nul or quote == "\0"
                    index += 2
                    continue
                state = "closed"
            else:
                plain_marks += char == mark
                cell.append(char)
            index += 1
            continue
        ends = line_ends(text, index, line_end, not rows)
        if ends is not None:
            length, is_right = ends
            is_strange = is_strange or not is_right
            if length:
                end_row(index, length)
                index += length
                if limit and len(rows) >= limit:
                    return Reading(rows, False, strays, escapes, plain_marks)
                continue
        if char == delimiter:
            row.cells.append("".join(cell))
            cell = []
            state = "start"
        elif char == quote and state == "start":
            state = "quoted"
        else:
            if state == "closed" and char != "\r":
                strays += 1
            plain_marks += char == mark
            has_nul = has_nul or char == "\0"
            cell.append(char)
            state = "plain"
        index += 1
    is_open = state == "quoted"
    if is_open or begun < count:
        end_row(count, 0)
    return Reading(rows, is_open, strays, escapes, plain_marks)


def line_ends(text, index, line_end, in_first_line=False):
    """What stands here outside of quotes: None for data, or the length of a line end and whether it is the right one; length 0 is a
    sign that others take for one."""
    char = text[index]
    if char not in "\r\n":
        return None
    pair = text[index:index + 2] == "\r\n"
    if line_end == "cr":
        return (1, True) if char == "\r" else (0, False)
    if line_end == "auto":
        if char == "\n":
            return 1, True
        if pair:
            return 2, True
        # At the very end it is half of a line end.
        return (1, True) if index + 1 == len(text) else (0, False)
    if line_end == "lf":
        if char == "\n":
            return 1, True
        return (2, False) if pair else (0, False) if in_first_line else None
    if pair:
        return 2, True
    if char == "\n":
        return 1, False
    return (1, True) if index + 1 == len(text) else (0, False) if in_first_line else None


def by_csv(text, delimiter, quote, escape):
    """The same by the csv module; None where its grammar is another."""
    if STAND_IN in text:
        return None
    if quote == "\0":
        text, quote = text.replace("\0", STAND_IN), STAND_IN
    if quote is None:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or "\x1f", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter or "\x1f", quotechar=quote, doublequote=True,
            escapechar=ESCAPES[escape])
    return [[cell.replace(STAND_IN, "\0") for cell in row] or [""] for row in reader]
