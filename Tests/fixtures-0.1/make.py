#!/usr/bin/env python3
"""Makes the state folders of version 0.1 that `TakeOverTests` hands to the program under test.

    python3 Tests/fixtures-0.1/make.py --program PATH [SCENE…]

PATH is a program of version 0.1, which is run on every scene of `scenes.py`: in a folder of its own, with a `file` store,
killed in the middle where the scene says so (with strace). What it leaves becomes `SCENE.tar.gz` beside this file: the state
folder and all that lies around it, the configuration (`navette.yaml`, with ROOT for the folder), and `index.json`, which says
where the folder was and which inodes its files had. `unpack.py` lays it out again.

`expected.json` says of each scene what must be true once it is taken over, by `run --once --adopt` on a host of another name:

    about     what the scene is
    exit      the exit status of that run
    records   the records in the objects of a folder, each exactly once
    objects   how many files besides batches lie in a folder: manifests, or what a pull has left
    handover  what the hand-over folder shows, with the SHA-256 of each file
    left      files outside of the state folder that must be there all the same; null: that must not
    drops     how many drops of a feed lie in each place
    batches   how many batches of a stream lie in each place
    told      events that must be told; of `source_gap` and `ledger_rebuilt` no others may be
    verify    the exit status of `verify`
    unmet     why `objects` is not so yet: a fault that is known, and that version 0.1 has itself
    known     the history of drops and batches: how many lines the ledger had of each

The archives are part of the promise that 0.1 made. Once 0.1 is out they are never made anew; a scene may be added, by the
same program.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile

import scenes
from installation import NotThere, Site
from unpack import CONFIG, INDEX, identities

HERE = os.path.dirname(os.path.abspath(__file__))


def play(scene, program, root):
    """Again and again, each time killed one step later, until it leaves what it is about."""
    for attempt in range(1, 1000):
        shutil.rmtree(root, ignore_errors=True)
        site = Site(root, program, attempt)
        try:
            return site, scene(site)
        except NotThere:
            continue
    raise AssertionError(f"{scene.__name__}: never as wanted")


def pack(site, archive, keepsLedger):
    site.remove("site.yaml")
    site.write(CONFIG, site.config)
    # No machine's name leaves it.
    site.write("state/machine.json", '{"machine":"0123456789abcdef0123456789abcdef","schema":1}\n')
    for path in site.found("state/ledger.sqlite*-shm"):
        site.remove(path)
    index = {"root": site.root, "ledger": keepsLedger, "files": identities(site.root)}
    site.write(INDEX, json.dumps(index, sort_keys=True) + "\n")
    tar = ["tar", "-C", site.root, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=pax"]
    tar += ["--pax-option=delete=atime,delete=ctime", "-cf", "-", "."]
    with open(archive, "wb") as file:
        packed = subprocess.run(tar, check=True, capture_output=True).stdout
        file.write(subprocess.run(["gzip", "-9n"], input=packed, check=True, capture_output=True).stdout)


def known(site):
    """Asked when all is packed: a look would leave its traces."""
    lines = {}
    for kind in ["drops", "batches"]:
        for one in json.loads(site.run(kind, "--json"))[kind]:
            lines[one["id"]] = len(json.loads(site.run("show", one["id"], "--json"))["history"])
    return lines


def make(name, program):
    scene = scenes.ALL[name]
    with tempfile.TemporaryDirectory(prefix="navette-0.1-") as folder:
        site, expected = play(scene, program, os.path.join(folder, "site"))
        keepsLedger = expected.pop("ledger", True)
        config = site.config
        pack(site, os.path.join(HERE, f"{name}.tar.gz"), keepsLedger)
        site.write("site.yaml", config.replace("ROOT", site.root))
        lines = known(site) if keepsLedger else expected.pop("known")
    return {"about": " ".join(scene.__doc__.split()), "exit": 0, "verify": 0, **expected, "known": lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("scenes", nargs="*", metavar="SCENE")
    options = parser.parse_args()
    path = os.path.join(HERE, "expected.json")
    expected = {}
    if os.path.exists(path):
        with open(path) as file:
            expected = json.load(file)
    for name in options.scenes or list(scenes.ALL):
        expected[name] = make(name, os.path.abspath(options.program))
        print(f"{name}: {os.path.getsize(os.path.join(HERE, name + '.tar.gz'))} bytes")
    with open(path, "w") as file:
        json.dump({name: expected[name] for name in scenes.ALL if name in expected}, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
