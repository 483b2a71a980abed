"""IAB TC strings and US Privacy strings, as far as consent rules ask (specs/consent.md, 5 and 6)."""

class Bits:
    def __init__(self, text):
        text = text.rstrip("=")
        if not text:
            raise ValueError("empty")
        for letter in text:
            if not (letter.isascii() and (letter.isalnum() or letter in "-_")):
                raise ValueError("no base64url")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        self.bits = "".join(format(alphabet.index(letter), "06b") for letter in text)
        self.at = 0

    def number(self, width):
        if self.at + width > len(self.bits):
            raise ValueError("too short")
        self.at += width
        return int(self.bits[self.at - width : self.at], 2)

    def flags(self, width):
        return {n for n in range(1, width + 1) if self.number(1)}

    def entries(self):
        found = set()
        for _ in range(self.number(12)):
            is_range = self.number(1)
            first = self.number(16)
            found |= set(range(first, (self.number(16) if is_range else first) + 1))
        return found

    def vendors(self):
        last = self.number(16)
        return self.entries() if self.number(1) else self.flags(last)


class TCString:
    def __init__(self, text):
        segments = text.split(".")
        core = Bits(segments[0])
        self.version = core.number(6)
        core.number(36), core.number(36), core.number(12), core.number(12), core.number(6)
        core.number(12), core.number(12)
        self.policy_version = core.number(6)
        self.is_service_specific = core.number(1) == 1
        core.number(1)
        self.special_features = core.flags(12)
        self.purposes = core.flags(24)
        self.interests = core.flags(24)
        self.purpose_one_treatment = core.number(1)
        core.number(12)
        self.vendors = core.vendors()
        self.vendor_interests = core.vendors()
        self.restrictions = []
        for _ in range(core.number(12)):
            purpose, kind = core.number(6), core.number(2)
            self.restrictions.append((purpose, kind, core.entries()))
        self.disclosed = None
        for segment in segments[1:]:
            bits = Bits(segment)
            if bits.number(3) == 1:
                self.disclosed = bits.vendors()
        if self.version != 2:
            raise ValueError("another version")

    def agrees(self, meaning):
        """Whether every purpose, interest and feature that a policy names is agreed to."""
        return (
            set(meaning.get("purposes", [])) <= self.purposes
            and set(meaning.get("legitimateInterest", [])) <= self.interests
            and set(meaning.get("specialFeatures", [])) <= self.special_features
        )

    def permits(self, meaning):
        """Whether the vendor may do everything that a destination names (C7)."""
        vendor = meaning["vendor"]
        if self.disclosed is None or vendor not in self.disclosed or not self.agrees(meaning):
            return False
        if meaning.get("purposes") and vendor not in self.vendors:
            return False
        if meaning.get("legitimateInterest") and vendor not in self.vendor_interests:
            return False
        for purpose, kind, vendors in self.restrictions:
            # Without a vendor list no purpose is flexible: every restriction takes away (C7).
            if vendor in vendors:
                if purpose in meaning.get("purposes", []) and kind in (0, 2):
                    return False
                if purpose in meaning.get("legitimateInterest", []) and kind in (0, 1):
                    return False
        return True


def us_privacy(text):
    """What a US Privacy string says of selling: "out", "in", "unstated", or None where it does not apply."""
    if len(text) != 4 or text[0] != "1" or any(letter not in "YN-" for letter in text[1:].upper()):
        raise ValueError("no US Privacy string")
    notice, opted_out = text[1].upper(), text[2].upper()
    if opted_out == "-":
        return None
    if opted_out == "Y":
        return "out"
    return "in" if notice == "Y" else "unstated"


def gpp_sale(text):
    """The same of a GPP string that holds the US Privacy section alone, the only kind that stories send."""
    header, section = text.split("~")
    if header != "DBABTA":
        raise ValueError("another GPP string")
    return us_privacy(section)
