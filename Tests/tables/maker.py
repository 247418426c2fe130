"""Feeds, and files for them: dialects, faults and packings, all from one seed. Every value is made up."""

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

DELIMITERS = [",", ";", "\t", "|", ":"]
WORDS = ["amber", "birch", "cedar", "dune", "ember", "fjord", "glade", "heath", "islet", "knoll", "ledge", "marsh"]
FAR = {"utf-8": ["é", "€", "ß", "日本", "😀", "a\u0301", "\u2028", "\u00a0"], "iso-8859-1": ["é", "ß", "ü", "\u00a0", "ÿ"]}
FAR["utf-16"] = FAR["utf-8"]


@dataclass
class Rewrite:
    delimiter: str = "\t"
    quote: str | None = None
    line_end: str = "lf"
    encoding: str = "utf-8"
    compress: str = "none"
    replacement: str = ""


@dataclass
class Feed:
    name: str
    delimiter: str | None = None
    quote: str | None = '"'
    escape: str = "auto"
    line_end: str = "auto"
    encoding: str = "utf-8"
    header: bool = True
    columns: list = field(default_factory=list)
    columns_exact: bool = False
    empty: str = "quarantine"
    min_rows: int = 1
    max_rows: int = 0
    max_bytes: int = 20 << 30
    max_row_bytes: int = 1 << 20
    rewrite: Rewrite | None = None


@dataclass
class File:
    feed: Feed
    name: str
    data: bytes
    # What was done to it, for the table at the end.
    fault: str
    packing: str
    # Written as any writer would: Python's csv module reads the same grammar.
    is_conventional: bool


def make_feed(seed, number):
    chance = random.Random(f"{seed} feed {number}")
    feed = Feed(f"f{number:03}")
    feed.delimiter = chance.choice([None, None, *DELIMITERS])
    feed.quote = chance.choice(['"', '"', '"', None, "\0"])
    feed.escape = chance.choice(["auto", "auto", "double", "backslash", "apostrophe"])
    feed.line_end = chance.choice(["auto", "auto", "lf", "crlf", "cr"])
    feed.encoding = chance.choice(["utf-8", "utf-8", "utf-8", "utf-16", "iso-8859-1"])
    feed.header = chance.random() < 0.8
    if feed.header and chance.random() < 0.3:
        feed.columns = ["key", "name"][:chance.randint(1, 2)]
        feed.columns_exact = chance.random() < 0.2
    feed.empty = chance.choice(["quarantine", "quarantine", "archive", "deliver"])
    feed.min_rows = chance.choice([1, 1, 1, 0, 3])
    feed.max_rows = chance.choice([0, 0, 0, 50])
    feed.max_row_bytes = chance.choice([1 << 20, 400])
    feed.max_bytes = chance.choice([20 << 30, 20 << 30, 40_000])
    if chance.random() < 0.75:
        feed.rewrite = Rewrite(
            chance.choice(DELIMITERS), chance.choice([None, '"']), chance.choice(["lf", "crlf"]),
            chance.choice(["utf-8", "utf-8", "iso-8859-1", "iso-8859-15"]), chance.choice(["none", "none", "gzip"]),
            chance.choice(["", "", "?", "_"]))
    return feed


# Tables

