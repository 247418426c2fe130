"""Scenes of feeds and of what they fetch."""

import json
import os

from words import audience, scene, sha256


@scene
def feed_places(site):
    """Drops in held, archive and quarantine: handed over, gone on to its reader, renamed, a duplicate."""
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
    """Sets of parts with a manifest, and files with markers, rewritten: handed over, in landing, not complete."""
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
    """Killed when all is handed over and nothing archived; the reader has taken one file since, and a name comes again."""
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
