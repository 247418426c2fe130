"""What the package promises: installed, upgraded, removed, purged."""

import pathlib

from campaign import ROOT, Site, check


def install(site: Site, package: pathlib.Path) -> str:
    (site.box.shared / "navette.deb").write_bytes(package.read_bytes())
    return site.must("dpkg --install /box/navette.deb 2>&1", timeout=120)


def has_files(found: list[str], *besides: str) -> None:
    """
    besides: those that are not expected.
    """
    # Pages are added to the documentation without further ado.
    found = sorted(path for path in found if not path.startswith("/usr/share/doc/navette/"))
    wanted = (pathlib.Path(__file__).parent / "files.txt").read_text().split()
    wanted += [f"/usr/share/man/man{page.name[-1]}/{page.name}.gz" for page in (ROOT / "docs" / "man").glob("*.[15]")]
    wanted = sorted(set(wanted) - set(besides))
    check(found == wanted, "differ:", sorted(set(found) ^ set(wanted)))


def installs(site: Site) -> None:
    """The package installs; its files are where they should be, and no others"""
    install(site, site.previous)
    found = site.must('dpkg -L navette | while read -r path; do [ -d "$path" ] || echo "$path"; done').split()
    has_files([path.replace("/usr/share/navette/", "/etc/navette/") for path in found])
    check(site.must("stat -c '%a %U %G' /etc/navette").strip() == "750 root navette", site.run("ls -ld /etc/navette"))
    # No file of dpkg's: no upgrade asks about it.
    check(site.must("dpkg-query -W -f '${Conffiles}' navette").strip() == "")
    site.must("cmp /usr/share/navette/navette.yaml /etc/navette/navette.yaml")
    check("navette.1" in site.must("man -w navette"))
    site.must("bash -c '. /usr/share/bash-completion/completions/navette && complete -p navette'")


def upgrades(site: Site) -> None:
    """An upgrade goes on with configuration, state and history, those of further agents too"""
    site.must("cp /etc/navette/navette.yaml /box/before.yaml")
    before = site.must("navette drops --json; navette batches --json")
    agents = [site.show("MainPID", unit) for unit in ("navette", "navette@second")]
    # While the package is taken in, work arrives.
    site.append("opens")
    said = install(site, site.package)
    check("conf" not in said.replace("conf.d", ""), "it asked about the configuration:", said)
    site.must("cmp /etc/navette/navette.yaml /box/before.yaml")
    for unit, agent in zip(("navette", "navette@second"), agents):
        check(site.show("SubState", unit) == "running" and site.show("MainPID", unit) != agent, site.run(f"systemctl status {unit}"))
    text = site.drop("upgraded.csv")
    site.handed_over("upgraded.csv", text)
    site.all_sent(within=60)
    after = site.must("navette drops --json; navette batches --json")
    for name in ("one.csv", "opens-000001"):
        check(name in before and name in after, after)
    verified = site.must("CREDENTIALS_DIRECTORY=/run/credentials/navette.service navette verify opens")
    check(verified.strip().endswith("no difference"))


def installs_again(site: Site) -> None:
    """Removed, the program is gone and everything else stays; installed again, it goes on"""
    site.must("systemctl stop navette@second")
    site.must("dpkg --remove navette 2>&1")
    check(site.run("command -v navette; ls /usr/lib/systemd/system/navette.service").code != 0)
    check(site.run("pgrep -x navette").code != 0, "it still runs")
    site.must("test -e /etc/navette/navette.yaml -a -e /var/lib/navette/ledger.sqlite && id navette")
    check("navette" not in site.must("journalctl --list-catalog"), "the catalogue still explains its events")
    install(site, site.package)
    check(site.show("SubState") == "running" and site.show("UnitFileState") == "enabled", site.run("systemctl status navette"))
    text = site.drop("again.csv")
    site.handed_over("again.csv", text)


def purges(site: Site) -> None:
    """Purged, nothing is left but the account, what an operator made, and what was not delivered, which is told"""
    # A batch that waits for its store.
    said = site.must("dpkg --purge navette 2>&1")
    check("/var/lib/navette is left: it holds" in said, said)
    site.must("test -d /var/lib/navette/streams/sends/ready")
    site.fails("test -e /var/lib/navette-second")
    install(site, site.package)
    site.must("systemctl stop navette; rm -r /var/lib/navette/streams/sends /etc/navette/credentials /etc/navette/second /etc/navette/reopen.d/app")
    said = site.must("dpkg --purge navette 2>&1")
    check("is left" not in said, said)
    places = "/etc /usr /var/lib /run -xdev"
    left = site.must(f"find {places} -name '*navette*' -not -path '/var/lib/dpkg/*' -not -path '*/man/*' | sort").split()
    # The operator's drop-ins; and the overlay's own folders.
    left = [path for path in left if not path.startswith(("/etc/systemd/system/navette.service.d", "/run/navette-root"))]
    check(left == [], left)
    site.must("id navette")


def unpacks(site: Site) -> None:
    """Where no package is, the tarball's script installs the same files, upgrades a service that runs, and takes them away again"""
    # As on a host that has never had it; of the operator's drop-ins nothing fits any more.
    site.must("userdel navette; rm -rf /etc/navette /var/lib/navette* /etc/systemd/system/navette.service.d; systemctl daemon-reload")
    (site.box.shared / "navette.tar.gz").write_bytes(site.tarball.read_bytes())
    # Unpacked by anybody, in a place where only he may look.
    site.must("umask 077; mkdir /tmp/taken; tar -xzf /box/navette.tar.gz -C /tmp/taken --strip-components=1; chown -R games /tmp/taken")
    site.must("touch /before")
    said = site.must("umask 077; /tmp/taken/install 2>&1")
    check("systemctl enable --now navette" in said, said)
    # Not the catalogue's and manual's indices.
    found = site.must("find /usr /etc/navette -newer /before -type f -path '*navette*'").split()
    has_files(found, "/usr/share/lintian/overrides/navette")
    check(site.must(f"stat -c '%U %G' {' '.join(found)} | sort -u").strip() == "root root", site.run(f"ls -l {' '.join(found)}"))
    site.must("setpriv --reuid=games --regid=games --clear-groups cat /usr/share/doc/navette/operations.md /usr/lib/systemd/system/navette.service >/dev/null")
    site.must("systemctl enable --now navette")
    check("no feeds are configured" in site.show("StatusText"), site.show("StatusText"))
    check(site.must("stat -c '%a %U %G' /etc/navette").strip() == "750 root navette", site.run("ls -ld /etc/navette"))
    check("navette" in site.must("journalctl --list-catalog"), "the catalogue does not explain its events")

    before = site.show("MainPID")
    site.must("echo '# mine' >>/etc/navette/navette.yaml")
    said = site.must("/tmp/taken/install 2>&1")
    check(site.show("MainPID") != before and site.show("SubState") == "running", said, site.recent())
    site.must("grep -q '# mine' /etc/navette/navette.yaml")

    site.must("/tmp/taken/install --remove 2>&1")
    site.must("! pgrep -x navette && ! find /usr -newer /before -path '*navette*' | grep .")
    site.must("test -e /etc/navette/navette.yaml && test -d /var/lib/navette && id navette")
    site.fails("/tmp/taken/install --everything")
