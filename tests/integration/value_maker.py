"""Makes values for a column type: edges of its range, all that it should take, and what it should refuse, as JSON texts."""
import json
import random
import struct
import uuid
from datetime import datetime, timedelta
from fractions import Fraction

from value_model import RANGES

CHARACTERS = ["a", "Z", "0", " ", '"', "\\", "/", "'", "`", "\0", "\x01", "\n", "\r", "\t", "\x7f", "é", "ß", "€", "中", "🎉", "\ufeff", "\u2028",
              "\ufffd", "\uffff", "{", "}", "[", "]", ",", ":", ".", "%", "$", "^", "-", "+", "e"]
# Texts that a parser may take for something else.
TRICKY = ["", " ", "null", "true", "false", "NaN", "nan", "inf", "-inf", "0", "-0", "1", "12", "1.5", "1e5", "007", "\\N", "\\0", "''", "{}", "[]",
          "2024-11-22", "2024-02-30", "2024-11-22 12:00:00", "2024-11-22T12:00:00Z", "2024-11-22 12:00:00.123456789123", "1900-01-01", "12:00:00",
          "61f0c404-5cb3-11e7-907b-a6006ad3dba0", "127.0.0.1", "::1", "Infinity", "0x10", "1_000", "١٢"]
KEYS = ["a", "b", "c", "d", "amount", "when", "id", "A", "é", "中", "", "a.b", "a.", ".a", "a..b", "a b", "a\"b", "a\\b", "a`b", "a'b", "a:b", "a.:Int64",
        "a[]", "^a", "a^", "a%2Eb", "$", "\n", "a\0b", "null", "size0", "String", "a,b", "_", "0"]
DOUBLES = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1.0, -1.0, 0.1, 0.5, 1.5,
           2.0**53, 2.0**53 - 1, 2.0**53 + 2, -2.0**53, 2.0**62, 2.0**63, -2.0**63, -2.0**63 * 1.0000000000000002, 2.0**63 * 1.0000000000000002, 2.0**64,
           2.0**64 * 1.0000000000000002, -2.0**64, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, -1e19, -1e20, -9.3e18, 1.8446744073709552e19,
           123456789.123456789, 3.4028234663852886e38, 3.4028235677973366e38, 3.5e38, 1.1754943508222875e-38, 1.401298464324817e-45, 99.99, 1e-7]
WHOLES = [0, 1, -1, 255, 256, -128, -129, 2**31, 2**32, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64 - 1, 2**64, 10**19,
          10**20, 10**21, -10**19, 10**30, 10**38, -10**38]
SECONDS = [0, -1, 1, 86399, 86400, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 65536 * 86400 - 1, 65536 * 86400, -2208988800, -2208988801, 10413791999,
           10413792000, 9223372035, 9223372036, 9223372037, 1709164800, 951782400, 10**9, 10**10, 10**11 - 1, 1772452800]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
