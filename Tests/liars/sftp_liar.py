"""An SFTP server, as a subsystem of sshd: sftp_liar.py HOME. It serves HOME/tree, and tells the lie that HOME/lie names.

A lie is OP-ACTION, such as `rename-refuse`, or a name of its own, with a method here.
"""

import os
import select
import stat
import struct
import time

from sftp_truth import BUSY, DENIED, EOF, FAILURE, HOME, MISSING, OK, TREE, Reader, Served, attributes, long_name, text


def hang():
    """Until the other side is gone."""
    end = select.poll()
    end.register(0, select.POLLHUP)
    while os.path.exists(HOME) and not any(what & select.POLLHUP for _, what in end.poll(1000)):
        pass
    os._exit(0)


class Liar(Served):
    def lies(self, op, id, body, kind):
        """Whether it was answered."""
        about, _, action = self.lie.partition("-")
        if about != op:
            special = getattr(self, "lie_" + self.lie.replace("-", "_"), None)
            return special(op, id, body) if special else False
        if action == "hang":
            hang()
        if action == "reset":
            os._exit(1)
        if action == "lost":
            self.write, write = lambda data: None, self.write
            self.truth(op, id, body)
            self.write = write
            os._exit(1)
        if action == "garbage":
            self.write(os.urandom(64))
        elif action == "huge":
            self.write(b"\xff\xff\xff\xff\x67")
        elif action == "empty":
            self.write(b"\0\0\0\0")
        elif action == "otherid":
            self.status(id + 1, OK)
        elif action == "endless":
            while True:
                self.packet(101, struct.pack(">II", id + 7, OK) + text("x" * 4000) + text("en"))
                time.sleep(BUSY)
        elif action == "refuse":
            self.status(id, FAILURE)
        elif action == "denied":
            self.status(id, DENIED)
        elif action == "missing":
            self.status(id, MISSING)
        elif action == "eof":
            self.status(id, EOF)
        elif action == "odd":
            self.status(id, 77, "a@b.example\nFAKE \x1b[31m" + "x" * 5000)
        elif action == "ok":
            self.status(id, OK)
        elif action == "slow":
            time.sleep(1)
            return False
        else:
            special = getattr(self, "lie_" + self.lie.replace("-", "_"), None)
            return special(op, id, body) if special else False
        return True

    def beside(self, op, id, body, more, instead=False):
        """Names beside those of `drops`."""
        if op != "readdir":
            return False
        key = body.text()
        names, self.handles[key] = self.handles[key], []
        if not names:
            self.status(id, EOF)
            return True
        told = [] if instead else [(name, long_name(name, info), attributes(info)) for name, info in names]
        self.names(id, told + more(names))
        return True

    def lie_list_twice(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, long_name(name, info), attributes(info)) for name, info in names])

    def lie_list_size_more(self, op, id, body, by=9):
        return self.beside(op, id, body, lambda names: [
            (name, long_name(name, info, info.st_size + by), attributes(info, info.st_size + by)) for name, info in names], True)

    def lie_list_size_less(self, op, id, body):
        return self.lie_list_size_more(op, id, body, -9)

    def lie_list_size_huge(self, op, id, body):
        return self.lie_list_size_more(op, id, body, 1 << 62)

    def lie_list_other_form(self, op, id, body):
        """As servers on Windows tell it."""
        return self.beside(op, id, body, lambda names: [(name, f"03-12-26  06:00AM {info.st_size:>14} {name}", attributes(info)) for name, info in names], True)

    def lie_list_no_long(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, "", attributes(info)) for name, info in names], True)

    def lie_list_name_alone(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, name, attributes(info)) for name, info in names], True)

    def lie_list_no_attributes(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, long_name(name, info), struct.pack(">I", 0)) for name, info in names], True)

    def lie_list_other_language(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, long_name(name, info).replace(":", "h"), attributes(info)) for name, info in names], True)

    def odd(self, op, id, body, name):
        return self.beside(op, id, body, lambda names: [(name, long_name(name, names[0][1]), attributes(names[0][1]))])

    def lie_list_name_lines(self, op, id, body):
        return self.odd(op, id, body, "a\nb.csv")

    def lie_list_name_fake(self, op, id, body):
        return self.odd(op, id, body, "a\n-rw-r--r--    1 0        0              10 Mar 12 06:00 fake.csv")

    def lie_list_name_dotdot(self, op, id, body):
        return self.odd(op, id, body, "../../../../../tmp/liar-escaped.csv")

    def lie_list_name_absolute(self, op, id, body):
        return self.odd(op, id, body, "/tmp/liar-escaped.csv")

    def lie_list_name_empty(self, op, id, body):
        return self.odd(op, id, body, "")

    def lie_list_name_nul(self, op, id, body):
        return self.odd(op, id, body, "a\0b.csv")

    def lie_list_name_long(self, op, id, body):
        return self.odd(op, id, body, "k" * 5000 + ".csv")

    def lie_list_name_bytes(self, op, id, body):
        return self.odd(op, id, body, "\udcff\udcfe.csv")

    def lie_list_name_control(self, op, id, body):
        return self.odd(op, id, body, "a\x1b[31m;rm *;`x`\"'.csv")

    def lie_list_absent(self, op, id, body):
        return self.odd(op, id, body, "gone.csv")

    def lie_list_time_future(self, op, id, body):
        return self.beside(op, id, body, lambda names: [(name, long_name(name, info), attributes(info, None, 0xFFFFFFFF)) for name, info in names], True)

    def lie_list_count(self, op, id, body):
        if op != "readdir":
            return False
        self.packet(104, struct.pack(">II", id, 0xFFFFFFFF) + text("a") + text("a"))
        return True

    def lie_list_nothing_for_ever(self, op, id, body):
        if op != "readdir":
            return False
        time.sleep(BUSY)
        self.names(id, [])
        return True

    def lie_list_endless(self, op, id, body):
        if op != "readdir":
            return False
        info = os.lstat(HOME)
        self.names(id, [(f"{time.monotonic_ns()}{n:0150}.csv", f"-rw-r--r-- 1 0 0 5 Mar 12 06:00 {time.monotonic_ns()}{n:0150}.csv", attributes(info)) for n in range(50)])
        time.sleep(BUSY)
        return True

    def lie_tree_endless(self, op, id, body):
        """Each folder has a folder."""
        if op == "opendir":
            self.handle(id, [("deeper", os.lstat(HOME))])
            return True
        return False

    def lie_write_full(self, op, id, body):
        if op == "statvfs":
            self.do_statvfs(id, body, 0)
            return True
        if op == "write":
            self.status(id, FAILURE, "No space left on device")
            return True
        return False

    def lie_write_lost(self, op, id, body):
        if op == "write":
            self.status(id, OK)
            return True
        return False

    def lie_write_half(self, op, id, body):
        """The end of each piece is not written."""
        if op != "write":
            return False
        file, offset, size = self.handles[body.text()], body.number(">Q"), body.number()
        os.pwrite(file, body.data[body.at : body.at + size - 10], offset)
        self.status(id, OK)
        return True

    def lie_write_other(self, op, id, body):
        """Zeros are written."""
        if op != "write":
            return False
        file, offset, size = self.handles[body.text()], body.number(">Q"), body.number()
        os.pwrite(file, b"\0" * size, offset)
        self.status(id, OK)
        return True

    def lie_read_more(self, op, id, body):
        """More than was asked for."""
        if op != "read":
            return False
        self.packet(103, struct.pack(">I", id) + text(b"x" * 300_000))
        return True

    def lie_read_for_ever(self, op, id, body):
        """The truth, and after its end more and more."""
        if op != "read":
            return False
        file, offset, size = self.handles[body.text()], body.number(">Q"), body.number()
        data = os.pread(file, size, offset)
        if not data:
            time.sleep(BUSY)
        self.packet(103, struct.pack(">I", id) + text(data or b"x" * min(size, 16384)))
        return True

    def lie_read_nothing(self, op, id, body):
        """No byte, and no end."""
        if op != "read":
            return False
        time.sleep(BUSY)
        self.packet(103, struct.pack(">I", id) + text(b""))
        return True

    def size(self, op, id, body, by):
        if op not in ("stat", "fstat"):
            return False
        name = body.text()
        info = os.fstat(self.handles[name]) if op == "fstat" else os.stat(self.path(name))
        self.packet(105, struct.pack(">I", id) + attributes(info, by(info.st_size) if stat.S_ISREG(info.st_mode) else None))
        return True

    def lie_size_more(self, op, id, body):
        return self.size(op, id, body, lambda size: size + 9)

    def lie_size_less(self, op, id, body):
        return self.size(op, id, body, lambda size: max(0, size - 9))

    def lie_size_0(self, op, id, body):
        return self.size(op, id, body, lambda size: 0)

    def lie_size_most(self, op, id, body):
        return self.size(op, id, body, lambda size: (1 << 64) - 1)

    def lie_all_there(self, op, id, body):
        """Whatever is asked for is a file."""
        if op != "stat":
            return False
        self.packet(105, struct.pack(">I", id) + struct.pack(">IQI", 5, 77, 0o100644))
        return True


os.makedirs(TREE, exist_ok=True)
Liar().serve()
