"""Lays out a fixture: `python3 unpack.py ARCHIVE FOLDER`.

A state folder knows logs and landed files by inode, birth and ctime, and holds absolute paths. The host of an upgrade keeps all of
these; an archive cannot. So the memory of version 0.1 is told the new ones, in its own format, before any program sees it.
"""

import glob
import json
import os
import sqlite3
import subprocess
import sys

INDEX = "index.json"
CONFIG = "navette.yaml"
PLANS = ["feeds/*/*/*/drop.json", "streams/*/*/*/batch.json", "streams/*/start.json", "stores/*.json"]


def identities(root):
    """Of each file its inode, birth and ctime in nanoseconds since 1970; the birth is None where the file system does not tell."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    told = subprocess.run(["stat", "-c", "%i %.9W %.9Z", *paths], check=True, capture_output=True, text=True)
    found = {}
    for path, line in zip(paths, told.stdout.splitlines()):
        inode, birth, changed = line.replace(".", "").split()
        birth = int(birth) if birth.isdigit() and int(birth) else None
        found[os.path.relpath(path, root)] = (int(inode), birth, int(changed))
    return found


class Renewal:
    """What is said of a file that was packed, as it must be said of the one that was unpacked."""

    def __init__(self, old, new):
        self.files = {old[name][0]: (tuple(old[name]), new[name]) for name in old}

    def inode(self, inode, birth=None):
        old, new = self.files.get(inode, ((), ()))
        return new[0] if old and birth in (None, old[1]) else inode

    def birth(self, inode, birth):
        old, new = self.files.get(inode, ((), ()))
        return new[1] if old and birth == old[1] else birth

    def changed(self, inode, changed):
        old, new = self.files.get(inode, ((), ()))
        return new[2] if old and changed == old[2] else changed

    def plan(self, value):
        """In place, at any depth."""
        for item in value if isinstance(value, list) else value.values():
            if isinstance(item, (dict, list)):
                self.plan(item)
        if isinstance(value, dict) and "inode" in value:
            inode, birth = value["inode"], value.get("birth")
            value["inode"] = self.inode(inode, birth)
            if birth is not None:
                value["birth"] = self.birth(inode, birth)
            if "changed" in value:
                value["changed"] = self.changed(inode, value["changed"])
        if isinstance(value, dict) and "stagedInode" in value:
            value["stagedInode"] = self.inode(value["stagedInode"])


def rewrite(path, change):
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(change(text))


def renewed_plan(text, renewal):
    plan = json.loads(text)
    renewal.plan(plan)
    # Where a store lay in its file system is another place on each host.
    plan.pop("home", None)
    return json.dumps(plan, separators=(",", ":"), sort_keys=True) + "\n"


def renew_ledger(path, renewal, old_root, root):
    ledger = sqlite3.connect(path)
    ledger.create_function("new_inode", 2, renewal.inode)
    ledger.create_function("new_birth", 2, renewal.birth)
    tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        for _, column, kind, *_ in ledger.execute(f"PRAGMA table_info({table})").fetchall():
            if kind == "TEXT":
                ledger.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE instr({column}, ?)",
                    (old_root, root, old_root))
    ledger.execute("UPDATE sources SET inode = new_inode(inode, birth), birth = new_birth(inode, birth)")
    ledger.execute("UPDATE pulled SET inode = new_inode(inode, NULL)")
    ledger.commit()
    ledger.close()


def unpack(archive, root):
    subprocess.run(["tar", "-C", root, "-xzpf", archive, "--no-same-owner"], check=True)
    index = os.path.join(root, INDEX)
    with open(index) as file:
        packed = json.load(file)
    os.remove(index)
    rewrite(os.path.join(root, CONFIG), lambda text: text.replace("ROOT", root))
    renewal = Renewal(packed["files"], identities(root))
    state = os.path.join(root, "state")
    for pattern in PLANS:
        for path in glob.glob(os.path.join(state, pattern)):
            rewrite(path, lambda text: renewed_plan(text, renewal).replace(packed["root"], root))
    # What is not sent of it must be, to the byte, what its plan says.
    for path in glob.glob(os.path.join(state, "streams/*/*/*/manifest.json")):
        rewrite(path, lambda text: text.replace(packed["root"], root))
    ledger = os.path.join(state, "ledger.sqlite")
    if os.path.exists(ledger) and packed["ledger"]:
        renew_ledger(ledger, renewal, packed["root"], root)


if __name__ == "__main__":
    unpack(*sys.argv[1:])
