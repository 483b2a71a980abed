"""Puts the switches of a catalogue into the sources' text."""

import os
import re

# Beside each module's own files, so that nothing has to be imported: what a module may import is tested.
SWITCH = """\
// Written by tools/broken-rules. Which break is on, by the hash of its name; 0 for none.
@_silgen_name("getenv")
private func environmentValue(_ name: UnsafePointer<CChar>) -> UnsafePointer<CChar>?

@usableFromInline
let sluiceBreak: UInt64 = {
    guard let value = environmentValue("SLUICE_BREAK") else { return 0 }
    let name = String(cString: value)
    guard !name.isEmpty else { return 0 }
    return name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}()
"""


class Misfit(Exception):
    """What the catalogue says of the sources is no longer so."""


def number(name):
    """FNV-1a, as in `SWITCH`."""
    hash = 0xCBF29CE484222325
    for byte in name.encode():
        hash = (hash ^ byte) * 0x100000001B3 % (1 << 64)
    return hash


def switched(sources, breaks):
    """The files that hold a switch, by their path from the package on, with their new text.

    Breaks may stand in each other's place, or inside it; they may not overlap by halves.
    """
    by_file = {}
    names = set()
    for one in breaks:
        if one.name in names:
            raise Misfit(f"two breaks are named {one.name}")
        names.add(one.name)
        for was, now, after, file in one.places:
            by_file.setdefault(file, []).append((one, was, now, after))
    files = {}
    misfits = []
    for file, group in by_file.items():
        try:
            with open(os.path.join(sources, file), encoding="utf-8") as opened:
                text = opened.read()
        except OSError as error:
            misfits.append(f"{group[0][0].name}: {error}")
            continue
        spans = {}
        for one, was, now, after in group:
            try:
                span = find(text, one, was, after, file)
            except Misfit as misfit:
                misfits.append(str(misfit))
                continue
            if not one.is_text:
                spans.setdefault(span, []).append((one, now))
        if not spans:
            continue
        module = file.split("/")[0]
        files[f"Sources/{file}"] = rewritten(text, spans)
        files[f"Sources/{module}/SluiceBreak.swift"] = SWITCH
    if misfits:
        raise Misfit("\n".join(misfits))
    return files


def pattern(code):
    """White space does not count: where a line is broken is the formatter's."""
    return r"\s+".join(re.escape(word) for word in code.split())


def find(text, one, was, after, file):
    start = 0
    if after:
        marks = list(re.finditer(pattern(after), text))
        if len(marks) != 1:
            raise Misfit(f"{one.name}: “{after}” stands {len(marks)} times in {file}, and should once")
        start = marks[0].end()
    found = list(re.finditer(pattern(was), text[start:]))
    if not found or len(found) > 1 and not after:
        raise Misfit(f"{one.name}: “{was}” stands {len(found)} times in {file}, and should once")
    return found[0].start() + start, found[0].end() + start


def rewritten(text, spans):
    """Outer places first; what stands inside one is rewritten there."""
    order = sorted(spans, key=lambda span: (span[0], -span[1]))

    def fill(begin, end, inside):
        out, at = [], begin
        while inside:
            span = inside.pop(0)
            nested = [other for other in inside if other[0] < span[1]]
            for other in nested:
                if other[1] > span[1]:
                    names = [one.name for one, _ in spans[span] + spans[other]]
                    raise Misfit(f"the places of {', '.join(names)} overlap")
                inside.remove(other)
            out.append(text[at:span[0]])
            out.append(choice(spans[span], fill(span[0], span[1], nested)))
            at = span[1]
        out.append(text[at:end])
        return "".join(out)

    return fill(0, len(text), order)


def choice(breaks, original):
    for one, now in breaks:
        condition = f"sluiceBreak == 0x{number(one.name):016x}"
        if not one.is_statement:
            original = f"({condition} ? ({now}) : ({original}))"
        elif now:
            original = f"if {condition} {{ {now} }} else {{ {original} }}"
        else:
            original = f"if !({condition}) {{ {original} }}"
    return original
