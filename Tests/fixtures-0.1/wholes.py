"""Scenes of batches that wait, of what people ask for, and of ledgers that are lost or old."""

import json

from words import audience, scene, sha256, span


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
    places = {"drops": {"audiences": {"archive": 1}}, "batches": {"opens": {"delivered": 1}, "clicks": {"delivered": 1}}}
    return {**outcome(rebuilt=False), **places}
