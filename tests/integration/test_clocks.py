"""Clients whose clocks are wrong: nothing of theirs is lost, and the same event stays one whenever it is sent."""
import json
import socket
import time

from check import main
from gateway import event, with_gateway
from websocket import Client, lz4_block

FAST = 600              # seconds
STEP = 10               # to which the error of a clock is known; docs/protocol.md


def now():
    return time.time()


def at(seconds):
    return int(seconds * 1000)


def visit(number, seconds, **fields):
    return event(number, timestamp=at(seconds), **fields)


def datagram(gateway, payload):
    seen = gateway.sum("sluice_udp_datagrams_total")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(json.dumps(payload).encode(), gateway.udp[0])
    gateway.wait_until("the datagram", lambda: gateway.sum("sluice_udp_datagrams_total") == seen + 1)


def times_of(gateway):
    """{number: unix seconds}, as stored; the gateway is stopped."""
    rows = gateway.sql("SELECT substring(user_id, 2), toUnixTimestamp64Milli(timestamp) FROM events").split("\n")
    found = [line.split("\t") for line in rows]
    assert len({number for number, _ in found}) == len(found), "an event is stored twice"
    return {int(number): int(ms) / 1000 for number, ms in found}


def finish(gateway, wanted):
    """`wanted`: {number: seconds}."""
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    found = times_of(gateway)
    assert set(found) == set(wanted), (sorted(found), sorted(wanted))
    for number, seconds in wanted.items():
        assert abs(found[number] - seconds) <= STEP / 2 + 1.5, (number, found[number] - seconds)


def taken(reply, count):
    status, body = reply
    assert status == 202 and body.get("accepted", 1) == count and body.get("rejected", 0) == 0, reply


@with_gateway
def a_clock_ten_minutes_fast_loses_nothing_on_any_door(gateway):
    base, wanted = now(), {}

    def envelope(first, **more):
        """Now, an hour ago (it waited in the page), and just within max_past."""
        ages = (0, 3600, 86400 * 3000)
        wanted.update({first + i: base - age for i, age in enumerate(ages)})
        return dict({"events": [visit(first + i, base + FAST - age) for i, age in enumerate(ages)]}, **more)

    sent = {"sent_at": at(base + FAST)}
    taken(gateway.post("/events/bulk", envelope(0, **sent)), 3)
    taken(gateway.post("/events/bulk", envelope(10, sent_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(base + FAST)))), 3)
    taken(gateway.post("/events", visit(20, base + FAST, **sent)), 1)
    taken(gateway.post("/events/bulk", visit(21, base + FAST, **sent)), 1)
    wanted.update({20: base, 21: base})
    with Client(gateway.port) as client:
        client.text(envelope(30, **sent))
        client.binary(lz4_block(json.dumps(envelope(40, **sent)).encode()))
        assert client.acks(2)["accepted"] == 6
        client.goodbye()
    datagram(gateway, envelope(50, **sent))
    datagram(gateway, visit(60, base + FAST, **sent))
    wanted[60] = base
    gateway.wait_until("nothing in flight", lambda: gateway.sum("sluice_events_in_flight") == 0)
    assert gateway.sum("sluice_event_times_moved_total") == len(wanted)
    assert gateway.sum("sluice_event_times_clamped_total") == 0
    taken(gateway.post("/events", visit(70, base + FAST)), 1)        # says nothing of its clock
    taken(gateway.post("/events", visit(71, base + 86000)), 1)
    taken(gateway.post("/events", visit(72, base - 60, sent_at=at(base))), 1)
    wanted.update({70: base, 71: base, 72: base - 60})
    assert gateway.sum("sluice_event_times_moved_total") == len(wanted) - 3
    assert gateway.sum("sluice_event_times_clamped_total") == 2
    status, reply = gateway.post("/events", visit(80, base + 2 * 86400))
    assert status == 400 and reply["code"] == "time_too_new" and "sent_at" in reply["errors"][0]["message"], reply
    finish(gateway, wanted)


@with_gateway
def an_event_sent_again_after_a_kill_with_another_sent_at_is_one(gateway):
    base = now()
    batch = [visit(n, base + FAST - n) for n in range(50)] + [visit(50, base + FAST)]

    def send(off):
        return gateway.post("/events/bulk", {"sent_at": at(now() + off), "events": batch[:50]})

    taken(send(FAST), 50)
    taken(gateway.post("/events", batch[50]), 1)
    assert gateway.post("/events", batch[50])[1]["status"] == "duplicate"   # clamped to another moment
    for off in (FAST + 25, -3600):          # the clock was set in the meantime
        gateway.kill()
        gateway.start()
        status, reply = send(off)
        assert (status, reply["accepted"], reply["duplicate"]) == (200, 0, 50), reply
        assert gateway.post("/events", batch[50])[1]["status"] == "duplicate"
    finish(gateway, {n: base - n if n < 50 else base for n in range(51)})


if __name__ == "__main__":
    main([a_clock_ten_minutes_fast_loses_nothing_on_any_door,
          an_event_sent_again_after_a_kill_with_another_sent_at_is_one])
