"""WebSocket over real sockets, in the spirit of the Autobahn suite: every rule of RFC 6455 that a client can break."""
from check import main
from gateway import with_gateway
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Client, close_frame, frame, lz4_block, lz4_frame
from ws_events import message, stored_is


def said(*texts):
    """An event whose metadata holds these bytes, as they are."""
    before, after = message(metadata={"said": "@"}).split(b"@")
    return before + b"".join(texts) + after


def ends_with(gateway, data, code, why, acked=1):
    """After a good event, `data` ends the connection with this code; the event was acknowledged before."""
    with Client(gateway.port) as client:
        client.text(message())
        client.send(data)
        got, acks, _ = client.closed()
        assert got == code, (why, data[:40], got, code)
        assert sum(ack["accepted"] for ack in acks) == acked, (why, data[:40], acks)


@with_gateway
def messages_of_every_size_and_split_are_taken(gateway):
    sizes = [125, 126, 127, 128, 65535, 65536, 1 << 20]
    with Client(gateway.port) as client:
        sent = 0
        for size in sizes:
            client.text(message(size))
            client.binary(lz4_block(message(size)))
            client.binary(lz4_frame(message(size)))
            sent += 3
            got = client.acks(sent)
            assert (got["accepted"], got["rejected"]) == (3, 0), (size, got)
        for size, piece in ((125, 1), (126, 1), (65535, 1), (65536, 7), (1 << 20, 997)):
            client.send(frame(TEXT, message(size)), piece)
            sent += 1
            assert client.acks(sent)["accepted"] == 1, (size, piece)
        client.goodbye()
    stored_is(gateway, len(sizes) * 3 + 5)


@with_gateway
def empty_and_meaningless_messages_are_rejected_in_the_ack_and_the_connection_goes_on(gateway):
    cases = [  # opcode, payload, code in the ack
        (TEXT, b"", "empty_payload"),
        (TEXT, b"1", "not_an_object"),
        (TEXT, b"[]", "empty_payload"),
        (TEXT, b"{", "invalid_json"),
        (TEXT, b'{"event_name":"\x00"}', "invalid_json"),
        (TEXT, b"hello", "invalid_json"),
        (BINARY, lz4_block(b"hello"), "invalid_json"),
        (BINARY, lz4_block(message(1000))[:-5], "bad_compression"),
        (BINARY, lz4_frame(message(1000))[:-5], "bad_compression"),
        (BINARY, lz4_block(message(1000))[4:], "bad_compression"),
        (BINARY, b"letters make a size prefix of 1.8 GB", "bad_compression"),
    ]
    with Client(gateway.port) as client:
        for number, (opcode, payload, code) in enumerate(cases):
            client.send(frame(opcode, payload))
            got = client.acks(number * 2 + 1)
            assert (got["accepted"], got["rejected"]) == (0, 1), (payload, got)
            assert [(e["frame"], e["code"]) for e in got["errors"]] == [(number * 2 + 1, code)], (payload, got)
            assert got["errors"][0]["message"], got
            client.text(message())
            assert client.acks(number * 2 + 2)["accepted"] == 1
        client.goodbye()
    stored_is(gateway, len(cases))


def refused_of(codes, events):
    """The indices that `refused` names, by their codes."""
    found = {}
    for code, pairs in codes.items():
        at = 0
        for passed, refused in zip(pairs[::2], pairs[1::2]):
            for index in range(at + passed, at + passed + refused):
                assert index < events and index not in found, (index, codes)
                found[index] = code
            at += passed + refused
    return found


def mixed(events):
    """A payload of good and bad events, and {index: code} of those that are to be refused."""
    bad = {1: (message(channel="fax"), "not_allowed"), 2: (b"1", "not_an_object"),
           5: (message().replace(b"event_name", b"happened"), "missing_field")}
    codes = {n: bad[n % 7][1] for n in range(events) if n % 7 in bad}
    return b"[%s]" % b",".join(bad[n % 7][0] if n in codes else message() for n in range(events)), codes


