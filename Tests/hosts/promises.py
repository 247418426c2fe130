"""What the package promises on each of its hosts, with real servers."""

import json
import os
import time

from campaign import HOME, Broken, check
from host import STREAMS, WRONG, Host

ASTRAY = f"  astray: {{ logs: [{HOME}/log/astray.csv], store: wrong, batch: {{ max_age: 500ms }} }}\n"


def installs(host: Host) -> None:
    """The package installs with what apt finds for it"""
    (host.box.shared / "navette.deb").write_bytes(host.package.read_bytes())
    host.must("apt-get install -y --no-install-recommends /box/navette.deb 2>&1", timeout=180)
    check(host.must("dpkg --audit") == "")
    print_versions(host)


def print_versions(host: Host) -> None:
    query = "dpkg-query -W -f '${Package} ${Version}, ' 'systemd' 'libc6' 'libcurl4*' 'libsqlite3-0' 'libssh2-1*' 'libssl[13]*' 2>/dev/null"
    found = [part for part in host.run(query).out.split(", ") if len(part.split()) == 2]
    kernel = host.must("uname -r").strip()
    ssh = "libgcrypt" if host.old_ssh else "OpenSSL"
    print(f"test-hosts: Debian {host.suite}: {', '.join(found)}; its libssh2 stands on {ssh};", flush=True)
    print(f"test-hosts: the kernel is this machine's, {kernel}, not the suite's", flush=True)


def runs_as_installed(host: Host) -> None:
    """As installed the service runs, is enabled, and tells what it stands on; this systemd takes or passes over each line of its unit"""
    check(host.show("ActiveState") == "active" and host.show("UnitFileState") == "enabled", host.run("systemctl status navette"))
    started = host.events("agent_started")[-1]["MESSAGE"]
    check("nothing is configured" in started, started)
    print(f"test-hosts: Debian {host.suite}: {started}", flush=True)
    for name, package in (("libcurl ", "libcurl4*"), ("SQLite ", "libsqlite3-0")):
        version = host.must(f"dpkg-query -W -f '${{Version}}\\n' '{package}' | grep .").split("-")[0]
        check(name + version in started, started, version)
    check(f"systemd {host.systemd()}" in started, started)
    host.run("journalctl --sync")
    lines = host.must("journalctl -o cat").splitlines()
    passed = [line for line in lines if "/navette" in line and ".service:" in line and "nknown" in line]
    security = host.run("systemd-analyze --no-pager security navette.service 2>&1").out.strip().splitlines()
    exposure = next((line.strip() for line in reversed(security) if "exposure level" in line), "exposure: this systemd does not tell")
    print(f"test-hosts: Debian {host.suite}: {len(passed)} lines of the unit passed over; {exposure}", *passed, sep="\n  ", flush=True)


def checks(host: Host) -> None:
    """`navette check` names what the sandbox shuts, and with the lines that it prints the service starts"""
    names = [place + feed for place in ("landing", "import") for feed in ("", "-fetched", "-drawn")]
    folders = " ".join(f"{HOME}/{name}" for name in ["log", *names])
    host.must("useradd --system --user-group campaign; usermod -aG campaign navette")
    host.must(f"install -d -o campaign -g campaign -m 2770 {HOME} {folders}")
    host.secrets()
    host.configure()
    host.fails("systemctl restart navette")
    # Where LoadCredential= is used, systemd 247 cannot run what stands before the agent, and says so: the check in the unit tells nothing.
    told = "feeds.audiences.landing" if host.systemd() == 247 else f"ReadWritePaths=-{HOME}/landing"
    check(host.show("ExecMainStatus") == "78" and host.journal(told) > 0, host.recent())
    # Secrets that only the service has are lent from where they lie.
    said = host.must("CREDENTIALS_DIRECTORY=/etc/navette/credentials navette check")
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    check(bool(lines) and lines[0] == "[Service]", said)
    host.drop_in("folders", "\n".join(lines) + "\n")
    host.must("systemctl restart navette")
    host.configured = host.must("journalctl --sync; journalctl -n 0 --show-cursor").split("cursor: ")[1].strip()
    check("inbound: 3 feeds" in host.show("StatusText") and "outbound: 2 streams" in host.show("StatusText"), host.show("StatusText"))


def reaches_its_stores(host: Host) -> None:
    """`navette check --connect` finds each right in S3 (HTTPS), Azure and SFTP, with a pinned key and with known_hosts"""
    said = host.navette("check --connect")
    for name in ("s3", "azure", "pinned", "known"):
        check(f"store {name}:" in said, said)
    check(": no." not in said, said)
    for secret in ("secret", "account"):
        text = (host.must(f"cat /etc/navette/credentials/{secret}")).strip()
        check(text not in said and host.journal(text) == 0, f"the secret {secret} is shown")


def sends(host: Host) -> None:
    """Each record of two streams is in each of their stores once"""
    for log in STREAMS:
        host.append(log, 50)
    host.everything_sent()


def hands_over(host: Host) -> None:
    """A drop in landing is handed over, whole"""
    text = host.drop("one.csv")
    host.handed_over("one.csv", text)


def fetches(host: Host) -> None:
    """An object in S3 and a file on the SFTP server are fetched, handed over, and deleted where they came from"""
    text = "email,segment\n" + "".join(f"p{row}@example.com,s\n" for row in range(2000))
    host.s3.put("in/fetched.csv", text.encode())
    path = f"{host.sftp.folder}/in/drawn.csv"
    with open(path + ".part", "w") as file:
        file.write(text)
    os.rename(path + ".part", path)
    for name in ("fetched", "drawn"):
        host.handed_over(f"{name}.csv", text, folder=f"import-{name}")
    host.eventually("they are gone where they came from", lambda: "in/fetched.csv" not in host.s3.names() and not os.path.exists(path))


