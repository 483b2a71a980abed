"""Times as microseconds since 1970, and lengths of time as policies write them."""

import calendar
import re

FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:?\d\d)$"
)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text):
    """An RFC 3339 time; None for anything else."""
    match = FORM.match(text) if isinstance(text, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    zone = match.group(8)
    if zone not in "Zz":
        away = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= away if zone[0] == "+" else -away
    return seconds * 1_000_000 + int((match.group(7) or "0").ljust(6, "0")[:6])


def length(text):
    """`90s`, `15m`, `24h`, `30d`, `52w`; None where nothing is said."""
    return None if text is None else int(text[:-1]) * UNITS[text[-1]] * 1_000_000
