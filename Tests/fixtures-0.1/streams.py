"""Scenes of streams, one or more for each rotation."""

import os
import subprocess

from words import scene, sha256, span


@scene
def rename(site):
    """Logs set aside by the agent: each kind of `after`, a start at the end, several batches, a record that is too large."""
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
    return killed_stream(
        site, "copytruncate", "ftruncate", lambda: site.found("state/streams/opens/ready/*"), path="log/opens.csv")


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
    """Killed when the log is emptied: what its writer added at the last moment lies in the state folder alone."""
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
