"""A folder as a store: it has no server that could lie, so its files change underfoot, or are no files.

A lie is told by a thread: it makes the trouble, waits for `stop`, and puts everything right again.
"""

import os
import shutil
import socket
import subprocess
import threading

from lies import lie

STORE = ("file",)
FIRST = "out/liars_out_000001.csv.gz"
SECOND = "out/liars_out_000002.csv.gz"


class FolderPlace:
    quiet = busy = 12

    def __init__(self, root, lie):
        self.home, self.root, self.teller, self.stop = f"{root}/store", root, None, None
        os.makedirs(f"{self.home}/drops")
        self.mounted = False
        if lie.disk:
            options = ["-o", "size=2m,mode=755", "none", self.home]
            self.mounted = subprocess.run(["mount", "-t", "tmpfs", *options], capture_output=True, check=False).returncode == 0
            if not self.mounted:
                raise Skipped("a small disk cannot be mounted here")
            os.makedirs(f"{self.home}/drops")

    def settings(self):
        return {"url": f"file://{self.home}"}

    def tell(self, lie):
        if self.teller:
            self.stop.set()
            self.teller.join()
            self.teller = None
        if lie:
            self.stop, ready = threading.Event(), threading.Event()
            self.teller = threading.Thread(target=lie.tell, args=[self, ready])
            self.teller.start()
            ready.wait(10)

    def put_good(self, data, key="drops/good.csv"):
        with open(f"{self.home}/.laying.part", "wb") as file:
            file.write(data)
        os.rename(f"{self.home}/.laying.part", f"{self.home}/{key}")

    def batches(self):
        found = {}
        for name in (FIRST, SECOND, "out/liars_out_000003.csv.gz"):
            path = f"{self.home}/{name}"
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[name] = file.read()
        return found

    def overwritten(self):
        return []

    def asked(self):
        return 0

    def most_asked(self):
        return []

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.home], check=False)


class Skipped(Exception):
    pass


