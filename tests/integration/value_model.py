"""What docs/protocol.md says of values, written a second time: for a column type and a JSON text, the value that must be read
back from the store, or REFUSED. Shares nothing with the gateway but that document."""
import ipaddress
import json
import math
import re
import struct
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction

sys.set_int_max_str_digits(0)
REFUSED = object()
UNKNOWN = object()  # the document leaves it open
EPOCH = date(1970, 1, 1).toordinal()
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)
RANGES = {"Int8": (-2**7, 2**7 - 1), "Int16": (-2**15, 2**15 - 1), "Int32": (-2**31, 2**31 - 1), "Int64": (-2**63, 2**63 - 1),
          "UInt8": (0, 2**8 - 1), "UInt16": (0, 2**16 - 1), "UInt32": (0, 2**32 - 1), "UInt64": (0, 2**64 - 1)}
FIRST_DAY_1900 = (date(1900, 1, 1).toordinal() - EPOCH) * 86400
LAST_SECOND_2299 = (date(2300, 1, 1).toordinal() - EPOCH) * 86400 - 1


class Number(str):
    """A number as it was written."""

    @property
    def whole(self):
        return not any(c in self for c in ".eE")


class Members(list):
    """An object as its pairs, in order and with repeats."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=Members)


def count(expected):
    """How many scalars a column value is."""
    if isinstance(expected, dict):
        return max(1, sum(count(item) for item in expected.values()))
    return max(1, sum(count(item) for item in expected)) if isinstance(expected, list) else 1


class TextOf:
    """Any text that reads back as this double."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, text):
        return isinstance(text, str) and float(text) == self.number

    def __repr__(self):
        return "a text of %r" % self.number


def expect_text(value, most=None):
    if isinstance(value, Number):
        if not value.whole:
            number = float(value)
            value = TextOf(number) if math.isfinite(number) else str(value)
        else:
            value = str(int(value)) if -2**63 <= int(value) < 2**64 else str(value)
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif not isinstance(value, str):
        return REFUSED
    if most is not None and isinstance(value, TextOf):
        return UNKNOWN  # how long it is
    if most is not None and len(value.encode()) > most:
        return REFUSED
    return value


def as_number(value):
    """Of a JSON number or of the text of one, exactly; None: it is neither."""
    if isinstance(value, (list, bool)) or value is None or not NUMBER.match(value):
        return None
    mantissa, _, exponent = value.lower().partition("e")
    if abs(int(exponent or 0)) > 20000:
        return Fraction(0) if not Fraction(mantissa) else Fraction(10) ** (-400 if exponent.startswith("-") else 400)
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


def expect_integer(value, low, high):
    if isinstance(value, bool):
        return int(value) if low <= int(value) <= high else REFUSED
    number = as_number(value)
    if number is None:
        return REFUSED
    if isinstance(value, Number) and not value.whole:
        double = float(value)
        if abs(double) >= 2**53:
            return REFUSED
        number = Fraction(double)
    return int(number) if number.denominator == 1 and low <= number <= high else REFUSED


def nearest_double(value):
    if as_number(value) is None:
        return None
    return float(value)


def nearest_float(double):
    try:
        return struct.unpack("f", struct.pack("f", double))[0]
    except OverflowError:
        return math.inf


MOST_BYTES_OF_A_FLOAT = 511  # as text


def expect_float(value, narrow):
    if isinstance(value, str) and len(value.encode()) > MOST_BYTES_OF_A_FLOAT:
        return REFUSED
    double = nearest_double(value)
    if double is None:
        return REFUSED
    double = nearest_float(double) if narrow else double
    return double if math.isfinite(double) else REFUSED


def significant(text):
    return len(text.lower().partition("e")[0].replace("-", "").replace(".", "").strip("0"))


def shortest(double):
    """With an exponent, unless all the digits are no longer than that."""
    text = repr(double)
    if double.is_integer() and abs(double) < 1e30:
        digits = "%d" % double
        mantissa, exponent = ("%.16e" % double).split("e") if "e" not in text else text.split("e")
        short = mantissa.rstrip("0").rstrip(".") if "e" not in text else mantissa
        return digits if len(digits) <= len("%se%+03d" % (short, int(exponent))) else "%se%s" % (short, exponent)
    return text


def expect_decimal(value, precision, scale):
    number = as_number(value)
    if number is None:
        return REFUSED
    if isinstance(value, Number) and not value.whole:
        if not math.isfinite(float(value)) or significant(shortest(float(value))) > 15:
            return REFUSED
        number = as_number(shortest(float(value)))
    scaled = number * 10**scale
    return number if scaled.denominator == 1 and abs(scaled) < 10**precision else REFUSED