@with_gateway
def a_burst_of_refused_events_is_told_event_by_event_however_many_they_are(gateway):
    sizes = [2000, 90, 1, 3000, 700]
    payloads = [mixed(size) for size in sizes]
    with Client(gateway.port) as client:
        client.send(b"".join(frame(TEXT, payload) for payload, _ in payloads))
        named, rejected = {number: {} for number in range(1, len(sizes) + 1)}, 0
        while client.acked < len(sizes):
            _, ack = client.read()
            client.acked = ack["ack"]
            rejected += ack["rejected"]
            for error in ack["errors"]:
                named[error["frame"]][error["index"]] = error["code"]
            for entry in ack.get("refused", []):
                whole = refused_of(entry["codes"], sizes[entry["frame"] - 1])
                assert named[entry["frame"]].items() <= whole.items(), "the first are listed with their messages, too"
                named[entry["frame"]] = whole
        client.goodbye()
    expected = [codes for _, codes in payloads]
    assert list(named.values()) == expected
    assert rejected == sum(map(len, expected))
    stored_is(gateway, sum(sizes) - rejected)


@with_gateway
def a_post_names_every_refused_event_however_many_they_are(gateway):
    stored = 0
    for events in (50, 235, 5000):
        payload, expected = mixed(events)
        status, reply = gateway.post("/events/bulk?ids=0", payload)
        assert (status, reply["rejected"]) == (202, len(expected))
        listed = {error["index"]: error["code"] for error in reply["errors"]}
        assert len(listed) == min(len(expected), 100) and ("refused" in reply) == (len(expected) > 100)
        assert (refused_of(reply["refused"], events) if "refused" in reply else listed) == expected
        assert listed.items() <= expected.items()
        stored += events - len(expected)
    stored_is(gateway, stored)


@with_gateway
def pings_are_answered_in_order_and_pongs_ignored(gateway):
    with Client(gateway.port) as client:
        for payload in (b"", b"hello", bytes(range(125)), b"\xfe" * 125):
            client.send(frame(PING, payload))
            assert client.read() == (PONG, payload)
        client.send(b"".join(frame(PING, b"%d" % n) for n in range(200)))
        last = -1
        while last != 199:  # of pings that came together the last may be answered alone (RFC 6455, 5.5.3)
            opcode, payload = client.read()
            assert opcode == PONG and last < int(payload) < 200, (last, payload)
            last = int(payload)
        client.send(frame(PING, b"slow"), 1)
        assert client.read() == (PONG, b"slow")
        client.send(frame(PONG) + frame(PONG, b"nobody asked") + frame(PONG, b"x" * 125))
        client.text(message())
        assert client.acks(1)["accepted"] == 1
        client.goodbye()
    stored_is(gateway, 1)


def many(*frames):
    return b"".join(frames)


BROKEN = [  # why, bytes after a good event: each 1002
    *[("reserved bits %d" % rsv, frame(opcode, b"{}", rsv=rsv))
      for opcode in (TEXT, PING, CLOSE) for rsv in range(1, 8)],
    *[("opcode %d" % opcode, frame(opcode, payload)) for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)
      for payload in (b"", b"x")],
    ("no mask", frame(TEXT, b"{}", mask=None)),
    ("a ping without mask", frame(PING, b"", mask=None)),
    ("a close without mask", close_frame(1000, mask=None)),
    *[("a control frame of 126", frame(opcode, b"x" * 126)) for opcode in (PING, PONG, CLOSE)],
    ("a ping that claims 64 KiB", frame(PING, b"", length=65536)),
    *[("a fragmented control frame", frame(opcode, b"", fin=False)) for opcode in (PING, PONG, CLOSE)],
    ("a fragmented ping with its end", many(frame(PING, b"a", fin=False), frame(CONTINUATION, b"b"))),
    ("a continuation of nothing", frame(CONTINUATION, b"{}")),
    ("a fragment of nothing", frame(CONTINUATION, b"{}", fin=False)),
    ("a continuation after a whole message's end",
     many(frame(TEXT, b"{", fin=False), frame(CONTINUATION, b"}"), frame(CONTINUATION, b""))),
    ("text inside text", many(frame(TEXT, b"{", fin=False), frame(TEXT, b"}"))),
    ("binary inside text", many(frame(TEXT, b"{", fin=False), frame(BINARY, b"}"))),
    ("text inside binary", many(frame(BINARY, b"\x04", fin=False), frame(TEXT, b"}"))),
    ("a length in more bytes than it needs", frame(TEXT, b"{}", width=2)),
    ("a length in eight bytes for two", frame(TEXT, b"{}" + b" " * 200, width=8)),
    ("a length with its top bit set", frame(TEXT, b"", length=1 << 63)),
]


