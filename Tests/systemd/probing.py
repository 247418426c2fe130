"""What must come of each attempt in probe.py, which runs as the unit itself would: its file, with another program."""

import json
import pathlib

from campaign import HOME, Site

# Open to everybody by their modes.
FOLDERS = ["/srv/open", "/etc/open", "/usr/open", "/var/open", "/var/log/open", "/opt/open", "/boot/open"]

NO = ("EPERM",)
FORBIDDEN = {f"write {folder}": ("EROFS",) for folder in FOLDERS} | {
    "read /home": ("EACCES", "ENOENT"),
    "in /tmp": ("",),
    "in /dev": ("",),
    "see process 1": ("ENOENT",),
    "read /proc/sys": ("ENOENT",),
    "write /sys": ("EROFS",),
    "write a control group": ("EROFS", "EACCES", "ENOENT"),
    "read the kernel's log": NO,
    "set the clock": NO,
    "set the host's name": NO,
    "mount": NO,
    "make a user name space": NO,
    "run in real time": NO,
    "change the personality": NO,
    "be traced": NO,
    "change its priority": NO,
    "make memory that is written and run": NO,
    "packet socket": ("EAFNOSUPPORT",),
    "virtual machine socket": ("EAFNOSUPPORT",),
    "crypto socket": ("EAFNOSUPPORT",),
    "make a file set-user-id": NO,
    "become root": NO,
    # CAP_LEASE, and nothing else.
    "CapEff": ("10000000",),
    "CapPrm": ("10000000",),
    "CapBnd": ("10000000",),
    "CapAmb": ("10000000",),
    "NoNewPrivs": ("1",),
    "Seccomp": ("2",),
}
ALLOWED = {
    f"write {HOME}/landing": ("done",),
    f"write {HOME}/import": ("done",),
    f"write {HOME}/log": ("done",),
    "write the state folder": ("done",),
    "internet socket": ("done",),
    "local socket": ("done",),
    "mode of a new file": ("0o640",),
    "credentials": ("key-id secret",),
}


def probe_unit(site: Site) -> dict[str, str]:
    site.must("install -d -m 777 " + " ".join(FOLDERS) + "; touch /tmp/outside /dev/outside")
    (site.box.shared / "probe.py").write_text((pathlib.Path(__file__).parent / "probe.py").read_text())
    folders = " ".join(FOLDERS + [f"{HOME}/{name}" for name in ("landing", "import", "log")])
    unit = site.must("cat /usr/lib/systemd/system/navette.service")
    lines = [line for line in unit.splitlines() if not line.startswith(("Exec", "Type=", "Restart", "Watchdog", "#"))]
    lines.insert(lines.index("[Service]") + 1, f"Type=oneshot\nExecStart=/usr/bin/python3 /box/probe.py {folders}")
    site.write("/run/systemd/system/probe.service", "\n".join(lines) + "\n")
    site.must("cp -R /etc/systemd/system/navette.service.d /run/systemd/system/probe.service.d; systemctl daemon-reload")
    # It shares folders with the service, which systemd would take away with it.
    site.must("systemctl stop navette; systemctl start probe; systemctl start navette")
    site.run("journalctl --sync")
    site.must(f"rm -f {HOME}/*/probe")
    return json.loads(site.must("journalctl -u probe -o cat -t python3").splitlines()[-1])