class Maker:
    def __init__(self, feed, chance):
        self.feed, self.chance = feed, chance
        self.delimiter = feed.delimiter or chance.choice(DELIMITERS[:4] + [":"] * (chance.random() < 0.2))
        self.quote = feed.quote
        self.escape = feed.escape if feed.escape != "auto" else chance.choice(["double", "double", "backslash", "apostrophe"])
        self.end = {"auto": chance.choice(["\n", "\r\n"]), "lf": "\n", "crlf": "\r\n", "cr": "\r"}[feed.line_end]
        self.style = chance.choice(["needed", "needed", "all", "mixed"])
        self.width = chance.choice([1, 2, 2, 3, 3, 4, 5, 8, 20])
        if feed.delimiter is None and chance.random() < 0.8:
            self.width = max(2, self.width)
        self.is_conventional = True
        self.faults = []

    def table(self):
        """Names and rows of cells."""
        names = [f"{word}_{number}" for number, word in enumerate(self.chance.choices(WORDS, k=self.width))]
        for number, name in enumerate(self.feed.columns):
            if self.feed.columns_exact or number < self.width:
                names[number:number + 1] = [name]
        if self.feed.columns_exact:
            names = list(self.feed.columns)
        self.width = len(names)
        if self.chance.random() < 0.1 and self.quote and self.width > 1 and not self.feed.columns_exact:
            names[-1] += f" {self.delimiter} more"
        most = self.chance.choice([4, 12, 45, 45, 120] + ([900] if self.chance.random() < 0.05 else []))
        count = self.chance.randint(max(1, min(self.feed.min_rows, 3)), most)
        return names, [[self.cell() for _ in names] for _ in range(count)]

    def cell(self):
        chance = self.chance
        kind = chance.random()
        if kind < 0.1:
            return ""
        if kind < 0.4:
            return str(chance.randint(0, 10 ** chance.randint(1, 12)))
        pieces = [chance.choice(WORDS)]
        if kind > 0.65:
            extra = [" ", "  ", "'", "-", "=", "null", "#", "/"] + FAR[self.feed.encoding]
            if self.quote:
                extra += [self.delimiter, self.delimiter, "\n", "\r\n", "\n\n"]
                extra += [self.quote] * (0 if self.quote == "\0" else 3)
            else:
                extra += ['"', '""']
            pieces += chance.choices(extra, k=chance.randint(1, 3))
            pieces += chance.choices(WORDS, k=chance.randint(0, 2))
            chance.shuffle(pieces)
        if kind > 0.97:
            pieces.append(chance.choice(["\\", "\\\\", "''", "x" * 90, "y" * 70]))
            chance.shuffle(pieces)
        return "".join(pieces)

    def write(self, cell):
        """One value as the dialect has it."""
        quote = self.quote
        if not quote:
            for char in (self.delimiter, "\r", "\n"):
                cell = cell.replace(char, " ")
            return cell
        must = any(char in cell for char in (self.delimiter, quote, "\r", "\n")) or cell.startswith(quote)
        if not must and not (self.style == "all" or self.style == "mixed" and self.chance.random() < 0.4):
            if ESCAPE_BYTES[self.escape] and ESCAPE_BYTES[self.escape] in cell:
                # Outside of quotes csv takes it for one.
                self.is_conventional = False
            return cell
        escape = ESCAPE_BYTES[self.escape]
        if escape:
            cell = cell.replace(escape, escape + escape)
            return quote + cell.replace(quote, escape + quote) + quote
        return quote + cell.replace(quote, quote + quote) + quote

    def lines(self, names, rows):
        head = [[name if self.quote else name.replace(self.delimiter, " ") for name in names]] if self.feed.header else []
        return [self.delimiter.join(self.write(cell) for cell in row) for row in head + rows]

    def join(self, lines):
        text = self.end.join(lines) + self.end
        kind = self.chance.random()
        if kind < 0.15:
            return text.removesuffix(self.end)
        return text + self.end * self.chance.randint(1, 3) if kind < 0.25 else text

    def encode(self, text):
        encoding = self.feed.encoding
        if encoding == "utf-8":
            return (b"\xef\xbb\xbf" if self.chance.random() < 0.15 else b"") + text.encode()
        if encoding == "utf-16":
            order, mark = self.chance.choice([("le", b"\xff\xfe"), ("be", b"\xfe\xff")])
            # Half a unit more, and without a mark nobody could tell one order from the other.
            has_mark = self.chance.random() < 0.8 or "bad encoding" in self.faults or not text[:1].isascii() or text[:1] == "\0"
            return (mark if has_mark else b"") + text.encode(f"utf-16-{order}")
        return text.encode("iso-8859-1", "replace")


ESCAPE_BYTES = {"double": None, "backslash": "\\", "apostrophe": "'"}


# Faults: each takes names and rows, lines, text or bytes, and says whether csv still reads them.

