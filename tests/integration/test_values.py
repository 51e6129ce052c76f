"""A generator of values against the store: what the gateway accepts is stored, and stored unchanged; what it refuses is what
docs/protocol.md says. SLUICE_VALUES is how many (a million by `make values`), SLUICE_SEED which."""
import glob
import itertools
import json
import os
import re
import subprocess
import time

from check import main
from gateway import BUILD, SERVER_BUILD, Gateway
from servers import start_chdb_server, start_clickhouse_18
from value_maker import Maker
from value_model import REFUSED, UNKNOWN, Type, count, parse, type_of

VALUES = int(os.environ.get("SLUICE_VALUES", "12000"))
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

# With rules of their fields.
RULED = ["String; trim: true", "LowCardinality(String); trim: true, lower: true", "Array(String); not_blank: true", "Nullable(String); not_blank: true, trim: true",
         "FixedString(5); trim: true, upper: true", "Array(String); upper: true", "DateTime; unit: s", "DateTime64(3); unit: ms", "Nullable(DateTime64(6)); unit: us",
         "Array(DateTime64(9)); unit: ns", "Date; unit: s, min: 2000-01-01", "DateTime64(3); min: 1970-01-02, max: 2030-01-01", "String; json: any",
         "Nullable(String); json: object", "Array(String); json: any", "UInt8; lenient: true", "Array(Int16); lenient: true", "Bool; lenient: true",
         "Array(Nullable(Float64)); lenient: true", "Float32; lenient: true", "Nullable(Decimal(9, 2)); lenient: true", "DateTime; lenient: true, unit: s",
         "Enum8('a' = 1, 'b' = 2); lenient: true", "Array(UUID); lenient: true", "Nullable(IPv6); lenient: true", "String; lenient: true, not_blank: true"]


def field_of(number, full):
    name, _, rules = full.partition("; ")
    return "      - { name: c%d, type: %s%s }" % (number, json.dumps(name, ensure_ascii=False), ", " + rules if rules else "")


def write_config(folder, types, store):
    path = os.path.join(folder, "values.yaml")
    fields = ["      - { name: n, type: UInt64, required: true }"]
    fields += [field_of(i, full) for i, full in enumerate(types)]
    with open(path, "w") as file:
        file.write("http: { listen: '127.0.0.1:0' }\nudp: { listeners: [] }\njournal: { data: '%s/data', durability: os }\nstore: %s\n"
                   "streams:\n  - name: events\n    table: events\n    dedup_key: [n]\n    batch: { max_delay: 200ms }\n    fields:\n%s\n"
                   % (folder, store, "\n".join(fields)))
    return path


class Run:
    """Events made, sent, and what the model says of them."""

    def __init__(self, gateway, types, seed):
        self.gateway = gateway
        self.types = [type_of(name) for name in types]
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
        self.values += sum(count(expected) for _, expected in made.values())
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


def embedded(folder):
    return "{ library: '%s' }" % Gateway(folder).env["SLUICE_LIBCHDB"]


def generate(folder, types, store, count, lines, where):
    gateway = Gateway(folder, write_config(folder, types, store))
    try:
        run = Run(gateway.start(), types, SEED)
        run.fill(count)
        gateway.stop()
        run.check_rows(lines(gateway))
        run.report(where)
    finally:
        gateway.cleanup()


def what_is_accepted_is_stored_unchanged(folder):
    generate(folder, NEW, embedded(folder), VALUES, query_lines, "the embedded engine")


