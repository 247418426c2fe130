"""What state folders of version 0.1 can look like. Each scene plays on a `Site` and answers with what must be true in the end."""

import hashlib
import json
import os
import subprocess

ALL = {}


def scene(play):
    ALL[play.__name__.replace("_", "-")] = play
    return play


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def audience(number, rows=3, delimiter=",", end="\r\n", columns=("email", "segment")):
    lines = [columns] + [(f"p{number}.{row}@example.com", f"s{number}") for row in range(rows)]
    return "".join(delimiter.join(line) + end for line in lines)


def records(*numbers):
    return [f"{number},label {number}" for number in numbers]


def span(first, last):
    return records(*range(first, last + 1))


# Feeds


@scene
def feed_places(site):
    """Drops in held, archive and quarantine: handed over, one of them taken by its reader, renamed, a duplicate, held, refused."""
    site.configure(feeds={"audiences": {"require": {"remember_columns": True}}})
    site.write("landing/a.csv", audience(1))
    site.once()
    site.write("landing/a.csv", audience(2))
    site.write("landing/taken.csv", audience(3))
    site.once()
    site.remove("import/taken.csv")
    site.write("landing/again.csv", audience(3))
    site.once()
    site.write("landing/other.csv", audience(4, columns=("email", "audience")))
    site.write("landing/torn.csv", audience(5) + "torn\r\n")
    site.once(ends=(1,))
    site.write("landing/new.csv", audience(6))
    return {
        "handover": {"a.csv": sha256(audience(1)), "a-2.csv": sha256(audience(2)), "new.csv": sha256(audience(6))},
        "drops": {"audiences": {"archive": 5, "held": 1, "quarantine": 1}},
        "left": {"landing/new.csv": None},
    }


def manifest(files):
    run = "manifest-ab12-3f0c9a52-8d1e-4b7a-9c66-0d5e8f7a1b23.json"
    results = [{"sinkPath": "/", "name": name, "size": len(text)} for name, text in files.items()]
    return run, json.dumps({"flowRunId": "3f0c9a52-8d1e-4b7a-9c66-0d5e8f7a1b23", "exportResults": results})


@scene
def feed_sets(site):
    """Sets of parts with a manifest, and files with markers, rewritten: one of each is handed over, one lies there, one is not complete."""
    site.configure(feeds={
        "sets": {"ready": {"manifest": "required"}},
        "marked": {
            "landing": "ROOT/marked", "handover": "ROOT/rewritten", "ready": {"marker": "{name}.done", "manifest": "off"},
            "rewrite": {"delimiter": "\t", "line_end": "lf"},
        },
    })
    os.mkdir(site.path("rewritten"))
    shown = {}

    def arrive(number):
        parts = {f"set{number}.csv": audience(number), f"set{number}_2.csv": audience(number + 10)}
        name, text = manifest(parts)
        for name, text in [*parts.items(), (name, text)]:
            site.write(f"landing/{name}", text)
        shown.update({name: sha256(text) for name, text in parts.items()})
        site.write(f"marked/m{number}.csv", audience(number + 20))
        site.write(f"marked/m{number}.csv.done", "")

    arrive(1)
    site.once()
    arrive(2)
    site.write("landing/set3.csv", audience(3))
    site.write("marked/m3.csv", audience(23))
    return {
        "handover": shown,
        "left": {
            "rewritten/m1.csv": sha256(audience(21, delimiter="\t", end="\n")),
            "rewritten/m2.csv": sha256(audience(22, delimiter="\t", end="\n")),
            "landing/set3.csv": sha256(audience(3)), "marked/m3.csv": sha256(audience(23)), "marked/m2.csv.done": None,
        },
        "drops": {"sets": {"archive": 2}, "marked": {"archive": 2}},
    }


def arrivals(site, **keys):
    """One file, which is renamed into the state folder, and a set, which is copied."""
    site.configure(feeds={"audiences": keys})
    parts = {"one.csv": audience(1), "set.csv": audience(2), "set_2.csv": audience(3)}
    for name, text in parts.items():
        site.write(f"landing/{name}", text)
    return {
        "handover": {name: sha256(text) for name, text in parts.items()}, "drops": {"audiences": {"archive": 2}},
        "left": {f"landing/{name}": None for name in parts},
    }


