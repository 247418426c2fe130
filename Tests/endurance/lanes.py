"""What flows: logs that become batches in a store, and objects of a store that become files. Each knows what was written, and
compares it with what arrived, byte for byte."""

import gzip
import os
import threading
import time

HEADER = b"number,text\n"
ROWS = 20  # of a batch
OBJECT_ROWS = 3


def line(number):
    if number % 50 == 0:
        return b'%d,"Spring offer,\nhero ""%d"""\n' % (number, number)
    return b"%d,delivery %d of the spring offer\n" % (number, number)


def folder(*parts):
    path = os.path.join(*parts)
    os.makedirs(path, exist_ok=True)
    return path


class Lane:
    """A producer on a thread of its own, at so many units a second."""

    def __init__(self, store, root):
        self.store, self.root = store, root
        self.written = 0
        self.going, self.thread, self.fault = threading.Event(), None, None

    def begin(self, rate):
        self.going.set()
        self.thread = threading.Thread(target=self.produce, args=(rate,), daemon=True)
        self.thread.start()

    def produce(self, rate):
        try:
            while self.going.is_set():
                self.write()
                time.sleep(1 / rate)
        except Exception as fault:  # Told by `rest`: a producer that stopped would make the rest of a scene idle.
            self.fault = fault

    def rest(self):
        self.going.clear()
        if self.thread:
            self.thread.join()
        self.thread = None
        if self.fault:
            raise self.fault


class Push(Lane):
    kind, event = "push", "batch_confirmed"

    def __init__(self, store, root):
        super().__init__(store, root)
        self.logs = folder(root, "logs")

    def yaml(self, store_yaml, turn, state):
        """- Parameter turn: another number, another configuration that means the same."""
        return (f"state: {state}\nhost: endurance\nlimits: {{ min_free: 1MiB, spool_max_bytes: 8GiB }}\n"
                f"stores: {{ there: {store_yaml} }}\n"
                f"streams:\n  opens: {{ logs: ['{self.logs}/*.csv'], rotation: closed, store: there,"
                f" batch: {{ max_rows: {ROWS}, max_age: 200ms }}, key: '{{stream}}/{{seq}}.csv.gz',"
                f" delivered: {{ keep: {turn}h }} }}\n")

    def write(self, units=1):
        """So many batches, as one log."""
        first = self.written * ROWS
        path = f"{self.logs}/{self.written:06}"
        with open(path + ".writing", "wb") as file:
            file.write(HEADER + b"".join(line(n) for n in range(first, first + units * ROWS)))
        os.rename(path + ".writing", path + ".csv")
        self.written += units

    def arrived(self):
        return len(self.store.names())

    def compare(self):
        """- Returns: complaints."""
        seen, complaints = bytearray(self.written * ROWS), []
        for name in self.store.names():
            text = gzip.decompress(self.store.read(name))
            if not text.startswith(HEADER):
                complaints.append(f"{name} does not begin with the header")
                continue
            at, number = len(HEADER), int(text[len(HEADER):].split(b",", 1)[0] or 0)
            while at < len(text):
                if not text.startswith(line(number), at):
                    # Another log begins within the batch.
                    number = int(text[at:].split(b",", 1)[0])
                    if number >= len(seen) or not text.startswith(line(number), at):
                        complaints.append(f"{name} holds what nobody wrote: {text[at:at + 40]!r}")
                        break
                if number >= len(seen):
                    complaints.append(f"{name} holds line {number} of {len(seen)}")
                    break
                seen[number] = min(seen[number] + 1, 2)
                at += len(line(number))
                number += 1
        return complaints + told(seen, "lines")


class Pull(Lane):
    kind, event = "pull", "drop_handed_over"

    def __init__(self, store, root):
        super().__init__(store, root)
        self.landing, self.handover = folder(root, "landing"), folder(root, "handover")

    def yaml(self, store_yaml, turn, state):
        return (f"state: {state}\nhost: endurance\nlimits: {{ min_free: 1MiB }}\n"
                f"stores: {{ there: {store_yaml} }}\n"
                f"feeds:\n  audiences: {{ landing: {self.landing}, handover: {self.handover}, ready: {{ settle: 100ms }},"
                f" archive: {{ keep: {turn + 1}h }}, pull: {{ store: there, prefix: in/, every: 1s }} }}\n")

    def content(self, number):
        first = number * OBJECT_ROWS
        return HEADER + b"".join(b"%d,audience member %d\n" % (n, n) for n in range(first, first + OBJECT_ROWS))

    def write(self, units=1):
        for _ in range(units):
            self.store.put(f"in/{self.written:06}.csv", self.content(self.written))
            self.written += 1

    def arrived(self):
        return len(os.listdir(self.handover))

    def compare(self):
        seen, complaints = bytearray(self.written), []
        for name in sorted(os.listdir(self.handover)):
            number = int(name[:6]) if name[:6].isdigit() else self.written
            with open(f"{self.handover}/{name}", "rb") as file:
                content = file.read()
            if number >= self.written or content != self.content(number):
                complaints.append(f"{name} is not what was put there: {content[:40]!r}")
                continue
            seen[number] = min(seen[number] + 1, 2)
        return complaints + told(seen, "objects")


def told(seen, what):
    missing, twice = seen.count(0), seen.count(2)
    complaints = []
    if missing:
        complaints.append(f"{missing} of {len(seen)} {what} are missing, the first is {seen.index(0)}")
    if twice:
        complaints.append(f"{twice} {what} arrived more than once, the first is {seen.index(2)}")
    return complaints
