"""Tries, from inside of the unit's sandbox, what it forbids and what it allows; prints what came of each as JSON."""

import ctypes
import errno
import json
import os
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
found: dict[str, str] = {}


def attempt(name: str, action) -> None:
    try:
        action()
        found[name] = "done"
    except OSError as fault:
        found[name] = errno.errorcode.get(fault.errno, str(fault.errno))


def call(function, *arguments) -> None:
    ctypes.set_errno(0)
    function.restype = ctypes.c_int
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")


def write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))


def memory(protection: int) -> None:
    libc.mmap.restype = ctypes.c_long
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    ctypes.set_errno(0)
    if libc.mmap(None, 4096, protection, 0x22, -1, 0) == -1:
        raise OSError(ctypes.get_errno(), "")


def status(name: str) -> str:
    with open("/proc/self/status") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith(name + ":"))


# Folders of these are open to all by their modes; only the sandbox shuts them.
for folder in sys.argv[1:]:
    attempt(f"write {folder}", lambda: write(f"{folder}/probe"))
attempt("read /home", lambda: os.listdir("/home"))
found["in /tmp"] = " ".join(os.listdir("/tmp"))
found["in /dev"] = " ".join(name for name in os.listdir("/dev") if name == "outside")
attempt("see process 1", lambda: os.stat("/proc/1"))
attempt("read /proc/sys", lambda: os.stat("/proc/sys"))
attempt("write /sys", lambda: write("/sys/probe"))
attempt("write a control group", lambda: os.mkdir("/sys/fs/cgroup/probe"))
attempt("read the kernel's log", lambda: call(libc.klogctl, 3, ctypes.create_string_buffer(16), 16))
attempt("set the clock", lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()))
attempt("set the host's name", lambda: call(libc.sethostname, b"x", 1))
attempt("mount", lambda: call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None))
attempt("make a user name space", lambda: call(libc.unshare, 0x10000000))
attempt("run in real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
attempt("change the personality", lambda: call(libc.personality, 0x0008))
attempt("be traced", lambda: call(libc.ptrace, 0, 0, 0, 0))
attempt("change its priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, 19))
attempt("make memory that is written and run", lambda: memory(7))
attempt("packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close())
attempt("virtual machine socket", lambda: socket.socket(40, socket.SOCK_STREAM).close())
attempt("crypto socket", lambda: socket.socket(38, socket.SOCK_SEQPACKET).close())
attempt("internet socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close())
attempt("local socket", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close())

own = "/var/lib/navette/probe"
attempt("write the state folder", lambda: write(own))
found["mode of a new file"] = oct(os.stat(own).st_mode & 0o777)
attempt("make a file set-user-id", lambda: os.chmod(own, 0o4755))
attempt("become root", lambda: os.setuid(0))
os.unlink(own)
for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
    found[name] = status(name).lstrip("0") or "0"
credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
found["credentials"] = " ".join(sorted(os.listdir(credentials))) if credentials else ""
print(json.dumps(found))
