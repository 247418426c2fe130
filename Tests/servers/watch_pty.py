"""Looks at `navette status --watch` through a real terminal, as pyte emulates one, and at what it leaves behind.

    watch_pty.py WORD CONFIG    WORD: what the screen must show before the rest is tried

Prints the first screen at 100 columns. Ends with a message where something is not as promised."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte

PROGRAM, WORD, CONFIG = os.environ["NAVETTE"], sys.argv[1], sys.argv[2]
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class View:
    def __init__(self, columns=100, rows=30, **environment):
        self.raw = b""
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ.update({"TERM": "xterm-256color", **environment})
            # The program begins when its window is as it should be.
            os.execv(PROGRAM, [PROGRAM, "status", "--watch", "--config", CONFIG])
        self.before = termios.tcgetattr(self.master)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                return
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self.stream.feed(data)
            return

    def until(self, what, so, seconds=15):
        end = time.monotonic() + seconds
        while not so():
            if time.monotonic() > end:
                sys.exit(f"not so: {what}\n" + "\n".join(self.lines()) + f"\n{self.raw[-400:]!r}")
            self.read(0.1)

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self.screen.erase_in_display(2)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def flags(self):
        return termios.tcgetattr(self.master)[3] & (termios.ICANON | termios.ECHO)

    def ended(self):
        """Its exit status; everything must be as it was before."""
        end = time.monotonic() + 10
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            # What is not read keeps a terminal from draining.
            self.read(0.05)
            if pid:
                break
            if time.monotonic() > end:
                sys.exit("it does not end")
        while select.select([self.master], [], [], 0)[0]:
            size = len(self.raw)
            self.read(0.05)
            if len(self.raw) == size:
                break
        if self.raw.count(ENTER) != self.raw.count(LEAVE) or not self.raw.count(LEAVE):
            sys.exit(f"the screen is not given back: {self.raw[-200:]!r}")
        if b"\x1b[?25h" not in self.raw[self.raw.rindex(b"\x1b[?25l"):]:
            sys.exit("the cursor stays hidden")
        return os.waitstatus_to_exitcode(status)


def check(what, is_so):
    if not is_so:
        sys.exit(f"not so: {what}")


view = View()
view.until(f"{WORD} is shown", lambda: WORD in view.text())
view.until("keys come at once", lambda: view.flags() == 0)
print(view.text())
frames = view.raw.count(b"\x1b[H")
view.until("it looks again by itself", lambda: view.raw.count(b"\x1b[H") > frames + 1)
check("nothing is cleared first", b"\x1b[2J" not in view.raw)
check("colours are used", re.search(rb"\x1b\[3[123]m", view.raw))

view.resize(60, 14)
view.until("it fits the smaller window", lambda: view.lines()[0].startswith("navette ") and view.lines()[0].endswith("q ends"))
check("nothing wraps", len(view.lines()[0]) <= 60 and view.lines()[1].startswith("agent: "))
view.resize(100, 30)
view.until(f"{WORD} is shown again", lambda: WORD in view.text())

os.write(view.master, b"\x1a")
while True:
    pid, status = os.waitpid(view.pid, os.WUNTRACED | os.WNOHANG)
    if pid:
        break
    view.read(0.05)
check("Ctrl-Z stops it", os.WIFSTOPPED(status))
view.read(0.2)
check("a stopped one gives the terminal back", view.raw.count(ENTER) == view.raw.count(LEAVE) and view.flags() != 0)
os.kill(view.pid, signal.SIGCONT)
view.until("it comes back", lambda: view.raw.count(ENTER) == 2 and view.flags() == 0 and WORD in view.text())
os.write(view.master, b"q")
check("q ends it well", view.ended() == 0)

for name, end in {
    "Ctrl-C": lambda v: os.write(v.master, b"\x03"),
    "SIGTERM": lambda v: os.kill(v.pid, signal.SIGTERM),
    "SIGHUP": lambda v: os.kill(v.pid, signal.SIGHUP),
}.items():
    view = View(NO_COLOR="1")
    view.until(f"{WORD} is shown", lambda: WORD in view.text())
    end(view)
    check(f"{name} ends it well", view.ended() == 0)
    check("NO_COLOR is honoured", not re.search(rb"\x1b\[[0-9;]*[1-9][0-9;]*m", view.raw))