@scene
def feed_gathering(site):
    """Killed while drops are taken out of landing: one lies in gathering alone, the copies of a set beside their originals."""
    expected = arrivals(site)
    site.killed("renameat2", lambda: site.found("state/feeds/*/gathering/*/parts/one.csv") and site.found(
        "state/feeds/*/gathering/*/copying/set_2.csv"))
    return expected


@scene
def feed_claimed(site):
    """Killed when drops are claimed, and the originals of a set still lie in landing."""
    expected = arrivals(site)
    site.killed("renameat2", lambda: len(site.found("state/feeds/*/claimed/*")) == 2 and len(site.found("landing/set*")) == 2)
    return expected


@scene
def feed_staged(site):
    """Killed when drops are staged and have their names, before any of them moves to handover."""
    expected = arrivals(site, rewrite={})
    site.killed("renameat2", lambda: len(site.found("state/feeds/*/claimed/*")) == 2 and len(site.found("import/.*.part")) == 3)
    for name in expected["handover"]:
        expected["handover"][name] = sha256(audience(
            {"one.csv": 1, "set.csv": 2, "set_2.csv": 3}[name], delimiter="\t", end="\n"))
    return expected


@scene
def feed_handover(site):
    """Killed between the renames of a set: a part of it is shown, and gone on to its reader, the next one still hidden."""
    expected = arrivals(site)
    site.killed("renameat2", lambda: site.found("import/set.csv") and site.found("import/.*.part"))
    return expected


@scene
def feed_archiving(site):
    """Killed when all is handed over and nothing of it archived; the reader has taken one file since, another has the name of one."""
    expected = arrivals(site)
    site.killed("renameat2", lambda: len(site.found("import/*")) == 3 and len(site.found("state/feeds/*/handover/*")) == 2
                and not site.found("import/.*.part"))
    site.remove("import/one.csv")
    site.write("landing/set.csv", audience(4))
    del expected["handover"]["one.csv"]
    expected["handover"]["set-2.csv"] = sha256(audience(4))
    expected["drops"]["audiences"]["archive"] = 3
    return expected


@scene
def pull_kept(site):
    """Fetched from a store that keeps its objects: what lies there is fetched once; another one has come since."""
    site.configure(feeds={"audiences": {"pull": {"store": "shelf", "prefix": "audiences/"}}})
    site.write("shelf/audiences/a.csv", audience(1))
    site.write("shelf/audiences/b.csv", audience(2))
    site.once()
    site.remove("import/a.csv")
    site.write("shelf/audiences/c.csv", audience(3))
    return {
        "handover": {"b.csv": sha256(audience(2)), "c.csv": sha256(audience(3))}, "objects": {"shelf": 3},
        "drops": {"audiences": {"archive": 3}},
    }


@scene
def pull_placing(site):
    """Killed when an object is fetched and recorded, before it has its name in landing; the store's objects go afterwards."""
    site.configure(feeds={"audiences": {"pull": {"store": "shelf", "prefix": "audiences/", "after": "delete"}}})
    site.write("shelf/audiences/a.csv", audience(1))
    site.killed("renameat2", lambda: site.found("landing/.*") and site.ledger("SELECT 1 FROM pulled WHERE state = 'placing'"))
    return {
        "handover": {"a.csv": sha256(audience(1))}, "objects": {"shelf": 0}, "left": {"landing/a.csv": None},
        "drops": {"audiences": {"archive": 1}},
    }


@scene
def pull_deleting(site):
    """Killed when a fetched drop is handed over, before its object is deleted from the store."""
    site.configure(feeds={"audiences": {"pull": {"store": "shelf", "after": "delete"}}})
    site.write("shelf/a.csv", audience(1))
    site.killed("unlink", lambda: site.found("state/feeds/*/archive/*"), path="shelf/.~a.csv.part")
    return {
        "handover": {"a.csv": sha256(audience(1))}, "objects": {"shelf": 0}, "left": {"landing/a.csv": None},
        "drops": {"audiences": {"archive": 1}},
    }