def by_size(number):
    """Seconds of a Unix time in whichever unit its size says."""
    size = abs(int(number))
    for below, unit in ((10**11, 1), (10**14, 10**3), (10**17, 10**6)):
        if size < below:
            return Fraction(number) / unit
    return Fraction(number) / 10**9


def rounded(double):
    size = math.floor(abs(double))
    size += abs(double) - size >= 0.5
    return size if double >= 0 else -size


def moment(value, hint):
    """Seconds since 1970; None: no time. `hint` is what the maker of a text knows of it."""
    if isinstance(value, Number):
        if value.whole:
            return by_size(int(value)) if -2**63 <= int(value) < 2**63 else None
        double = float(value)
        if not abs(double) < 9.2e18:
            return None
        if abs(double) >= 1e14:
            return by_size(rounded(double))
        return Fraction(rounded(double * (1e6 if abs(double) < 1e11 else 1e3)), 10**6)
    return hint if isinstance(value, str) else None


def expect_time(value, hint, name, scale):
    seconds = moment(value, hint)
    if seconds is None:
        return REFUSED
    if name == "Date":
        days = math.floor(seconds) // 86400
        return days if 0 <= days <= 65535 else REFUSED
    if name == "DateTime":
        return math.floor(seconds) if 0 <= math.floor(seconds) < 2**32 else REFUSED
    ticks = math.floor(seconds * 10**scale)
    fits = FIRST_DAY_1900 <= math.floor(seconds) <= LAST_SECOND_2299 and (scale < 9 or math.floor(seconds * 10**9) < 2**63)
    return Fraction(ticks, 10**scale) if fits else REFUSED


def expect_uuid(value):
    fits = isinstance(value, str) and re.match(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", value, re.ASCII)
    return value.lower() if fits else REFUSED


def expect_address(value, version):
    if not isinstance(value, str) or isinstance(value, Number) or "%" in value:
        return REFUSED
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return REFUSED
    if address.version > version:
        return REFUSED
    if address.version < version:
        address = ipaddress.ip_address("::ffff:" + value)
    return int(address)


def read_moment(text):
    """What the store writes: 2024-11-22T12:00:00.123Z, or with a space and without the Z."""
    day, hour, minute, second = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):([\d.]+)Z?\Z", text).groups()
    return (date.fromisoformat(day).toordinal() - EPOCH) * 86400 + int(hour) * 3600 + int(minute) * 60 + Fraction(second)


# --- JSON columns ---

def is_float_in_json(number):
    """Is it written so that the column holds a Float64?"""
    if number.whole:
        return not -2**63 <= int(number) < 2**64
    double = float(number)
    return not (double.is_integer() and abs(double) < 2**53 and not (double == 0 and math.copysign(1, double) < 0))


def leaves(members, prefix=""):
    """(path, value) of all that is no object."""
    last = {}
    for key, value in members:
        last[key] = value
    for key, value in last.items():
        if isinstance(value, Members):
            yield from leaves(value, prefix + key + ".")
        else:
            yield prefix + key, value


def any_float(value):
    if isinstance(value, Number):
        return is_float_in_json(value)
    return type(value) is list and any(any_float(item) for item in value)


def json_value(value, in_floats):
    if isinstance(value, Members):
        return json_object(value)
    if isinstance(value, list):
        items = [json_value(item, in_floats) for item in value]
        return REFUSED if any(item is REFUSED for item in items) else items
    if isinstance(value, Number):
        if is_float_in_json(value) or in_floats:
            return float(value) if math.isfinite(float(value)) else REFUSED
        return int(value) if value.whole else int(float(value))
    return value


def json_object(members):
    """{path: value}, as the column holds it: null and {} are nothing."""
    paths = {}
    for path, value in leaves(members):
        if path in paths:
            return REFUSED
        paths[path] = json_value(value, any_float(value))
        if paths[path] is REFUSED:
            return REFUSED
    return {path: value for path, value in paths.items() if value is not None}


def json_read(value):
    """The same of what the store says; a number stays as it is written there."""
    if isinstance(value, Members):
        return {path: json_read(leaf) for path, leaf in pairs(value) if leaf is not None}
    return [json_read(item) for item in value] if isinstance(value, list) else value


def pairs(members, prefix=""):
    for key, value in members:
        if isinstance(value, Members):
            yield from pairs(value, prefix + key + ".")
        else:
            yield prefix + key, value


# --- all types ---

DEFAULTS = {"String": "", "Bool": 0, "UUID": "00000000-0000-0000-0000-000000000000", "JSON": {}, "Date": 0, "DateTime": 0,
            "IPv4": 0, "IPv6": 0}


