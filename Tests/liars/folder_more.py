"""More of what can happen to a folder: parts that are left, disks above it, what comes and goes, what is too deep or too much."""

import os
import subprocess

from case import GOOD
from folder_place import FIRST, SECOND, STORE, at_keys, busy, clear, in_drops, standing, write
from lies import lie

# Where a batch is written before it has its name


def at_parts(make):
    """The parts stay where they are: whoever comes next takes them away, or waits."""
    def all_of(home):
        for path in at_keys(lambda path: None)(home):
            part = f"{os.path.dirname(path)}/.{os.path.basename(path)}.part"
            if not os.path.lexists(part):
                make(part)
        return []
    return all_of


def beyond(path):
    os.symlink(f"{path}-must-not-be-written", path)


standing("part-left", at_parts(write), told=None)
standing("part-fifo", at_parts(os.mkfifo), told=None)
standing("part-link", at_parts(beyond), told=None)


def part_of_folder(home):
    at_parts(os.mkdir)(home)
    return [f"{home}/out/.{os.path.basename(key)}.part" for key in (FIRST, SECOND)]


standing("part-folder", part_of_folder, told=None)


def part_written(place, ready):
    """As by another agent, which never comes to an end."""
    os.makedirs(f"{place.home}/out", exist_ok=True)
    files = [open(f"{place.home}/out/.{os.path.basename(key)}.part", "wb") for key in (FIRST, SECOND)]
    ready.set()
    place.stop.wait()
    for file in files:
        file.close()


lie("part-written", STORE)(part_written)

# Another disk, or none


def above(place, ready):
    """A disk is mounted over the folder that was used."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", place.home], capture_output=True, check=False).returncode == 0
    place.mounted = mounted
    ready.set()
    place.stop.wait()
    if mounted:
        subprocess.run(["umount", "-l", place.home], check=True)
        place.mounted = False


lie("disk-above", STORE, later=True)(above)


def no_inodes(place, ready):
    subprocess.run(["mount", "-o", "remount,nr_inodes=60", place.home], check=True)
    made = []
    try:
        while len(made) < 1000:
            write(f"{place.home}/.filler{len(made)}")
            made.append(f"{place.home}/.filler{len(made)}")
    except OSError:
        pass
    ready.set()
    place.stop.wait()
    for path in made:
        clear(path)


lie("no-inodes", STORE, disk=True)(no_inodes)


def comes_and_goes(what):
    def step(home, count):
        path, away = f"{home}/{what}".rstrip("/"), f"{home.rstrip('/')}.away"
        try:
            if os.path.isdir(away):
                # What was made meanwhile lies there as well.
                for name in os.listdir(path) if os.path.isdir(path) else []:
                    os.rename(f"{path}/{name}", f"{away}/{name}")
                if os.path.isdir(path):
                    os.rmdir(path)
                os.rename(away, path)
            elif count >= 0:
                os.rename(path, away)
        except OSError:
            pass
    return step


lie("out-comes-and-goes", STORE, told=None, later=True)(busy(comes_and_goes("out"), 0.02))
lie("store-comes-and-goes", STORE, told=None, later=True)(busy(comes_and_goes(""), 0.05))

# To be fetched


def deep(path):
    """Deeper than a path can tell."""
    here = os.getcwd()
    os.mkdir(path)
    os.chdir(path)
    try:
        for _ in range(60):
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
        write("deep.csv", GOOD)
    finally:
        os.chdir(here)


def wide(path):
    os.mkdir(path)
    for n in range(20_000):
        write(f"{path}/.h{n}", b"")


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(40 << 30)


def aged(when):
    def make(path):
        write(path, GOOD)
        os.utime(path, (when, when))
    return make


standing("drop-deep", in_drops("deep", deep), told=None)
standing("drops-many-hidden", in_drops("wide", wide), told=None, busy=True)
# Copied byte for byte, so only for those who ask for it by name.
standing("drop-40GiB", in_drops("odd.csv", sparse), told=None, busy=True, costly=True)
for name, when in (("future", 32503680000), ("1970", 0), ("before-1970", -86400 * 365)):
    standing(f"drop-time-{name}", in_drops("odd.csv", aged(when)), told=None, extra=True)


def good(change):
    """What is waited for itself; at the end it is whole."""
    def step(home, count):
        path = f"{home}/drops/good.csv"
        if count < 0:
            write(f"{home}/.whole", GOOD)
            os.rename(f"{home}/.whole", path)
        else:
            change(path, count)
    return step


def grow(path, count):
    with open(path, "ab") as file:
        file.write(b"9,more\n")


lie("good-grows", STORE, told=None, extra=True)(busy(good(grow), 0.004))
lie("good-shrinks", STORE, told=None, extra=True)(busy(good(lambda path, count: os.truncate(path, 5 + count * 7 % 40)), 0.004))
lie("good-vanishes", STORE, told=None, extra=True)(busy(good(lambda path, count: clear(path) if count % 2 else write(path, GOOD)), 0.02))
