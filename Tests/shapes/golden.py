"""Two logs and their events: what each preset makes of them, byte by byte."""

import os

from campaign import Log, Stream
from program import Site

FOLDER = f"{os.path.dirname(os.path.abspath(__file__))}/golden"


def stream_for(preset):
    return Stream(preset, preset, shape={
        "preset": preset, "instance": "acc-prod",
        "columns": {"timestamp": {"zone": "Europe/Paris", "ambiguous": "earlier"}, "crmId": "[recipient/@crmId]"}}, rows={"check": "on"})


def differences(root, binary):
    os.makedirs(root)
    streams = [stream_for(preset) for preset in ("broadlog", "tracking")]
    site = Site(root, binary, streams)
    for stream in streams:
        with open(f"{FOLDER}/{stream.name}.in.csv", "rb") as file:
            site.lay(Log(stream, "0000.csv", file.read(), None, b",", "none", True), 1_700_000_000)
    site.run()
    found = []
    for stream in streams:
        with open(f"{FOLDER}/{stream.name}.out.csv", "rb") as file:
            want = file.read()
        have = site.objects(stream)
        if have != [want]:
            lines = zip(have[0].split(b"\n") if have else [], want.split(b"\n"))
            line = next((number for number, (one, other) in enumerate(lines, 1) if one != other), None)
            found.append(f"golden {stream.name}: {len(have)} objects, the first differs in line {line}")
    return found