class Type:
    """A column type: expect() says what is stored, same() compares it with what is read back."""

    def __init__(self, name):
        self.full, self.shape, inner = name, "", name
        for wrapper, shape in (("Array(", "array"), ("Nullable(", "nullable"), ("LowCardinality(", "")):
            if inner.startswith(wrapper):
                inner = inner[len(wrapper):-1]
                self.shape = self.shape or shape
                if wrapper == "Array(" and inner.startswith("Nullable("):
                    inner, self.shape = inner[9:-1], "array of nullable"
        if inner.startswith("Nullable("):
            inner, self.shape = inner[9:-1], "nullable"
        self.scalar = inner
        self.name, _, arguments = inner.partition("(")
        self.arguments = [int(a) for a in re.findall(r"\d+", arguments)] if not self.name.startswith("Enum") else []
        self.names = re.findall(r"'((?:[^'\\]|\\.|'')*)'", arguments) if self.name.startswith("Enum") else []
        self.names = [n.replace("''", "'").replace("\\\\", "\\") for n in self.names]
        self.item = Type(inner) if self.shape.startswith("array") else None

    def default(self):
        if self.shape == "nullable":
            return None
        if self.shape.startswith("array") or self.name == "Map":
            return []
        if self.names:
            return self.names[0]
        return DEFAULTS.get(self.name, "" if self.name == "FixedString" else 0)

    def expect_scalar(self, value, hint):
        if self.name == "String":
            return expect_text(value)
        if self.name == "FixedString":
            return expect_text(value, self.arguments[0])
        if self.name == "Bool":
            return int(value) if isinstance(value, bool) or (isinstance(value, Number) and value.whole
                                                              and int(value) in (0, 1)) else REFUSED
        if self.name in RANGES:
            return expect_integer(value, *RANGES[self.name])
        if self.name.startswith("Float"):
            return expect_float(value, self.name == "Float32")
        if self.name == "Decimal":
            return expect_decimal(value, *self.arguments)
        if self.name.startswith("Date"):
            return expect_time(value, hint, self.name, (self.arguments or [0])[0])
        if self.name == "UUID":
            return expect_uuid(value)
        if self.names:
            return value if isinstance(value, str) and not isinstance(value, Number) and value in self.names else REFUSED
        if self.name.startswith("IPv"):
            return expect_address(value, int(self.name[3:]))
        assert self.name == "JSON", self.full
        return json_object(value) if isinstance(value, Members) else REFUSED

    def expect(self, text, hint=None):
        value = parse(text)
        if value is None:
            return self.default()
        if self.name == "Map":
            if not isinstance(value, Members):
                return REFUSED
            items = [(key, expect_text(item)) for key, item in value if item is not None]
            return REFUSED if any(item is REFUSED for _, item in items) else items
        if not self.shape.startswith("array"):
            return self.expect_scalar(value, hint)
        if not isinstance(value, list) or isinstance(value, Members):
            return REFUSED
        absent = None if self.shape == "array of nullable" else self.item.default()
        hints = hint if isinstance(hint, list) else [None] * len(value)
        items = [absent if item is None else self.expect_scalar(item, hints[i]) for i, item in enumerate(value)]
        for special in (UNKNOWN, REFUSED):
            if any(item is special for item in items):
                return special
        return items

    def read_scalar(self, value):
        """What the store said, as expect_scalar says it."""
        if value is None:
            return None
        if self.name in ("String", "UUID") or self.names:
            return str(value)
        if self.name == "FixedString":
            return value.rstrip("\0")
        if self.name == "Bool":
            return int(value) if isinstance(value, bool) else int(str(value))
        if self.name in RANGES:
            return int(value)
        if self.name.startswith("Float"):
            return nearest_float(float(value)) if self.name == "Float32" else float(value)
        if self.name == "Decimal":
            return Fraction(Decimal(value))
        if self.name.startswith("Date") and isinstance(value, Number):
            return int(value)
        if self.name == "Date":
            return date.fromisoformat(value).toordinal() - EPOCH
        if self.name.startswith("DateTime"):
            return read_moment(value)
        if self.name.startswith("IPv"):
            return int(ipaddress.ip_address(value))
        return json_read(value)

    def same(self, expected, got):
        if self.name == "Map":
            return len(expected) == len(got) and all(a[0] == b[0] and a[1] == b[1] for a, b in zip(expected, got))
        if self.shape.startswith("array"):
            return len(expected) == len(got) and all(self.same_scalar(a, self.read_scalar(b)) for a, b in zip(expected, got))
        return self.same_scalar(expected, self.read_scalar(got))

    def same_scalar(self, expected, got):
        if self.name == "FixedString" and isinstance(expected, str):
            expected = expected.rstrip("\0")
        if self.name == "JSON" and expected is not None:
            return same_json(expected, got)
        if isinstance(expected, float) and isinstance(got, float):
            return struct.pack("d", expected) == struct.pack("d", got)
        return expected == got


