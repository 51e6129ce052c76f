"""Two gateways that share one Redis and one store; and what clients see, and what is counted, while Redis is away."""
import glob
import http.client
import json
import os
import random
import socket
import threading
import time

from check import main
from gateway import Gateway, SERVER_BUILD, event
from servers import start_chdb_server, start_redis
from websocket import Client, Closed, sample_with

EVENTS = int(os.environ.get("EVENTS", "1000000"))
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "5"))
SLICES = 20
WAITING = 50            # connections that only wait do no harm


class System:
    """A ClickHouse server, a Redis, and gateways on them."""

    def __init__(self, folder):
        self.folder = folder
        self.gateways = []
        os.makedirs(os.path.join(folder, "server"))
        self.store = start_chdb_server(os.path.join(folder, "server"), os.path.join(SERVER_BUILD, "chdb_server"))
        self.redis = start_redis(os.path.join(folder, "redis"))

    def gateway(self, name, env=None, **dedup):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        env = dict({"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": self.store.url, "SLUICE_DEDUP": "redis",
                    "REDIS_URL": self.redis.url}, **(env or {}))
        self.gateways.append(Gateway(folder, sample_with(folder, dedup=dedup), env))
        return self.gateways[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for gateway in self.gateways:
            gateway.cleanup()
        self.redis.stop()
        self.store.stop()

    def settle(self):
        for gateway in self.gateways:
            gateway.wait_stored()
            gateway.check_identity()

    def counts(self):
        return [int(n) for n in self.store.query("SELECT count(), uniqExact(user_id) FROM events FINAL").split()]


def send_slices(gateway, slices, seed, failures):
    """All of them in an order of chance, and some again."""
    chance = random.Random(seed)
    order = chance.sample(slices, len(slices)) + chance.sample(slices, len(slices) // 4)
    for numbers in order:
        report = gateway.load(path="/events/bulk?ids=0", bulk=500, connections=4, start=numbers[0], events=len(numbers))
        if report["failed"] or report["accepted"] + report["duplicate"] != len(numbers):
            failures.append(report)


def same_events_to_both(system, events, **second):
    """Sends the same events to two gateways; every one is stored once, and Redis, not the table, saw to it."""
    patient = {"redis_timeout": "5s"}     # on a busy machine as well nothing may be looked up by nobody
    first, second = system.gateway("first", **patient), system.gateway("second", **dict(second, **patient))
    size = events // SLICES
    slices = [range(at, at + size) for at in range(0, events, size)]
    failures = []
    threads = [threading.Thread(target=send_slices, args=(gateway, slices, seed, failures))
               for seed, gateway in enumerate(system.gateways)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    system.settle()
    assert system.counts() == [events, events], system.counts()
    accepted = sum(g.sum("sluice_events_accepted_total") for g in system.gateways)
    duplicate = sum(g.sum("sluice_events_duplicate_total") for g in system.gateways)
    assert accepted + duplicate == 2 * (events + events // 4)
    # What both look up before either has marked it is left to the table: where the same slice came to both at once.
    assert accepted < 1.2 * events, "%d accepted for %d events: Redis filters nothing" % (accepted, events)
    assert sum(g.sum("sluice_dedup_bypassed_total") for g in system.gateways) == 0
    assert system.redis.calls("sadd") > 0
    print("        %d events sent %d times: %d accepted, %d duplicate" % (
        events, accepted + duplicate, accepted, duplicate))
    for gateway in system.gateways:
        gateway.stop()


def two_gateways_on_one_redis_store_the_same_million_events_once(folder):
    with System(folder) as system:
        same_events_to_both(system, EVENTS)


def a_gateway_whose_clock_is_an_hour_ahead_shares_the_window_all_the_same(folder):
    with System(folder) as system:
        preload = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
        same_events_to_both(system, EVENTS // 5,
                            env={"LD_PRELOAD": preload, "FAKETIME": "+1h", "DONT_FAKE_MONOTONIC": "1"})
        with open(system.gateways[1].log_path) as log:
            stamp = time.strptime(log.readline()[:19], "%Y-%m-%dT%H:%M:%S")
        ahead = time.mktime(stamp) - time.mktime(time.gmtime(os.stat(system.gateways[0].log_path).st_mtime))
        assert ahead > 3000, "the second gateway's clock was not ahead: %d s" % ahead


class Client503(threading.Thread):
    """Posts single new events, one after the other, and notes each answer."""

    def __init__(self, gateway, first):
        super().__init__(daemon=True)
        self.gateway, self.next = gateway, first
        self.acked, self.refused, self.retry_after, self.slowest, self.others = set(), 0, set(), 0, []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            started = time.monotonic()
            try:
                status, headers, body = self.gateway.request("POST", "/events", json.dumps(event(self.next)))
            except (OSError, http.client.HTTPException) as error:
                self.others.append(repr(error))
                continue
            self.slowest = max(self.slowest, time.monotonic() - started)
            if status == 202:
                self.acked.add(self.next)
                self.next += 1
            elif status == 503 and json.loads(body)["code"] == "dedup_failed":
                self.refused += 1
                self.retry_after.add(headers.get("retry-after"))
                time.sleep(0.01)
            else:
                self.others.append((status, body))

    def finish(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive() and not self.others, self.others[:3]
        return self.acked


def send_datagrams(gateway, first, count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(gateway.udp[0])
        for number in range(first, first + count):
            s.send(json.dumps(event(number)).encode())
    gateway.wait_until("the datagrams are read",
                       lambda: gateway.sum("sluice_events_received_total", protocol="udp") >= count)


def away(system, gateway, seconds):
    """Takes Redis away under load, and gives it back. The client that posted meanwhile, and its acknowledged numbers."""
    client = Client503(gateway, 0)
    client.start()
    gateway.wait_until("events are filtered", lambda: gateway.sum("sluice_dedup_asked_total") > WAITING)
    before = len(client.acked)
    assert before > 0 and client.refused == 0
    system.redis.kill()
    gateway.wait_until("it is noticed", lambda: gateway.sum("sluice_dedup_breaker_open") == 1)
    return client, time.monotonic() + seconds


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))


def back(system, gateway):
    system.redis.start()
    gateway.wait_until("Redis is used again", lambda: gateway.sum("sluice_dedup_breaker_open") == 0)
    asked = gateway.sum("sluice_dedup_asked_total")
    gateway.wait_until("events are filtered again", lambda: gateway.sum("sluice_dedup_asked_total") > asked + WAITING)
    assert "dedup" not in gateway.get("/readyz")[1]


def redis_away_with_accept_clients_see_nothing_and_the_table_filters(folder):
    with System(folder) as system:
        gateway = system.gateway("one", on_error="accept")
        client, until = away(system, gateway, OUTAGE_SECONDS)
        status, text = gateway.get("/readyz")
        assert status == 200 and "accepted without asking" in text, (status, text)
        send_datagrams(gateway, 10**8, 100)
        with Client(gateway.port) as ws:
            ws.text(json.dumps([event(n) for n in range(2 * 10**8, 2 * 10**8 + 100)]))
            assert ws.acks(1)["accepted"] == 100
            ws.goodbye()
        sleep_until(until)
        during = len(client.acked)
        back(system, gateway)
        gateway.wait_until("the marks of the outage are sent", lambda: gateway.sum("sluice_dedup_marks_waiting") == 0)
        other = system.gateway("other")     # it has no memory of its own: Redis must know
        status, reply = other.post("/events/bulk", [event(n) for n in sorted(client.acked)[during - 50:during]])
        assert (status, reply["duplicate"]) == (200, 50), (status, reply["duplicate"])
        acked = client.finish()
        assert client.refused == 0
        bypassed = gateway.sum("sluice_dedup_bypassed_total")
        assert bypassed > 0 and gateway.sum("sluice_events_dropped_total") == 0
        system.settle()
        total = len(acked) + 200
        assert system.counts() == [total, total], (system.counts(), total)
        print("        accept: %d events acknowledged, none refused, slowest %.0f ms; %d bypassed in %.0f s" % (
            len(acked), client.slowest * 1000, bypassed, OUTAGE_SECONDS))
        gateway.stop()
        other.stop()


def websocket_is_closed(gateway, number):
    with Client(gateway.port) as ws:
        ws.text(json.dumps(event(number)))
        try:
            ws.read()
        except Closed as closed:
            return closed.code
    return None


def redis_away_with_reject_clients_are_told_to_come_again(folder):
    with System(folder) as system:
        gateway = system.gateway("one", on_error="reject")
        client, until = away(system, gateway, OUTAGE_SECONDS)
        gateway.wait_until("/readyz is 503", lambda: gateway.get("/readyz")[0] == 503)
        gateway.wait_until("the client is refused", lambda: client.refused > 0)
        accepted = gateway.sum("sluice_events_accepted_total")
        send_datagrams(gateway, 10**8, 100)
        assert websocket_is_closed(gateway, 2 * 10**8) == 1013
        status, reply = gateway.post("/events/bulk", [event(n) for n in range(3 * 10**8, 3 * 10**8 + 10)])
        assert (status, reply["code"]) == (503, "dedup_failed"), (status, reply)
        sleep_until(until)
        assert gateway.sum("sluice_events_accepted_total") == accepted
        back(system, gateway)
        assert gateway.get("/readyz")[0] == 200
        acked = client.finish()
        assert client.retry_after and None not in client.retry_after, client.retry_after
        dropped = {protocol: gateway.sum("sluice_events_dropped_total", protocol=protocol, reason="dedup_failed")
                   for protocol in ("http", "ws", "udp")}
        assert dropped["http"] == client.refused + 10 and dropped["ws"] == 1 and dropped["udp"] == 100, (dropped, client.refused)
        assert gateway.sum("sluice_dedup_bypassed_total") == 0
        system.settle()
        assert system.counts() == [len(acked), len(acked)], (system.counts(), len(acked))
        print("        reject: %d events acknowledged, %d times 503 with Retry-After %s, slowest %.0f ms; dropped %s in %.0f s" % (
            len(acked), client.refused, "/".join(client.retry_after), client.slowest * 1000, dropped, OUTAGE_SECONDS))
        gateway.stop()


def redis_that_hangs_holds_clients_up_for_one_time_out(folder):
    with System(folder) as system:
        gateway = system.gateway("one")
        client = Client503(gateway, 0)
        client.start()
        gateway.wait_until("events are filtered", lambda: gateway.sum("sluice_dedup_asked_total") > WAITING)
        system.redis.pause()
        gateway.wait_until("it is noticed", lambda: gateway.sum("sluice_dedup_breaker_open") == 1)
        before = len(client.acked)
        gateway.wait_until("events are accepted meanwhile", lambda: len(client.acked) > before + 100)
        system.redis.resume()
        gateway.wait_until("Redis is used again", lambda: gateway.sum("sluice_dedup_breaker_open") == 0)
        acked = client.finish()
        assert gateway.sum("sluice_dedup_failures_total") < 10
        assert client.slowest < 5, "a client waited %.1f s" % client.slowest
        system.settle()
        assert system.counts() == [len(acked), len(acked)]
        gateway.stop()


if __name__ == "__main__":
    main([
        two_gateways_on_one_redis_store_the_same_million_events_once,
        a_gateway_whose_clock_is_an_hour_ahead_shares_the_window_all_the_same,
        redis_away_with_accept_clients_see_nothing_and_the_table_filters,
        redis_away_with_reject_clients_are_told_to_come_again,
        redis_that_hangs_holds_clients_up_for_one_time_out,
    ])
