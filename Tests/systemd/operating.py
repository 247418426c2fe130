"""What the service promises."""

import json
import pathlib
import re
import time

from campaign import HOME, ROOT, Site, check
from probing import ALLOWED, FOLDERS, FORBIDDEN, probe_unit


def starts_as_installed(site: Site) -> None:
    """As installed the service runs, is ready, is enabled, and says that nothing is configured"""
    check(site.show("ActiveState") == "active" and site.show("UnitFileState") == "enabled", site.run("systemctl status navette"))
    check("no feeds are configured; outbound: no streams" in site.show("StatusText"), site.show("StatusText"))
    check("nothing is configured" in site.events("agent_started")[-1]["MESSAGE"])
    check("nothing is configured" in site.must("navette status"))
    check(site.must("stat -c '%a %U %G' /var/lib/navette").strip() == "750 navette navette")
    check("network-online.target" in site.show("Wants") and "network-online" not in site.show("Requires"))


def refuses_ground_that_is_shut(site: Site) -> None:
    """A folder that the sandbox shuts is named, with the drop-in that opens it; a wrong configuration is not tried again and again"""
    site.make_host()
    site.drop_in("credentials", "[Service]\nLoadCredentialEncrypted=key-id:/etc/navette/credentials/key-id.cred\nLoadCredential=secret:/etc/navette/credentials/secret\n")
    site.configure()
    site.fails("systemctl restart navette")
    check(site.show("ExecMainStatus") == "78" and site.show("ActiveState") == "failed", site.recent())
    time.sleep(6)
    check(site.show("ActiveState") == "failed" and site.show("NRestarts") == "0", "it was tried again", site.recent())
    check(site.journal(f"ReadWritePaths=-{HOME}/landing") > 0, site.recent())


def starts_with_its_drop_in(site: Site) -> None:
    """With the drop-in that `navette check` prints the service starts, and has its credentials from systemd alone, an encrypted one too"""
    said = site.must("navette check")
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    check(lines[0] == "[Service]" and any(HOME in line for line in lines), said)
    site.drop_in("folders", "\n".join(lines) + "\n")
    site.must("systemctl restart navette")
    check("inbound: 1 feed" in site.show("StatusText"), site.show("StatusText"))
    # The store's own words: the key came, decrypted, and nobody else may read it.
    site.configure(streams="  sends: { logs: [/srv/campaign/log/sends.csv], store: away, batch: { max_age: 500ms } }")
    site.must("systemctl restart navette")
    site.append("sends")
    site.eventually("the store is asked with the credential", lambda: "Credential=KEYFROMSYSTEMD/" in site.run("cat /run/asked").out)
    site.fails("setpriv --reuid=campaign --regid=campaign --clear-groups ls /run/credentials/navette.service")
    check(site.run("journalctl -u navette | grep -c SECRETFROMSYSTEMD").out.strip() == "0", "the secret is in the journal")


def is_ready_without_a_store(site: Site) -> None:
    """Ready does not wait for a store that is away"""
    started = time.monotonic()
    site.must("systemctl restart navette")
    check(time.monotonic() - started < 15, f"took {time.monotonic() - started:.1f} s")
    check("1 batch to be confirmed" in site.show("StatusText") or "outbound: 2 streams" in site.show("StatusText"), site.show("StatusText"))
    site.eventually("the waiting batch is told of", lambda: "to be confirmed" in site.show("StatusText"))


