"""A generator of values against the store: what the gateway accepts is stored, and stored unchanged; what it refuses is what
docs/protocol.md says. SLUICE_VALUES is how many (a million by `make values`), SLUICE_SEED which."""
import itertools
import json
import os
import subprocess
import time

from check import main
from gateway import BUILD, NOON_MS, Gateway
from servers import start_clickhouse_18
from value_maker import Maker
from value_model import REFUSED, UNKNOWN, Type, parse

VALUES = int(os.environ.get("SLUICE_VALUES", "40000"))
SEED = int(os.environ.get("SLUICE_SEED", "0")) or int(time.time())
BULK = 400

SCALARS = ["String", "FixedString(5)", "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Date",
           "DateTime", "DateTime64(0)", "DateTime64(3)", "DateTime64(6)", "DateTime64(9)", "UUID", "IPv4", "IPv6",
           "Enum8('a' = 1, 'b c' = 2, 'ü' = 3, 'it''s' = 4, '' = 5, '1' = 6, 'A' = 7)", "Enum16('x' = -300, 'y' = 300)", "Decimal(9, 2)",
           "Decimal(18, 4)", "Decimal(38, 10)", "Decimal(38, 0)", "Decimal(76, 20)"]
NEW = SCALARS + ["Nullable(%s)" % s for s in SCALARS] + ["Array(%s)" % s for s in SCALARS] + ["Array(Nullable(%s))" % s for s in SCALARS] + \
    ["LowCardinality(String)", "LowCardinality(Nullable(String))", "LowCardinality(FixedString(3))", "Array(LowCardinality(String))", "Map(String, String)",
     "JSON", "JSON", "JSON", "Nullable(JSON)", "Array(JSON)"]
# What 18.16 has, and takes as it travels.
OLD_SCALARS = ["String", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Date", "DateTime", "UUID"]
OLD = OLD_SCALARS + ["Nullable(%s)" % s for s in OLD_SCALARS] + ["Array(%s)" % s for s in OLD_SCALARS] + ["Array(Nullable(%s))" % s for s in OLD_SCALARS]


def write_config(folder, types, store):
    path = os.path.join(folder, "values.yaml")
    fields = ["      - { name: n, type: UInt64, required: true }"]
    fields += ["      - { name: c%d, type: %s }" % (i, json.dumps(name, ensure_ascii=False)) for i, name in enumerate(types)]
    with open(path, "w") as file:
        file.write("http: { listen: '127.0.0.1:0' }\nudp: { listeners: [] }\njournal: { data: '%s/data', durability: os }\nstore: %s\n"
                   "streams:\n  - name: events\n    table: events\n    dedup_key: [n]\n    batch: { max_delay: 200ms }\n    fields:\n%s\n"
                   % (folder, store, "\n".join(fields)))
    return path


class Run:
    """Events made, sent, and what the model says of them."""

    def __init__(self, gateway, types, seed):
        self.gateway = gateway
        self.types = [Type(name) for name in types]
        self.maker = Maker(seed)
        self.expected = {}      # number of an accepted event -> {column: (value, its JSON)}
        self.values = self.refusals = 0
        self.numbers = itertools.count()

    def good(self, column):
        """A value that the model takes."""
        while True:
            text, hint = self.maker.value(self.types[column])
            expected = self.types[column].expect(text, hint)
            if expected is not REFUSED and expected is not UNKNOWN:
                return text, expected

    def bad(self, column):
        """A value that it does not, or None after some tries."""
        for _ in range(50):
            text, hint = self.maker.value(self.types[column])
            if self.types[column].expect(text, hint) is REFUSED:
                return text
        return None

    def make_event(self, number):
        """(JSON, is it to be refused)"""
        columns = self.maker.random.sample(range(len(self.types)), min(len(self.types), 40))
        if number % 5 == 4:
            text = self.bad(columns[0])
            if text is not None:
                self.refusals += 1
                return '{"n":%d,"c%d":%s}' % (number, columns[0], text), True
        made = {column: self.good(column) for column in columns}
        self.expected[number] = {column: (expected, text) for column, (text, expected) in made.items()}
        self.values += len(made)
        return '{"n":%d,%s}' % (number, ",".join('"c%d":%s' % (c, text) for c, (text, _) in made.items())), False

    def send(self):
        events = [self.make_event(next(self.numbers)) for _ in range(BULK)]
        status, reply = self.gateway.post("/events/bulk", ("[" + ",".join(text for text, _ in events) + "]").encode())
        assert status == 202, (status, reply)
        errors = {e["index"]: e["message"] for e in reply["errors"]}
        for i, (text, refused) in enumerate(events):
            was_refused = reply["ids"][i] is None
            assert was_refused == refused, "%s though the model says otherwise: %s: %s" % (
                "refused" if was_refused else "accepted", errors.get(i), text[:2000])

    def check_rows(self, lines):
        seen = set()
        for line in lines:
            row = dict(parse(line))
            number = int(row["n"])
            assert number in self.expected and number not in seen, "row %d: not sent, refused, or there twice" % number
            seen.add(number)
            for column, kind in enumerate(self.types):
                expected, text = self.expected[number].get(column, (kind.default(), "(absent)"))
                got = row["c%d" % column]
                assert kind.same(expected, got), "%s of %s is stored as %s, not %r" % (text, kind.full, str(got)[:500], expected)
        assert len(seen) == len(self.expected), "%d of %d events are lost" % (len(self.expected) - len(seen), len(self.expected))

    def fill(self, count):
        while self.values + self.refusals < count:
            self.send()
        self.gateway.wait_stored(600)
        assert self.gateway.sum("sluice_events_dead_lettered_total") == 0, self.gateway.log()[-3000:]
        self.gateway.check_identity()

    def report(self, where):
        print("        seed %d on %s: %d values stored in %d events, %d refused" %
              (SEED, where, self.values, len(self.expected), self.refusals), flush=True)


def of_every_type_as_it_is(folder):
    gateway = Gateway(folder, write_config(folder, NEW, "{ library: '%s' }" % Gateway(folder).env["SLUICE_LIBCHDB"]))
    try:
        run = Run(gateway.start(), NEW, SEED)
        run.fill(VALUES)
        gateway.stop()
        run.check_rows(query_lines(gateway))
        run.report("the embedded engine")
    finally:
        gateway.cleanup()


def query_lines(gateway):
    """All rows, as `sluice sql` prints them."""
    statement = ("SELECT * EXCEPT event_id FROM events SETTINGS date_time_output_format = 'iso', "
                 "output_format_json_quote_64bit_integers = 0, output_format_json_map_as_array_of_tuples = 0")
    process = subprocess.Popen([os.path.join(BUILD, "sluice"), "sql", "--config", gateway.config, "--format", "JSONEachRow", statement],
                               env=gateway.env, stdout=subprocess.PIPE)
    yield from (line.decode() for line in process.stdout)
    assert process.wait() == 0


if __name__ == "__main__":
    main([of_every_type_as_it_is])
