"""Boots a systemd, installs the package in it, and tries what package and service promise.

    run.py --package NEW.deb --previous OLD.deb --tarball NEW.tar.gz --shims FOLDER [--keep]

FOLDER holds narrow.so and hang.so. The program is the packaged one throughout. Exit status: 0 all kept, 1 not, 77 no systemd can be booted here.
"""

import argparse
import pathlib
import shutil
import sys
import time
import traceback

import installing
import mounting
import operating
from box import Box, CannotBoot
from campaign import Broken, Site

# In this order; each goes on where the one before ended.
PROMISES = [
    installing.installs,
    operating.starts_as_installed,
    operating.refuses_ground_that_is_shut,
    operating.starts_with_its_drop_in,
    operating.is_ready_without_a_store,
    operating.carries_and_tells,
    operating.waits_for_uploads,
    mounting.sees_what_goes_and_comes,
    mounting.binds_itself_to_mounts,
    operating.keeps_its_sandbox,
    operating.reloads,
    operating.refuses,
    operating.reopens,
    operating.runs_further_agents,
    operating.restarts,
    operating.tells_how_it_ended,
    operating.tells_at_any_length,
    operating.hangs,
    operating.starts_without_journal,
    installing.upgrades,
    operating.stops,
    installing.installs_again,
    installing.purges,
    installing.unpacks,
]


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("package", "previous", "tarball", "shims"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true", help="after a broken promise, wait for Enter before the box goes")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        box = Box()
    except CannotBoot as why:
        print(f"test-systemd: {why}", file=sys.stderr)
        return 77
    try:
        shutil.copytree(options.shims, box.shared / "shims")
        site = Site(box, options.package, options.previous, options.tarball)
        version = site.must("systemctl --version").split()[1]
        for keep in PROMISES:
            if not kept(keep, site):
                print(f"test-systemd: the last of the journal:\n{site.recent()}", file=sys.stderr)
                if options.keep:
                    input(f"the box is process {box.leader}: nsenter -t {box.leader} -a bash; Enter ends it")
                return 1
    finally:
        box.stop()
    print(f"test-systemd: {len(PROMISES)} promises kept under systemd {version} in {time.monotonic() - started:.0f} s")
    return 0


def kept(promise, site: Site) -> bool:
    started = time.monotonic()
    try:
        promise(site)
    except Broken as broken:
        print(f"BROKEN  {promise.__doc__}\n{broken}", file=sys.stderr)
        return False
    except Exception:
        print(f"BROKEN  {promise.__doc__}\n{traceback.format_exc()}", file=sys.stderr)
        return False
    print(f"kept    {promise.__doc__} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


sys.exit(main())
