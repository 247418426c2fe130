"""What has to become of a file: where it goes, how many rows it has, every reason with its row, and each cell that is handed over."""

import json
import zlib
from dataclasses import dataclass, field

from grammar import CANDIDATES, ESCAPES, by_csv, line_ends, read

SAMPLE = 16 * 1024


@dataclass
class Verdict:
    # None: nothing is promised.
    place: str | None = "archive"
    # None: nothing is said of it.
    rows: int | None = None
    # (code, row) of each reason; where the reading ended early, the first decides, and others may be told or not.
    reasons: list = field(default_factory=list)
    is_fatal: bool = False
    cells: list | None = None
    # Whether it goes to the consumer.
    is_delivered: bool = True
    # Where no reading of the quotes fits, or a fault in the packing and one in the text end it: the first reason may be one of these.
    either: set = field(default_factory=set)
    # Python's csv module reads other cells than this oracle: then it is the oracle that is wrong.
    differs_from_csv: bool = False


class Stop(Exception):
    def __init__(self, code, row=None, rows=None):
        super().__init__(code)
        self.code, self.row, self.rows = code, row, rows


def judge(data, feed, is_conventional=False):
    text, fault = unpack(data)
    try:
        verdict = judge_text(text, feed, is_conventional)
    except Stop as stop:
        verdict = Verdict(place(stop.code, feed), stop.rows, [(stop.code, stop.row)], is_fatal=True)
        verdict.is_delivered = stop.code == "empty" and feed.empty == "deliver"
    if data is text and len(data) > feed.max_bytes and feed.encoding != "utf-16":
        # Told by its size alone.
        verdict.is_fatal, verdict.rows = True, None
        verdict.either |= {("too_large", None)}
    if fault and verdict.place is None:
        return verdict
    if fault == "gzip_damaged" and not verdict.is_fatal:
        # zlib hands out what it makes of damaged data until it knows.
        return Verdict("quarantine", None, [(fault, None)], is_fatal=True, either={(code, "any") for code in ENDING})
    if fault:
        # What is read before it may end the reading first.
        either = {(code, "any") for code, _ in set(verdict.reasons[:1]) | verdict.either} if verdict.is_fatal else set()
        if text.endswith(b"\r"):
            # What would have come next is not known.
            either.add(("line_end", "any"))
        return Verdict("quarantine", None, [(fault, None)], is_fatal=True, either=either)
    return verdict


# What ends the reading of a text.
ENDING = {"bad_encoding", "nul_byte", "row_too_long", "too_large", "line_end"}
DOUBTS = {"delimiter_unsure", "ambiguous_escape", "duplicate_column", "separator_line"}


def place(code, feed):
    if code in ("empty", "header_only"):
        return {"quarantine": "quarantine", "archive": "archive", "deliver": "archive"}[feed.empty]
    return "held" if code in DOUBTS else "quarantine"


# Bytes

def unpack(data):
    """gzip, one member or several: the text, and what is wrong with the packing. zlib is asked for itself: Python's gzip module passes
    over zeros behind the last member."""
    if data[:2] != b"\x1f\x8b":
        return data, None
    text = b""
    while data:
        if data[:2] != b"\x1f\x8b":
            return text, "gzip_trailing"
        member = zlib.decompressobj(31)
        try:
            text += member.decompress(data)
        except zlib.error:
            return text + before_fault(data), "gzip_damaged"
        if not member.eof:
            return text, "gzip_truncated"
        data = member.unused_data
    return text, None


def before_fault(data):
    """What comes out of a member before it is found to be damaged: byte by byte, since zlib keeps nothing of a call that fails."""
    member, out = zlib.decompressobj(31), []
    for byte in data:
        try:
            out.append(member.decompress(bytes([byte])))
        except zlib.error:
            break
    return b"".join(out)


