"""What clients of other makers send: forms of JSON and compression that differ from ours, on all doors."""
import gzip
import json
import socket

from check import main
from gateway import event, with_gateway
from websocket import Client, lz4_block


def text(*numbers):
    return [json.dumps(event(n)).encode() for n in numbers]


def datagram(gateway, payload):
    seen = gateway.sum("sluice_udp_datagrams_total")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(payload, gateway.udp[0])
    gateway.wait_until("the datagram", lambda: gateway.sum("sluice_udp_datagrams_total") == seen + 1)
    gateway.wait_until("nothing in flight", lambda: gateway.sum("sluice_events_in_flight") == 0)


def stored_are(gateway, numbers):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    stored = sorted(map(int, gateway.sql("SELECT substring(user_id, 2) FROM events FINAL").split()))
    assert stored == sorted(numbers), stored


def padded(first):
    """[(payload, numbers of its events, takes /events)]: NULs as C programs send them."""
    n = range(first, first + 20)
    one, two = text(*n[3:5])
    return [
        (text(n[0])[0] + b"\0", n[:1], True),                                # strlen + 1
        (text(n[1])[0].ljust(4096, b"\0"), n[1:2], True),                    # a buffer of a fixed size
        (text(n[2])[0] + b"\r\n\0", n[2:3], True),
        (b"[" + one + b"," + two + b"]\0\0", n[3:5], False),
        (b"\0\n".join(text(*n[5:8])) + b"\0\n", n[5:8], False),             # each line with its end
        (b"\n\0".join(text(*n[8:11])) + b"\n\0", n[8:11], False),
        (b"\0".join(text(*n[11:14])) + b"\0", n[11:14], False),
        (b"".join(line.ljust(1000, b"\0") for line in text(*n[14:18])), n[14:18], False),
        (b'{"events":[' + b",".join(text(*n[18:20])) + b"]}\0", n[18:20], False),
    ]


@with_gateway
def nuls_behind_json_are_ignored_on_all_doors(gateway):
    numbers = []
    for payload, of, _ in padded(0) + padded(100):
        status, reply = gateway.post("/events/bulk", payload)
        if of[0] < 100:
            assert status == 202 and (reply["accepted"], reply["rejected"]) == (len(of), 0), (payload, reply)
        numbers += of
    for payload, of, single in padded(200):
        if single:
            status, reply = gateway.post("/events", payload)
            assert status == 202 and reply["status"] == "accepted", (payload, reply)
            numbers += of
    with Client(gateway.port) as client:
        for message, (payload, of, _) in enumerate(padded(300)):
            client.text(payload)
            got = client.acks(message + 1)
            assert (got["accepted"], got["rejected"]) == (len(of), 0), (payload, got)
            numbers += of
        client.goodbye()
    for payload, of, _ in padded(400):
        datagram(gateway, payload)
        numbers += of
    assert gateway.sum("sluice_events_rejected_total") == 0
    for payload in (b"\0", b"\0" * 100, b" \0\n\0"):
        assert gateway.post("/events/bulk", payload)[1]["code"] == "empty_payload"
    stored_are(gateway, numbers)


@with_gateway
def an_lz4_block_without_its_size_is_told_as_that(gateway):
    bare = [lz4_block(b"".join(text(*range(count))))[4:] for count in (1, 3, 50)]
    for block in bare:
        for path in ("/events", "/events/bulk"):
            status, reply = gateway.post(path, block, {"Content-Encoding": "lz4"})
            assert (status, reply["code"]) == (400, "bad_compression"), reply
            assert "block without its size" in reply["detail"] and "4 bytes, little-endian" in reply["detail"], reply
    with Client(gateway.port) as client:
        for message, block in enumerate(bare):
            client.binary(block)
            got = client.acks(message + 1)
            assert got["rejected"] == 1 and "block without its size" in got["errors"][0]["message"], got
        client.goodbye()
    for block in bare:
        datagram(gateway, block)
    assert gateway.sum("sluice_events_rejected_total", reason="bad_compression") == 12
    assert gateway.sum("sluice_events_rejected_total") == 12
    absurd = b"\xff\xff\xff\x7f" + bare[0]
    assert "2147483647" in gateway.post("/events", absurd, {"Content-Encoding": "lz4"})[1]["detail"]
    assert "not compressed" in gateway.post("/events", text(1)[0], {"Content-Encoding": "gzip"})[1]["detail"]
    stored_are(gateway, [])


