"""What Microsoft's client does: azure_client.py VERB ENDPOINT ACCOUNT KEY CONTAINER [WHAT].

  create            makes the container, and answers when the service does
  look NAME         prints SHA-256, size and metadata of the blob, and the names that its folder lists
  sas RIGHTS/HOURS  prints a token for the container
"""

import datetime
import hashlib
import json
import sys
import time

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import ContainerClient, generate_container_sas

verb, endpoint, account, key, container = sys.argv[1:6]
client = ContainerClient(endpoint, container, credential={"account_name": account, "account_key": key}, retry_total=0)
if verb == "create":
    deadline = time.monotonic() + 20
    while True:
        try:
            client.create_container()
            break
        except ResourceExistsError:
            break
        except AzureError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
elif verb == "look":
    name = sys.argv[6]
    blob = client.get_blob_client(name)
    data = blob.download_blob().readall()
    folder = name.rpartition("/")[0] + "/"
    print(json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "size": blob.get_blob_properties().size,
                      "metadata": blob.get_blob_properties().metadata,
                      "names": [b.name for b in client.list_blobs(name_starts_with=folder)]}))
else:
    rights, hours = sys.argv[6].split("/")
    now = datetime.datetime.now(datetime.timezone.utc)
    print(generate_container_sas(account, container, key, permission=rights,
                                 expiry=now + datetime.timedelta(hours=float(hours))))