# --- rules of fields ---

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(chr(c) for c in range(0x2000, 0x200b))
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
UPPER = {lower: upper for upper, lower in LOWER.items()}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
TRUTHS = {"true": 1, "yes": 1, "on": 1, "1": 1, "false": 0, "no": 0, "off": 0, "0": 0}


class JsonText:
    """Any JSON text of the same value: numbers may be written in another way, keys stay as they are, with repeats."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, text):
        return isinstance(text, str) and self.plain(parse(text)) == self.plain(self.value)

    def plain(self, value):
        if isinstance(value, Number):
            return float(value)
        if isinstance(value, Members):
            return [(key, self.plain(item)) for key, item in value]
        return [self.plain(item) for item in value] if isinstance(value, list) else (type(value), value)


def counts_in(value, per_second):
    """Is it a whole number that by its size counts so many in a second?"""
    if not isinstance(value, Number):
        return False
    number = int(value) if value.whole else float(value)
    if not (-2**63 <= number < 2**63 if value.whole else abs(number) < 2**53 and number.is_integer()):
        return False
    size = abs(int(number))
    return size == 0 or per_second == next((u for below, u in ((10**11, 1), (10**14, 10**3), (10**17, 10**6)) if size < below), 10**9)


class Ruled(Type):
    """A type with rules, as "String; trim: true, lower: true"."""

    def __init__(self, full):
        name, rules = full.split("; ")
        super().__init__(name)
        self.full, self.type_name, self.rules_text = full, name, rules
        self.rules = dict(rule.split(": ") for rule in rules.split(", "))

    def changed(self, text):
        if "trim" in self.rules:
            text = text.strip(WHITE_SPACE)
        return text.translate(LOWER) if "lower" in self.rules else text.translate(UPPER) if "upper" in self.rules else text

    def expect_changed_text(self, value):
        text = expect_text(value)
        if not isinstance(text, str):
            return UNKNOWN if isinstance(text, TextOf) and self.name == "FixedString" else text
        text = self.changed(text)
        if "not_blank" in self.rules and not text.strip(WHITE_SPACE):
            return REFUSED
        return text if self.name == "String" or len(text.encode()) <= self.arguments[0] else REFUSED

    def expect_ruled_time(self, value, hint):
        if "unit" in self.rules and not counts_in(value, UNITS[self.rules["unit"]]):
            return UNKNOWN if "lenient" in self.rules and not isinstance(value, Number) else REFUSED
        expected, seconds = super().expect_scalar(value, hint), moment(value, hint)
        if seconds is not None and "min" in self.rules and seconds < self.bound("min"):
            return REFUSED
        return REFUSED if seconds is not None and "max" in self.rules and math.floor(seconds * 10**9) > self.bound("max") * 10**9 else expected

    def bound(self, which):
        return (date.fromisoformat(self.rules[which]).toordinal() - EPOCH) * 86400

    def expect_strictly(self, value, hint):
        if "json" in self.rules:
            return JsonText(value) if self.rules["json"] == "any" or isinstance(value, Members) else REFUSED
        if self.name in ("String", "FixedString"):
            return self.expect_changed_text(value)
        return self.expect_ruled_time(value, hint) if self.name.startswith("Date") else super().expect_scalar(value, hint)

    def expect_scalar(self, value, hint):
        expected = self.expect_strictly(value, hint)
        if expected is not REFUSED or "lenient" not in self.rules:
            return expected
        truth = int(value) if isinstance(value, bool) else TRUTHS.get(value.lower()) if isinstance(value, str) else None
        if truth is not None and not isinstance(value, Number) and (self.name == "Bool" or self.name in RANGES or self.name.startswith("Float")):
            return float(truth) if self.name.startswith("Float") else truth
        return None if "nullable" in self.shape else Type(self.scalar).default()

    def expect(self, text, hint=None):
        value = parse(text)
        if "not_blank" in self.rules and self.shape == "array" and isinstance(value, list) and None in value:
            return REFUSED
        expected = super().expect(text, hint)
        return self.default() if expected is REFUSED and "lenient" in self.rules else expected


def type_of(full):
    return Ruled(full) if "; " in full else Type(full)


def same_json(expected, got, in_array=False):
    if isinstance(expected, dict):
        return isinstance(got, dict) and expected.keys() == got.keys() and all(same_json(expected[k], got[k]) for k in expected)
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(same_json(a, b, True) for a, b in zip(expected, got))
    if isinstance(expected, bool) or expected is None:
        return expected is got
    if isinstance(expected, float):
        return isinstance(got, Number) and struct.pack("d", float(got)) == struct.pack("d", expected)
    if isinstance(expected, int):
        if in_array and abs(expected) > 2**53 and isinstance(got, Number) and float(got) == float(expected):
            return True  # another event has a fraction in its array there, which ClickHouse then takes for both
        return isinstance(got, Number) and got.whole and int(got) == expected
    return not isinstance(got, Number) and expected == got