TAKEN = ["application/json", "application/json; charset=utf-8", "application/vnd.api+json", "text/plain;charset=UTF-8",
         "application/octet-stream", "application/x-www-form-urlencoded", "application/csp-report", "*/*", ""]
FOREIGN = ["multipart/form-data; boundary=x", "image/png", "text/csv", "application/xml", "application/soap+xml",
           "application/x-protobuf", "application/msgpack", "application/gzip"]


@with_gateway
def what_is_json_is_taken_under_any_name_and_what_is_none_is_415(gateway):
    for number, kind in enumerate(TAKEN):
        for packed in (0, 1):
            body = text(number * 2 + packed)[0]
            headers = {"Content-Type": kind} if kind else {}
            if packed:
                body = gzip.compress(body)
                headers["Content-Encoding"] = "gzip"
            status, _, reply = gateway.request("PUT" if number % 2 else "POST", "/events", body, headers)
            assert status == 202, (kind, packed, reply)
    refused = 0
    for kind in FOREIGN:
        status, headers, reply = gateway.request("POST", "/events/bulk", text(0)[0], {"Content-Type": kind})
        assert status == 415 and json.loads(reply)["code"] == "unsupported_type", (kind, reply)
        assert "application/json" in headers["accept"] and headers["accept-post"] == headers["accept"], headers
        assert "accept-encoding" not in headers, headers       # RFC 9110, 12.5.3
        refused += 1
    status, headers, reply = gateway.request("POST", "/events", b"event_name=view&user_id=1",
                                             {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 415 and b"form" in reply, reply
    status, headers, reply = gateway.request("POST", "/events", text(0)[0], {"Content-Encoding": "br"})
    assert status == 415 and "zstd" in headers["accept-encoding"] and "accept" not in headers, (headers, reply)
    assert gateway.sum("sluice_events_rejected_total", reason="unsupported_type") == refused + 1
    assert gateway.sum("sluice_events_rejected_total") == refused + 2
    stored_are(gateway, range(2 * len(TAKEN)))


@with_gateway
def sequences_and_objects_behind_each_other_are_lines(gateway):
    n = iter(range(100))

    def some(count):
        return text(*[next(n) for _ in range(count)])

    sequence = {"Content-Type": "application/json-seq"}
    for body, count in ((b"".join(b"\x1e" + t + b"\n" for t in some(3)), 3),
                        (b"\x1e" + b"\n\x1e".join(json.dumps(json.loads(t), indent=1).encode() for t in some(2)), 2),
                        (b"".join(some(4)), 4)):
        status, reply = gateway.post("/events/bulk", body, sequence)
        assert status == 202 and (reply["accepted"], reply["rejected"]) == (count, 0), (body, reply)
    cut = b"\x1e" + some(1)[0] + b"\n\x1e" + text(99)[0][:-9] + b"\n\x1e" + some(1)[0]
    status, reply = gateway.post("/events/bulk", cut, sequence)
    assert (reply["accepted"], reply["rejected"]) == (2, 1), reply
    assert gateway.post("/events", b"\x1e" + some(1)[0] + b"\n", sequence)[0] == 202
    with Client(gateway.port) as client:
        client.text(b"".join(b"\x1e" + t + b"\n" for t in some(3)))
        assert client.acks(1)["accepted"] == 3
        client.goodbye()
    datagram(gateway, b"".join(b"\x1e" + t + b"\n" for t in some(3)))
    stored_are(gateway, range(next(n)))


@with_gateway
def who_is_at_the_wrong_door_is_told_the_right_one(gateway):
    one, two = text(1, 2)
    for body in (b"[" + one + b"," + two + b"]", one + two, one + b"\n" + two, b'{"events":[' + one + b"]}",
                 b"\x1e" + one + b"\x1e" + two):
        status, reply = gateway.post("/events", body)
        assert status == 400 and "/events/bulk" in reply["detail"], (body, reply)
    for path in ("/events?stream=nope", "/events/bulk?stream=nope", "/ws?stream=nope"):
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} if path.startswith("/ws") else {}
        status, _, reply = gateway.request("GET" if upgrade else "POST", path, None if upgrade else one, upgrade)
        reply = json.loads(reply)
        assert (status, reply["code"]) == (404, "unknown_stream") and "there is: events" in reply["detail"], reply
    stored_are(gateway, [])


if __name__ == "__main__":
    main([what_is_json_is_taken_under_any_name_and_what_is_none_is_415, sequences_and_objects_behind_each_other_are_lines,
          who_is_at_the_wrong_door_is_told_the_right_one, nuls_behind_json_are_ignored_on_all_doors, an_lz4_block_without_its_size_is_told_as_that])