SIGNATURES = [b"PAR1\x15", b"PK\x03\x04", b"BZh91AY&SY", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"Obj\x01", b"7z\xbc\xaf\x27\x1c", b"%PDF-",
              b"ARROW1\0", b"SQLite format 3\0", b"\x89PNG\r\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]


def other_than_text(data):
    """By its first bytes: what is no table."""
    if data[:2] == b"\x1f\x8b":
        raise Stop("not_text")
    if any(data.startswith(sign) for sign in SIGNATURES):
        raise Stop("not_text")
    if data[:1] in (b"\x84", b"\x85", b"\xc1") and data[2:4] in (b"\x0c\x03", b"\x5e\x03"):
        raise Stop("encrypted")
    if any(line.startswith(b"-----BEGIN PGP ") for line in lines_of_greeting(data)):
        raise Stop("encrypted")
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    low = text[:20].lower()
    if low.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<error>")):
        raise Stop("not_text")
    if text[:1] in (b"{", b"["):
        try:
            json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))
            raise Stop("not_text")
        except json.JSONDecodeError:
            pass


def lines_of_greeting(data):
    return [line.lstrip(b" \t") for line in data[:1024].removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").split(b"\n")]


def decode(data, encoding):
    """The text, and where it stops being one: (text, code) with code None for all of it."""
    if encoding == "iso-8859-1":
        text = data.decode("iso-8859-1")
        return text, None
    if encoding == "utf-8":
        data = data.removeprefix(b"\xef\xbb\xbf")
        try:
            return data.decode("utf-8"), None
        except UnicodeDecodeError as error:
            return data[:error.start].decode("utf-8"), "bad_encoding"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec, data = ("utf-16-le" if data[:2] == b"\xff\xfe" else "utf-16-be"), data[2:]
    elif 0 in data[:1024]:
        codec = "utf-16-be" if data[:1024:2].count(0) > data[1:1024:2].count(0) else "utf-16-le"
    else:
        return "", "bad_encoding"
    try:
        return data.decode(codec), None
    except UnicodeDecodeError as error:
        return data[:error.start].decode(codec), "bad_encoding"


# Text

def judge_text(data, feed, is_conventional):
    if not data:
        raise Stop("empty", rows=0)
    other_than_text(data)
    if feed.encoding == "utf-8" and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Stop("bad_encoding")
    if feed.encoding != "utf-16" and data == b"\xef\xbb\xbf":
        raise Stop("empty", rows=0)
    text, broken = decode(data, feed.encoding)
    if not text and not broken:
        raise Stop("empty", rows=0)
    if feed.quote != "\0" and "\0" in text:
        text, broken = text[:text.index("\0")], "nul_byte"
    size = feed.max_bytes - len(b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") and feed.encoding == "utf-8" else b"")
    if len(text.encode()) > size:
        text, broken = text.encode()[:size].decode(errors="ignore"), "too_large"
    table = Table(text, feed, broken, is_conventional)
    verdict = table.verdict()
    verdict.differs_from_csv = table.differs_from_csv
    return verdict


class Table:
    def __init__(self, text, feed, broken, is_conventional):
        self.text, self.feed, self.broken, self.is_conventional = text, feed, broken, is_conventional
        self.strange_and_long = set()
        self.doubts, self.known, self.differs_from_csv = [], {}, False
        self.said = feed.delimiter
        self.escapes = [feed.escape] if feed.escape in ESCAPES else list(ESCAPES)
        self.take_separator_line()

    def take_separator_line(self):
        first = read(self.text, None, self.feed.quote, self.escapes[0], self.feed.line_end, limit=1)
        if not first.rows or first.is_open or len(first.rows[0].cells[0]) != 5:
            return
        cell = first.rows[0].cells[0]
        if cell[:4].lower() != "sep=" or cell[4].isalnum():
            return
        size = len(self.text)
        for index in range(size):
            ends = line_ends(self.text, index, self.feed.line_end)
            if ends and ends[0]:
                self.text = self.text[index + ends[0]:]
                break
        else:
            raise Stop("empty", rows=0)
        if cell[4] in CANDIDATES:
            if self.said and self.said != cell[4]:
                self.doubts.append(("delimiter_unsure", None))
            self.said = self.said or cell[4]
        else:
            self.doubts.append(("delimiter_unsure", None))
        if not self.feed.rewrite:
            self.doubts.append(("separator_line", None))

    def read(self, delimiter, escape, text=None):
        text = self.text if text is None else text
        if ESCAPES[escape] and ESCAPES[escape] not in text:
            # Nothing is escaped so.
            escape = "double"
        key = (delimiter, escape, text)
        if key not in self.known:
            self.known[key] = read(text, delimiter, self.feed.quote, escape, self.feed.line_end)
        return self.known[key]

    # The delimiter

    def delimiter(self):
        if self.said and (self.feed.columns or self.width_of_first_line(self.said) > 1):
            return self.said
        fits = {char: self.fit(char) for char in CANDIDATES}
        if self.said:
            # The first line as that delimiter has it.
            size = self.read_start(self.said, self.escapes[0])[0].length
            line, rest = self.text[:size], self.text[size:]
            other = [char for char in fits if char not in (self.said, ":") and self.fit(char, line, rest).is_all]
            if other:
                self.doubts.append(("delimiter_unsure", None))
            return self.said
        usual = [char for char in CANDIDATES[:4] if fits[char].header > 1]
        colon = [char for char in ":" if fits[char].header > 1]
        for group in ([c for c in usual if fits[c].is_most], [c for c in colon if fits[c].is_most], usual, colon):
            if group:
                best = max(group, key=lambda char: fits[char].header)
                if fits[best].is_all and any(
                        fits[char].is_all and fits[char].header == fits[best].header for char in usual if char != best):
                    self.doubts.append(("delimiter_unsure", None))
                return best
        is_comment = self.text.startswith("#")
        if any((fits[char].usual or 1) > 1 and (char != ":" or is_comment) for char in CANDIDATES):
            self.doubts.append(("delimiter_unsure", None))
        return None

    def width_of_first_line(self, delimiter):
        return max(len(self.read_start(delimiter, escape)[0].cells) for escape in self.escapes)

    def read_start(self, delimiter, escape, text=None):
        text = self.text if text is None else text
        return self.read(delimiter, escape, text[:2 * SAMPLE]).rows or self.read(delimiter, escape, "x").rows

    def fit(self, char, line=None, rest=None):
        """How a delimiter fits the first line and the rows behind it."""
        best = None
        for escape in self.escapes:
            rows = self.read_start(char, escape, line)
            if rest is not None:
                rows = rows[:1] + (self.read_start(char, escape, rest) if rest else [])
            fit = Fit(rows)
            if best is None or fit.matching > best.matching:
                best = fit
        return best

    # The verdict

    def verdict(self):
        feed = self.feed
        if not self.text and self.broken:
            raise Stop(self.broken, None if feed.header or self.broken == "too_large" else 1, 0)
        if not self.text:
            raise Stop("empty", rows=0)
        first = [self.read_start(self.said, escape)[0] for escape in self.escapes]
        if all(row.is_blank and not row.is_strange for row in first) and not (self.broken and self.text == "\r"):
            raise Stop("no_header", rows=0)
        delimiter = self.delimiter()
        lines = [self.read_start(delimiter, escape)[0] for escape in self.escapes]
        if len({(line.size, len(line.cells)) for line in lines}) > 1:
            # The readings part in the first line already: which of them counts is not promised.
            return Verdict(place=None)
        readings = {escape: self.read(delimiter, escape) for escape in self.escapes}
        found = {escape: self.problems(reading) for escape, reading in readings.items()}
        fitting = [escape for escape in self.escapes if not found[escape]]
        well = [escape for escape in fitting if readings[escape].strays == 0]
        chosen = well or fitting
        if chosen:
            escape = chosen[0]
            if len({str([row.cells for row in readings[name].rows]) for name in chosen}) > 1:
                self.doubts.append(("ambiguous_escape", None))
        else:
            escape = min(self.escapes, key=lambda name: len(found[name]))
        reading = readings[escape]
        self.compare_with_csv(reading, delimiter, escape)
        return self.weigh(reading, found, escape, bool(chosen))

    def compare_with_csv(self, reading, delimiter, escape):
        """Where csv's grammar is ours, both read the same."""
        if not self.is_conventional or self.broken or reading.is_open or any(row.is_strange for row in reading.rows):
            return
        if reading.plain_marks:
            # csv takes an escape away before whatever stands there.
            return
        theirs = by_csv(self.text, delimiter, self.feed.quote, escape)
        if theirs is not None and theirs != [row.cells for row in reading.rows]:
            self.differs_from_csv = True

    def data(self, reading):
        """The rows behind the header, without empty lines at the end."""
        rows = list(reading.rows)
        while rows and rows[-1].is_blank:
            rows.pop()
        return rows[1:] if self.feed.header else rows

    def problems(self, reading):
        feed, found = self.feed, []
        rows = self.data(reading)
        if not reading.rows:
            return found
        width = len(reading.rows[0].cells)
        for number, row in enumerate(rows, 1):
            is_last_open = reading.is_open and row is reading.rows[-1]
            if self.broken and row is reading.rows[-1] and not self.ends_in_line_end(reading):
                # It was not read to its end.
                found += [("row_too_long", number)] if row.size > feed.max_row_bytes else []
                continue
            if is_last_open:
                found.append(("row_too_long" if row.size > feed.max_row_bytes else "open_quote", number))
            elif row.is_strange and not (row.is_blank and width != 1):
                found.append(("line_end", number))
            elif len(row.cells) != width or row.is_blank and width != 1:
                found.append(("column_count", number))
            elif row.has_nul:
                found.append(("nul_byte", number))
            if row.size > feed.max_row_bytes and row.is_strange:
                found[-1:] = [("row_too_long", number)]
                self.strange_and_long.add(number)
            elif row.size > feed.max_row_bytes and not is_last_open:
                found.append(("row_too_long", number))
        if feed.header:
            first = reading.rows[0]
            if reading.is_open and len(reading.rows) == 1:
                found.append(("open_quote", None))
            elif first.is_strange:
                found.append(("line_end", None))
            if first.size > feed.max_row_bytes:
                found.append(("row_too_long", None))
        return found

    def header_reasons(self, names):
        feed, reasons, seen = self.feed, [], set()
        for name in names:
            if "\0" in name:
                reasons.append(("nul_byte", None))
            if not name:
                reasons.append(("no_header", None))
            elif name in seen:
                self.doubts.append(("duplicate_column", None))
            seen.add(name)
        if feed.columns_exact:
            reasons += [("missing_column", None) for name, wanted in zip(names, feed.columns) if name != wanted]
            reasons += [("missing_column", None)] if len(names) != len(feed.columns) else []
        else:
            reasons += [("missing_column", None) for wanted in feed.columns if wanted not in seen]
        return reasons

    def weigh(self, reading, found, escape, is_sure):
        feed = self.feed
        rows = self.data(reading)
        count = len(rows) - (1 if reading.is_open and rows and rows[-1] is reading.rows[-1] else 0)
        row_faults = sorted(found[escape], key=lambda one: one[1] or 0)
        verdict = Verdict(rows=count)
        # A first line that cannot be read is the end of it.
        line = None if feed.header else 1
        stop = next((code for code, row in row_faults if row == line and code in ("open_quote", "line_end", "row_too_long")), None)
        if stop and not (self.broken and stop == "open_quote"):
            return Verdict("quarantine", 0, [(stop, line)], is_fatal=True, either=self.first_faults(found, is_sure))
        if self.broken:
            return self.broken_off(verdict, reading, row_faults, is_sure)
        reasons = self.header_reasons(reading.rows[0].cells) if feed.header else []
        verdict.cells = [row.cells for row in (reading.rows[:1] if feed.header else []) + rows]
        too_long = next((one for one in row_faults if one[0] == "row_too_long"), None)
        if too_long:
            # A row that is too long ends the reading: what follows is not looked at.
            verdict.rows, verdict.is_fatal = too_long[1] - 1, True
            verdict.place, verdict.reasons = "quarantine", [too_long]
            verdict.either = self.first_faults(found, is_sure)
            if too_long[1] in self.strange_and_long:
                # Why it is so long, perhaps.
                verdict.either |= {("line_end", too_long[1])}
            if verdict.either:
                verdict.rows = None
            return verdict
        reasons += row_faults
        if count == 0:
            if not row_faults:
                reasons.append(("header_only", None))
        elif count < feed.min_rows:
            reasons.append(("too_few_rows", None))
        if feed.max_rows and count > feed.max_rows:
            reasons.append(("too_many_rows", None))
        if not is_sure and len({str(one) for one in found.values()}) > 1:
            # Which of the readings is told is not said.
            verdict.is_fatal, verdict.either, verdict.rows = True, self.first_faults(found, is_sure), None
        if reasons == [("header_only", None)] and feed.empty == "deliver" and self.doubts:
            verdict.place, verdict.reasons = "held", list(self.doubts)
            return verdict
        if reasons:
            verdict.place, verdict.reasons = "quarantine", reasons + self.doubts
            if reasons == [("header_only", None)] and (not self.doubts or feed.empty == "archive"):
                verdict.place = place("header_only", feed)
                verdict.is_delivered = feed.empty == "deliver"
            return verdict
        if self.doubts:
            verdict.place, verdict.reasons = "held", list(self.doubts)
        return verdict

    def broken_off(self, verdict, reading, row_faults, is_sure):
        """The text ends in bytes that are none: told with the row that was being read."""
        too_long = next((one for one in row_faults if one[0] == "row_too_long"), None)
        verdict.place, verdict.is_fatal = "quarantine", True
        if too_long:
            verdict.reasons, verdict.rows = [too_long], (too_long[1] or 1) - 1
            return verdict
        # The row that the fault lies in, as far as it came, was not read to its end.
        ended = len(reading.rows) - (0 if self.ends_in_line_end(reading) else 1)
        row = ended + 1 - (1 if self.feed.header else 0)
        if not self.text:
            row = 0 if self.feed.header else 1
        verdict.reasons = [(self.broken, row if row > 0 and self.broken != "too_large" else None)]
        verdict.rows = None
        if not is_sure and self.feed.escape == "auto":
            verdict.reasons = [(self.broken, "any")]
        return verdict

    def first_faults(self, found, is_sure):
        if is_sure:
            return set()
        ones = {min(faults, key=lambda one: one[1] or 0) for faults in found.values()}
        return ones | {one for faults in found.values() for one in faults if one[0] == "row_too_long"}

    def ends_in_line_end(self, reading):
        if reading.is_open or not self.text:
            return False
        if self.feed.line_end == "cr":
            return self.text.endswith("\r")
        return self.text.endswith("\n")


class Fit:
    def __init__(self, rows):
        self.header = len(rows[0].cells)
        widths = [len(row.cells) for row in rows[1:] if not row.is_blank]
        self.count = len(widths)
        self.matching = sum(width == self.header for width in widths)
        most = max(set(widths), key=widths.count) if widths else None
        self.usual = most if widths and 2 * widths.count(most) > self.count else None
        self.is_most = self.header > 1 and 2 * self.matching > self.count
        self.is_all = self.header > 1 and self.count > 0 and self.matching == self.count


# What is handed over

def written(cells, rewrite, has_header):
    """The cells as the dialect can hold them, or the first that it cannot: (cells, None) or (None, (code, row))."""
    out, refused = [], []
    for number, row in enumerate(cells, 0 if has_header else 1):
        made = []
        for cell in row:
            text, is_refused = "", False
            is_quoted = rewrite.quote and any(char in cell for char in (rewrite.quote, rewrite.delimiter, "\r", "\n"))
            for char in cell:
                is_structure = char in (rewrite.delimiter, "\r", "\n") and not is_quoted
                if is_structure or not can(char, rewrite.encoding):
                    is_refused = is_refused or not rewrite.replacement
                    char = rewrite.replacement
                text += char
            made.append(text)
            if is_refused:
                refused.append(("unwritable", number or None))
        if made == [""] and not rewrite.quote:
            if not rewrite.replacement:
                refused.append(("unwritable", number or None))
            made = [rewrite.replacement]
        out.append(made)
    return (None, refused) if refused else (out, None)


def can(char, encoding):
    try:
        char.encode(encoding)
        return True
    except UnicodeEncodeError:
        return False
