"""Lies of SFTP servers: those before a login are told by the front, the others by sftp_liar.py, which knows them by name."""

import os
import time

from lies import lie

STORE = ("sftp",)


def later(talk, request):
    """Told by the subsystem."""


BOTH = ("hang", "reset", "garbage")
MATRIX = {
    "init": BOTH + ("huge", "empty", "endless", "refuse"),
    "open": BOTH + ("refuse", "denied", "missing", "odd", "otherid"),
    "read": BOTH + ("refuse", "eof", "huge", "endless", "slow"),
    "write": BOTH + ("refuse", "denied", "endless", "odd", "slow"),
    "close": BOTH + ("refuse", "otherid"),
    "stat": BOTH + ("refuse", "denied", "eof"),
    "fstat": ("hang", "refuse"),
    "opendir": BOTH + ("refuse", "denied", "missing", "endless"),
    "readdir": BOTH + ("refuse", "denied", "endless", "huge", "ok", "slow"),
    "rename": BOTH + ("refuse", "denied", "lost", "ok", "odd"),
    "fsync": ("hang", "reset", "refuse", "denied"),
    "mkdir": ("hang", "refuse", "denied", "lost", "ok"),
    "realpath": ("hang", "reset", "refuse"),
}
# What need not be asked for, or is no trouble.
QUIET = {"close-refuse", "fstat-hang", "fstat-refuse", "readdir-eof", "readdir-ok", "opendir-missing", "rename-lost", "write-slow", "read-slow", "readdir-slow",
         "stat-eof", "mkdir-lost", "mkdir-ok", "mkdir-hang", "mkdir-refuse", "mkdir-denied", "realpath-hang", "realpath-reset", "realpath-refuse", "close-otherid"}
for op, actions in MATRIX.items():
    for action in actions:
        name = f"{op}-{action}"
        lie(name, STORE, told=None if name in QUIET else True, busy=action == "endless", held=action in ("ok", "eof", "missing"))(later)
for name in ("list-twice", "list-size-more", "list-size-less", "list-size-huge", "list-other-form", "list-no-long", "list-name-alone", "list-no-attributes",
             "list-other-language", "list-name-lines", "list-name-fake", "list-name-dotdot", "list-name-absolute", "list-name-empty", "list-name-nul",
             "list-name-long", "list-name-bytes", "list-name-control", "list-absent", "list-time-future"):
    lie(name, STORE, told=True if "form" in name or "size" in name else None, extra=True)(later)
for name in ("list-count", "write-full", "write-lost", "write-half", "read-more"):
    lie(name, STORE)(later)
for name in ("list-nothing-for-ever", "list-endless", "tree-endless", "read-for-ever", "read-nothing"):
    lie(name, STORE, busy=True, told=None)(later)
for name in ("size-more", "size-less", "size-0", "size-most", "all-there", "rename-replaces"):
    lie(name, STORE, told=None, held=True)(later)
# Nothing in SFTP tells a digest: only reading back would show it.
lie("write-other", STORE, told=None, held=True)(later)

# Before the login: `request` is the connection to sshd.


def first(data, then=None):
    def tell(talk, request):
        talk.send(data)
        if then:
            then(talk)
        talk.hang()
    return tell


def repeat(piece, pause):
    def tell(talk, request):
        while not talk.server.ended:
            talk.send(piece)
            time.sleep(pause)
    return tell


def front(name, **traits):
    return lie(name, STORE, raw=True, **traits)


front("banner-hang")(first(b""))
front("banner-half")(first(b"SSH-2.0-Op"))
front("banner-http")(first(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
front("banner-ssh1")(first(b"SSH-1.5-old\r\n"))
front("banner-endless", busy=True)(repeat(b"Welcome to this machine\r\n" * 40, 0.005))
front("banner-one-line", busy=True)(repeat(b"W" * 1000, 0.005))
front("banner-drip")(repeat(b"W", 1))
front("banner-drip-lines")(repeat(b"W\r\n", 1))
front("banner-reset")(lambda talk, request: talk.reset())
BANNER = b"SSH-2.0-OpenSSH_9.2p1\r\n"
front("kex-hang")(first(BANNER))
front("kex-reset")(first(BANNER, lambda talk: talk.reset()))
front("kex-garbage")(lambda talk, request: first(BANNER + os.urandom(4096))(talk, request))
front("kex-huge")(first(BANNER + b"\xff\xff\xff\xff" + b"\0" * 4096))
front("kex-ignore-endless", busy=True)(lambda talk, request: first(BANNER, lambda t: repeat(b"\0\0\0\x0c\x06\x02\0\0\0\0\0\0\0\0\0\0", 0.005)(t, None))(talk, None))
front("kex-goodbye")(first(BANNER + b"\0\0\0\x14\x06\x01\0\0\0\x0b\0\0\0\x03bye\0\0\0\0\0\0\0\0\0"))
# So many bytes of what sshd says, and then nothing more, or the end.
for count in (100, 1200, 1600, 2000, 2400, 3000):
    front(f"hang-after-{count}")(lambda talk, request, n=count: talk.forward(request, n, False))
    front(f"reset-after-{count}", told=True)(lambda talk, request, n=count: talk.forward(request, n, True))
front("other-host-key")(lambda talk, request: talk.other())
