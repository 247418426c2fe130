"""Promises that the program breaks today: the cases by pattern, how the promise begins (a pattern), and why. One that holds again in all
cases that were run fails the run, so that this list shrinks."""

WORDS = "a reason is a word: "
UNPROVEN = "what is not proven counts as a mismatch, and the batch waits for a person"
START = "a folder store in trouble at the start ends the whole agent"
ENDLESS = "a list of new marks without end is asked for on and on, 100,000 pages at a time"

KNOWN = [
    ("*", WORDS + "lane_paused: ?Cannot ", "the reason of lane_paused is the whole fault of the store where a pull waits"),
    ("*", WORDS + "credential_refused: ?Cannot ", "the reason of credential_refused is the whole fault of the store where a pull waits"),
    ("*", WORDS + "upload_retry: ?throttled(", "the reason of upload_retry is Swift's own text where a store is busy"),
    ("*:html-200", "all arrives once", UNPROVEN),
    ("*:html-200-put", "all arrives once", UNPROVEN),
    ("*:headers-cut", "all arrives once", UNPROVEN),
    ("*:gzip-body", "all arrives once", UNPROVEN),
    ("*:endless-body", "all arrives once", UNPROVEN),
    ("*:close-within-headers", "all arrives once", UNPROVEN),
    ("s3:says-403-AccessDenied", "all arrives once", "AccessDenied holds the batch, though the list is refused as well (decision 0014)"),
    ("*:retry-after-year", "all arrives once the truth", "a pull that was told to wait waits for an hour, and retry does not wake it"),
    ("*:list-empty-pages", "requests are bounded", ENDLESS),
    ("*:list-empty-pages", "little work", ENDLESS),
    ("*:list-empty-pages", "check --connect ends", ENDLESS),
    ("*:list-empty-pages", "verify ends", ENDLESS),
    ("*:list-new-marks", "requests are bounded", ENDLESS),
    ("*:list-new-marks", "check --connect ends", ENDLESS),
    ("*:list-new-marks", "verify ends", ENDLESS),
    ("*:list-new-marks", "trouble is told", ENDLESS),
    ("*:list-empty-pages", "the case did not end", ENDLESS),
    ("*:list-new-marks", "requests are bounded", ENDLESS),
    ("*:list-new-marks", "check --connect ends", ENDLESS),
    ("*:list-new-marks", "verify ends", ENDLESS),
    ("*:list-new-marks", "the case did not end", ENDLESS),
    ("file:*read-only", "check --connect ends", START),
    ("file:*read-only", "the agent stays", START),
    ("file:*read-only", "other stores and feeds go on", START),
    ("file:*read-only", "verify*ends", START),
    ("file:store-*-file", "check --connect ends", START),
    ("file:store-*-file", "the agent stays", START),
    ("file:store-*-file", "other stores and feeds go on", START),
    ("file:store-becomes-file", "all arrives once", "a store that is a file refuses the batch, which waits for a person, instead of the store"),
    ("*:html-200-delete", "what was fetched is deleted", "a deletion that is answered with a page of HTML counts as done, and the object stays for ever"),
    ("file:drop-time-future", "nothing of ours becomes unreadable", "a file of the year 2262 or later makes a plan that cannot be read again"),
    ("file:drop-40GiB", "all arrives once", "a long copy from a folder store stops all else of that store"),
    ("sftp:write-other", "*", "SFTP tells no digest and nothing is read back, so that other bytes of the same size are confirmed"),
]
