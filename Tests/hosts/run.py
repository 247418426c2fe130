"""Boots an unpacked Debian, installs the package in it, and tries it with real servers, which run outside of it.

    run.py --suite NAME --tree FOLDER --package NEW.deb [--previous OLD.deb] [--keep]

OLD.deb is of version 0.1. Needs the environment of scripts/test-servers. Exit status: 0 all kept, 1 not, 77 no systemd can be booted here.
"""

import argparse
import os
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).parent
for folder in ("systemd", "endurance", "servers"):
    sys.path.insert(0, str(HERE.parent / folder))

import keys  # noqa: E402
import promises  # noqa: E402
import upgrading  # noqa: E402
from box import Box, CannotBoot  # noqa: E402
from campaign import Broken  # noqa: E402
from host import Host  # noqa: E402

# In this order; each goes on where the one before ended.
PROMISES = [
    promises.installs,
    promises.runs_as_installed,
    promises.checks,
    promises.reaches_its_stores,
    promises.sends,
    promises.hands_over,
    promises.fetches,
    promises.reloads,
    promises.outlives_kills,
    promises.verifies,
    promises.tells_no_error,
    promises.refuses_another_server,
    promises.stops,
    keys.logs_in_by_an_rsa_key,
    keys.tells_what_its_ssh_cannot_do,
    upgrading.upgrades,
]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", required=True)
    for name in ("tree", "package"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--previous", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true", help="after a broken promise, wait for Enter before the box goes")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        box = Box(options.tree, own_network=False)
    except CannotBoot as why:
        print(f"test-hosts: {why}", file=sys.stderr)
        return 77
    host = None
    try:
        host = Host(box, options.suite, options.package, options.previous)
        for keep in PROMISES:
            if not kept(keep, host):
                print(f"test-hosts: the last of the journal:\n{host.recent()}", file=sys.stderr)
                if options.keep:
                    input(f"the box is process {box.leader}: nsenter -t {box.leader} -a bash; Enter ends it")
                return 1
    finally:
        if host:
            host.close()
        box.stop()
    print(f"test-hosts: Debian {options.suite}: {host.kept} promises kept in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def kept(promise, host: Host) -> bool:
    started = time.monotonic()
    try:
        why_not = promise(host)
    except Broken as broken:
        print(f"BROKEN  {host.suite}: {promise.__doc__}\n{broken}", file=sys.stderr)
        return False
    except Exception:
        print(f"BROKEN  {host.suite}: {promise.__doc__}\n{traceback.format_exc()}", file=sys.stderr)
        return False
    if why_not:
        print(f"NOT TRIED  {host.suite}: {promise.__doc__}: {why_not}", flush=True)
    else:
        host.kept += 1
        print(f"kept    {host.suite}: {promise.__doc__} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


if __name__ == "__main__":
    # The stores below make folders that the agent's account walks through.
    os.umask(0o022)
    sys.exit(main())
