"""What scenes are made of: invented data, and the list of all scenes."""

import hashlib

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
