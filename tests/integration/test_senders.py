"""What clients of other makers send: forms of JSON and compression that differ from ours, on all doors."""
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


if __name__ == "__main__":
    main([nuls_behind_json_are_ignored_on_all_doors, an_lz4_block_without_its_size_is_told_as_that])
