"""Boots a small Debian 11, and tries with rpm what the package for RHEL promises.

    redhat.py --tree ROOT --package NEW.rpm --previous OLD.rpm

Exit status: 0 all kept, 1 not, 77 no systemd can be booted here. dnf, SELinux and Red Hat's own systemd are not tried.
"""

import argparse
import pathlib
import sys
import time
import traceback

from box import Box, CannotBoot
from campaign import Broken, Site, check
from installing import has_files


def rpm(site: Site, words: str) -> str:
    # The root knows its libraries by Debian's packages, not by rpm's.
    return site.must(f"rpm --nodeps {words} 2>&1", timeout=120)


def files(site: Site) -> list[str]:
    found = site.must('rpm -ql navette | while read -r path; do [ -d "$path" ] || echo "$path"; done').split()
    # Each distribution's zsh has a folder of its own.
    found = [path.replace("/zsh/site-functions/", "/zsh/vendor-completions/") for path in found]
    return [path for path in found if path != "/usr/share/licenses/navette/LICENSE"]


def installs(site: Site) -> None:
    """The package installs; its files are those of the other packages, and it is left to the operator to start it"""
    # As Red Hat has it.
    site.write("/etc/systemd/system-preset/99-default-disable.preset", "disable *\n")
    rpm(site, "--install /box/previous.rpm")
    has_files(files(site), "/usr/share/lintian/overrides/navette")
    rpm(site, "--verify navette")
    for path, wanted in (("/etc/navette", "750 root navette"), ("/etc/navette/conf.d", "750 root navette"), ("/etc/navette/reopen.d", "755 root root")):
        check(site.must(f"stat -c '%a %U %G' {path}").strip() == wanted, site.run(f"ls -ld {path}"))
    check(site.show("UnitFileState") == "disabled" and site.show("ActiveState") == "inactive", site.run("systemctl status navette"))
    check("/sbin/nologin" in site.must("getent passwd navette"), site.run("getent passwd navette"))
    check("navette" in site.must("journalctl --list-catalog"), "the catalogue does not explain its events")


def starts(site: Site) -> None:
    """Enabled, it runs with nothing configured, and reloads"""
    site.must("systemctl enable --now navette 2>&1")
    check("no feeds are configured" in site.show("StatusText"), site.show("StatusText"))
    site.must("systemctl reload navette")
    site.write("/etc/navette/second/navette.yaml", "state: /var/lib/navette-second\n")
    site.must("systemctl start navette@second")


def upgrades(site: Site) -> None:
    """An upgrade keeps configuration and state, and all agents go on with the new program"""
    site.must("echo '# mine' >>/etc/navette/navette.yaml && ls -i /var/lib/navette/ledger.sqlite >/box/ledger")
    agents = [site.show("MainPID", unit) for unit in ("navette", "navette@second")]
    rpm(site, "--upgrade /box/package.rpm")
    for unit, agent in zip(("navette", "navette@second"), agents):
        check(site.show("SubState", unit) == "running" and site.show("MainPID", unit) != agent, site.run(f"systemctl status {unit}"))
    check(site.show("UnitFileState") == "enabled", site.show("UnitFileState"))
    site.must("grep -q '# mine' /etc/navette/navette.yaml && ls -i /var/lib/navette/ledger.sqlite | cmp - /box/ledger")
    left = site.must("ls /etc/navette").split()
    check(not [name for name in left if ".rpm" in name], left)


def removes(site: Site) -> None:
    """Removed, the program is gone and nothing of it runs; configuration, state and account stay, and a later installation goes on"""
    rpm(site, "--erase navette")
    for unit in ("navette", "navette@second"):
        check(site.show("ActiveState", unit) == "inactive", site.run(f"systemctl status {unit}"))
    gone = site.must("find /usr /etc/systemd -xdev -name '*navette*' -not -path '*/system-preset/*'").split()
    check(gone == [], gone)
    check("navette" not in site.must("journalctl --list-catalog"), "the catalogue still explains its events")
    site.must("test -e /var/lib/navette/ledger.sqlite -a -e /etc/navette/second/navette.yaml && id navette && grep -q '# mine' /etc/navette/navette.yaml.rpmsave")
    rpm(site, "--install /box/package.rpm")
    site.must("mv /etc/navette/navette.yaml.rpmsave /etc/navette/navette.yaml && systemctl enable --now navette 2>&1")
    site.must("ls -i /var/lib/navette/ledger.sqlite | cmp - /box/ledger")


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("tree", "package", "previous"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    options = parser.parse_args()
    started = time.monotonic()
    try:
        box = Box(options.tree)
    except CannotBoot as why:
        print(f"test-rpm: {why}", file=sys.stderr)
        return 77
    try:
        for name in ("package", "previous"):
            (box.shared / f"{name}.rpm").write_bytes(getattr(options, name).read_bytes())
        site = Site(box, options.package, options.previous, options.package)
        # In this order; each goes on where the one before ended.
        for promise in (installs, starts, upgrades, removes):
            try:
                promise(site)
            except Broken as broken:
                print(f"BROKEN  {promise.__doc__}\n{broken}\n{site.recent()}", file=sys.stderr)
                return 1
            except Exception:
                print(f"BROKEN  {promise.__doc__}\n{traceback.format_exc()}\n{site.recent()}", file=sys.stderr)
                return 1
            print(f"kept    {promise.__doc__}")
    finally:
        box.stop()
    print(f"test-rpm: 4 promises kept in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
