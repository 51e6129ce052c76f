"""Limits, measured: the rate that is let in is the configured one, for one address and for thousands; each door keeps them."""
import collections
import hashlib
import itertools
import json
import os
import socket
import threading
import time

from check import main
from gateway import Gateway, SANITIZED, event
from servers import start_redis
from websocket import Client, Closed, sample_with

TOLERANCE = 0.02
NUMBERS = itertools.count(10 ** 6, 10 ** 6)     # of the first events of floods that shall not meet


def gateway_with(folder, sections=None, keys=(), **limits):
    """Limits as YAML in flow style: address="{ requests: 5 }"."""
    path = sample_with(folder, http={"listeners": '[{ listen: "127.0.0.1:0", serves: [admin] }]'}, **(sections or {}))
    with open(path, "a") as file:
        file.write("\nlimits:\n" + "".join("  %s: %s\n" % item for item in limits.items()))
        file.write("keys:\n" * bool(keys) + "".join("  - %s\n" % key for key in keys))
    gateway = Gateway(folder, config=path).start()
    gateway.pages_port = next(port for _, port, serves in gateway.http if serves == {"admin"})
    return gateway


def finish(gateway, accepted):
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_accepted_total") == accepted
    assert int(gateway.sql("SELECT count() FROM events FINAL")) == accepted
    gateway.stop()


def running(test):
    """The test gets a list, and puts the gateway in that is to be ended."""
    def run(folder):
        gateways = []
        try:
            test(folder, gateways)
        finally:
            for gateway in gateways:
                gateway.cleanup()
    run.__name__ = test.__name__
    return run