@with_gateway
def what_breaks_the_protocol_ends_with_1002_after_the_ack_of_what_came_before(gateway):
    for why, data in BROKEN:
        ends_with(gateway, data, 1002, why)
    with Client(gateway.port) as client:  # told by the header alone
        client.send(frame(TEXT, b"{}", rsv=1)[:1])
        client.send(frame(TEXT, b"{}", rsv=1)[1:2])
        assert client.closed()[0] == 1002
    stored_is(gateway, len(BROKEN))


@with_gateway
def fragmented_messages_are_put_together(gateway):
    with Client(gateway.port) as client:
        sent = 0
        for opcode, payload in ((TEXT, message(300)), (BINARY, lz4_block(message(300))), (BINARY, lz4_frame(message(3000)))):
            for cuts in (2, 3, 10, len(payload)):
                size = -(-len(payload) // cuts)
                parts = [payload[at:at + size] for at in range(0, len(payload), size)]
                frames = [frame(opcode if not n else CONTINUATION, part, fin=n == len(parts) - 1)
                          for n, part in enumerate(parts)]
                client.send(b"".join(frames))
                sent += 1
                got = client.acks(sent)
                assert got["accepted"] + got["duplicate"] == 1, (opcode, cuts, got)
                for part in frames[:-1] if cuts < 20 else ():
                    client.send(part + frame(PING, b"between"))
                    assert client.read() == (PONG, b"between"), (opcode, cuts)
                client.send(frames[-1] if cuts < 20 else b"".join(frames))
                sent += 1
                assert client.acks(sent)["duplicate"] == 1, (opcode, cuts)
        payload = message()
        client.send(many(frame(TEXT, b"", fin=False), frame(CONTINUATION, b"", fin=False), frame(PONG),
                         frame(CONTINUATION, payload, fin=False), frame(CONTINUATION, b"")))
        sent += 1
        assert client.acks(sent)["accepted"] == 1
        client.goodbye()
    stored_is(gateway, 4)


SCRIPTS = ["Größe", "Ελληνικά κόσμε", "Привет", "שלום", "مرحبا", "नमस्ते", "日本語のテキスト", "한국어", "😀🎉𐍈",
           "\u0080\u07ff\u0800\ud7ff\ue000\ufffd\U00010000\U0010ffff", "\ufffe\uffff"]

NOT_UTF8 = [
    b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x88\x80\x80\x80",
    b"\xc0\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82(", b"\xf0\x9f\x98", b"\xf0\x9f\x98(",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]


def in_pieces(payload, at):
    return frame(TEXT, payload[:at], fin=False) + frame(CONTINUATION, payload[at:])


@with_gateway
def text_in_every_script_is_taken_also_when_cut_inside_a_character(gateway):
    with Client(gateway.port) as client:
        sent = 0
        for script in SCRIPTS:
            payload = said(script.encode())
            client.text(payload)
            client.send(b"".join(in_pieces(payload, at) for at in range(len(payload))))
            client.send(b"".join(frame(TEXT if at == 0 else CONTINUATION, payload[at:at + 1], fin=at == len(payload) - 1)
                                 for at in range(len(payload))))
            sent += 2 + len(payload)
            got = client.acks(sent)
            assert (got["accepted"], got["duplicate"], got["rejected"]) == (1, 1 + len(payload), 0), (script, got)
        client.goodbye()
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    kept = gateway.sql("SELECT metadata.said FROM events ORDER BY length(user_id), user_id", "TSVRaw")
    assert kept.split("\n") == SCRIPTS, kept


@with_gateway
def text_that_is_not_utf8_ends_with_1007(gateway):
    for bad in NOT_UTF8:
        payload = said(bad)
        for data in (frame(TEXT, payload), in_pieces(payload, payload.index(bad) + 1), frame(TEXT, bad)):
            ends_with(gateway, data, 1007, bad)
    ends_with(gateway, frame(TEXT, b"{}\xe2\x82"), 1007, "cut at the end")
    with Client(gateway.port) as client:  # the same bytes inside LZ4 are a payload's, which is repaired, not a broken message
        client.binary(lz4_block(said(b"\xff"))).binary(lz4_block(message()))
        got = client.acks(2)
        assert (got["accepted"], got["rejected"]) == (2, 0), got
        client.goodbye()
    assert gateway.sum("sluice_text_repaired_total", stream="events") == 1
    stored_is(gateway, len(NOT_UTF8) * 3 + 3)


@with_gateway
def closes_are_echoed_or_refused(gateway):
    good = 0

    def closes(data, code, acked=1):
        nonlocal good
        ends_with(gateway, data, code, "close", acked)
        good += acked

    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        closes(close_frame(code), code)
    closes(close_frame(1000, b"x" * 123), 1000)
    closes(close_frame(1000, "Grüße".encode()), 1000)
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        closes(close_frame(code), 1002)
        closes(close_frame(code, b"why"), 1002)
    closes(frame(CLOSE, b"\x03"), 1002)
    closes(close_frame(1000, b"\xff"), 1002)
    closes(close_frame(1000, b"\xed\xa0\x80"), 1002)
    closes(close_frame(1000) + frame(TEXT, message()), 1000)
    closes(close_frame(1000) + frame(PING, b"late") + frame(3), 1000)
    closes(close_frame(1000) + close_frame(1001), 1000)
    closes(frame(TEXT, b"{", fin=False) + close_frame(1000), 1000)
    with Client(gateway.port) as client:  # an empty close is answered by an empty one, or 1000
        client.text(message()).send(close_frame())
        good += 1
        code, acks, pongs = client.closed()
        assert code in (1000, 1005) and len(acks) == 1 and not pongs, (code, acks, pongs)
    with Client(gateway.port) as client:
        client.send(close_frame(1000), 1)
        assert client.closed() == (1000, [], [])
    stored_is(gateway, good)


@with_gateway
def a_message_over_the_limit_ends_with_1009(gateway):
    limit = 4 << 20
    good = 0
    for why, data in (
            ("claimed", frame(TEXT, b"", length=limit + 1)),
            ("claimed 2^62", frame(TEXT, b"", length=1 << 62)),
            ("by its fragments", frame(TEXT, b" " * limit, fin=False) + frame(CONTINUATION, b" ")),
            ("by a fragment's claim", frame(TEXT, b" ", fin=False) + frame(CONTINUATION, b"", length=limit)),
            ("binary", frame(BINARY, b"", length=limit + 1))):
        ends_with(gateway, data, 1009, why)
        good += 1
    with Client(gateway.port) as client:
        client.text(message(limit))
        assert client.acks(1)["accepted"] == 1
        client.goodbye()
    ends_with(gateway, frame(BINARY, message()), 1003, "JSON in a binary message")
    ends_with(gateway, frame(BINARY, b"\x01\x02"), 1003, "too short to be LZ4")
    stored_is(gateway, good + 3)


@with_gateway
def pings_are_each_answered_and_bad_text_ends_at_its_fragment(gateway):
    with Client(gateway.port) as client:
        client.send(b"".join(frame(PING, b"%d" % n) for n in range(15)) + frame(TEXT, message()))
        answers = [client.read() for _ in range(15)]
        assert answers == [(PONG, b"%d" % n) for n in range(15)], answers
        assert client.acks(1)["accepted"] == 1
        client.goodbye()
    with Client(gateway.port) as client:
        client.send(frame(TEXT, b'{"event_name":"\xff', fin=False))     # and nothing behind it
        assert client.closed()[0] == 1007
    assert gateway.sum("sluice_events_rejected_total", reason="invalid_utf8") == 1
    stored_is(gateway, 1)


if __name__ == "__main__":
    main([
        pings_are_each_answered_and_bad_text_ends_at_its_fragment,
        messages_of_every_size_and_split_are_taken,
        empty_and_meaningless_messages_are_rejected_in_the_ack_and_the_connection_goes_on,
        a_burst_of_refused_events_is_told_event_by_event_however_many_they_are,
        a_post_names_every_refused_event_however_many_they_are,
        pings_are_answered_in_order_and_pongs_ignored,
        what_breaks_the_protocol_ends_with_1002_after_the_ack_of_what_came_before,
        fragmented_messages_are_put_together,
        text_in_every_script_is_taken_also_when_cut_inside_a_character,
        text_that_is_not_utf8_ends_with_1007,
        closes_are_echoed_or_refused,
        a_message_over_the_limit_ends_with_1009,
    ])