# Streams


@scene
def rename(site):
    """Logs set aside by the agent: one of each kind of after, a start at the end, several batches, a record put aside, unread records."""
    site.configure(streams={
        "gone": {"batch": {"max_rows": 2}},
        "kept": {"after": "keep", "batch": {"max_record": 40}},
        "packed": {"after": "archive", "archive": {"keep": "36500d"}, "manifest": "manifests"},
        "late": {"start": "end"},
    })
    for name in ["gone", "kept", "packed", "late"]:
        site.log(f"log/{name}.csv", 1, 5)
    site.write("log/kept.csv", "6," + "x" * 60 + "\n", "a")
    site.once()
    for name in ["gone", "kept", "packed", "late"]:
        site.log(f"log/{name}.csv", 7, 9)
    both = span(1, 5) + span(7, 9)
    return {
        "records": {"shelf/gone": both, "shelf/kept": both, "shelf/packed": both, "shelf/late": span(7, 9)},
        "objects": {"shelf/manifests": 2},
        "batches": {name: {"delivered": count} for name, count in [("gone", 5), ("kept", 2), ("packed", 2), ("late", 1)]},
    }


def killed_stream(site, rotation, call, wanted, path=None, **keys):
    """Six records are sent, six are on their way when it is killed, three are written after it."""
    site.configure(streams={"opens": {"rotation": rotation, **keys}})
    second = "log/opens2.csv" if rotation == "closed" else "log/opens.csv"
    site.log("log/opens.csv", 1, 6)
    site.once()
    site.log(second, 7, 12)
    site.killed(call, wanted, path)
    site.log("log/opens3.csv" if rotation == "closed" else second, 13, 15)
    # What was not sealed goes into one batch with what came since.
    sealed = len(site.found("state/streams/opens/building/*")) == 0
    return {"records": {"shelf/opens": span(1, 15)}, "batches": {"opens": {"delivered": 3 if sealed else 2}}}


def is_building(site):
    return lambda: site.found("state/streams/opens/building/*/object*")


def is_ready(site, known, sent):
    """The second batch is sealed, known to the ledger or not, and lies in the store or not."""
    return lambda: (
        site.found("state/streams/opens/ready/*") and len(site.found("shelf/opens/*/*.gz")) == 1 + sent
        and bool(site.ledger("SELECT 1 FROM batches WHERE sequence = 2")) == known
        and not site.ledger("SELECT 1 FROM batches WHERE sequence = 2 AND delivered_at IS NOT NULL"))


@scene
def rename_building(site):
    """Killed while a batch is written, of a log that is set aside; its writer has a new log since."""
    return killed_stream(site, "rename", "fsync", is_building(site))


@scene
def rename_sealed(site):
    """Killed when a batch is sealed and the ledger does not know of it."""
    return killed_stream(site, "rename", "fsync", is_ready(site, known=False, sent=0))


@scene
def rename_sent(site):
    """Killed when a batch lies in the store and the ledger does not know of that."""
    return killed_stream(site, "rename", "pwrite64", is_ready(site, known=True, sent=1))


@scene
def copytruncate(site):
    """A log emptied by the agent, with new records since, and a second one that is not read yet."""
    site.configure(streams={"opens": {"rotation": "copytruncate"}})
    site.log("log/opens.csv", 1, 6)
    site.once()
    site.log("log/opens.csv", 7, 9)
    site.once()
    site.log("log/opens.csv", 10, 12)
    site.log("log/opens-b.csv", 21, 23)
    return {
        "records": {"shelf/opens": span(1, 12) + span(21, 23)}, "batches": {"opens": {"delivered": 3}},
        "left": {"log/opens.csv": sha256("id,label\n"), "log/opens-b.csv": sha256("id,label\n")},
    }


@scene
def copytruncate_building(site):
    """Killed while a batch is written, of a log that was emptied once before."""
    return killed_stream(site, "copytruncate", "fsync", is_building(site))