LONG_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def text(self):
        r = self.random
        kind = r.randrange(10)
        if kind == 0:
            return r.choice(TRICKY)
        if kind == 1:
            return "".join(chr(r.choice([r.randrange(0xD800), r.randrange(0xE000, 0x110000)])) for _ in range(r.randrange(4)))
        if kind == 2 and self.one_in(20):
            return r.choice(CHARACTERS) * r.choice([127, 128, 129, 255, 256, 16383, 16384])
        return "".join(r.choice(CHARACTERS) for _ in range(r.randrange(9)))

    def quoted(self, text):
        return json.dumps(text, ensure_ascii=self.random.random() < 0.5)

    def double(self):
        r = self.random
        kind = r.randrange(6)
        if kind == 0:
            return r.choice(DOUBLES)
        if kind == 1:
            value = struct.unpack("d", struct.pack("Q", r.getrandbits(64)))[0]
            return value if abs(value) < 1.8e308 else 0.25
        if kind == 2:  # around the end of integers
            return r.choice([-1, 1]) * r.uniform(1, 10) * 10.0 ** r.randrange(14, 23)
        if kind == 3:
            return float(r.randrange(-10**6, 10**6))
        return round(r.uniform(-10**r.randrange(1, 9), 10**r.randrange(1, 9)), r.randrange(6))

    def whole(self):
        r = self.random
        kind = r.randrange(4)
        if kind == 0:
            return r.choice(WHOLES) + r.randrange(-1, 2)
        if kind == 1:
            low, high = r.choice(list(RANGES.values()))
            return r.choice([low, high, low - 1, high + 1, r.randint(low, high)])
        return r.randrange(-300, 300) if kind == 2 else r.getrandbits(r.randrange(1, 70)) * r.choice([-1, 1])

    def double_text(self):
        """A number with a fraction or an exponent, in one of the ways to write it."""
        value = self.double()
        text = repr(value)
        kind = self.random.randrange(5)
        if kind == 0:
            text = "%.17g" % value
        elif kind == 1:
            text = "%.16e" % value
        elif kind == 2 and abs(value) < 1e25:
            text = "%.3f" % value
        return text if any(c in text for c in ".e") else text + ".0"

    def number(self):
        return str(self.whole()) if self.one_in(2) else self.double_text()

    # --- times ---

    def seconds(self):
        r = self.random
        whole = r.choice(SECONDS) + r.randrange(-1, 2) if self.one_in(3) else r.randrange(-2208988800, 10413792000)
        return whole if self.one_in(5) else r.choice([whole, r.randrange(0, 2**32), r.randrange(10**9, 2 * 10**9)])

    def nanos(self):
        """(digits of a fraction or "", nanoseconds)"""
        digits = "".join(self.random.choice("0123456789") for _ in range(self.random.choice([0, 0, 1, 3, 3, 6, 9, 12])))
        return digits, int((digits + "0" * 9)[:9])

    def time(self):
        """(JSON, seconds as a Fraction or None)"""
        r = self.random
        kind = r.randrange(8)
        if kind == 0:
            return self.number(), None
        if kind == 1:
            return str(self.seconds() * r.choice([1, 10**3, 10**6, 10**9])), None
        if kind == 2:
            digits = self.nanos()[0] or "5"
            return "%d.%s" % (self.seconds(), digits), None
        if kind == 3:
            return self.unix_text()
        if self.one_in(20):
            return self.quoted(self.no_time()), None
        seconds = self.seconds()
        return self.form(datetime(1970, 1, 1) + timedelta(seconds=seconds), seconds)

    def unix_text(self):
        from value_model import by_size
        r = self.random
        number = abs(self.seconds()) * r.choice([1, 10**3, 10**6, 10**9])
        digits, _ = self.nanos()
        text = str(number)
        if len(text) < 9 or (len(text) == 14 and number >= 19000101000000) or number >= 2**63:
            return self.quoted("x"), None
        if not digits:
            return self.quoted(text), by_size(number)
        unit = by_size(number) / number
        return self.quoted(text + "." + digits), by_size(number) + unit * Fraction(int(digits), 10**len(digits))

    def no_time(self):
        return self.random.choice(["", "now", "2024", "2024-11", "20241122", "22/11/2024", "11/22/2024 12:00:00", "22.11.2024", "2024-13-01", "2023-02-29",
                                   "2024-11-22T25:00:00Z", "2024-11-22T12:61Z", "2024-11-22 12:00:00 CET", "12:00:00", "1.5", "2024-11-22T",
                                   "Thu, 22 Nov 2024 12:00:00 GMT", "Nov 22 12:00:00", "1732233600x", "-", "+1732233600"])

    def form(self, at, seconds):
        r = self.random
        digits, nanos = self.nanos()
        exact, fraction = Fraction(seconds) + Fraction(nanos, 10**9), digits and r.choice([".", ","]) + digits
        offset = r.choice([0, 0, 3600, -3600, 19800, -12600, 50400])
        local = at + timedelta(seconds=offset)
        sign, east = "-" if offset < 0 else "+", abs(offset) // 60
        zone = "%s%02d%s%02d" % (sign, east // 60, r.choice(["", ":"]), east % 60)
        if offset % 3600 == 0 and self.one_in(3):
            zone = "%s%02d" % (sign, east // 60)
        if offset == 0:
            zone = r.choice(["Z", "z", " UTC", " Z", "GMT", "+00", "+00:00", "", zone])
        zone = r.choice(["", " "]) + zone if zone[:1] in ("+", "-") else zone
        year, clock, short = "%04d" % local.year, local.strftime("%H:%M:%S"), "%02d %s" % (local.day, MONTHS[local.month - 1])
        day, long_day = DAYS[local.weekday()], LONG_DAYS[local.weekday()]
        spaced = " " + zone.strip() if zone else ""
        forms = [
            (year + local.strftime("-%m-%d") + r.choice("Tt ") + clock + fraction + zone, exact),
            (year + local.strftime("/%m/%d ") + clock + fraction + zone, exact),
            (year + local.strftime("%m%dT%H%M%S") + fraction + zone, exact),
            ("%d-W%02d-%d" % local.isocalendar()[:3] + "T" + clock + fraction + zone, exact),
            ("%s-%03dT" % (year, local.timetuple().tm_yday) + clock + fraction + zone, exact),
            (day + ", " + short + " " + year + " " + clock + spaced, seconds),
            (short.lower() + " " + year + " " + clock + spaced, seconds),
            (short.replace(" ", "/") + "/" + year + ":" + clock + spaced, seconds),
            (day + " " + MONTHS[local.month - 1] + " %2d " % local.day + clock + " " + year, seconds + offset),
            (day + " " + MONTHS[local.month - 1] + " %02d " % local.day + year + " " + clock + spaced, seconds),
        ]
        if 1970 <= local.year < 2070:
            forms.append((long_day + ", " + short.replace(" ", "-") + "-" + year[2:] + " " + clock + " " + (zone.strip() or "GMT"), seconds))
        if seconds % 60 == 0:
            forms += [(year + local.strftime("-%m-%dT%H:%M") + zone, seconds)] * 4
        if (seconds + offset) % 86400 == 0:
            before = local - timedelta(days=1)
            forms += [("%04d" % before.year + before.strftime("-%m-%dT24:00:00") + zone, seconds)] * 4
            forms += [(year + local.strftime("-%m-%d"), seconds + offset)] * 4
        text, moment = r.choice(forms)
        return self.quoted(text), Fraction(moment)

    # --- other scalars ---

    def decimal_text(self, precision, scale):
        r = self.random
        whole = "".join(r.choice("0123456789") for _ in range(r.choice([1, 2, precision - scale, precision - scale + 1, r.randrange(1, precision - scale + 2)])))
        digits = "".join(r.choice("0123456789") for _ in range(r.choice([0, 1, scale, scale + 1, r.randrange(scale + 2)])))
        exponent = "e%d" % r.randrange(-3, 4) if self.one_in(8) else ""
        text = r.choice(["", "-"]) + (whole or "0") + ("." + digits if digits else "") + exponent
        if self.one_in(6):
            text = r.choice(["", "-"]) + "9" * (precision - scale) + ("." + "9" * scale if scale else "")
        return self.quoted(text)

    def address(self, version):
        r = self.random
        four = ".".join(str(r.choice([0, 1, 127, 255, r.randrange(256)])) for _ in range(4))
        if version == 4 or self.one_in(4):
            return self.quoted(r.choice([four] * 8 + ["256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4 ", "::1"]))
        groups = ["%x" % r.choice([0, 0, 0, 1, 0xffff, r.randrange(65536)]) for _ in range(8)]
        whole = ":".join(groups)
        return self.quoted(r.choice([whole, whole.upper(), "::", "::1", "::ffff:" + four, "::" + four, "64:ff9b::" + four, "fe80::1%eth0",
                                     "::ffff:0:" + four, "1::" + groups[0], ":".join(groups[:6]) + ":" + four, "1:2", "g::"]))

    def other(self):
        """Anything at all."""
        return self.random.choice([lambda: "true", lambda: "false", lambda: "null", self.number, lambda: self.quoted(self.text()), lambda: "[]", lambda: "{}",
                                   lambda: "[1]", lambda: '{"a":1}', lambda: self.quoted(self.number())])()

    def scalar(self, kind):
        """(JSON, hint)"""
        r = self.random
        if kind.name.startswith("Date"):
            return self.time() if not self.one_in(15) else (self.other_than_time(), None)
        if self.one_in(10):
            return self.other(), None
        if kind.name in ("String", "FixedString"):
            return self.quoted(self.text()), None
        if kind.name == "Bool":
            return r.choice(["true", "false", "0", "1"]), None
        if kind.name in RANGES:
            low, high = RANGES[kind.name]
            whole = r.choice([low, high, low - 1, high + 1, 0, 1, -1, r.randint(low, high)])
            text = str(whole) if not self.one_in(8) else r.choice(["%d.0" % whole, "%de0" % whole, "%d.5" % whole, self.number()])
            return (self.quoted(text) if self.one_in(3) else text), None
        if kind.name.startswith("Float"):
            text = self.number()
            return (self.quoted(text) if self.one_in(4) else text), None
        if kind.name == "Decimal":
            return (self.number() if self.one_in(3) else self.decimal_text(*kind.arguments)), None
        if kind.name == "UUID":
            text = str(uuid.UUID(int=r.choice([0, 2**128 - 1, r.getrandbits(128)])))
            return self.quoted(r.choice([text, text.upper(), text[1:], text + "0", text.replace("-", "")] + [text] * 6)), None
        if kind.names:
            return self.quoted(r.choice(kind.names + [self.text()])), None
        if kind.name.startswith("IPv"):
            return self.address(int(kind.name[3:])), None
        return self.json_document(), None

    def other_than_time(self):
        return self.random.choice(["true", "false", "[]", "{}", "null", "18446744073709551615", "1e300", '"x"'])

    # --- JSON ---

    def json_document(self):
        if self.one_in(40):
            return self.deep()
        return self.json_members(self.random.randrange(1, 4))

    def json_key(self):
        return self.random.choice(KEYS) if not self.one_in(6) else self.text()[:40]

    def json_members(self, depth):
        members = []
        for _ in range(self.random.randrange(1, 5)):
            members.append(self.quoted(self.json_key()) + ":" + self.json_any(depth))
        return "{" + ",".join(members) + "}"

    def json_any(self, depth):
        r = self.random
        kind = r.randrange(8)
        if kind == 0 and depth > 0:
            return self.json_members(depth - 1)
        if kind == 1 and depth > 0:
            return self.json_array(depth - 1)
        return self.json_scalar()

    def json_scalar(self):
        return self.random.choice([self.number, self.number, lambda: self.quoted(self.text()), lambda: self.random.choice(["true", "false"]),
                                   lambda: "null", lambda: self.quoted(self.random.choice(TRICKY)), lambda: self.time()[0]])()

    def json_array(self, depth):
        """Of scalars, or of objects, or of arrays: beside arrays a null becomes one (docs/protocol.md), and so do nulls that are
        alone in an array, if another event has arrays in it there (ClickHouse issue 120505)."""
        r = self.random
        kind = r.randrange(6)
        size = r.randrange(4)
        if kind == 0 and depth > 0:
            return "[" + ",".join(self.json_members(depth - 1) for _ in range(size)) + "]"
        if kind == 1:
            one = r.choice([lambda: str(self.whole()), self.double_text, lambda: self.quoted(self.text()), lambda: "true"])
            return "[" + ",".join("[" + ",".join(one() for _ in range(r.randrange(1, 3))) + "]" for _ in range(size)) + "]"
        if kind == 2:
            items = [self.json_scalar() for _ in range(size)]
            return "[" + ",".join(items if set(items) != {"null"} else []) + "]"
        one = r.choice([lambda: str(self.whole()), self.double_text, self.number, lambda: self.quoted(self.text()), lambda: r.choice(["true", "false"])])
        return "[" + ",".join(one() for _ in range(size)) + "]"

    def deep(self):
        """One value under as many objects and arrays as there may be."""
        text, depth = self.json_scalar().replace("null", "1"), self.random.randrange(50, 61)
        while depth > 0:
            if self.one_in(3):
                text = '{"a":[%s]}' % text
                depth -= 1
            else:
                text = '{"%s":%s}' % (self.random.choice("ab"), text)
            depth -= 1
        return text

    # --- shapes ---

    def value(self, kind):
        """(JSON, hint) for a whole column."""
        r = self.random
        if self.one_in(30):
            return "null", None
        if kind.name == "Map":
            keys = {self.text() for _ in range(r.randrange(4))}
            items = [self.quoted(key) + ":" + r.choice([lambda: self.quoted(self.text()), self.number, lambda: "true", lambda: "null"])() for key in keys]
            return "{" + ",".join(items) + "}" if not self.one_in(30) else r.choice(["[]", '{"a":{}}', "1"]), None
        if kind.shape.startswith("array"):
            if self.one_in(30):
                return r.choice(["{}", "1", '"x"']), None
            items = [self.scalar(kind.item) if not self.one_in(8) else ("null", None) for _ in range(r.randrange(4))]
            return "[" + ",".join(text for text, _ in items) + "]", [hint for _, hint in items]
        return self.scalar(kind)
