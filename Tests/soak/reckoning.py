"""What the store holds, against what was written."""

import gzip
import re
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

RECORD = re.compile(rb'(\d+),(\d+),(?:[^"\n]*|"(?:[^"]|"")*")\n')
HEADER = b"generation,number,text\n"


class Bucket:
    def __init__(self, endpoint, bucket, key, secret, region):
        self.root, self.region = f"{endpoint}/{bucket}", region
        self.credentials = Credentials(key, secret)

    def get(self, path, query=""):
        request = AWSRequest("GET", f"{self.root}/{path}{query}")
        S3SigV4Auth(self.credentials, "s3", self.region).add_auth(request)
        plain = urllib.request.Request(request.url, headers=dict(request.headers))
        with urllib.request.urlopen(plain, timeout=60) as answer:
            return answer.read()

    def keys(self, prefix):
        keys, after = [], None
        while True:
            query = "?list-type=2&max-keys=1000&prefix=" + urllib.parse.quote(prefix, safe="")
            if after:
                query += "&start-after=" + urllib.parse.quote(after, safe="")
            page = xml.fromstring(self.get("", query))
            found = [e.text for e in page.iter() if e.tag.endswith("}Key")]
            keys += found
            if not found or not any(e.tag.endswith("}IsTruncated") and e.text == "true" for e in page.iter()):
                return sorted(keys)
            after = found[-1]


class Reckoning:
    """Of one stream: every line once, in order per log, every object whole and headed."""

    def __init__(self, bucket, prefix, lines):
        self.lines, self.objects, self.sent, self.twice, self.disordered = lines, 0, 0, 0, 0
        self.complaints = []
        seen, last = bytearray(lines + 1), {}
        for key in bucket.keys(prefix):
            self.objects += 1
            text = gzip.decompress(bucket.get(key))
            if not text.startswith(HEADER):
                self.complaints.append(f"{key} does not begin with the header")
            end = len(HEADER)
            if end >= len(text):
                self.complaints.append(f"{key} holds no record")
            for match in RECORD.finditer(text, end):
                if match.start() != end:
                    self.complaints.append(f"{key} holds something else at byte {end}: {text[end:match.start()][:60]!r}")
                end = match.end()
                generation, number = int(match[1]), int(match[2])
                self.sent += 1
                if not 0 < number <= lines:
                    self.complaints.append(f"{key} holds line {number}, which nobody wrote")
                elif seen[number]:
                    self.twice += 1
                else:
                    seen[number] = 1
                self.disordered += number <= last.get(generation, 0)
                last[generation] = number
            if end != len(text):
                self.complaints.append(f"{key} ends with something else: {text[end:][:60]!r}")
        self.missing = lines - sum(seen)
        if self.missing:
            first = seen.index(0, 1)
            self.complaints.append(f"the first of {self.missing} missing lines is {first}")

    def only_missing(self, most):
        return 0 < self.missing <= most and not self.twice and not self.disordered and len(self.complaints) == 1

    @property
    def is_good(self):
        return not self.missing and not self.twice and not self.disordered and not self.complaints
