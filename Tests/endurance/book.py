"""What was promised, whether it was kept, and the figures beside it."""

import threading


class Broken(Exception):
    """A promise was broken and the scene cannot go on."""

    def __init__(self, promise, why):
        super().__init__(f"{promise}: {why}")
        self.promise, self.why = promise, why


class Book:
    def __init__(self, promises):
        self.promises = {name: [] for name in promises}
        self.broken = []
        self.rows, self.sums, self.most = {}, {}, {}
        self.lock = threading.Lock()

    def hold(self, promise, where, good, why=""):
        """- Returns: whether it was kept."""
        with self.lock:
            self.promises[promise].append(where)
            if not good:
                self.broken.append((promise, where, why))
        return good

    def need(self, promise, where, good, why=""):
        if not good:
            raise Broken(promise, f"{where}: {why}" if why else where)
        self.hold(promise, where, True)

    def add(self, figure, number=1):
        with self.lock:
            self.sums[figure] = self.sums.get(figure, 0) + number

    def top(self, figure, number):
        with self.lock:
            self.most[figure] = max(self.most.get(figure, 0), number)

    def row(self, scene, **figures):
        with self.lock:
            self.rows.setdefault(scene, {}).update(figures)

    # The end

    COLUMNS = ["transfers", "slots", "failures", "reloads", "stops", "longest stop", "recovery", "peak MiB",
               "threads", "descriptors", "memory MiB", "seconds"]

    def table(self):
        rows = [["scene", *self.COLUMNS]]
        for scene, figures in sorted(self.rows.items()):
            rows.append([scene, *(str(figures.get(column, "")) for column in self.COLUMNS)])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]).rstrip())

    def tell(self, wanted):
        """- Parameter wanted: promises that the scenes of this run must have looked at.
        - Returns: whether all were kept."""
        good = True
        for promise, places in self.promises.items():
            bad = [(where, why) for name, where, why in self.broken if name == promise]
            if bad:
                good = False
                print(f"BROKEN       {promise}")
                for where, why in bad:
                    print(f"               {where}: {why}")
            elif places:
                print(f"kept         {promise} ({len(places)} times looked at)")
            elif promise in wanted:
                good = False
                print(f"NOT REACHED  {promise}")
        return good
