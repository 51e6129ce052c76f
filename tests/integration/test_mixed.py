"""HTTP, WebSocket and UDP at once: numbers that overlap between them are duplicates, some events are bad; per protocol the
accounting identity holds, and the store has each number once."""
import json
import os
import socket
import threading
import time

from check import main
from gateway import event, run_load, with_gateway
from websocket import BINARY, TEXT, Client, frame, lz4_block, lz4_frame

SHARE = int(os.environ.get("EVENTS", "300000")) // 3 // 1000 * 1000    # of each protocol
# Which numbers each protocol sends: half of them are sent by the next one too.
NUMBERS = {"http": range(0, SHARE), "ws": range(SHARE // 2, SHARE // 2 + SHARE), "udp": range(SHARE, 2 * SHARE)}
DISTINCT = 2 * SHARE
DAY_MS = int(time.time() // 86400 * 86400) * 1000 - 3600000


def numbered(number):
    """The same event as that of the load generator (loadtests/load/template.c) by all that its identity is made of."""
    return {"event_name": "purchase", "channel": "web", "user_id": "u%012d" % number, "timestamp": DAY_MS + number % 60000}


def send_load(protocol, gateway, results, **options):
    code, results[protocol] = run_load(protocol, gateway.port, **options)
    assert code == 0, results[protocol]


def send_datagrams(gateway, numbers, results):
    """In datagrams of 50 (NDJSON, or LZ4 in both forms), and some of one event; never more under way than the kernel keeps."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(gateway.udp[0])
        for at in range(0, len(numbers), 50):
            events = [json.dumps(numbered(n)).encode() for n in numbers[at:at + 50]]
            lines = b"\n".join(events)
            kind = at // 50 % 4
            for datagram in events if kind == 3 else [(lambda x: x, lz4_block, lz4_frame)[kind](lines)]:
                s.send(datagram)
            sent += len(events)
            if at // 50 % 40 == 0:
                gateway.wait_until("the datagrams are read",
                                   lambda: gateway.sum("sluice_events_received_total", protocol="udp") >= sent - 500, 20)
    results["udp"] = sent


def send_bad(gateway, results):
    """On each protocol: 100 payloads without a good event, and 100 with one bad event beside a repeated one."""
    good = json.dumps(numbered(0))
    bad = '{"event_name":"x","channel":"fax","user_id":"y"}'
    both = ("[%s,%s]" % (bad, good)).encode()
    with Client(gateway.port) as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(gateway.udp[0])
        for number in range(100):
            status, _ = gateway.post("/events", bad)
            assert status == 400
            status, reply = gateway.post("/events/bulk", both)
            assert status in (200, 202) and reply["rejected"] == 1, (status, reply)
            client.text(bad).send(frame(TEXT, both) if number % 2 else frame(BINARY, lz4_block(both)))
            udp.send(bad.encode())
            udp.send(lz4_frame(both))
        got = client.acks(200)
        assert got["rejected"] == 200 and got["accepted"] + got["duplicate"] == 100, got
        client.goodbye()
    results["bad"] = {"rejected": 200, "repeated": 100}


@with_gateway
def three_protocols_at_once_share_one_window_and_every_event_is_counted(gateway):
    results = {}
    work = [
        (send_load, ("http", gateway, results),
         {"path": "/events/bulk?ids=0", "bulk": 500, "connections": 4, "events": SHARE, "start": NUMBERS["http"][0]}),
        (send_load, ("ws", gateway, results),
         {"bulk": 100, "connections": 8, "window": 4, "events": SHARE, "start": NUMBERS["ws"][0]}),
        (send_datagrams, (gateway, NUMBERS["udp"], results), {}),
        (send_bad, (gateway, results), {}),
    ]
    threads = [threading.Thread(target=call, args=args, kwargs=options) for call, args, options in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert len(results) == 4, results
    assert results["http"]["failed"] == 0 and results["ws"]["failed"] == 0, results
    assert set(results["ws"]["close_codes"]) == {"1000"}, results
    gateway.wait_until("all datagrams are read", lambda: gateway.sum("sluice_events_received_total", protocol="udp")
                       == SHARE + 300, 30)
    assert gateway.sum("sluice_udp_kernel_drops_total") == 0
    gateway.wait_stored()
    gateway.check_identity()

    def counted(name, **labels):
        return gateway.sum("sluice_events_%s_total" % name, **labels)

    for protocol in NUMBERS:
        assert counted("received", protocol=protocol) == SHARE + 300, protocol
        assert counted("rejected", protocol=protocol) == 200, protocol
        assert counted("dropped", protocol=protocol) == 0, protocol
    assert results["http"]["accepted"] + results["http"]["duplicate"] == SHARE
    assert results["ws"]["accepted"] + results["ws"]["duplicate"] == SHARE
    assert counted("accepted") == DISTINCT and counted("duplicate") == 3 * SHARE + 300 - DISTINCT
    print("        accepted: %s" % {p: counted("accepted", protocol=p) for p in NUMBERS})
    gateway.stop()
    count = "SELECT count(), uniqExact(user_id), min(user_id), max(user_id) FROM events%s"
    expected = "%d\t%d\tu%012d\tu%012d" % (DISTINCT, DISTINCT, 0, 2 * SHARE - 1)
    for final in ("", " FINAL"):
        assert gateway.sql(count % final) == expected, (gateway.sql(count % final), expected)


@with_gateway
def what_one_protocol_accepted_is_a_duplicate_on_the_others(gateway):
    def udp(payload):
        before = gateway.sum("sluice_events_received_total", protocol="udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(payload, gateway.udp[0])
        gateway.wait_until("it is read", lambda: gateway.sum("sluice_events_received_total", protocol="udp") > before
                           and gateway.sum("sluice_events_in_flight") == 0, 10)

    one, two, three = (json.dumps(event(n)).encode() for n in (1, 2, 3))
    with Client(gateway.port) as client:
        assert gateway.post("/events", one)[0] == 202
        client.text(one).text(two)
        got = client.acks(2)
        assert (got["accepted"], got["duplicate"]) == (1, 1), got
        udp(one)
        udp(two)
        assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == 2
        udp(three)
        assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 1
        assert gateway.post("/events", three)[0] == 200
        client.binary(lz4_block(three))
        assert client.acks(3)["duplicate"] == 1
        client.goodbye()
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events") == "3"


if __name__ == "__main__":
    main([
        three_protocols_at_once_share_one_window_and_every_event_is_counted,
        what_one_protocol_accepted_is_a_duplicate_on_the_others,
    ])
