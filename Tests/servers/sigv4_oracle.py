"""What botocore would sign. Reads one JSON request per line, answers one JSON line each: the URL's path and query as botocore
encodes them, and the Authorization header.
"""

import json
import sys

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode, percent_encode_sequence

for line in sys.stdin:
    r = json.loads(line)
    signer = S3SigV4Auth(Credentials(r["key"], r["secret"], r.get("token")), "s3", r["region"])
    path = percent_encode(r["path"], safe="/~")
    query = sorted((name, value) for name, value in r["query"])
    request = AWSRequest(r["method"], f"https://{r['host']}{path}", params=query,
                         headers=dict(r["headers"]))
    request.context["timestamp"] = r["date"]
    request.headers["X-Amz-Date"] = r["date"]
    if r.get("token"):
        request.headers["X-Amz-Security-Token"] = r["token"]
    request.headers["X-Amz-Content-SHA256"] = r["hash"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    print(json.dumps({
        "path": path,
        "query": percent_encode_sequence(query),
        "authorization": signer._inject_signature_to_request(request, signature) and request.headers["Authorization"],
    }), flush=True)
