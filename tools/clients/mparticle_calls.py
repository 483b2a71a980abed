"""Makes every call that the package `mparticle` offers, with every field of every event set.

usage: mparticle_calls.py HOST KEY SECRET
HOST is such as http://127.0.0.1:8080/v2. Prints the bodies of the requests, in order, as one JSON list.
"""

import ast
import json
import re
import sys
import threading
from uuid import UUID

import mparticle
from mparticle import models

host, key, secret = sys.argv[1:]
configuration = mparticle.Configuration()
configuration.host = host
configuration.api_key = key
configuration.api_secret = secret
api = mparticle.EventsApi(configuration)
serialise = configuration.api_client.sanitize_for_serialization
sent = []
numbers = iter(range(1, 1_000_000))

TIME = 1773500966535


def sample(name, kind):
    """A value of a model's declared type that no other field has."""
    number = next(numbers)
    if name == "timestamp_unixtime_ms":
        return TIME + number
    if kind == "int":
        return number
    if kind == "float":
        return number + 0.25
    if kind == "bool":
        return number % 2 == 0
    if kind == "str":
        return "%s-%d" % (name, number)
    if kind == "object":
        return {"text": "%s-%d" % (name, number), "number": number + 0.5, "list": ["a", "b"], "none": None}
    if kind.startswith("list["):
        return [sample(name, kind[5:-1]), sample(name, kind[5:-1])]
    if kind.startswith("dict("):
        inner = kind[5:-1].split(", ", 1)[1]
        return {"%s_a" % name: sample(name, inner), "%s_b" % name: sample(name, inner)}
    return filled(getattr(models, kind))


def filled(cls, without=(), **fixed):
    """A model with every field set."""
    try:
        model = cls()
    except (TypeError, ValueError):
        model = cls(**needed(cls))
    return fill(model, without, **fixed)


def fill(model, without=(), **fixed):
    for name, kind in model.swagger_types.items():
        if name in without:
            continue
        value = fixed.get(name, sample(name, kind))
        try:
            setattr(model, name, value)
        except ValueError as error:
            # The setter names what it allows, or wants a UUID.
            allowed = re.search(r"\[.*\]", str(error), re.S)
            value = ast.literal_eval(allowed.group(0))[-1] if allowed else str(UUID(int=next(numbers)))
            setattr(model, name, value)
    return model


def needed(cls):
    """Arguments without which a model cannot be made."""
    found = {}
    for _ in range(20):
        try:
            cls(**found)
            return found
        except (TypeError, ValueError) as error:
            names = re.findall(r"'(\w+)'", str(error)) or [
                "_".join(str(error).split(" is ")[0].lower().split())
            ]
            for name in names:
                found[name] = name + "-needed"
    raise RuntimeError("%s cannot be made" % cls.__name__)


def upload(batch):
    sent.append(serialise(batch))
    api.upload_events(batch)


def batch_of(events, **more):
    batch = models.Batch()
    batch.environment = "development"
    batch.user_identities = models.UserIdentities(customerid="py-1", email="py@example.com")
    batch.events = events
    for name, value in more.items():
        setattr(batch, name, value)
    return batch


commerce = ("product_action", "promotion_action", "product_impressions")
events = []
for name in sorted(dir(models)):
    cls = getattr(models, name)
    if not name.endswith("Event") or not isinstance(cls, type):
        continue
    if cls is models.CommerceEvent:
        for kept in commerce:
            model = models.CommerceEvent(**{kept: sample(kept, "object")})
            kind = model.swagger_types[kept]
            others = [part for part in commerce if part != kept]
            events.append(fill(model, without=others, **{kept: sample(kept, kind)}))
    else:
        events.append(filled(cls))
events.append(models.AppEvent.create_attribution_event(publisher="p", campaign="c"))
events.append(models.AppEvent.create_attribution_delete_event())
for event in events:
    upload(batch_of([event]))
upload(batch_of([filled(models.AppEvent), filled(models.ScreenViewEvent)]))

# Every field of the batch; the schema's limits stand in mParticle's documentation and not in the package.
whole = filled(models.Batch, without=["events", "consent_state", "ip"])
whole.events = [filled(models.AppEvent)]
whole.ip = "203.0.113.9"
consent = models.ConsentState()
consent.gdpr = {"analytics": filled(models.GDPRConsentState, timestamp_unixtime_ms=TIME)}
consent.ccpa = {"data_sale_opt_out": filled(models.CCPAConsentState, timestamp_unixtime_ms=TIME)}
whole.consent_state = consent
upload(whole)

alone = models.Batch()
alone.environment = "production"
alone.user_attributes = {"plan": "pro", "vip": True, "age": 36, "tags": ["a", "b"]}
alone.deleted_user_attributes = ["old"]
alone.user_identities = models.UserIdentities(customerid="py-2")
upload(alone)

bulk = [batch_of([filled(models.AppEvent)], source_request_id="bulk-%d" % n) for n in range(3)]
sent.append(serialise(bulk))
api.bulk_upload_events(bulk)

# By a callback, as the package does it: on a thread of its own.
called = threading.Event()
last = batch_of([filled(models.AppEvent)])
sent.append(serialise(last))
thread = api.upload_events(last, callback=lambda response: called.set())
thread.join(20)
assert called.wait(20), "the callback was not called"

json.dump(sent, sys.stdout)
