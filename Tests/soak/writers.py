"""Programs that write logs, each rotating as such programs do: writers.py ROTATION FOLDER RATE

A line is `<generation>,<number>,<text>`: the generation counts the files that were opened, the number counts lines and never
repeats. Some lines have a line break in quotes. Ends at SIGTERM, after a whole line, and prints how many lines it wrote and how
many files.
"""

import os
import random
import signal
import sys
import time

HEADER = b"generation,number,text\n"
ended = False


def end(*_):
    global ended
    ended = True


def line(generation, number):
    if number % 50 == 0:
        return b'%d,%d,"Spring offer,\nhero ""%d"""\n' % (generation, number, number)
    return b"%d,%d,acc-prod:tl:%d directMarketing.emailOpened 2026-03-12T05:41:07Z\n" % (generation, number, number)


class Writer:
    def __init__(self, rotation, folder, rate):
        self.rotation, self.folder, self.rate = rotation, folder, rate
        self.path = f"{folder}/opens.csv"
        self.random = random.Random(4711)
        self.generation, self.number, self.file = 0, 0, None
        self.next = 0.0

    def open(self):
        if self.file is not None:
            os.close(self.file)
        self.generation += 1
        if self.rotation == "closed":
            self.path = f"{self.folder}/opens-{self.generation:06}.csv"
        self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if os.fstat(self.file).st_size == 0:
            self.write(HEADER)

    def write(self, data):
        # In two pieces at times: a reader meets unfinished lines.
        if self.random.random() < 0.2:
            cut = self.random.randrange(len(data))
            os.write(self.file, data[:cut])
            time.sleep(0.002)
            data = data[cut:]
        while data:
            data = data[os.write(self.file, data):]

    def is_time(self, now):
        """Whether another file is due; for `rename` the agent takes the file away, and the writer notices late."""
        if now < self.next:
            return False
        if self.rotation == "rename":
            self.next = now + 0.3
            try:
                return os.stat(self.path).st_ino != os.fstat(self.file).st_ino
            except FileNotFoundError:
                return True
        self.next = now + self.random.uniform(2, 5)
        if self.rotation == "follow":
            self.shift()
        return self.rotation != "copytruncate"

    def shift(self):
        """As logrotate with `create`: opens.csv becomes opens.csv.1, that becomes opens.csv.2, and so on."""
        numbers = sorted((int(name.rsplit(".", 1)[1]) for name in os.listdir(self.folder) if name[-1].isdigit()), reverse=True)
        for number in numbers:
            if number >= 40:
                os.remove(f"{self.path}.{number}")
            else:
                os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.rename(self.path, f"{self.path}.1")

    def run(self):
        self.open()
        self.next = time.monotonic() + 1
        began, base = time.monotonic(), 0
        while not ended:
            now = time.monotonic()
            if self.is_time(now):
                self.open()
            due = int((now - began) * self.rate) - (self.number - base)
            if due > self.rate:
                # The machine was busy: catching up with all of it would be another load than the one asked for.
                began, base, due = now, self.number, self.rate // 100
            if due > 0:
                first = self.number + 1
                self.number += due
                self.write(b"".join(line(self.generation, n) for n in range(first, self.number + 1)))
            time.sleep(0.01)
        os.close(self.file)


def main():
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer = Writer(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    writer.run()
    print(writer.number, writer.generation, flush=True)


main()