def on_rows(maker, kind, names, rows):
    chance = maker.chance
    place = chance.randrange(len(rows))
    if kind == "ragged short" and maker.width > 1:
        rows[place] = rows[place][:chance.randint(1, maker.width - 1)]
    elif kind == "ragged long":
        rows[place] = rows[place] + [maker.cell() for _ in range(chance.randint(1, 3))]
    elif kind == "ragged many":
        for row in chance.sample(rows, min(len(rows), 5)):
            row.append("x")
    elif kind == "row too long":
        rows[place][0] = "z" * (maker.feed.max_row_bytes + chance.choice([0, 1, 2, 64, 700, 9000]))
    elif kind == "row at the limit" and maker.feed.max_row_bytes < 1 << 16:
        cells = [""] * (maker.width - 1)
        rows[place] = ["z" * (maker.feed.max_row_bytes - (maker.width - 1) + chance.choice([-1, 0, 1]))] + cells
    elif kind == "column without a name":
        names[chance.randrange(len(names))] = ""
    elif kind == "column twice" and len(names) > 1:
        names[-1] = names[0]
    elif kind == "column missing":
        names[0] = "another"
    elif kind == "column more":
        names.append("more")
        for row in rows:
            row.append("")
    elif kind == "header alone":
        rows.clear()
    elif kind == "rows many":
        rows.extend([maker.cell() for _ in names] for _ in range(60))
    elif kind == "rows few":
        del rows[1:]
    elif kind == "large":
        rows.extend([maker.cell() for _ in names] for _ in range(2_500 // maker.width))


def on_lines(maker, kind, lines):
    chance = maker.chance
    place = chance.randrange(1 if maker.feed.header and len(lines) > 1 else 0, len(lines))
    if kind == "empty line":
        lines.insert(place, "")
    elif kind == "first line empty":
        lines.insert(0, "")
    elif kind == "comment first":
        lines.insert(0, "# exported on a day")
    elif kind == "quote open" and maker.quote:
        lines[place] += maker.delimiter + maker.quote + "open"
        maker.is_conventional = False
    elif kind == "text behind a quote" and maker.quote:
        cells = ["a"] * maker.width
        cells[chance.randrange(maker.width)] = maker.quote + "in" + maker.quote + chance.choice(["out", " ", "o" + maker.quote])
        lines[place] = maker.delimiter.join(cells)
        # csv reads it so as well, but for what is escaped.
        maker.is_conventional = False
    elif kind == "quote inside" and maker.quote:
        cells = ["a"] * maker.width
        cells[chance.randrange(maker.width)] = "b" + maker.quote + "c"
        lines[place] = maker.delimiter.join(cells)
    elif kind == "odd escapes" and maker.quote:
        for row in range(place, min(len(lines), place + 3)):
            odd = "".join(chance.choices(["\\", "'", maker.quote * 2, "a", "\\n", " "], k=chance.randint(1, 5)))
            cells = ["a"] * maker.width
            cells[chance.randrange(maker.width)] = maker.quote + odd + maker.quote
            lines[row] = maker.delimiter.join(cells)
        maker.is_conventional = False
    elif kind == "sep line":
        lines.insert(0, chance.choice(["sep=", "SEP="]) + maker.delimiter)
    elif kind == "another delimiter":
        other = chance.choice([char for char in DELIMITERS if char != maker.delimiter])
        lines[:] = [line.replace(maker.delimiter, other) for line in lines]
        maker.is_conventional = False


def on_text(maker, kind, text):
    chance = maker.chance
    place = chance.randrange(len(text) + 1)
    if kind == "CR alone":
        maker.is_conventional = False
        return text[:place] + "\r" + text[place:]
    if kind == "LF alone":
        maker.is_conventional = False
        return text[:place] + "\n" + text[place:]
    if kind == "line ends mixed":
        maker.is_conventional = False
        return text[:place] + text[place:].replace(maker.end, chance.choice(["\n", "\r\n", "\r"]))
    if kind == "NUL":
        maker.is_conventional = False
        return text[:place] + "\0" + text[place:]
    return text


def on_bytes(maker, kind, data):
    chance = maker.chance
    place = chance.randrange(len(data) + 1)
    if kind == "cut":
        return data[:place]
    if kind == "bad encoding":
        bad = {"utf-8": [b"\xff", b"\xc3", b"\xe2\x82", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"],
               "utf-16": [b"\x3d", b"\x00\xd8\x41\x00", b"\xd8\x00\x00\x41"], "iso-8859-1": [b"\xff"]}
        return data[:place] + chance.choice(bad[maker.feed.encoding]) + data[place:]
    if kind == "zero bytes":
        return b""
    if kind == "UTF-16 instead" and maker.feed.encoding == "utf-8":
        return b"\xff\xfe" + "key,name\n1,amber\n".encode("utf-16-le")
    return data


def foreign(chance):
    """Anything but a table, as it comes under a table's name."""
    objects = [{"key": number, "name": chance.choice(WORDS), "on": [True, None]} for number in range(chance.randint(1, 30))]
    noise = chance.randbytes(300)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(zipfile.ZipInfo("a.csv"), "key,name\n1,amber\n")
    armor = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n"
    return chance.choice([
        ("JSON lines", "\n".join(json.dumps(one) for one in objects).encode() + b"\n"),
        ("JSON", json.dumps(objects, indent=chance.choice([None, 2])).encode()),
        ("JSON", b"\xef\xbb\xbf" + json.dumps(objects[0]).encode()),
        ("HTML", b"<!DOCTYPE html>\n<html><body>403, Forbidden</body></html>\n"),
        ("HTML", b"\n  <HTML><head></head></HTML>\n"),
        ("XML", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n'),
        ("Parquet", b"PAR1\x15\x04" + noise + b"PAR1"),
        ("ZIP", packed.getvalue()),
        ("bzip2", bz2.compress(b"key,name\n1,amber\n")),
        ("xz", lzma.compress(b"key,name\n1,amber\n")),
        ("Zstandard", b"\x28\xb5\x2f\xfd\x24" + noise),
        ("Avro", b"Obj\x01\x04\x16avro.schema" + noise),
        ("PDF", b"%PDF-1.7\n" + noise),
        ("SQLite", b"SQLite format 3\0" + noise),
        ("PGP", armor), ("PGP", b"\xef\xbb\xbf" + armor), ("PGP", b"Good morning,\nhere it is.\n\n" + armor),
        ("PGP", b"\x85\x01\x0c\x03" + noise),
        ("gzip twice", gzip.compress(b"key,name\n1,amber\n", mtime=0)),
    ])


# Packings

def pack(chance, data, kind):
    if kind == "plain":
        return data
    level = chance.choice([0, 1, 6, 9])
    if kind == "gzip":
        return gzip.compress(data, level, mtime=chance.choice([0, 1_700_000_000]))
    if kind == "gzip with a name":
        out = io.BytesIO()
        with gzip.GzipFile("audience.csv", "wb", level, out, mtime=1) as file:
            file.write(data)
        return out.getvalue()
    if kind == "gzip members":
        places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randint(1, 4)))
        parts = [data[one:other] for one, other in zip([0, *places], [*places, len(data)])]
        return b"".join(gzip.compress(part, level or 6, mtime=0) for part in parts)
    packed = gzip.compress(data, level or 6, mtime=0)
    if kind == "gzip cut":
        return packed[:chance.randint(12, len(packed) - 1)]
    if kind == "gzip cut member":
        return packed + packed[:chance.randint(2, len(packed) - 1)]
    if kind == "gzip damaged":
        place = chance.randrange(10, len(packed))
        return packed[:place] + bytes([packed[place] ^ chance.randint(1, 255)]) + packed[place + 1:]
    if kind == "gzip checksum":
        return packed[:-8] + struct.pack("<II", zlib.crc32(data) ^ 1, len(data) & 0xffffffff)
    if kind == "gzip length":
        return packed[:-4] + struct.pack("<I", len(data) + 1)
    return packed + chance.choice([b"more of it\n", b"key,name\n1,2\n", b"PK\x03\x04"])


FAULTS = [
    "ragged short", "ragged long", "ragged many", "row too long", "row at the limit", "column without a name", "column twice",
    "column missing", "column more", "header alone", "rows many", "rows few", "large", "empty line", "first line empty",
    "comment first", "quote open", "text behind a quote", "quote inside", "odd escapes", "sep line", "another delimiter", "CR alone",
    "LF alone", "line ends mixed", "NUL", "cut", "bad encoding", "zero bytes", "UTF-16 instead", "foreign"]
GOOD_PACKINGS = ["gzip", "gzip with a name", "gzip members"]
BAD_PACKINGS = ["gzip cut", "gzip cut member", "gzip damaged", "gzip checksum", "gzip length", "gzip trailing"]


def make_file(seed, feed, number):
    chance = random.Random(f"{seed} {feed.name} {number}")
    maker = Maker(feed, chance)
    kind = chance.random()
    faults = [] if kind < 0.42 else [chance.choice(FAULTS)] if kind < 0.92 else chance.sample(FAULTS[:-1], 2)
    maker.faults = faults
    packing = chance.choices(["plain", *GOOD_PACKINGS, *BAD_PACKINGS], [60, 10, 6, 10, 2, 2, 2, 2, 2, 2])[0]
    if faults == ["foreign"]:
        name, data = foreign(chance)
        faults = [f"foreign: {name}"]
        if name == "gzip twice":
            packing = "gzip"
        maker.is_conventional = False
    else:
        names, rows = maker.table()
        for fault in faults:
            on_rows(maker, fault, names, rows) if rows else None
        lines = maker.lines(names, rows)
        for fault in faults:
            on_lines(maker, fault, lines) if lines else None
        text = maker.join(lines)
        for fault in faults:
            text = on_text(maker, fault, text)
        data = maker.encode(text)
        for fault in faults:
            data = on_bytes(maker, fault, data)
    if not data and packing != "plain":
        packing = "gzip"
    data = pack(chance, data, packing)
    ends = ".csv.gz" if packing != "plain" and chance.random() < 0.8 else ".csv"
    return File(feed, f"{number:04}{ends}", data, " + ".join(faults) or "none", packing, maker.is_conventional)