class Flood:
    """Requests of many addresses behind a proxy, over one connection, never more than a few hundred unanswered. `began` and
    `last` say when each address asked first and last, `times` how often."""
    AHEAD = 256

    def __init__(self, port, first=0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.number = first
        self.began, self.last, self.times = {}, {}, collections.Counter()
        self.asked = self.answered = self.accepted = 0
        self.rest = b""

    def request(self, address):
        body = json.dumps(event(self.number))
        self.number += 1
        return ("POST /events HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (address, len(body), body)).encode()

    def send(self, addresses):
        self.socket.sendall(b"".join(self.request(address) for address in addresses))
        now = time.time()
        self.times.update(addresses)
        for address in addresses:
            self.began.setdefault(address, now)
            self.last[address] = now
        self.asked += len(addresses)

    def read(self, ahead):
        while self.asked - self.answered > ahead:
            more = self.socket.recv(1 << 20)
            assert more, "the gateway has closed the connection, with %d unanswered" % (self.asked - self.answered)
            data = self.rest + more
            cut = max(data.rfind(b"HTTP/1.1 "), 0)  # its status may be on the way, or the first bytes of it
            whole = data if data.endswith(b"}\n") else data[:cut]
            self.rest = data[len(whole):]
            self.accepted += whole.count(b"HTTP/1.1 202")
            self.answered += whole.count(b"HTTP/1.1 ")
            assert whole.count(b"HTTP/1.1 ") == whole.count(b"HTTP/1.1 202") + whole.count(b"HTTP/1.1 429"), whole[-2000:]

    def expected(self, rate, burst):
        """A slow machine asks for less than it might have."""
        return sum(min(self.times[address], int(burst + rate * (self.last[address] - self.began[address])))
                   for address in self.began)


def near(measured, expected, tolerance=TOLERANCE):
    assert abs(measured - expected) <= expected * tolerance + 2, (measured, expected)


@running
def one_address_gets_its_rate_and_not_more(folder, gateways):
    gateway = gateway_with(folder, address="{ requests: 300, burst: 1s }")  # a busy machine may stand still for less
    gateways.append(gateway)
    flood = Flood(gateway.port)
    until = time.time() + 3
    while time.time() < until:
        flood.send(["192.0.2.7"] * 64)
        flood.read(0)
        time.sleep(0.004)
    near(flood.accepted, flood.expected(300, 300))
    assert flood.answered > flood.accepted
    finish(gateway, flood.accepted)


@running
def ten_thousand_addresses_each_get_their_rate(folder, gateways):
    addresses = ["10.1.%d.%d" % (n >> 8, n & 255) for n in range(500 if SANITIZED else 10000)]
    gateway = gateway_with(folder, address="{ requests: 1, burst: 2s }")
    gateways.append(gateway)
    flood = Flood(gateway.port)
    until = time.time() + 4
    while time.time() < until:
        began = time.time()
        for at in range(0, len(addresses), 100):
            flood.send(addresses[at:at + 100])
            flood.read(Flood.AHEAD)
        time.sleep(max(0, 0.5 - (time.time() - began)))
    flood.read(0)
    near(flood.accepted, flood.expected(1, 2))
    assert gateway.sum("sluice_limit_addresses") >= len(addresses) * 0.99
    finish(gateway, flood.accepted)


@running
def the_reply_says_how_much_is_left_and_how_long_to_wait(folder, gateways):
    gateway = gateway_with(folder, address="{ requests: 2, burst: 1s }", all="{ requests: 100000 }")
    gateways.append(gateway)
    replies = [gateway.request("POST", "/events", json.dumps(event(n))) for n in range(3)]
    assert [status for status, _, _ in replies] == [202, 202, 429]
    first, last = replies[0][1], replies[2][1]
    assert first["ratelimit-policy"] == '"address";q=2;w=1' and first["ratelimit"] == '"address";r=1;t=1', first
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"], first["x-ratelimit-reset"]) == ("2", "1", "1")
    assert "retry-after" not in first and last["retry-after"] == "1" and last["x-ratelimit-remaining"] == "0", last
    assert json.loads(replies[2][2])["code"] == "rate_limited"
    assert gateway.request("GET", "/livez")[0] == 200 and gateway.request("OPTIONS", "/events")[0] in (200, 204)
    assert gateway.request("GET", "/sluice.js")[0] == 429, "pages are requests, too"
    assert gateway.sum("sluice_limited_total", policy="address", unit="requests") == 2
    assert gateway.sum("sluice_events_rejected_total", reason="rate_limited") == 1
    finish(gateway, 2)


def new_key(name):
    """A key of our own making, and what the configuration has of it."""
    text = "key-of-%s-0123456789abcdef" % name
    return text, hashlib.sha256(text.encode()).hexdigest()


@running
def a_key_has_a_rate_of_its_own_over_every_door(folder, gateways):
    shop, app = new_key("shop"), new_key("app")
    gateway = gateway_with(folder, key="{ events: 20, burst: 1s }", keys=[
        '{ name: shop, sha256: %s, scopes: [write], rate: { events: 50, burst: 2s } }' % shop[1],
        '{ name: app, sha256: %s, scopes: [write] }' % app[1]])
    gateways.append(gateway)
    bulk = [event(n) for n in range(150)]
    shown = {"Authorization": "Bearer " + shop[0]}
    with Client(gateway.port, headers=shown, timeout=30) as client:
        assert gateway.post("/events/bulk?ids=0", bulk, shown)[0] == 202
        status, fields, _ = gateway.request("POST", "/events", json.dumps(event(0)),
                                            dict(shown, **{"X-Forwarded-For": "192.0.2.9"}))
        assert status == 429 and fields["ratelimit-policy"] == '"key-events";q=100;qu="events";w=2', fields
        assert fields["retry-after"] in ("1", "2"), fields
        assert gateway.post("/events", event(200), {"X-API-Key": app[0]})[0] == 202, "another key is not asked"
        began = time.time()
        client.text(event(201))     # the key owes fifty events, a second's
        assert client.read()[1]["accepted"] == 1 and time.time() - began > 0.5
    assert gateway.sum("sluice_limited_total", policy="key", unit="events") == 2
    finish(gateway, 152)


@running
def udp_takes_the_rate_and_counts_the_rest(folder, gateways):
    gateway = gateway_with(folder, address="{ events: 500, burst: 200ms }")
    gateways.append(gateway)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began = time.time()
    sent = 0
    while time.time() - began < 2:
        for _ in range(10):
            sender.sendto(json.dumps(event(sent)).encode(), gateway.udp[0])
            sent += 1
        last = time.time()
        time.sleep(0.005)
    gateway.wait_until("all read", lambda: gateway.sum("sluice_udp_datagrams_total") == sent)
    gateway.check_identity()
    accepted = gateway.sum("sluice_events_accepted_total")
    near(accepted, 100 + 500 * (last - began))
    assert gateway.sum("sluice_events_rejected_total", protocol="udp", reason="rate_limited") == sent - accepted
    finish(gateway, accepted)


@running
def a_websocket_is_not_read_faster_than_its_rate(folder, gateways):
    gateway = gateway_with(folder, address="{ requests: 200, burst: 200ms }")
    gateways.append(gateway)
    with Client(gateway.port, timeout=30) as client:
        began = time.time()
        for number in range(350):
            client.text(event(number))
        seen = 0
        while seen < 350:
            seen += client.read()[1]["accepted"]
        took = time.time() - began
    assert 350 <= (40 + 200 * took) * (1 + TOLERANCE) + 2, took    # a slow machine may take longer
    finish(gateway, 350)


@running
def a_websocket_that_may_send_nothing_for_long_is_told_1013(folder, gateways):
    gateway = gateway_with(folder, {"websocket": {"full_timeout": "1s"}}, daily="{ requests: 4 }")
    gateways.append(gateway)
    headers = {"X-Forwarded-For": "203.0.113.9"}
    with Client(gateway.port, headers=headers, timeout=30) as client:
        for number in range(5):     # the upgrade was one request
            client.text(event(number))
        accepted = 0
        try:
            while True:
                accepted += client.read()[1]["accepted"]
        except Closed as closed:
            assert closed.code == 1013, closed
    assert accepted == 3
    assert gateway.sum("sluice_limited_total", policy="daily", unit="requests") == 1
    assert gateway.sum("sluice_events_rejected_total", reason="rate_limited") >= 1
    status, fields, _ = gateway.request("POST", "/events", json.dumps(event(9)), headers)
    assert status == 429 and int(fields["retry-after"]) > 1 and fields["ratelimit"].startswith('"daily";r=0;t='), fields
    finish(gateway, 3)


def flood_both(gateways, seconds, pause=0.01):
    """Floods two gateways at once; how many each accepted, and for how long it was."""
    floods = [Flood(gateway.port, next(NUMBERS)) for gateway in gateways]
    began = time.time()
    while time.time() - began < seconds:
        for flood in floods:
            flood.send(["192.0.2.7"] * 8)
        for flood in floods:
            flood.read(0)
        time.sleep(pause)
    return [flood.accepted for flood in floods], time.time() - began


@running
def gateways_share_their_limits_through_redis_and_go_on_alone_without_it(folder, gateways):
    redis = start_redis(os.path.join(folder, "redis"))
    try:
        for name in ("a", "b"):
            os.makedirs(os.path.join(folder, name))
            gateways.append(gateway_with(os.path.join(folder, name), {"dedup": {"kind": "redis", "redis_url": redis.url}},
                                         address="{ requests: 200, burst: 1s }", shared="true"))
        for gateway in gateways:
            gateway.wait_until("limits are shared", lambda gateway=gateway: gateway.sum("sluice_limits_shared") == 1)
        flood_both(gateways, 1.5)                   # both bursts are spent, and each knows of the other
        accepted, took = flood_both(gateways, 3)
        print("        together %d in %.1f s, of %d" % (sum(accepted), took, 200 * took), flush=True)
        assert abs(sum(accepted) - 200 * took) < 0.25 * 200 * took, (accepted, took)    # they tell each other every 100 ms
        redis.kill()
        for gateway in gateways:
            gateway.wait_until("limits are not shared", lambda gateway=gateway: gateway.sum("sluice_limits_shared") == 0)
        flood_both(gateways, 1.2)
        accepted, took = flood_both(gateways, 2)
        for count in accepted:
            near(count, 200 * took, 0.1)            # each as much as all together should
        redis.start()
        for gateway in gateways:
            gateway.wait_until("limits are shared again", lambda gateway=gateway: gateway.sum("sluice_limits_shared") == 1)
            gateway.wait_stored()
            gateway.check_identity()
            gateway.stop()
    finally:
        redis.stop()


def cpu_seconds(gateway):
    with open("/proc/%d/stat" % gateway.process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@running
def payloads_that_cost_much_meet_the_limit_of_cpu_time(folder, gateways):
    gateway = gateway_with(folder, address="{ cpu: 50ms, burst: 1s }")
    gateways.append(gateway)
    hostile = json.dumps([{"event_name": "purchase", "z": ["1"] * 12000}] * 4).encode()   # 240 KB that no event comes of
    statuses = []
    until = time.time() + 2
    before = cpu_seconds(gateway)
    while time.time() < until:
        status, fields, _ = gateway.request("POST", "/events/bulk", hostile, {"X-Forwarded-For": "203.0.113.66"})
        statuses.append(status)
        if status == 429:
            assert fields["ratelimit"].startswith('"address-cpu";r=0;t='), fields
            time.sleep(0.002)
    assert statuses.count(429) > 10 and statuses.count(429) < len(statuses), statuses
    assert gateway.post("/events", event(0), {"X-Forwarded-For": "203.0.113.67"})[0] == 202, "others are not asked"
    assert gateway.sum("sluice_limited_total", policy="address", unit="cpu") == statuses.count(429)
    print("        %d taken, %d refused, %.2f s of CPU" % (len(statuses) - statuses.count(429), statuses.count(429),
                                                         cpu_seconds(gateway) - before), flush=True)
    finish(gateway, 1)


@running
def a_flood_of_one_address_leaves_the_others_their_latency(folder, gateways):
    """A bound that holds on a busy machine; what it is on an idle one is measured by loadtests/limits_fairness.py."""
    gateway = gateway_with(folder, address="{ requests: 100, burst: 1s }")
    gateways.append(gateway)
    ending = threading.Event()
    refused = []

    def flood():
        flood = Flood(gateway.port, 1000000)
        while not ending.is_set():
            flood.send(["203.0.113.66"] * 16)
            flood.read(0)
            time.sleep(0.002)
        refused.append(flood.answered - flood.accepted)
        accepted.append(flood.accepted)

    def median_ms(first):
        took = []
        for number in range(first, first + 60):
            began = time.perf_counter()
            assert gateway.post("/events", event(number), {"X-Forwarded-For": "203.0.113.%d" % (number % 60)})[0] == 202
            took.append(1000 * (time.perf_counter() - began))
        return sorted(took)[len(took) // 2]

    accepted = []
    alone = median_ms(0)
    thread = threading.Thread(target=flood)
    thread.start()
    time.sleep(0.3)
    beside = median_ms(60)
    ending.set()
    thread.join()
    assert refused[0] > 500, refused
    assert beside < 3 * alone + 10, (alone, beside)
    finish(gateway, 120 + accepted[0])


if __name__ == "__main__":
    main([one_address_gets_its_rate_and_not_more, ten_thousand_addresses_each_get_their_rate,
          the_reply_says_how_much_is_left_and_how_long_to_wait, a_key_has_a_rate_of_its_own_over_every_door, udp_takes_the_rate_and_counts_the_rest,
          a_websocket_is_not_read_faster_than_its_rate, a_websocket_that_may_send_nothing_for_long_is_told_1013,
          gateways_share_their_limits_through_redis_and_go_on_alone_without_it,
          payloads_that_cost_much_meet_the_limit_of_cpu_time, a_flood_of_one_address_leaves_the_others_their_latency])
