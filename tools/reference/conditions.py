"""Conditions over an event's fields, and comparisons of one value (filters, `where`, traits). Numbers exact."""

from decimal import Decimal

import times


def is_number(value):
    return isinstance(value, (int, Decimal, float)) and not isinstance(value, bool)


def exact(value):
    return Decimal(str(value))


def same(value, wanted):
    if is_number(value) and is_number(wanted):
        return exact(value) == exact(wanted)
    return type(value) is type(wanted) and value == wanted


NUMERIC = {
    "atLeast": lambda a, b: a >= b,
    "atMost": lambda a, b: a <= b,
    "moreThan": lambda a, b: a > b,
    "lessThan": lambda a, b: a < b,
}


def holds(value, comparison):
    """Whether every comparison holds. A value that is absent or null satisfies only `present: false`."""
    return all(one(value, name, wanted) for name, wanted in comparison.items())


def one(value, name, wanted):
    if name == "present":
        return (value is not None) == wanted
    if value is None:
        return False
    if name == "is":
        return same(value, wanted)
    if name == "isOneOf":
        return any(same(value, one) for one in wanted)
    if name in NUMERIC:
        return is_number(value) and NUMERIC[name](exact(value), exact(wanted))
    if name == "startsWith":
        return isinstance(value, str) and value.startswith(wanted)
    if name == "endsWith":
        return isinstance(value, str) and value.endswith(wanted)
    if name == "contains":
        if isinstance(value, list):
            return any(same(entry, wanted) for entry in value)
        return isinstance(value, str) and wanted in value
    if name in ("before", "after"):
        moment, limit = times.moment(value), times.moment(wanted)
        return moment is not None and (moment < limit if name == "before" else moment > limit)
    raise ValueError("unknown comparison " + name)


def condition(tree, field):
    """Whether a condition holds; `field` tells what stands at a path."""
    if isinstance(tree, list):
        return all(condition(part, field) for part in tree)
    if "field" in tree:
        comparison = {name: wanted for name, wanted in tree.items() if name != "field"}
        return holds(field(tree["field"]), comparison)
    results = []
    for name, parts in tree.items():
        if name == "all":
            results.append(all(condition(part, field) for part in parts))
        elif name == "any":
            results.append(any(condition(part, field) for part in parts))
        elif name == "not":
            results.append(not condition(parts, field))
        else:
            raise ValueError("unknown condition " + name)
    return all(results)