def reloads(host: Host) -> None:
    """A reload takes a changed setting without a restart"""
    agent = host.show("MainPID")
    host.configure(feeds=", require: { max_rows: 10 }")
    host.must("systemctl reload navette")
    host.eventually("it is told", lambda: len(host.events("config_reloaded")) == 1 and host.show("SubState") == "running")
    host.drop("many.csv", rows=11)
    host.eventually("what is more is refused", lambda: len(host.events("drop_quarantined", NAVETTE_FEED="audiences")) == 1)
    host.configure()
    host.must("systemctl reload navette")
    host.eventually("it is told", lambda: len(host.events("config_reloaded")) == 2 and host.show("SubState") == "running")
    text = host.drop("more.csv", rows=11)
    host.handed_over("more.csv", text)
    check(host.show("MainPID") == agent and host.show("NRestarts") == "0", "it was restarted")


def outlives_kills(host: Host) -> None:
    """Killed three times while logs are written and batches sent, it is started again, and each record is in each store once"""
    host.begin_writing()
    for kill in range(1, 4):
        sealed = len(host.events("batch_sealed"))
        host.eventually("batches are made", lambda: len(host.events("batch_sealed")) > sealed)
        host.must("systemctl kill --signal=KILL --kill-who=main navette")
        host.eventually("it is back", lambda: int(host.show("NRestarts")) == kill and host.show("SubState") == "running")
    host.end_writing()
    host.everything_sent(within=120)


def verifies(host: Host) -> None:
    """`navette verify` finds no difference in any store, by lists and by reading everything back"""
    for stream in STREAMS:
        verified(host, stream)
    said = host.navette("verify --content")
    check(said.strip().endswith("no difference"), said)


def verified(host: Host, stream: str) -> None:
    """Once nothing of the stream is on its way."""
    listed = "; ".join(f"navette batches --state {place} --json" for place in ("building", "ready"))
    host.eventually(f"nothing of {stream} is on its way", lambda: f'"id":"{stream}-' not in host.must(listed))
    said = host.navette(f"verify {stream}")
    check(said.strip().endswith("no difference"), said)


def tells_no_error(host: Host) -> None:
    """The journal has had no error of the service since it was configured, but the drop that was refused"""
    host.run("journalctl --sync")
    found = [json.loads(line) for line in host.must(f"journalctl -u navette -p err -o json --after-cursor='{host.configured}'").splitlines()]
    wrong = [event for event in found if event.get("NAVETTE_EVENT") != "drop_quarantined" and not of_credentials(host, event)]
    check(not wrong, "\n".join(f"{event.get('NAVETTE_EVENT')}: {event['MESSAGE']}" for event in wrong))


def of_credentials(host: Host, event: dict) -> bool:
    """What systemd 247 says at each start of a service with LoadCredential= and ExecStartPre=, which it does not run then."""
    told = ("Failed to set up mount namespacing: /run/systemd/unit-root/run/credentials", "Failed at step NAMESPACE")
    return host.systemd() == 247 and event["MESSAGE"].removeprefix("navette.service: ").startswith(told)


def refuses_another_server(host: Host) -> None:
    """A server with another key than the pinned one is refused, told by an event and by `status`, and gets nothing"""
    host.configure(streams=ASTRAY)
    host.must("systemctl reload navette")
    host.append("astray")
    host.eventually("it is told", lambda: len(host.events("credential_refused", NAVETTE_STORE="wrong")) > 0)
    told = host.events("credential_refused", NAVETTE_STORE="wrong")[-1]
    check(told["NAVETTE_REASON"] == "untrusted" and told["PRIORITY"] == "3", told)
    # The key that it showed, to be compared by a person.
    check(host.sftp.pin in told["MESSAGE"] and "host_key_sha256" in told["MESSAGE"], told)
    status = host.must("navette status")
    check("astray: Cannot upload" in status and host.sftp.pin in status, status)
    said = host.run("CREDENTIALS_DIRECTORY=/run/credentials/navette.service navette check --connect")
    check(said.code != 0 and host.sftp.pin in said.out + said.err, said)
    check(os.listdir(f"{host.sftp.folder}/wrong") == [], os.listdir(f"{host.sftp.folder}/wrong"))
    # The others go on meanwhile.
    for log in STREAMS:
        host.append(log)
    host.everything_sent()


def stops(host: Host) -> None:
    """Stopped, it ends cleanly and within its time; what waited is sent after the next start, where the server is the right one"""
    started = time.monotonic()
    host.must("systemctl stop navette")
    if time.monotonic() - started >= 25 or host.show("Result") != "success":
        raise Broken(f"{time.monotonic() - started:.0f} s, {host.show('Result')}\n{host.recent()}")
    check(len(host.events("agent_stopping")) > 0)
    host.configure(streams=ASTRAY)
    text = host.must("cat /etc/navette/navette.yaml")
    check(WRONG in text)
    host.write("/etc/navette/navette.yaml", text.replace(WRONG, host.sftp.pin))
    host.must("systemctl start navette")
    # Without waiting for its next try.
    host.must("navette retry --all")
    host.eventually("it is sent", lambda: host.records("wrong", "astray") == list(range(1, host.written["astray"] + 1)))