@scene
def copytruncate_sealed(site):
    """Killed when a batch is sealed and the log is not emptied yet; its writer has gone on behind."""
    return killed_stream(site, "copytruncate", "ftruncate", lambda: site.found("state/streams/opens/ready/*"), path="log/opens.csv")


@scene
def copytruncate_cut(site):
    """Killed when the log is emptied and the ledger does not know of that; its writer has gone on."""
    def isCut():
        return os.path.getsize(site.path("log/opens.csv")) < 20 and not site.found("state/streams/opens/building/*") and (
            site.ledger("SELECT 1 FROM batches WHERE sequence = 2")
            and site.ledger("SELECT 1 FROM sources WHERE gone_at IS NULL AND cursor > 20"))

    return killed_stream(site, "copytruncate", "fsync", isCut)


@scene
def copytruncate_pinned(site):
    """Killed when the log is emptied: what its writer added at the last moment was carried over, and lies in the state folder alone."""
    site.configure(streams={"opens": {"rotation": "copytruncate"}})
    site.log("log/opens.csv", 1, 6)
    agent = site.slow("fsync", "log/opens.csv")
    site.until(lambda: site.found("state/streams/opens/building/*/batch.json"))
    site.log("log/opens.csv", 7, 9)
    site.until(lambda: site.found("state/streams/opens/pinned/*") and os.path.getsize(site.path("log/opens.csv")) < 20)
    site.end(agent)
    site.log("log/opens.csv", 10, 12)
    return {"records": {"shelf/opens": span(1, 12)}, "batches": {"opens": {"delivered": 2}}}


@scene
def follow(site):
    """A log that others rotate: sent to the middle, then rotated twice and packed while no agent ran."""
    site.configure(streams={"opens": {"rotation": "follow", "logs": ["ROOT/log/opens.csv"]}})
    site.log("log/opens.csv", 1, 6)
    site.once()
    site.log("log/opens.csv", 7, 9)
    site.move("log/opens.csv", "log/opens.csv.1")
    site.log("log/opens.csv", 10, 12)
    site.once()
    site.log("log/opens.csv", 13, 15)
    rotate_and_pack(site)
    site.log("log/opens.csv", 16, 18)
    return {"records": {"shelf/opens": span(1, 18)}, "batches": {"opens": {"delivered": 3}}}


def rotate_and_pack(site):
    subprocess.run(["gzip", "-n", site.path("log/opens.csv.1")], check=True)
    site.move("log/opens.csv.1.gz", "log/opens.csv.2.gz")
    site.move("log/opens.csv", "log/opens.csv.1")


@scene
def follow_pinned(site):
    """Killed when a log was rotated and deleted under it: what was unread of it lies in the state folder alone."""
    site.configure(streams={"opens": {"rotation": "follow", "logs": ["ROOT/log/opens.csv"]}})
    site.log("log/opens.csv", 1, 6)
    site.once()
    agent = site.agent()
    site.log("log/opens.csv", 7, 9)
    site.move("log/opens.csv", "log/opens.csv.1")
    site.log("log/opens.csv", 10, 12)
    site.until(lambda: [path for path in site.found("state/streams/opens/pinned/*") if not path.endswith(".tmp")])
    site.remove("log/opens.csv.1")
    site.end(agent)
    return {"records": {"shelf/opens": span(1, 12)}, "batches": {"opens": {"delivered": 2}}}


@scene
def follow_building(site):
    """Killed while a batch is written; the log is rotated since."""
    expected = killed_stream(site, "follow", "fsync", is_building(site), logs=["ROOT/log/opens.csv"])
    site.move("log/opens.csv", "log/opens.csv.1")
    site.log("log/opens.csv", 16, 18)
    expected["records"]["shelf/opens"] = span(1, 18)
    return expected


@scene
def follow_sealed(site):
    """Killed when a batch is sealed and the ledger does not know of it."""
    return killed_stream(
        site, "follow", "fsync", is_ready(site, known=False, sent=0), logs=["ROOT/log/opens.csv"])


