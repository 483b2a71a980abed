"""Makes every call that the package `segment-analytics-python` offers, with every argument set.

usage: segment_calls.py HOST KEY
HOST is such as http://127.0.0.1:8080. Prints the messages as the package made them, in order, as one JSON
list.
"""

import json
import sys
from datetime import datetime, timezone

from segment.analytics.client import Client
from segment.analytics.request import DatetimeSerializer
import segment.analytics as module

host, key = sys.argv[1:]
made = []
failures = []


def keep(result):
    success, message = result
    assert success, message
    made.append(message)


common = {
    "context": {"ip": "203.0.113.9", "device": {"id": "d-1", "type": "ios"}, "nothing": None},
    "timestamp": datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=timezone.utc),
    "anonymous_id": "anon-1",
    "integrations": {"All": True, "Books": {"region": "eu"}},
}


def calls(client):
    def more(name):
        return dict(common, message_id="%s-%s" % (name, len(made)))

    keep(client.identify("u-1", {"email": "ada@example.com", "age": 36}, **more("identify")))
    keep(client.track("u-1", "Order Completed", {"total": 84.96, "products": [{"product_id": "s"}]}, **more("track")))
    keep(client.page("u-1", "Docs", "Home", {"url": "https://example.com/"}, **more("page")))
    keep(client.screen("u-1", "Shop", "Cart", {"items": 3}, **more("screen")))
    keep(client.group("u-1", "g-1", {"name": "Acme"}, **more("group")))
    keep(client.alias("anon-0", "u-1", context=common["context"], timestamp=common["timestamp"]))


def on_error(error, items):
    failures.append(str(error))


for options in ({"sync_mode": True}, {"sync_mode": True, "gzip": True}, {"gzip": True}, {}):
    client = Client(key, host=host, on_error=on_error, **options)
    calls(client)
    if not options.get("sync_mode"):
        client.flush()
        client.join()

module.write_key = key
module.host = host
module.on_error = on_error
keep(module.identify("u-2", {"email": "ben@example.com"}))
keep(module.track("u-2", "Seen", {"n": 1}))
keep(module.page("u-2", "Docs", "Home"))
keep(module.screen("u-2", "Shop", "Cart"))
keep(module.group("u-2", "g-1"))
keep(module.alias("anon-9", "u-2"))
module.shutdown()

assert not failures, failures
print(json.dumps(made, cls=DatetimeSerializer))
