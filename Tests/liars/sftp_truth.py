"""What an honest SFTP server does with the requests of navette. HOME/asked gets a line for each request."""

import os
import stat
import struct
import sys
import time

HOME = sys.argv[1]
TREE = f"{HOME}/tree"
OPS = {1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "stat", 8: "fstat", 9: "setstat", 10: "setstat", 11: "opendir", 12: "readdir",
       13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename", 200: "extended"}
OK, EOF, MISSING, DENIED, FAILURE, UNKNOWN = 0, 1, 2, 3, 4, 8
BUSY = 0.005


def text(value):
    value = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, shape=">I"):
        value, = struct.unpack_from(shape, self.data, self.at)
        self.at += struct.calcsize(shape)
        return value

    def text(self):
        size = self.number()
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8", "surrogateescape")


def attributes(info, size=None, mtime=None):
    size, mtime = info.st_size if size is None else size, int(info.st_mtime) if mtime is None else mtime
    return struct.pack(">IQIIIII", 0xD, size & (1 << 64) - 1, 0o777777 & info.st_mode, 0, 0, 0, 0)[:16] + struct.pack(">II", mtime & 0xFFFFFFFF, mtime & 0xFFFFFFFF)


def long_name(name, info, size=None):
    kind = "d" if stat.S_ISDIR(info.st_mode) else "-"
    when = time.strftime("%b %d %H:%M", time.gmtime(info.st_mtime))
    return f"{kind}rw-r--r--    1 0        0        {info.st_size if size is None else size:>8} {when} {name}"


class Served:
    def __init__(self):
        self.handles, self.count = {}, 0
        self.lie = ""

    # The wire

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = os.read(0, size - len(data))
            if not piece:
                os._exit(0)
            data += piece
        return data

    def write(self, data):
        while data:
            data = data[os.write(1, data):]

    def packet(self, kind, body):
        self.write(struct.pack(">IB", len(body) + 1, kind) + body)

    def status(self, id, code, said="no"):
        self.packet(101, struct.pack(">II", id, code) + text(said) + text("en"))

    def serve(self):
        while True:
            size, kind = struct.unpack(">IB", self.read(5))
            body = Reader(self.read(size - 1))
            op = OPS.get(kind, "other")
            id = body.number()
            if op == "extended":
                op = body.text().split("@")[0]
            try:
                with open(f"{HOME}/lie", encoding="utf-8") as file:
                    self.lie = file.read()
            except OSError:
                self.lie = ""
            with open(f"{HOME}/asked", "a", encoding="utf-8") as file:
                file.write(op + "\n")
            try:
                if not (self.lie and self.lies(op, id, body, kind)):
                    self.truth(op, id, body)
            except FileNotFoundError:
                self.status(id, MISSING)
            except OSError as fault:
                self.status(id, FAILURE, str(fault.strerror))

    # The truth

    def path(self, name):
        return TREE + os.path.normpath("/" + name)

    def truth(self, op, id, body):
        if op == "init":
            return self.packet(2, struct.pack(">I", 3) + text("fsync@openssh.com") + text("1") + text("statvfs@openssh.com") + text("2"))
        verb = getattr(self, "do_" + op, None)
        return verb(id, body) if verb else self.status(id, UNKNOWN)

    def handle(self, id, thing):
        self.count += 1
        name = str(self.count)
        self.handles[name] = thing
        self.packet(102, struct.pack(">I", id) + text(name))

    def do_open(self, id, body):
        path, flags = self.path(body.text()), body.number()
        mode = os.O_RDWR if flags & 2 and flags & 1 else os.O_WRONLY if flags & 2 else os.O_RDONLY
        mode |= (os.O_CREAT if flags & 8 else 0) | (os.O_TRUNC if flags & 16 else 0) | (os.O_EXCL if flags & 32 else 0)
        self.handle(id, os.open(path, mode, 0o644))

    def do_close(self, id, body):
        thing = self.handles.pop(body.text(), None)
        if isinstance(thing, int):
            os.close(thing)
        self.status(id, OK)

    def do_read(self, id, body):
        file, offset, size = self.handles[body.text()], body.number(">Q"), body.number()
        data = os.pread(file, size, offset)
        if data:
            return self.packet(103, struct.pack(">I", id) + text(data))
        return self.status(id, EOF)

    def do_write(self, id, body):
        file, offset = self.handles[body.text()], body.number(">Q")
        size = body.number()
        os.pwrite(file, body.data[body.at : body.at + size], offset)
        self.status(id, OK)

    def do_stat(self, id, body):
        self.packet(105, struct.pack(">I", id) + attributes(os.stat(self.path(body.text()))))

    def do_fstat(self, id, body):
        self.packet(105, struct.pack(">I", id) + attributes(os.fstat(self.handles[body.text()])))

    def do_setstat(self, id, body):
        self.status(id, OK)

    def do_opendir(self, id, body):
        path = self.path(body.text())
        self.handle(id, [(name, os.lstat(f"{path}/{name}")) for name in sorted(os.listdir(path))])

    def names(self, id, names):
        """Of (name, long name, attributes)."""
        self.packet(104, struct.pack(">II", id, len(names)) + b"".join(text(name) + text(long) + data for name, long, data in names))

    def do_readdir(self, id, body):
        key = body.text()
        names, self.handles[key] = self.handles[key], []
        if not names:
            return self.status(id, EOF)
        return self.names(id, [(name, long_name(name, info), attributes(info)) for name, info in names])

    def do_remove(self, id, body):
        os.unlink(self.path(body.text()))
        self.status(id, OK)

    def do_mkdir(self, id, body):
        os.mkdir(self.path(body.text()))
        self.status(id, OK)

    def do_rmdir(self, id, body):
        os.rmdir(self.path(body.text()))
        self.status(id, OK)

    def do_realpath(self, id, body):
        name = os.path.normpath("/" + body.text())
        self.names(id, [(name, name, struct.pack(">I", 0))])

    def do_rename(self, id, body):
        path, target = self.path(body.text()), self.path(body.text())
        if os.path.exists(target) and self.lie != "rename-replaces":
            return self.status(id, FAILURE)
        os.rename(path, target)
        return self.status(id, OK)

    def do_fsync(self, id, body):
        os.fsync(self.handles[body.text()])
        self.status(id, OK)

    def do_statvfs(self, id, body, free=1 << 20):
        self.packet(201, struct.pack(">I11Q", id, 4096, 4096, 1 << 22, free, free, 1 << 20, free, free, 1, 0, 255))
