"""One store and one lie: what is done to the program, and whether its promises held.

Two streams and two feeds: `out` and `in` use the liar, `other` and `near` do not. First the agent runs while the server lies, then the
server tells the truth and everything must arrive by itself; then it lies again, the agent is ended in the middle of it, and
`run --once` and `verify` must put everything right once the truth is told.
"""

import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter

from agent import Run, rows

GOOD = b"id,email\n" + b"".join(b"%d,a%d\n" % (n, n) for n in range(12))
WORD = re.compile("[a-z][a-z0-9_]*")
# What an interpolated value of Swift looks like.
SWIFT = re.compile(r"Optional\(|afterMilliseconds|StoreFault|Fault\(|\.swift\b|rawValue|Swift\.|NSError|Domain=|<unknown|nil\b")
# Events whose reason must be a word of a closed list.
WORDED = ("lane_paused", "upload_retry", "batch_held", "drop_waiting", "credential_refused", "drop_held", "drop_quarantined", "transfer_stalled")


class Case:
    def __init__(self, site, place, lie):
        self.site, self.place, self.lie = site, place, lie
        self.broken, self.notes, self.sent, self.number = [], {}, [], 0
        self.near = 0

    def expect(self, holds, promise, seen):
        if not holds:
            self.broken.append(f"{promise}: {seen}")
        return holds

    def wait(self, what, within):
        """Whether it came; the machine is shared, so time is given, and not taken where it is not needed."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            if what():
                return True
            time.sleep(0.1)
        return bool(what())

    # What is laid

    def log(self, big=False):
        self.number += 1
        mark = f"{self.number}-{random.randrange(10**9)}"
        lines = [f"{mark}-{n}" for n in range(50)]
        if big:
            # So random that the batch stays as large, and goes in parts.
            lines = [f"{mark}-{n}-{os.urandom(450).hex()}" for n in range(160_000)]
        self.sent += lines
        self.site.lay(f"log/out{self.number}.csv", ("id\n" + "\n".join(lines) + "\n").encode())
        self.site.lay(f"otherlog/other{self.number}.csv", f"id\no{mark}\n".encode())
        self.site.lay(f"near/near{self.number}.csv", GOOD + mark.encode() + b",x\n")
        self.others = f"o{mark}"

    def others_went_on(self):
        return self.others in self.site.shelf() and len(self.site.handed("nearout")) >= self.number

    # What is judged

    def arrived(self):
        return Counter(row for data in self.place.batches().values() for row in rows(data))

    def all_arrived(self):
        return self.arrived() == Counter(self.sent)

    def good_handed(self):
        return [data for name, data in self.site.handed().items() if re.fullmatch(r"good(-\d+)?\.csv", name)]

    def judge_arrived(self, agent, label, within=20):
        """Outbound and inbound, once the truth is told."""
        def done():
            return self.all_arrived() and self.confirmed(agent) and GOOD in self.good_handed()
        began = time.monotonic()
        # What waits for a person waits for one: no need to look on for long.
        held = lambda: self.lie.held and time.monotonic() - began > 4 and agent.told(NAVETTE_EVENT="batch_held") or (
            time.monotonic() - began > 4 and agent.told(NAVETTE_EVENT="credential_refused"))
        self.wait(lambda: done() or held(), within)
        came = done()
        if not came and agent.told(NAVETTE_EVENT="credential_refused"):
            # A store that refused us is asked again by itself after chance has it, up to a minute at first. Nobody waits for that here:
            # the agent is told to read its configuration, as docs/events.md says, and then to try again.
            agent.process.send_signal(signal.SIGHUP)
            came = self.wait(done, 5)
            self.notes["reloaded"] = came
            if not came:
                self.site.call("retry", "--all")
                came = self.wait(done, 12)
        held = [e["NAVETTE_BATCH"] for e in agent.told(NAVETTE_EVENT="batch_held")]
        if not came and (held and self.lie.held or self.lie.slow):
            self.notes["held"] = held
            self.site.call("retry", "--all")
            came = self.wait(done, within)
        got = self.arrived()
        if not came:
            lost, more = Counter(self.sent) - got, got - Counter(self.sent)
            self.expect(False, f"all arrives once the truth is told ({label}, {within} s)",
                        f"missing records {sum(lost.values())}, too many {sum(more.values())}, held {held}, confirmed {self.confirmed(agent)}, "
                        f"good.csv handed over {len(self.good_handed())} times; last: {self.last(agent)}")

    def confirmed(self, agent):
        return len({e.get("NAVETTE_BATCH") for e in agent.told(NAVETTE_EVENT="batch_confirmed", NAVETTE_STREAM="out")}) >= 1

    def last(self, agent):
        return [e.get("MESSAGE", "")[:260] for e in agent.events if int(e.get("PRIORITY", 6)) <= 4][-2:]

    def judge_confirmed(self, agent, began):
        """Only what the server has may be called confirmed."""
        for event in agent.told(NAVETTE_EVENT="batch_confirmed", NAVETTE_STREAM="out"):
            if event["at"] < began:
                continue
            held = self.place.batches().get(event.get("NAVETTE_KEY", ""))
            found = rows(held) if held is not None else None
            self.expect(found is not None and set(found) <= set(self.sent), "nothing is confirmed that the store does not hold",
                        f"{event.get('NAVETTE_KEY')}: {'nothing there' if found is None else found[:2]}")

    def judge_handed(self):
        """Nothing of what the liar made up; good.csv once."""
        for name, data in self.site.handed().items():
            self.expect(data == GOOD, "only what is whole is handed over", f"{name!r}: {len(data)} bytes {data[:60]!r}")
        good = self.good_handed()
        self.expect(len(good) <= 1 or self.lie.extra, "a drop is handed over once", f"good.csv {len(good)} times")
        strange = [name for name in os.listdir(self.site.root) if name not in self.known] + [name for name in os.listdir("/tmp") if "liar-escaped" in name]
        self.expect(not strange, "nothing is written elsewhere", strange)

    def judge_told(self, agent, began, ended, must):
        during = [e for e in agent.events if began <= e["at"] <= ended]
        trouble = [e for e in during if int(e.get("PRIORITY", 6)) <= 4]
        about = Counter((e.get("NAVETTE_EVENT"), e.get("NAVETTE_STORE"), e.get("NAVETTE_STREAM"), e.get("NAVETTE_FEED"), e.get("NAVETTE_REASON"),
                         e.get("NAVETTE_BATCH"), e.get("NAVETTE_KEY")) for e in trouble)
        for what, count in about.items():
            self.expect(count <= 3, "a trouble is told once", f"{count} times {what}")
        self.expect(len(during) < 60, "few lines", f"{len(during)} events in {ended - began:.0f} s: {Counter(e.get('NAVETTE_EVENT') for e in during).most_common(3)}")
        ours = self.ours(during)
        if must:
            self.expect(ours, "trouble is told", f"nothing in {ended - began:.0f} s")
        theirs = [e for e in trouble if e.get("NAVETTE_STORE") == "shelf" or e.get("NAVETTE_FEED") == "near" or e.get("NAVETTE_STREAM") == "other"]
        self.expect(not theirs, "the others have no trouble", theirs[:1])
        self.notes["told"] = sorted({(e["NAVETTE_EVENT"], e.get("NAVETTE_REASON", "")) for e in ours})

    def ours(self, events):
        """What is told of the liar, as trouble."""
        return [e for e in events if int(e.get("PRIORITY", 6)) <= 4 and (
            e.get("NAVETTE_STORE") == "liar" or e.get("NAVETTE_FEED") == "in" or e.get("NAVETTE_STREAM") == "out")]

    def judge_words(self, agent):
        for event in agent.events:
            name, reason = event.get("NAVETTE_EVENT"), event.get("NAVETTE_REASON")
            if name in WORDED and reason is not None:
                self.expect(WORD.fullmatch(reason), "a reason is a word", f"{name}: {reason[:120]!r}")
            found = SWIFT.search(event.get("MESSAGE", ""))
            self.expect(not found, "no text of Swift's own", f"{name}: {event.get('MESSAGE', '')[:200]!r}")
            # The words of a refused start are for people.
            self.expect(name != "no_json" or event["MESSAGE"].startswith(("navette: ", "\n")), "each line is an event", event.get("MESSAGE", "")[:200])
            self.expect(name not in ("drop_damaged", "ledger_rebuilt"), "nothing of ours becomes unreadable", event.get("MESSAGE", "")[:200])
            self.expect(name != "agent_crashed", "no crash", event.get("MESSAGE", "")[:200])
            self.expect(name != "transfer_stalled", "no transfer is given up as hung", event.get("MESSAGE", "")[:200])

    def command(self, *arguments, within=30, good=(0, 1, 69, 75)):
        status, said, seconds = self.site.call(*arguments, within=within)
        what = " ".join(arguments)
        self.notes[what] = [status, round(seconds, 1)]
        self.expect(status in good, f"{what} ends with {good}", f"{status} after {seconds:.1f} s: {said[-300:]!r}")
        found = SWIFT.search(said)
        self.expect(not re.search("Fatal error|Illegal instruction|Stack dump", said), "no crash", f"{what}: {said[-300:]!r}")
        self.expect(not found, "no text of Swift's own", f"{what}: {said[max(0, found.start() - 80):found.end() + 80] if found else ''!r}")

    def end(self, agent, label):
        alive = agent.process.poll() is None
        self.expect(alive, "the agent stays", f"{label}: it ended with {agent.process.returncode}: {agent.lines[-2:]}")
        seconds, status = agent.end(15)
        self.expect(seconds is not None and seconds < 10, "it ends within 10 s of SIGTERM", f"{label}: {seconds}")
        # One that refused to start in this very moment, or had not got so far as to hear of it, is another matter.
        self.expect(status == 0 or not alive or not agent.told(NAVETTE_EVENT="agent_started"), "it ends with 0", f"{label}: {status}")
        self.notes[f"end {label}"] = round(seconds, 2) if seconds is not None else None

    # What is done

    def run(self):
        self.known = os.listdir(self.site.root) + ["navette.yaml"]
        lie, place = self.lie, self.place
        if lie.later:
            self.log()
            self.command("run", "--once", good=(0,))
        place.put_good(GOOD)
        if lie.running:
            self.log()
        else:
            place.tell(lie)
            self.log(lie.big)
        agent = Run(self.site)
        try:
            if lie.running:
                self.expect(self.wait(lambda: self.others_went_on() and self.all_arrived(), 20), "all arrives before the lie", self.last(agent))
                place.tell(lie)
                self.log()
            self.first(agent)
        finally:
            if agent.process.poll() is None:
                agent.process.kill()
                agent.process.wait()
        self.judge_words(agent)
        self.second()
        self.judge_handed()
        self.expect(not place.overwritten(), "no object is written over with other bytes", place.overwritten())

    def first(self, agent):
        lie, place = self.lie, self.place
        began = time.monotonic()
        patience = 40 if lie.big else 20
        # Beside it, so that the case takes no longer.
        check = threading.Thread(target=self.command, args=["check", "--connect"])
        check.start()
        self.expect(self.wait(self.others_went_on, patience), "other stores and feeds go on", f"not within {patience} s: {self.last(agent)}")
        at, cpu, asked = time.monotonic(), agent.cpu(), place.asked()
        # Until it is told, and long enough to count what is asked and used meanwhile.
        time.sleep(lie.lasts)
        if lie.told:
            self.wait(lambda: self.ours(agent.events), 10)
        if agent.process.poll() is not None:
            place.tell(None)
            return self.end(agent, "while it lies")
        wall = time.monotonic() - at
        used, asked = (agent.cpu() - cpu) / wall, (place.asked() - asked) / wall
        self.notes |= {"cpu": round(used, 3), "asked/s": round(asked, 1), "MiB": agent.memory()}
        self.expect(used < (0.6 if lie.busy or lie.big else 0.2), "little work while the server lies", f"{used:.0%} of a core in {wall:.1f} s")
        self.expect(asked < (place.busy if lie.busy or lie.big else place.quiet), "requests are bounded", f"{asked:.1f} a second in {wall:.1f} s: {place.most_asked()}")
        self.expect(agent.memory() < 250, "memory is bounded", f"{agent.memory()} MiB")
        self.judge_confirmed(agent, began)
        self.judge_told(agent, began, time.monotonic(), lie.told)
        check.join()
        place.tell(None)
        self.judge_arrived(agent, "live", 30 if lie.big else 20)
        self.judge_handed()
        self.expect(agent.memory() < 250, "memory is bounded", f"{agent.memory()} MiB")
        return self.end(agent, "told the truth")

    def second(self):
        """Ended in the middle of the lie; then `run --once`."""
        lie, place = self.lie, self.place
        self.command("verify", "--content", good=(0,))
        place.put_good(GOOD, "drops/later.csv")
        place.tell(lie)
        verify = threading.Thread(target=self.command, args=["verify"], kwargs={"within": 90 if lie.busy else 70})
        verify.start()
        if not lie.big:
            self.log()
        before = place.asked()
        agent = Run(self.site)
        try:
            self.wait(lambda: (place.asked() > before + 1 or not before) and time.monotonic() - agent.began > 1, 8)
            self.end(agent, "while it lies")
        finally:
            if agent.process.poll() is None:
                agent.process.kill()
        self.judge_words(agent)
        verify.join()
        place.tell(None)
        if lie.held or lie.slow:
            self.site.call("retry", "--all")
        self.command("run", "--once", within=60, good=(0, 1) if lie.held else (0,))
        if lie.held and not self.all_arrived():
            self.site.call("retry", "--all")
            self.site.call("run", "--once")
        if lie.deletes and not lie.held:
            left = [key for key in ("drops/good.csv", "drops/later.csv") if key in place.dialect.objects]
            self.expect(not left, "what was fetched is deleted in the end", left)
        if lie.times:
            self.expect(len(self.good_handed()) == lie.times, "a newer one is not lost", f"good.csv handed over {len(self.good_handed())} times, not {lie.times}")
        got = self.arrived()
        self.expect(self.all_arrived(), "all arrives once (run --once)",
                    f"missing {sum((Counter(self.sent) - got).values())}, too many {sum((got - Counter(self.sent)).values())}")
        handed = sorted(self.site.handed())
        self.expect("later.csv" in handed, "what lies there is fetched by run --once", handed)
        self.command("verify", "--content", good=(0,))


def short(case):
    return json.dumps({"broken": sorted(set(case.broken)), "notes": case.notes})
