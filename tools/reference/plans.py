"""Tracking plans with the few keywords of JSON Schema that stories use: what becomes of an event."""

from conditions import exact, is_number


def plan_of(event, policy):
    for plan in policy.plans:
        if event.source in plan["sources"]:
            return plan
    return None


def verdict(event, policy):
    """`keeps`, or what becomes of it: `withhold`, `strip` or `quarantine`; and whether stripping mends it."""
    plan = plan_of(event, policy)
    if plan is None:
        return "keeps"
    rule = next((rule for rule in plan["events"] if matches(rule, event)), None)
    if rule is None:
        unplanned = plan.get("unplanned", "withhold")
        return "keeps" if unplanned == "allow" else unplanned
    # A rule without a schema takes anything.
    schema = rule.get("properties") or rule.get("traits")
    value = event.at("traits" if event.type in ("identify", "group") else "properties") or {}
    if schema is None:
        return "keeps"
    faults = violations(schema, value)
    if not faults:
        return "keeps"
    violation = rule.get("violation", plan.get("violation", "withhold"))
    if violation == "strip":
        stripped = {name: held for name, held in value.items() if name not in faults}
        return "withhold" if violations(schema, stripped) else "strip"
    return violation


def matches(rule, event):
    """Whether a rule's selector (`track: NAME`, `page: "*"`, `identify: {}`) means the event."""
    if event.type not in rule:
        return False
    name = rule[event.type]
    return name == "*" or not isinstance(name, str) or name == event.name


def violations(schema, value):
    """The names at fault of an object's direct members; "" for the object itself."""
    faults = {"" for name in schema.get("required", []) if name not in value}
    for name, rule in schema.get("properties", {}).items():
        if name in value and not valid(rule, value[name]):
            faults.add(name)
    return faults


def valid(rule, value):
    if rule.get("type") == "number" and not is_number(value):
        return False
    if rule.get("type") == "string" and not isinstance(value, str):
        return False
    if is_number(value):
        if "minimum" in rule and exact(value) < exact(rule["minimum"]):
            return False
        if "maximum" in rule and exact(value) > exact(rule["maximum"]):
            return False
    if isinstance(value, str) and len(value) > rule.get("maxLength", len(value)):
        return False
    return "enum" not in rule or value in rule["enum"]
