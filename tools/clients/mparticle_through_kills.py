"""Uploads with the package `mparticle`, as it comes, until a file appears.

usage: mparticle_through_kills.py HOST KEY SECRET STOP
The package does not try again by itself, so its caller does, with the same batch. Prints {"sent": […],
"retries": N}: the source_message_id of every event whose upload ended well, and how often one was tried again.
"""

import json
import os
import sys
import threading
import time

import mparticle
from mparticle import models

host, key, secret, stop = sys.argv[1:]
sent, retries = [], []


def upload(number):
    configuration = mparticle.Configuration()
    configuration.host = host
    configuration.api_key = key
    configuration.api_secret = secret
    api = mparticle.EventsApi(configuration)
    count = 0
    while not os.path.exists(stop):
        names = ["mp-%d-%d-%d" % (number, count, place) for place in range(3)]
        batch = models.Batch()
        batch.environment = "development"
        batch.source_request_id = "mp-%d-%d" % (number, count)
        batch.user_identities = models.UserIdentities(customerid="mp-%d" % (count % 20))
        batch.events = [
            models.AppEvent(event_name="Seen", custom_event_type="other", source_message_id=name) for name in names
        ]
        while True:
            try:
                api.upload_events(batch)
                break
            except Exception:
                retries.append(number)
                time.sleep(0.05)
        sent.extend(names)
        count += 1


threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump({"sent": sent, "retries": len(retries)}, sys.stdout)
