"""The agent as a service in a box, and a Campaign host around it: what the promises act on and look at."""

import json
import pathlib
import re
import time

from box import Box, Outcome

ROOT = pathlib.Path(__file__).parent.parent.parent
HOME = "/srv/campaign"


class Broken(Exception):
    """A promise that was not kept, with what was seen."""


class Site:
    def __init__(self, box: Box, package: pathlib.Path, previous: pathlib.Path, tarball: pathlib.Path) -> None:
        self.box, self.package, self.previous, self.tarball = box, package, previous, tarball
        self.written: dict[str, int] = {}
        # Test images keep packages from starting services; a host does not.
        self.run("rm -f /usr/sbin/policy-rc.d")

    # Commands

    def run(self, command: str, timeout: float = 60) -> Outcome:
        return self.box.run(command, timeout)

    def must(self, command: str, timeout: float = 60) -> str:
        outcome = self.run(command, timeout)
        if outcome.code != 0:
            raise Broken(str(outcome))
        return outcome.out

    def fails(self, command: str) -> str:
        outcome = self.run(command)
        if outcome.code == 0:
            raise Broken(f"this should have failed: {outcome}")
        return outcome.out + outcome.err

    def write(self, path: str, text: str) -> None:
        (self.box.shared / "written").write_text(text)
        self.must(f"install -D -m 644 /box/written '{path}'")

    def eventually(self, what: str, condition, within: float = 20) -> None:
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise Broken(f"after {within} s still not so: {what}\n{self.recent()}")
            time.sleep(0.1)

    def recent(self) -> str:
        return self.run("journalctl --sync; journalctl -n 25 --no-pager -o short-monotonic").out

    # The service

    def show(self, name: str, unit: str = "navette") -> str:
        return self.must(f"systemctl show -p {name} --value {unit}").strip()

    def events(self, event: str, unit: str = "navette.service", **fields: str) -> list[dict]:
        """What the journal holds of one kind of event, found by its identifier."""
        self.run("journalctl --sync")
        match = " ".join(f"{name}={value}" for name, value in fields.items())
        found = self.must(f"journalctl -a -o json _SYSTEMD_UNIT={unit} MESSAGE_ID={message_id(event)} {match}")
        return [json.loads(line) for line in found.splitlines()]

    def journal(self, text: str) -> int:
        """How many lines of the unit hold a text; systemd's own lines about it count."""
        self.run("journalctl --sync")
        return self.must("journalctl -u navette -o cat").count(text)

    def drop_in(self, name: str, text: str) -> None:
        self.write(f"/etc/systemd/system/navette.service.d/{name}.conf", text)
        self.must("systemctl daemon-reload")

    # The host around it

    def make_host(self) -> None:
        """Folders of another account, which the agent's may use through a group; a store in a folder; a web server that refuses."""
        self.must(
            "useradd --system --user-group campaign; usermod -aG campaign navette;"
            f"install -d -o campaign -g campaign -m 2770 {HOME} {HOME}/landing {HOME}/import {HOME}/log {HOME}/second {HOME}/more;"
            "install -d -o navette -g navette -m 750 /srv/navette/shelf;"
            "install -d -m 700 /etc/navette/credentials;"
            "cd /etc/navette/credentials;"
            # Only systemd on this host can read it again.
            "printf KEYFROMSYSTEMD | systemd-creds encrypt --with-key=host --name=key-id - key-id.cred;"
            "printf SECRETFROMSYSTEMD >secret; chmod 600 *"
        )
        self.write("/box-server.py", SERVER)
        self.must("systemd-run --quiet --unit=server --collect python3 /box-server.py")

    def configure(self, feeds: str = "", streams: str = "", more: str = "") -> None:
        self.write("/etc/navette/navette.yaml", SETTINGS.replace("FEEDS", feeds).replace("STREAMS", streams) + more)

    def drop(self, name: str, folder: str = "landing", rows: int = 50) -> str:
        text = "email,segment\n" + "".join(f"p{row}.{name}@example.com,s\n" for row in range(rows))
        (self.box.shared / "drop").write_text(text)
        # Written under another name first, as uploads are.
        self.must(
            f"install -o campaign -g campaign -m 660 /box/drop {HOME}/{folder}/{name}.part"
            f" && mv {HOME}/{folder}/{name}.part {HOME}/{folder}/{name}"
        )
        return text

    def append(self, log: str, rows: int = 20) -> None:
        first = self.written.get(log, 0)
        self.written[log] = first + rows
        lines = "".join(f"{number},x\\n" for number in range(first + 1, first + rows + 1))
        path = f"{HOME}/log/{log}.csv"
        self.must(f"setpriv --reuid=campaign --regid=campaign --clear-groups sh -c 'umask 007; "
                  f"[ -e {path} ] || printf \"id,text\\n\" >{path}; printf \"{lines}\" >>{path}'")

    def sent(self, log: str) -> list[int]:
        """The numbers of a log's records in the store that is a folder, in order."""
        found = self.must(f"find /srv/navette/shelf -path '*/{log}/*.gz' | sort | xargs -r -n 1 gzip -dc")
        return sorted(int(line.split(",")[0]) for line in found.splitlines() if not line.startswith("id,"))

    def all_sent(self, log: str = "opens", within: float = 20) -> None:
        """Each record is there once."""
        wanted = list(range(1, self.written[log] + 1))
        self.eventually(f"{len(wanted)} records are in the store", lambda: len(self.sent(log)) >= len(wanted), within)
        if self.sent(log) != wanted:
            raise Broken(f"records are missing or there twice: {self.sent(log)}")

    def handed_over(self, name: str, text: str, folder: str = "import", within: float = 20) -> None:
        path = f"{HOME}/{folder}/{name}"
        self.eventually(f"{name} is handed over", lambda: self.run(f"test -e {path}").code == 0, within)
        if self.must(f"cat {path}") != text:
            raise Broken(f"{path} is not what was dropped")


def message_id(event: str) -> str:
    catalogue = (ROOT / "systemd" / "navette.catalog").read_text()
    found = re.search(rf"^-- ([0-9a-f]{{32}})\n# {event}$", catalogue, re.MULTILINE)
    if not found:
        raise Broken(f"the catalogue has no {event}")
    return found[1]


def check(is_so: bool, *seen: object) -> None:
    if not is_so:
        raise Broken(" ".join(str(thing) for thing in seen))


SETTINGS = """\
host: box
limits: { min_free: 0 }
stores:
  shelf: { url: "file:///srv/navette/shelf" }
  away:
    url: s3://bucket/prefix
    region: nowhere
    endpoint: http://127.0.0.1:9105
    access_key_id: ${credential:key-id}
    secret_access_key: ${credential:secret}
feeds:
  audiences: { landing: /srv/campaign/landing, handover: /srv/campaign/import, ready: { settle: 200ms } }
FEEDS
streams:
  opens: { logs: [/srv/campaign/log/opens.csv], store: shelf, batch: { max_age: 500ms } }
STREAMS
"""

# Notes who asked and refuses everything.
SERVER = """\
import http.server

class Refuse(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        with open("/run/asked", "a") as file:
            file.write(self.headers.get("Authorization", "") + "\\n")
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    do_GET = do_HEAD = do_PUT

http.server.ThreadingHTTPServer(("127.0.0.1", 9105), Refuse).serve_forever()
"""
