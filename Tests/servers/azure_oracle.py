"""What Microsoft's client would sign. Reads one JSON request per line, answers one JSON line each: the Authorization header."""

import json
import sys

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

for line in sys.stdin:
    r = json.loads(line)
    request = HttpRequest(r["method"], "http://x" + r["target"], headers=dict(r["headers"]))
    policy = SharedKeyCredentialPolicy(r["account"], r["key"])
    policy.on_request(PipelineRequest(request, PipelineContext(None)))
    print(json.dumps({"authorization": request.headers["Authorization"]}), flush=True)