def clear(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def standing(name, make, **traits):
    """What is made once, and taken away at the end."""
    def tell(place, ready):
        paths = make(place.home)
        ready.set()
        place.stop.wait()
        for path in paths:
            clear(path)
    lie(name, STORE, **traits)(tell)


def at_keys(make):
    """At the keys that the next batches get."""
    def all_of(home):
        os.makedirs(f"{home}/out", exist_ok=True)
        paths = [f"{home}/{key}" for key in (FIRST, SECOND) if not os.path.lexists(f"{home}/{key}")]
        for path in paths:
            make(path)
        return paths
    return all_of


def write(path, data=b"something else"):
    with open(path, "wb") as file:
        file.write(data)


def bind(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


KINDS = {"taken": write, "folder": os.mkdir, "fifo": os.mkfifo, "dangling": lambda path: os.symlink("/nonexistent/a", path),
         "link": lambda path: os.symlink("/etc/hostname", path), "loop": lambda path: os.symlink(os.path.basename(path), path), "socket": bind,
         "empty": lambda path: write(path, b"")}
for kind, make in KINDS.items():
    standing(f"key-{kind}", at_keys(make), held=True)


def in_drops(name, make):
    def one(home):
        path = f"{home}/drops/{name}"
        make(path)
        return [path]
    return one


standing("drop-fifo", in_drops("odd.csv", os.mkfifo), told=None)
standing("drop-socket", in_drops("odd.csv", lambda path: bind(path) if len(path) < 100 else os.mkfifo(path)), told=None)
standing("drop-link-out", in_drops("odd.csv", lambda path: os.symlink("/etc/passwd", path)), told=None)
standing("drop-dangling", in_drops("odd.csv", lambda path: os.symlink("/nonexistent/a", path)), told=None)
standing("drop-folder", in_drops("odd.csv", os.mkdir), told=None)
standing("drop-device", in_drops("odd.csv", lambda path: os.symlink("/dev/zero", path)), told=None)
standing("tree-loop", in_drops("loop", lambda path: os.symlink("..", path)), told=None)
for name, key in (("lines", "a\nb.csv"), ("long", "k" * 251 + ".csv"), ("dash", "-rf.csv"), ("control", "a\x1b[31m.csv"), ("bytes", "\udcff\udcfe.csv")):
    standing(f"drop-name-{name}", in_drops(key, lambda path: write(path, b"")), told=None, extra=True)


def moved(what):
    def tell(place, ready):
        path = f"{place.home}/{what}".rstrip("/")
        there = os.path.lexists(path)
        if there:
            os.rename(path, f"{place.root}/away")
        ready.set()
        place.stop.wait()
        if there:
            clear(path)
            os.rename(f"{place.root}/away", path)
    return tell


lie("store-gone", STORE, later=True)(moved(""))
lie("drops-gone", STORE, told=None, later=True)(moved("drops"))


def is_file(what):
    def tell(place, ready):
        path = f"{place.home}/{what}".rstrip("/")
        there = os.path.lexists(path)
        if there:
            os.rename(path, f"{place.root}/away")
        write(path)
        ready.set()
        place.stop.wait()
        clear(path)
        if there:
            os.rename(f"{place.root}/away", path)
    return tell


lie("store-is-file", STORE, later=True)(is_file(""))
lie("store-becomes-file", STORE, running=True)(is_file(""))
lie("store-goes", STORE, running=True)(moved(""))
lie("out-is-file", STORE, held=True)(is_file("out"))
lie("drops-is-file", STORE, told=None)(is_file("drops"))


def busy(step, pause=0.03, **traits):
    def tell(place, ready):
        count = 0
        while not place.stop.is_set():
            step(place.home, count)
            count += 1
            ready.set()
            place.stop.wait(pause)
        step(place.home, -1)
    return tell


# `good.csv` is what the case waits for; `odd.csv` must never be handed over, for it is never at rest.

def grows(home, count):
    if count < 0:
        return clear(f"{home}/drops/odd.csv")
    with open(f"{home}/drops/odd.csv", "ab") as file:
        file.write(b"id,email\n" if count == 0 else b"%d,a\n" % count)
    return None


def shrinks(home, count):
    if count < 0:
        return clear(f"{home}/drops/odd.csv")
    if count % 50 == 0:
        return write(f"{home}/drops/odd.csv", b"id,email\n" + b"1,a\n" * 500_000)
    os.truncate(f"{home}/drops/odd.csv", 2_000_000 - 30_000 * (count % 50))
    return None


def vanishes(home, count):
    if count % 2 or count < 0:
        return clear(f"{home}/drops/odd.csv")
    return write(f"{home}/drops/odd.csv", b"id,email\n1,a\n")


def folder_or_not(home, count):
    clear(f"{home}/drops/odd.csv")
    if count >= 0:
        (os.mkdir if count % 2 else os.mkfifo)(f"{home}/drops/odd.csv")


lie("drop-grows", STORE, told=None)(busy(grows))
lie("drop-shrinks", STORE, told=None)(busy(shrinks))
lie("drop-vanishes", STORE, told=None, extra=True)(busy(vanishes))
lie("drop-changes-kind", STORE, told=None)(busy(folder_or_not))


def full(place, ready):
    free = os.statvfs(place.home)
    write(f"{place.home}/filler", b"x" * (free.f_bavail * free.f_frsize))
    ready.set()
    place.stop.wait()
    clear(f"{place.home}/filler")


def read_only(place, ready):
    subprocess.run(["mount", "-o", "remount,ro", place.home], check=True)
    ready.set()
    place.stop.wait()
    subprocess.run(["mount", "-o", "remount,rw", place.home], check=True)


lie("full", STORE, disk=True)(full)
lie("read-only", STORE, disk=True)(read_only)
lie("becomes-read-only", STORE, disk=True, running=True)(read_only)
lie("becomes-full", STORE, disk=True, running=True)(full)
