"""Tracks with the package `segment-analytics-python`, as it comes, until a file appears; then lets it finish.

usage: segment_through_kills.py HOST KEY STOP
Prints {"sent": […], "failed": […], "retries": N}: the message ids that the package believes delivered, those
that it gave up, and how often it tried again.
"""

import json
import logging
import os
import sys
import time

from segment.analytics.client import Client

host, key, stop = sys.argv[1:]
made, failed = [], []
retries = 0


class Count(logging.Handler):
    def emit(self, record):
        global retries
        # Such as "Network error retry 1/10 (total attempts: 1) after 0.00s: ..."
        if "(total attempts" in record.getMessage():
            retries += 1


logging.getLogger("segment").addHandler(Count())


def on_error(error, items):
    failed.extend(item["messageId"] for item in items)


clients = [
    Client(key, host=host, on_error=on_error, gzip=zipped, thread=6, timeout=5, upload_size=10, upload_interval=0.1)
    for zipped in (False, True)
]
# The package says at this level when it tries again.
logging.getLogger("segment").setLevel(logging.DEBUG)
while not os.path.exists(stop):
    for number, client in enumerate(clients):
        name = "kill-%d-%d" % (number, len(made))
        taken, message = client.track("u-%d" % (len(made) % 50), "Seen", {"n": len(made)}, message_id=name)
        # A full queue is said at once, and the message is the caller's again.
        if taken:
            made.append(message["messageId"])
    time.sleep(0.004)
for client in clients:
    client.flush()
    client.join()

lost = set(failed)
json.dump({"sent": [name for name in made if name not in lost], "failed": failed, "retries": retries}, sys.stdout)