@scene
def closed(site):
    """Files that are complete when nobody has them open: two are sent and stay, a third is new."""
    site.configure(streams={"opens": {"rotation": "closed"}})
    site.log("log/opens1.csv", 1, 3)
    site.log("log/opens2.csv", 4, 6)
    site.once()
    site.log("log/opens3.csv", 7, 9)
    return {
        "records": {"shelf/opens": span(1, 9)}, "batches": {"opens": {"delivered": 2}},
        "left": {"log/opens1.csv": sha256("id,label\n" + "\n".join(span(1, 3)) + "\n")},
    }


@scene
def closed_building(site):
    """Killed while a batch is written of a file that is complete."""
    return killed_stream(site, "closed", "fsync", is_building(site))


@scene
def closed_sent(site):
    """Killed when a batch of such a file lies in the store and the ledger does not know of that."""
    return killed_stream(site, "closed", "pwrite64", is_ready(site, known=True, sent=1))


# Batches


@scene
def batch_places(site):
    """Batches in ready, held and delivered: one store was away, and in one another object had a batch's name."""
    site.configure(
        stores=("shelf", "attic"), streams={
            "opens": {"store": ["shelf", "attic"], "manifest": "manifests"},
            "clicks": {"key": "{stream}/{seq}.csv.gz"},
        })
    site.log("log/opens.csv", 1, 3)
    site.log("log/clicks.csv", 1, 3)
    site.once()
    site.write("shelf/clicks/000002.csv.gz", "of somebody else")
    site.move("attic", "away")
    site.log("log/opens.csv", 4, 6)
    site.log("log/clicks.csv", 4, 6)
    site.once(ends=(75, 69))
    site.move("away", "attic")
    site.remove("shelf/clicks/000002.csv.gz")
    site.log("log/clicks.csv", 7, 9)
    return {
        "records": {"shelf/opens": span(1, 6), "attic/opens": span(1, 6), "shelf/clicks": span(1, 3) + span(7, 9)},
        "objects": {"shelf/manifests": 2, "attic/manifests": 2},
        "batches": {"opens": {"delivered": 2}, "clicks": {"delivered": 2, "held": 1}},
    }


# Commands


@scene
def paused(site):
    """A feed and a stream that a person has paused, with a drop in landing and a sealed batch that nobody sends."""
    site.configure(feeds={"audiences": {}}, streams={"opens": {}})
    site.log("log/opens.csv", 1, 3)
    site.write("landing/a.csv", audience(1))
    site.once()
    site.log("log/opens.csv", 4, 6)
    site.run("flush", "opens")
    site.run("pause", "opens", "audiences")
    site.log("log/opens.csv", 7, 9)
    site.write("landing/b.csv", audience(2))
    return {
        "exit": 75, "records": {"shelf/opens": span(1, 3)}, "handover": {"a.csv": sha256(audience(1))},
        "left": {
            "landing/b.csv": sha256(audience(2)), "log/opens.csv": sha256("id,label\n" + "\n".join(span(7, 9)) + "\n"),
        },
        "drops": {"audiences": {"archive": 1}}, "batches": {"opens": {"delivered": 1, "ready": 1}},
    }


@scene
def requests(site):
    """Requests that no agent has answered: to pause a stream, to resume another, to release what is held, to purge, to flush."""
    site.configure(
        feeds={"audiences": {"require": {"remember_columns": True}}}, streams={"opens": {}, "clicks": {}})
    site.write("landing/a.csv", audience(1))
    site.once()
    site.write("landing/other.csv", audience(2, columns=("email", "audience")))
    site.write("landing/third.csv", audience(3, columns=("email", "list")))
    site.once(ends=(1,))
    held = {one["names"][0]: one["id"] for one in json.loads(site.run("drops", "--json"))["drops"]}
    site.run("pause", "clicks")
    agent = site.agent()
    site.ask(agent, "pause", "opens")
    site.ask(agent, "resume", "clicks")
    site.ask(agent, "release", held["other.csv"], "--reason", "agreed")
    site.ask(agent, "purge", "--drop", held["third.csv"], "--reason", "asked for")
    site.ask(agent, "flush")
    site.end(agent)
    site.log("log/opens.csv", 1, 3)
    site.log("log/clicks.csv", 1, 3)
    return {
        "records": {"shelf/clicks": span(1, 3)},
        "handover": {
            "a.csv": sha256(audience(1)), "other.csv": sha256(audience(2, columns=("email", "audience"))),
        },
        "left": {"log/opens.csv": sha256("id,label\n" + "\n".join(span(1, 3)) + "\n")},
        "drops": {"audiences": {"archive": 2, "quarantine": 1}}, "batches": {"clicks": {"delivered": 1}},
    }


