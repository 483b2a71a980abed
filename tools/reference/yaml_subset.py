"""The part of YAML in which policies are written: block and flow mappings and lists, plain and quoted
scalars, comments. No anchors, tags, block scalars or second documents: a policy with one is refused anyway.
"""

import re

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?$")


def parse(text):
    lines = []
    for raw in text.split("\n"):
        line = without_comment(raw).rstrip()
        if line.strip():
            lines.append((len(line) - len(line.lstrip(" ")), line.strip()))
    value, rest = block(lines, 0)
    if rest != len(lines):
        raise ValueError(f"cannot read {lines[rest]}")
    return value


def without_comment(line):
    quote = None
    for place, letter in enumerate(line):
        if quote:
            if letter == quote:
                quote = None
        elif letter in "\"'" and (place == 0 or line[place - 1] in " [{,:"):
            quote = letter
        elif letter == "#" and (place == 0 or line[place - 1] == " "):
            return line[:place]
    return line


def block(lines, at):
    indent, text = lines[at]
    if text == "-" or text.startswith("- "):
        return block_list(lines, at, indent)
    if key_of(text) is not None:
        return block_mapping(lines, at, indent)
    # A flow value may go on over several lines.
    joined = text
    at += 1
    while not is_closed(joined):
        joined += " " + lines[at][1]
        at += 1
    return flow(joined), at


def block_list(lines, at, indent):
    found = []
    while at < len(lines) and lines[at][0] == indent and (lines[at][1] + " ").startswith("- "):
        inner = lines[at][1][1:].lstrip()
        if not inner:
            value, at = block(lines, at + 1)
        else:
            # What follows the dash stands as if on a line of its own.
            lines[at] = (indent + len(lines[at][1]) - len(inner), inner)
            value, at = block(lines, at)
        found.append(value)
    return found, at


def block_mapping(lines, at, indent):
    found = {}
    while at < len(lines) and lines[at][0] == indent:
        key, rest = key_of(lines[at][1])
        if key in found:
            raise ValueError(f"{key} twice")
        if rest:
            lines[at] = (indent + 1, rest)
            joined = rest
            at += 1
            while not is_closed(joined):
                joined += " " + lines[at][1]
                at += 1
            found[key] = flow(joined)
        elif at + 1 < len(lines) and (
            lines[at + 1][0] > indent
            or (lines[at + 1][0] == indent and lines[at + 1][1].startswith("- "))
        ):
            found[key], at = block(lines, at + 1)
        else:
            found[key] = None
            at += 1
    return found, at


def key_of(text):
    """The key and the rest of a mapping's line; None when it is none."""
    if text[0] in "[{":
        return None
    if text[0] in "\"'":
        end = text.index(text[0], 1)
        if text[end + 1 : end + 2] == ":":
            return text[1:end], text[end + 2 :].strip()
        return None
    match = re.match(r"([^:\[\]{}]+):( |$)", text)
    return (match.group(1), text[match.end() :].strip()) if match else None


def is_closed(text):
    depth, quote = 0, None
    for letter in text:
        if quote:
            quote = None if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
    return depth <= 0


def flow(text):
    value, at = flow_value(text, 0)
    if text[at:].strip():
        raise ValueError(f"cannot read {text}")
    return value


def skip(text, at):
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def flow_value(text, at, ends=""):
    at = skip(text, at)
    if text[at] == "[":
        found = []
        at = skip(text, at + 1)
        while text[at] != "]":
            value, at = flow_value(text, at, ",]")
            found.append(value)
            at = skip(text, at)
            if text[at] == ",":
                at = skip(text, at + 1)
        return found, at + 1
    if text[at] == "{":
        members = {}
        at = skip(text, at + 1)
        while text[at] != "}":
            key, at = scalar(text, at, ":,}")
            value = None
            if text[skip(text, at)] == ":":
                value, at = flow_value(text, skip(text, at) + 1, ",}")
            members[str(key)] = value
            at = skip(text, at)
            if text[at] == ",":
                at = skip(text, at + 1)
        return members, at + 1
    return scalar(text, at, ends)


def scalar(text, at, ends):
    if text[at] in "\"'":
        end = text.index(text[at], at + 1)
        return text[at + 1 : end], end + 1
    start = at
    while at < len(text):
        if text[at] in ends and not (text[at] == ":" and text[at + 1 : at + 2] not in (" ", "")):
            break
        at += 1
    return plain(text[start:at].strip()), at


def plain(word):
    if word in ("true", "false"):
        return word == "true"
    if word in ("", "null", "~"):
        return None
    if NUMBER.match(word):
        return float(word) if "." in word else int(word)
    return word