def what_has_rules_is_stored_as_they_say(folder):
    generate(folder, RULED, embedded(folder), VALUES // 3, query_lines, "the embedded engine, with rules")


def what_is_accepted_is_stored_unchanged_by_a_server(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_chdb_server(os.path.join(folder, "server"), os.path.join(SERVER_BUILD, "chdb_server"))
    try:
        generate(folder, NEW, "{ kind: clickhouse, url: '%s' }" % server.url, VALUES // 4, query_lines, "a server of 26.7")
    finally:
        server.stop()


def old_expression(kind, column):
    """18.16 writes no Date beyond 2105, and 1970-01-01 as 0000-00-00: the number is what is stored."""
    function = {"Date": "toUInt16", "DateTime": "toUInt32"}.get(kind.name)
    if function is None:
        return column
    form = "arrayMap(x -> %s(x), %s)" if kind.item else "%s(%s)"
    return form % (function, column) + " AS %s_" % column


def what_is_accepted_is_stored_unchanged_by_clickhouse_18(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_clickhouse_18(os.path.join(folder, "server"))
    columns = ", ".join(["n"] + [old_expression(Type(name), "c%d" % i) for i, name in enumerate(OLD)])
    statement = "SELECT %s FROM events FORMAT JSONEachRow" % columns

    def lines(gateway):
        answer = server.query(statement, output_format_json_quote_64bit_integers=0)
        return [re.sub(r'"(c\d+)_":', r'"\1":', line) for line in answer.split("\n") if line]
    try:
        generate(folder, OLD, "{ kind: clickhouse, url: '%s' }" % server.url, VALUES // 4, lines, "ClickHouse 18.16")
    finally:
        server.stop()


def stored(folder, types, events):
    """The events' rows as the embedded engine has them; all are accepted."""
    gateway = Gateway(folder, write_config(folder, types, embedded(folder)))
    try:
        gateway.start()
        for i, text in enumerate(events):
            status, reply = gateway.post("/events?wait=stored", ('{"n":%d,%s}' % (i, text)).encode())
            assert (status, reply["status"]) == (200, "stored"), (text, status, reply)
        gateway.check_identity()
        gateway.stop()
        rows = sorted((json.loads(line, parse_int=float) for line in query_lines(gateway)), key=lambda row: row["n"])
        assert len(rows) == len(events)
        return rows, gateway.sql("SELECT JSONAllPathsWithTypes(c0) FROM events ORDER BY n", "TSVRaw").splitlines()
    finally:
        gateway.cleanup()


def a_double_beyond_64_bits_is_a_float_of_a_json_column(folder):
    rows, types = stored(folder, ["JSON"], ['"c0":{"a":1.8446744073709552e19}', '"c0":{"a":{"b":[{"c":-9.3e18},{"c":1e20}]}}',
                                            '"c0":{"a":100000000000000000000,"z":-0.0}', '"c0":{"a":18446744073709551615}'])
    assert [row["c0"] for row in rows[:3]] == [{"a": 1.8446744073709552e19}, {"a": {"b": [{"c": -9.3e18}, {"c": 1e20}]}}, {"a": 1e20, "z": 0}], rows
    assert types[0] == "{'a':'Float64'}" and types[2] == "{'a':'Float64','z':'Float64'}" and types[3] == "{'a':'UInt64'}", types


def a_text_or_boolean_of_a_json_column_stays_one(folder):
    text = '{"day":"2024-11-22","no_day":"2024-02-30","at":"2024-11-22T12:00:00Z","old":"1900-01-01","mixed":[true,1,"a",null]}'
    rows, _ = stored(folder, ["JSON", "Array(JSON)", "Nullable(JSON)"], ['"c0":%s,"c1":[%s],"c2":%s' % (text, text, text)])
    sent = json.loads(text)
    assert (rows[0]["c0"], rows[0]["c1"], rows[0]["c2"]) == (sent, [sent], sent), rows


def a_json_field_whose_column_is_a_string_keeps_the_text(folder):
    path = write_config(folder, ["JSON"], embedded(folder))
    gateway = Gateway(folder, path)
    try:
        gateway.start()
        gateway.stop()
        gateway.sql("ALTER TABLE events MODIFY COLUMN c0 String")
        gateway.start()
        status, reply = gateway.post("/events?wait=stored", b'{"n":1,"c0":{"b":1.5,"a":"2024-11-22"}}')
        assert (status, reply["status"]) == (200, "stored"), (status, reply)
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT c0 FROM events", "TSVRaw") == '{"b":1.5,"a":"2024-11-22"}'
    finally:
        gateway.cleanup()


def a_clock_out_of_range_gives_times_that_the_columns_hold(folder):
    """Under libfaketime, which itself does not wait right before 1970: that is in validate_test.c."""
    path = write_config(folder, ["DateTime", "Date"], embedded(folder))
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace('type: "DateTime" }', 'type: DateTime, fill: received_at }').replace('type: "Date" }', "type: Date, default: now }"))
    gateway = Gateway(folder, path)
    plain = dict(gateway.env)
    gateway.env.update(LD_PRELOAD=glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0], FAKETIME="@2200-01-01 00:00:00", TZ="UTC",
                       DONT_FAKE_MONOTONIC="1")
    try:
        gateway.start()
        for i in range(3):
            status, reply = gateway.post("/events", ('{"n":%d}' % i).encode())
            assert (status, reply["status"]) == (202, "accepted"), (status, reply)
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        gateway.env = plain
        assert [(json.loads(line)["c0"], json.loads(line)["c1"]) for line in query_lines(gateway)] == [("2106-02-07T06:28:15Z", "2149-06-06")] * 3
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
    main([a_double_beyond_64_bits_is_a_float_of_a_json_column, a_text_or_boolean_of_a_json_column_stays_one,
          a_json_field_whose_column_is_a_string_keeps_the_text, a_clock_out_of_range_gives_times_that_the_columns_hold,
          what_is_accepted_is_stored_unchanged, what_has_rules_is_stored_as_they_say, what_is_accepted_is_stored_unchanged_by_a_server,
          what_is_accepted_is_stored_unchanged_by_clickhouse_18])