# Ledgers


def everything(site):
    """Both lanes, with a log that stays where it is and must be known by what the ledger, or the plans, say of it."""
    site.configure(
        feeds={"audiences": {"pull": {"store": "drops"}}}, stores=("shelf", "drops"),
        streams={"opens": {"rotation": "closed"}, "clicks": {"after": "keep"}})
    for number in range(2):
        site.write(f"drops/pulled{number}.csv", audience(number))
        site.write(f"landing/a{number}.csv", audience(number + 10))
        site.log(f"log/opens{number}.csv", 1 + 3 * number, 3 + 3 * number)
        site.log("log/clicks.csv", 1 + 3 * number, 3 + 3 * number)
        site.once()
        if number == 0:
            yield
    yield
    site.log("log/opens3.csv", 7, 9)
    site.log("log/clicks.csv", 7, 9)
    site.write("landing/new.csv", audience(20))


def outcome(rebuilt):
    names = {"pulled0.csv": 0, "pulled1.csv": 1, "a0.csv": 10, "a1.csv": 11, "new.csv": 20}
    return {
        "records": {"shelf/opens": span(1, 9), "shelf/clicks": span(1, 9)},
        "handover": {name: sha256(audience(number)) for name, number in names.items()},
        "drops": {"audiences": {"archive": 5}}, "batches": {"opens": {"delivered": 3}, "clicks": {"delivered": 3}},
        "told": ["ledger_rebuilt"] if rebuilt else [],
    }


def read(site, path):
    with open(site.path(path), "rb") as file:
        return file.read()


def without_history(site):
    return {
        one["id"]: 0 for kind in ["drops", "batches"] for one in json.loads(site.run(kind, "--json"))[kind]}


@scene
def ledger_gone(site):
    """No ledger: it is made anew from the plans, and nothing is sent, fetched or handed over twice."""
    for _ in everything(site):
        lines = without_history(site)
    for path in site.found("state/ledger.sqlite*"):
        site.remove(path)
    return {**outcome(rebuilt=True), "ledger": False, "known": lines}


@scene
def ledger_damaged(site):
    """A ledger that is no database any more: it is put aside and made anew."""
    for _ in everything(site):
        lines = without_history(site)
    for path in site.found("state/ledger.sqlite*"):
        site.remove(path)
    site.write("state/ledger.sqlite", "no database\n" * 100)
    return {**outcome(rebuilt=True), "ledger": False, "known": lines}


@scene
def ledger_behind(site):
    """A ledger from before the last drops and batches, beside their plans."""
    for number, _ in enumerate(everything(site)):
        if number == 0:
            old = {path: read(site, path) for path in site.found("state/ledger.sqlite*") if not path.endswith("-shm")}
    for path in site.found("state/ledger.sqlite*"):
        site.remove(path)
    for path, content in old.items():
        with open(site.path(path), "wb") as file:
            file.write(content)
    return outcome(rebuilt=False)


@scene
def ledger_only(site):
    """Nothing but the ledger: every folder of a lane is gone, and with it what was kept of drops and batches."""
    for _ in everything(site):
        pass
    for name in ["feeds", "streams", "stores", "requests"]:
        site.remove(f"state/{name}")
    expected = outcome(rebuilt=False)
    return {**expected, "drops": {"audiences": {"archive": 1}}, "batches": {"opens": {"delivered": 1}, "clicks": {"delivered": 1}}}
