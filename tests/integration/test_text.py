"""What senders write that is no strict JSON: bad characters, numbers beyond 64 bits, objects one behind the other. Through
every door into a store, and read back as Python reads the same bytes. And events that are more than a store takes."""
import json
import os
import random
import re
import socket

from check import main
from gateway import Gateway, event
from websocket import Client, lz4_block, lz4_frame

CONFIG = """
http: {{ listen: "127.0.0.1:0" }}
udp: {{ listeners: [ {{ listen: "127.0.0.1:0" }} ] }}
journal: {{ data: "{folder}/data" }}
store: {{ library: "{library}" }}
streams:
  - name: texts
    dedup_key: [n]
    fields:
      - {{ name: n, type: UInt64, required: true }}
      - {{ name: t, type: String }}
      - {{ name: m, type: "Map(String, String)" }}
      - {{ name: j, type: JSON }}
      - {{ name: d, type: "Decimal(38, 2)" }}
      - {{ name: f, type: Float64 }}
  - name: strict
    invalid_text: reject
    dedup_key: [n]
    fields: [ {{ name: n, type: UInt64, required: true }}, {{ name: t, type: String }} ]
"""
EVENTS = int(os.environ.get("SLUICE_TEXT_EVENTS", 8000))
PIECES = [b"a", b" ", b"\\n", b"\\\\", b'\\"', b"\\ud83c", b"\\udf89", b"\\uD83C\\uDF89", b"\\u00e9", b"\\u0000", b"ud83c",
          "é".encode(), "€".encode(), "🎉".encode(), "\ufeff".encode(), b"\xe9", b"\x80", b"\xff", b"\xc0\x80", b"\xe2\x82",
          b"\xf0\x9f\x8e", b"\xf0\x9f", b"\xed\xa0\xbc", b"\xed\xbe\x89", b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xc3"]


def with_texts(test):
    def run(folder):
        path = os.path.join(folder, "texts.yaml")
        gateway = Gateway(folder, path)
        with open(path, "w") as file:
            file.write(CONFIG.format(folder=folder, library=gateway.env["SLUICE_LIBCHDB"]))
        try:
            test(gateway.start())
            if gateway.running():
                gateway.stop()
        finally:
            gateway.cleanup()
    run.__name__ = test.__name__
    return run


def as_read(raw):
    """The text of a JSON string between its quotes, as Python decodes it; halves of pairs replaced."""
    text = json.loads(b'"' + raw.decode("utf-8", "replace").encode() + b'"')
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def random_text(rng):
    return b"".join(rng.choice(PIECES) for _ in range(rng.randrange(8)))


def send(gateway, door, objects):
    """A payload through one of the doors; it must be accepted whole."""
    array, lines, run = b"[" + b",".join(objects) + b"]", b"\n".join(objects) + b"\n", b"".join(objects)
    payload = {"array": array, "lines": lines, "run": run, "envelope": b'{"from":"\xe9\\ud83c","events":' + array + b"}",
               "frame": lines, "block": array, "udp": run, "udp lines": lines,
               "broken": b"[" + b",".join(objects) + b",{x}]"}[door]
    if door in ("frame", "block"):
        with Client(gateway.port, "/ws?stream=texts") as client:
            client.binary((lz4_frame if door == "frame" else lz4_block)(payload))
            ack = client.acks(1)
            assert ack["accepted"] == len(objects) and ack["rejected"] == 0, ack
    elif door.startswith("udp"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(payload, gateway.udp[0])
    else:
        status, reply = gateway.post("/events/bulk?ids=0", payload)
        refused = 1 if door == "broken" else 0
        assert status == 202 and (reply["accepted"], reply["rejected"]) == (len(objects), refused), (door, reply)


DOORS = ["array", "lines", "run", "envelope", "frame", "block", "udp", "udp lines"]


@with_texts
def bad_characters_become_what_decoders_make_of_them_on_every_door(gateway):
    rng = random.Random(13)
    expected, repaired, number = {}, 0, 0
    while number < EVENTS:
        objects = []
        for _ in range(rng.randrange(2, 60)):
            value, key = random_text(rng), b"k" + random_text(rng)
            objects.append(b'{"n":%d,"t":"%s","m":{"%s":"%s"},"junk":"%s"}' % (number, value, key, value, value))
            expected[number] = as_read(value), {as_read(key): as_read(value)}
            number += 1
        send(gateway, rng.choice(DOORS), objects)
    gateway.wait_until("all arrived", lambda: gateway.sum("sluice_events_accepted_total") == number)
    gateway.wait_stored()
    assert gateway.sum("sluice_text_repaired_total", stream="texts") > number
    gateway.check_identity()
    gateway.stop()
    rows = [json.loads(line) for line in gateway.sql("SELECT toUInt32(n) AS n, t, m FROM texts FINAL", "JSONEachRow").splitlines()]
    assert len(rows) == number, (len(rows), number)
    for row in rows:
        assert (row["t"], row["m"]) == expected[row["n"]], (row, expected[row["n"]])


@with_texts
def a_text_cut_in_an_emoji_costs_nothing_but_itself(gateway):
    status, reply = gateway.post("/events/bulk", b'{"n":1,"j":{"title":"Sale now \\ud83c"}}')
    assert status == 202 and reply["accepted"] == 1, reply
    assert gateway.sum("sluice_text_repaired_total", protocol="http", stream="texts") == 1
    send(gateway, "broken", [b'{"n":2,"t":"K\xf6ln"}', b'{"n":3,"j":{"\\udf89":"\xe9"}}'])
    status, reply = gateway.post("/events?stream=strict", b'{"n":4,"t":"\\ud83c"}')
    assert status == 400 and reply["code"] == "invalid_json" and "surrogate" in reply["detail"], reply
    status, reply = gateway.post("/events/bulk?stream=strict", b'[{"n":5,"t":"\xe9"},{"n":6}]')
    assert status == 202 and reply["accepted"] == 1 and "UTF-8" in reply["errors"][0]["message"], reply
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b'{"stream":"strict","events":[{"n":7,"t":"\xe9"},{"n":8}]}', gateway.udp[0])
    gateway.wait_until("the datagram", lambda: gateway.sum("sluice_events_received_total", protocol="udp") == 2)
    assert gateway.sum("sluice_events_rejected_total", protocol="udp", stream="strict", reason="invalid_json") == 1
    assert gateway.sum("sluice_text_repaired_total") == 4
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT groupArray(n) FROM (SELECT n FROM strict FINAL ORDER BY n)") == "[6,8]"
    rows = gateway.sql("SELECT n, t, j FROM texts FINAL ORDER BY n", "JSONEachRow").splitlines()
    assert [json.loads(row)["j"] for row in rows] == [{"title": "Sale now \ufffd"}, {}, {"\ufffd": "\ufffd"}], rows
    assert json.loads(rows[1])["t"] == "K\ufffdln", rows


NUMBERS = [  # what is sent as t, j, d, f (or None), and what is read
    ("18446744073709551616", "18446744073709551616", 18446744073709551616.0, "18446744073709551616", 18446744073709551616.0),
    ("-9223372036854775809", "-9223372036854775809", -9223372036854775809.0, "-9223372036854775809", -9223372036854775809.0),
    ("1234567890123456789012", "1234567890123456789012", 1234567890123456789012.0, "1234567890123456789012",
     1234567890123456789012.0),
    ("100000000000000000000", "100000000000000000000", 1e20, "100000000000000000000", 1e20),
]


@with_texts
def whole_numbers_beyond_64_bits_are_doubles_texts_or_decimals(gateway):
    for i, (number, *_) in enumerate(NUMBERS):
        n = number.encode()
        status, reply = gateway.post("/events/bulk", b'[{"n":%d,"t":%s,"j":{"a":{"b":%s}},"d":%s,"f":%s,"junk":[%s]}]' % (i, n, n, n, n, n))
        assert status == 202 and reply["accepted"] == 1, reply
    refused = [b'{"n":18446744073709551616}', b'{"n":9,"f":1e400}', b'{"n":9,"j":{"a":[-1e999]}}', b'{"n":9,"d":1e400}']
    status, reply = gateway.post("/events/bulk", b"[" + b",".join(refused) + b',{"n":10,"t":1e400,"junk":1e400}]')
    assert status == 202 and reply["accepted"] == 1, reply
    assert [e["code"] for e in reply["errors"]] == ["out_of_range"] * 4, reply
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    rows = [json.loads(row) for row in gateway.sql(
        "SELECT t, j.a.b.:Float64 AS j, toString(d) AS d, f FROM texts FINAL ORDER BY n", "JSONEachRow").splitlines()]
    assert [(r["t"], float(r["j"]), r["d"], float(r["f"])) for r in rows[:-1]] == [n[1:] for n in NUMBERS], rows
    assert rows[-1]["t"] == "1e400", rows


ARRAYS = ["1", "1.5", "true", '"x"', '"1"', "[]", "[1]", "[1.5]", "[9007199254740993]", "[-1]", "[true]", "[true,1]", '["x",1]', '["2024-02-30"]',
          "[[]]", "[[1]]", '[["x"]]', "[{}]", '[{"b":1}]', "[null]", "[1,null]", '["x",null]', '[{"b":1},null]', '[[1],"x"]', "[[null,1]]",
          '[{"b":[null]}]', '[{"b":[[1]]}]', '{"b":1}', "[[],null]"]
ALTERED = {  # as docs/protocol.md says: behind an event with the first, the second is read as the third
    ("1", "[[],null]"): [[], []], ("[[1]]", "[null]"): [[]], ('[{"b":1}]', "[null]"): [{}],
    ('[{"b":1}]', '[{"b":1},null]'): [{"b": 1}, {}], ("[1.5]", "[9007199254740993]"): [9007199254740992],
    ('[{"b":[[1]]}]', '[{"b":[null]}]'): [{"b": [[]]}]}


def as_stored(value):
    """Without what the type JSON leaves out: members that are null or {}."""
    if isinstance(value, dict):
        return {k: v for k, v in ((k, as_stored(v)) for k, v in value.items()) if v is not None and v != {}}
    return [as_stored(v) for v in value] if isinstance(value, list) else value


def same(sent, read, in_array=False):
    """But for what the documented three may alter."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return sent.keys() == read.keys() and all(same(sent[k], read[k]) for k in sent)
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(same(a, b, True) for a, b in zip(sent, read))
    if in_array and sent is None:
        return read in (None, [], {})
    return type(sent) is type(read) and (sent == read or (in_array and abs(sent) > 2 ** 53 and float(sent) == read))


@with_texts
def json_columns_alter_what_the_docs_say_and_nothing_else(gateway):
    pairs = [(first, second) for first in ARRAYS for second in ARRAYS]
    for start in range(0, len(pairs), 300):
        objects = [b'{"n":%d,"j":{%s}}' % (start + i, ",".join('"p%d":%s' % (start + k, pair[i])
                                                               for k, pair in enumerate(pairs[start:start + 300])).encode())
                   for i in (0, 1)]
        status, reply = gateway.post("/events/bulk", b"[" + b",".join(objects) + b"]")
        assert status == 202 and reply["accepted"] == 2, reply
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    rows = [json.loads(row)["j"] for row in gateway.sql("SELECT j FROM texts FINAL ORDER BY n", "JSONEachRow").splitlines()]
    for k, pair in enumerate(pairs):
        for i in (0, 1):
            sent, read = as_stored(json.loads(pair[i])), rows[k // 300 * 2 + i].get("p%d" % k)
            assert same(sent, as_stored(read)), (pair, i, read)
        if pair in ALTERED:
            assert read == ALTERED[pair], (pair, read, "is it mended? then docs/protocol.md says too much")


def members(count, value=1):
    return {"k%d" % i: value for i in range(count)}


@with_texts
def what_the_engine_could_not_take_as_a_row_is_refused_and_what_is_just_below_is_stored(gateway):
    refused = [  # j, code
        (members(300000, ""), "event_too_large"),
        ({"a": "x" * (1 << 20)}, "event_too_large"),
        (members(5001), "too_many_paths"),
        ({"a": {"b": members(5001)}}, "too_many_paths"),
        ({"p" * 400000: members(1000)}, "too_many_paths"),
        ({"a": [{"p" * 400000: members(1000)}]}, "too_many_paths"),
        ({"a": [members(5000), {"b": [members(5000)]}]}, "too_many_keys"),
    ]
    for value, code in refused:
        status, reply = gateway.post("/events/bulk", [{"n": 0}, {"n": 1, "j": value}])
        assert status in (200, 202) and reply["accepted"] + reply["duplicate"] == 1, reply
        assert [e["code"] for e in reply["errors"]] == [code] and "max_" in reply["errors"][0]["message"], reply
    taken = [members(5000), {"a": "x" * 1048000}, {"p" * 200: members(4900)}, {"a": [{"k%d" % i: i} for i in range(9000)]}]
    for number, value in enumerate(taken):
        status, reply = gateway.post("/events/bulk?wait=stored", [{"n": 10 + number, "j": value}])
        assert status == 200 and reply["accepted"] == 1, (number, reply)
    gateway.wait_stored()
    assert gateway.sum("sluice_insert_failures_total") == 0
    assert gateway.sum("sluice_events_rejected_total", reason="too_many_paths") == 4
    gateway.check_identity()
    gateway.stop()
    rows = gateway.sql("SELECT j FROM texts FINAL WHERE n >= 10 ORDER BY n", "JSONEachRow").splitlines()
    assert [json.loads(row)["j"] for row in rows] == taken


if __name__ == "__main__":
    main([bad_characters_become_what_decoders_make_of_them_on_every_door, a_text_cut_in_an_emoji_costs_nothing_but_itself,
          whole_numbers_beyond_64_bits_are_doubles_texts_or_decimals, json_columns_alter_what_the_docs_say_and_nothing_else,
          what_the_engine_could_not_take_as_a_row_is_refused_and_what_is_just_below_is_stored])