def carries_and_tells(site: Site) -> None:
    """A drop is handed over and records are sent; the journal has each event with its identifier and fields, and explains it"""
    text = site.drop("one.csv")
    site.handed_over("one.csv", text)
    site.append("opens")
    site.all_sent()
    drop = site.events("drop_handed_over", NAVETTE_FEED="audiences")[-1]
    check(drop["_TRANSPORT"] == "journal" and drop["PRIORITY"] == "5" and drop["NAVETTE_ROWS"] == "50", drop)
    check(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", drop["NAVETTE_DROP"]) is not None, drop)
    batch = site.events("batch_confirmed", NAVETTE_BATCH="opens-000001")[-1]
    check(batch["NAVETTE_STORE"] == "shelf" and batch["_SYSTEMD_UNIT"] == "navette.service", batch)
    explained = site.must("journalctl -x --no-pager -u navette NAVETTE_BATCH=opens-000001 NAVETTE_EVENT=batch_confirmed")
    subject = re.search(r"# batch_confirmed\nSubject: (.*)", (ROOT / "systemd/navette.catalog").read_text())
    check(subject is not None and subject[1] in explained and "What to do:" in explained, explained)


# Writes half a file, tells so, and goes on when it is told to.
UPLOADER = f"""\
import os, time
file = os.open("{HOME}/landing/slow.csv", os.O_WRONLY | os.O_CREAT, 0o660)
os.write(file, b"email,segment\\na,1\\n")
while not os.path.exists("/box/go-on"): time.sleep(0.05)
os.write(file, b"b,2\\n")
"""


def waits_for_uploads(site: Site) -> None:
    """An upload of another account that pauses is taken whole: the kernel tells that it is still open, and only the service may ask"""
    site.write("/box-uploader.py", UPLOADER)
    site.must("systemd-run --quiet --collect --unit=uploader -p User=campaign -p UMask=0007 python3 /box-uploader.py")
    # Others go through meanwhile, many times its settle time.
    for number in range(5):
        name = f"beside-{number}.csv"
        site.handed_over(name, site.drop(name))
        check(site.run(f"test -e {HOME}/landing/slow.csv").code == 0, site.recent())
    check(site.run(f"test -e {HOME}/import/slow.csv").code != 0, site.recent())
    site.must("touch /box/go-on")
    site.handed_over("slow.csv", "email,segment\na,1\nb,2\n")
    check("nobody has it open for writing" in site.must("navette status"), site.must("navette status"))
    # It has that right and no other, and keeps it for itself.
    status = site.must(f"cat /proc/{site.show('MainPID')}/status")
    for line in ("CapEff:\t0000000010000000", "CapAmb:\t0000000000000000", "CapInh:\t0000000000000000", "CapBnd:\t0000000010000000"):
        check(line in status, status)


def keeps_its_sandbox(site: Site) -> None:
    """Each sandbox promise is enforced: what is forbidden fails, what is needed works"""
    found = probe_unit(site)
    wrong = [f"{name}: {found.get(name)}, not {' or '.join(wanted)}" for name, wanted in (FORBIDDEN | ALLOWED).items() if found.get(name) not in wanted]
    check(not wrong, "\n  ".join(wrong))
    # Without the sandbox the same account may write there, so that it is the sandbox that was tried.
    for folder in FOLDERS:
        site.must(f"setpriv --reuid=navette --regid=navette --clear-groups touch {folder}/probe && rm {folder}/probe")
    process = site.must("cat /proc/$(systemctl show -p MainPID --value navette)/status")
    for line in ("CapEff:\t0000000010000000", "CapBnd:\t0000000010000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        check(line in process, "the agent itself has not", line)
    check(site.must("cat /proc/$(systemctl show -p MainPID --value navette)/limits | grep 'core file'").split()[4] == "0")


def reloads(site: Site) -> None:
    """A reload takes a new configuration without a restart"""
    before = site.show("MainPID")
    site.configure(feeds=f"  more: {{ landing: {HOME}/more, handover: {HOME}/second, ready: {{ settle: 200ms }} }}")
    # The sandbox was made when the service started; folders of a new feed need a restart, or to be in it already.
    site.must("systemctl reload navette")
    site.eventually("it is told", lambda: len(site.events("config_reloaded")) + len(site.events("config_refused")) > 0)
    check(not site.events("config_reloaded"), "folders that are shut were taken")
    site.drop_in("more", f"[Service]\nReadWritePaths=-{HOME}/more\nReadWritePaths=-{HOME}/second\n")
    site.configure()
    site.must("systemctl restart navette")
    before = site.show("MainPID")
    site.configure(feeds=f"  more: {{ landing: {HOME}/more, handover: {HOME}/second, ready: {{ settle: 200ms }} }}")
    site.must("systemctl reload navette")
    site.eventually("the reload is over", lambda: site.events("config_reloaded") and "inbound: 2 feeds" in site.show("StatusText"))
    site.eventually("it runs", lambda: site.show("SubState") == "running")
    text = site.drop("two.csv", folder="more")
    site.handed_over("two.csv", text, folder="second")
    check(site.show("MainPID") == before, "it was restarted")


def refuses(site: Site) -> None:
    """A faulty configuration is refused whole: the service says so, and goes on with the old one"""
    before = site.show("MainPID")
    site.configure(more="bogus: 1\n")
    already = len(site.events("config_refused"))
    site.must("systemctl reload navette")
    site.eventually("it is refused", lambda: len(site.events("config_refused")) > already)
    refused = site.events("config_refused")[-1]
    check(refused["PRIORITY"] == "3" and "bogus: unknown key" in refused["NAVETTE_REASON"], refused)
    site.eventually("systemd knows that the reload is over", lambda: site.show("SubState") == "running")
    check("was refused, the old one stays" in site.show("StatusText"), site.show("StatusText"))
    text = site.drop("three.csv", folder="more")
    site.handed_over("three.csv", text, folder="second")
    check(site.show("MainPID") == before, "it was restarted")
    site.configure()
    site.must("systemctl reload navette")


def reopens(site: Site) -> None:
    """A producer is told to open its log anew by a command of root's, when the agent asks by a file"""
    site.write("/etc/navette/reopen.d/app", "#!/bin/sh\nid -un >>/run/reopened\n")
    site.must("chmod 755 /etc/navette/reopen.d/app; systemctl enable --now navette-reopen@app.path")
    stream = "  clicks: { logs: [/srv/campaign/log/clicks.csv], store: shelf, batch: { max_age: 500ms }, reopen: [/usr/bin/touch, /run/navette/reopen/app] }"
    site.configure(streams=stream)
    site.must("systemctl restart navette")
    for _ in range(2):
        asked = site.run("wc -l </run/reopened").out.strip() or "0"
        site.append("clicks")
        site.eventually("root's command has run", lambda: (site.run("wc -l </run/reopened").out.strip() or "0") > asked)
    check(set(site.must("cat /run/reopened").split()) == {"root"})
    site.eventually("the request is gone", lambda: site.run("test -e /run/navette/reopen/app").code != 0)
    site.configure()
    site.must("systemctl reload navette")


def restarts(site: Site) -> None:
    """Killed or crashed, it is started again and nothing is lost or sent twice"""
    for signal in ("KILL", "SEGV"):
        count = int(site.show("NRestarts"))
        site.append("opens")
        site.must(f"systemctl kill --signal={signal} --kill-who=main navette")
        site.append("opens")
        site.eventually("it is back", lambda: int(site.show("NRestarts")) > count and site.show("SubState") == "running", within=30)
    # A log of another account that was set aside counts as whole only after a while at rest.
    site.all_sent(within=60)


def runs_further_agents(site: Site) -> None:
    """Further agents have configuration, state and folders of their own (navette@NAME)"""
    site.write("/etc/navette/second/navette.yaml", "state: /var/lib/navette-second\n")
    site.must("systemctl enable --now navette@second")
    check(site.show("SubState", "navette@second") == "running", site.run("systemctl status navette@second"))
    check(site.must("stat -c '%a %U' /var/lib/navette-second").strip() == "750 navette")
    check(len(site.events("agent_started", unit="navette@second.service")) == 1)


def tells_how_it_ended(site: Site) -> None:
    """A crash, a kill and the watchdog are told at the next start, once, with systemd's word, and by status while it is down"""

    def ended(event: str, reason: str, word: str, signal: str, within: float = 30) -> None:
        before = len(site.events(event))
        count = int(site.show("NRestarts"))
        site.must(f"systemctl kill --signal={signal} --kill-who=main navette")
        site.eventually("it is back", lambda: int(site.show("NRestarts")) > count and site.show("SubState") == "running", within)
        told = site.events(event)[before:]
        check(len(told) == 1 and told[0]["NAVETTE_REASON"] == reason, told, site.recent())
        check(f"systemd says: {word}" in told[0]["MESSAGE"], told)
        shown = json.loads(site.must("navette status --json"))["agent"]["last_end"]
        check(shown["reason"] == reason and shown["service_result"] == word.split()[0], shown)

    ended("agent_crashed", "SIGSEGV", "signal (killed, SEGV)", "SEGV")
    ended("agent_interrupted", "SIGKILL", "signal (killed, KILL)", "KILL")
    site.drop_in("watched", "[Service]\nWatchdogSec=2\nRestartSec=500ms\n")
    site.must("systemctl restart navette")
    # Stopped, it does not get on: the watchdog ends it.
    ended("agent_interrupted", "watchdog", "watchdog (killed, ABRT)", "STOP", within=60)
    site.must("rm /etc/systemd/system/navette.service.d/watched.conf; systemctl daemon-reload")
    told = len(site.events("agent_crashed")), len(site.events("agent_interrupted"))
    site.must("systemctl restart navette")
    check((len(site.events("agent_crashed")), len(site.events("agent_interrupted"))) == told, "a clean stop was told")
    site.must("systemctl kill --signal=KILL --kill-who=main navette@second; systemctl stop navette@second")
    shown = json.loads(site.must("navette status --json --config /etc/navette/second/navette.yaml"))["agent"]["last_end"]
    check(shown["how"] == "interrupted" and shown["reason"] == "SIGKILL", shown)
    site.must("systemctl start navette@second")


def load_shim(site: Site, name: str, *lines: str) -> None:
    """The packaged program, with a library before the C library that breaks something around it."""
    site.drop_in("shim", "\n".join(["[Service]", f"Environment=LD_PRELOAD=/box/shims/{name}.so", *lines]) + "\n")
    site.must("systemctl restart navette")


def unload_shim(site: Site) -> None:
    site.must("rm /etc/systemd/system/navette.service.d/shim.conf; systemctl daemon-reload; systemctl restart navette")


def tells_at_any_length(site: Site) -> None:
    """Events that are larger than a message of the journal's socket reach it as files in memory"""
    before = len(site.events("agent_started"))
    load_shim(site, "narrow")
    site.append("opens")
    site.all_sent(within=60)
    unload_shim(site)
    started = site.events("agent_started")[before:]
    check(len(started) == 2 and all(event["_TRANSPORT"] == "journal" for event in started), started)
    sealed = site.events("batch_sealed")[-1]
    check(sealed["_TRANSPORT"] == "journal" and sealed["NAVETTE_ROWS"] == "20", sealed)


def hangs(site: Site) -> None:
    """A lane that hangs is ended by the watchdog and started anew, with nothing lost or sent twice; one that idles is not"""
    hang = site.box.shared / "hang"
    hang.mkdir()

    def handed_over_and_gone() -> int:
        """Earlier promises have taken some away, or had them on file systems that are gone."""
        return len(site.events("drop_handed_over")) - len(site.must(f"ls {HOME}/import {HOME}/second | grep csv").split())

    gone = handed_over_and_gone()
    for lane in ("feed audiences", "stream opens"):
        name = lane.split()[0] + ".csv"
        load_shim(site, "hang", "WatchdogSec=2", "RestartSec=500ms")
        agent, count = site.show("MainPID"), int(site.show("NRestarts"))
        # Idle for two times that long, it lives.
        time.sleep(4)
        check(site.show("MainPID") == agent, "an idle agent was ended", site.recent())
        barks = site.journal("Watchdog timeout")
        (hang / lane).write_text("")
        text = site.drop(name)
        site.append("opens")
        site.eventually("the watchdog ends it", lambda: site.journal("Watchdog timeout") > barks, within=30)
        (hang / lane).unlink()
        site.eventually("it is back", lambda: int(site.show("NRestarts")) > count and site.show("SubState") == "running", within=30)
        site.handed_over(name, text)
        site.all_sent(within=60)
        check(handed_over_and_gone() == gone, "handed over twice, or lost", site.recent())
    unload_shim(site)


def stops(site: Site) -> None:
    """Stopped, it says so, ends cleanly and within its time"""
    started = time.monotonic()
    site.must("systemctl stop navette")
    check(time.monotonic() - started < 20 and site.show("Result") == "success", site.show("Result"), site.recent())
    check(len(site.events("agent_stopping")) > 0)


def starts_without_journal(site: Site) -> None:
    """It starts, and works, where journald is not there"""
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket"
    site.must(f"systemctl stop {sockets} systemd-journald.service; rm -rf /run/systemd/journal/socket /run/systemd/journal/stdout")
    site.must("systemctl start navette")
    check(site.show("SubState") == "running")
    text = site.drop("silent.csv")
    site.handed_over("silent.csv", text)
    site.must("systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service")
    site.must("systemctl restart navette")
    site.append("opens")
    site.all_sent(within=60)
