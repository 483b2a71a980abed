"""What an entry of the catalogue is made of."""

import re


class Break:
    """One way to break one rule.

    `was` is what stands in `file`, once, white space aside; `now` is put in its place. With `after` it is the first
    that follows that text. `also` are further such places, as (was, now, after) or, elsewhere, (was, now, after,
    file). `name` begins with the rule, as MEANINGS.md numbers it (`R3.7` for line 7 of R3), and the tests that are
    run are those that name the rule, unless `tests` says which.
    """

    is_statement = False
    is_text = False

    def __init__(self, name, meaning, file, was, now, after=None, also=(), tests=None, live=False):
        self.name = name
        self.meaning = meaning
        self.file = file
        self.places = [(was, now, after, file)]
        for was, now, after, *elsewhere in also:
            self.places.append((was, now, after, *(elsewhere or [file])))
        self.is_live = live
        line = re.match(r"R3\.(\d+)", name)
        self.rule = f"R3 ({line.group(1)})" if line else name.split(".")[0]
        self.tests = tests or naming(self.rule)


class Statement(Break):
    """The same with whole statements; `now` may be empty."""

    is_statement = True


class Text(Break):
    """The same in a source that its test reads as text: nothing has to be built."""

    is_text = True


def naming(rule):
    """An expression for the tests whose own name or suite's begins with the rule, alone or among others."""
    name = re.escape(rule).replace(r"\ ", " ?")
    return rf"[./]`[^`:]*\b{name}(?![0-9a-z])[^`:]*:"
