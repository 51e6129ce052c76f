"""One stream's broken table delays no other stream, and fills no more than its own part of the journal; a full journal refuses at
every door, before anything is acknowledged, and takes events again by itself."""
import contextlib
import os
import threading
import time

from check import main
from doors import all_refuse, all_take, over_http, over_websocket
from gateway import Gateway, Poster, SERVER_BUILD, event
from servers import start_chdb_server

CONFIG = """
http: { listen: "${SLUICE_HTTP}", io_threads: 1 }
websocket: { full_timeout: 1s }
udp: { listeners: [ { listen: "${SLUICE_UDP}", stream: broken } ] }
journal: { data: "${SLUICE_DATA}", max_bytes: 4MiB, min_free: 0 }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}" }
writer: { threads: 2, backoff_max: 1s }
streams:
  - &stream
    name: broken
    table: broken
    max_journal: 1MiB
    dedup_key: [event_name, user_id, timestamp]
    batch: { strategy: hybrid, max_rows: 100000, max_bytes: 64MiB, max_delay: 200ms }
    fields: &fields
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
      - { name: channel, type: String }
      - { name: timestamp, type: DateTime64(3), default: now }
  - name: healthy
    table: healthy
    dedup_key: [event_name, user_id, timestamp]
    batch: { strategy: hybrid, max_rows: 100000, max_bytes: 64MiB, max_delay: 200ms }
    fields: *fields
"""
OUTAGE_SECONDS = 3
BOUND_SECONDS = 2


@contextlib.contextmanager
def gateway_and_server(folder, config=CONFIG):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    with open(os.path.join(folder, "sluice.yaml"), "w") as file:
        file.write(config)
    server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
    gateway = Gateway(folder, config=os.path.join(folder, "sluice.yaml"), env={"CLICKHOUSE_URL": server.url})
    try:
        yield gateway.start(), server
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


class Prober(threading.Thread):
    """Posts one event after the other to the healthy stream, each until it is stored; keeps how long that took."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.number, self.times, self.failed = gateway, 50000000, [], []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            self.number += 1
            began = time.time()
            status, reply = self.gateway.post("/events?stream=healthy&wait=stored", event(self.number))
            self.times.append(time.time() - began)
            if (status, reply.get("status")) != (200, "stored"):
                self.failed.append((status, reply))

    def take_times(self):
        times, self.times = sorted(self.times), []
        return times

    def finish(self):
        self.ending.set()
        self.join(60)


def rows(server, table):
    """(rows, different users)"""
    return tuple(int(n) for n in server.query("SELECT count(), uniqExact(user_id) FROM %s FINAL" % table).split("\t"))


# What is done to the table `broken`, and how it is mended.
OUTAGES = {
    "missing": (["RENAME TABLE broken TO elsewhere"], ["RENAME TABLE elsewhere TO broken"]),
    "refusing every row": (["ALTER TABLE broken ADD CONSTRAINT none CHECK user_id = ''"],
                           ["ALTER TABLE broken DROP CONSTRAINT none"]),
    "lacking a column": (["ALTER TABLE broken RENAME COLUMN channel TO way"],
                         ["ALTER TABLE broken RENAME COLUMN way TO channel"]),
    "hanging behind a view": (["CREATE MATERIALIZED VIEW slow ENGINE = Null AS SELECT user_id, sleep(2.5) AS s FROM broken"],
                              ["DROP TABLE slow"]),
    "failing behind a view": (["CREATE MATERIALIZED VIEW bad ENGINE = Null AS SELECT throwIf(user_id != '') AS s FROM broken"],
                              ["DROP TABLE bad"]),
}


def a_broken_table_delays_no_other_stream(folder):
    with gateway_and_server(folder, CONFIG.replace("max_bytes: 4MiB", "max_bytes: 1GiB").replace(
            "max_journal: 1MiB", "max_journal: 0")) as (gateway, server):
        prober = Prober(gateway)
        prober.start()
        time.sleep(2)
        before = prober.take_times()
        posters = []
        for number, (name, (harm, cure)) in enumerate(OUTAGES.items()):
            poster = Poster(gateway, first=number * 1000000, bulk=20, retry=True, stream="broken")
            for statement in harm:
                server.query(statement)
            poster.start()
            prober.take_times()
            time.sleep(OUTAGE_SECONDS)
            times = prober.take_times()
            waiting = gateway.sum("sluice_journal_events", stream="broken")
            poster.finish()
            for statement in cure:
                server.query(statement)
            posters.append(poster)
            assert waiting > 0, "%s: its table took the events" % name
            assert times and times[-1] < BOUND_SECONDS, (name, times[-10:])
            print("        %s: %d events of the other stream, p50 %.0f ms, p95 %.0f ms (before: %.0f and %.0f)" % (
                name, len(times), *(1000 * t[len(t) * p // 100] for t in (times, before) for p in (50, 95))))
            gateway.wait_until("%s: its events arrive once it is mended" % name,
                               lambda: gateway.sum("sluice_journal_events", stream="broken") == 0)
        prober.finish()
        gateway.wait_stored()
        gateway.check_identity()
        assert not prober.failed, prober.failed[:3]
        acked = sum(len(poster.acked) for poster in posters)
        accepted = gateway.sum("sluice_events_accepted_total", stream="broken")
        dead = gateway.sum("sluice_events_dead_lettered_total", stream="broken")
        assert accepted >= acked and dead <= 200
        assert rows(server, "broken") == (accepted - dead,) * 2, (rows(server, "broken"), accepted, dead)
        assert rows(server, "healthy") == (prober.number - 50000000,) * 2


def fill(gateway, stream, first):
    """Posts until nothing more is taken."""
    poster = Poster(gateway, first=first, bulk=200, retry=True, stream=stream)
    poster.start()
    gateway.wait_until("%s is full" % stream, lambda: poster.errors > 10)
    poster.finish()
    return poster


def a_stream_that_fills_its_part_of_the_journal_leaves_the_rest_to_others(folder):
    with gateway_and_server(folder) as (gateway, server):
        server.query("RENAME TABLE broken TO elsewhere")
        fill(gateway, "broken", 0)
        all_refuse(gateway, "broken", "journal_full", 10000000)
        assert gateway.sum("sluice_journal_bytes", stream="broken") <= 1 << 20
        status, text = gateway.get("/readyz")
        assert status == 200 and "journal:broken: degraded" in text and "max_journal" in text, (status, text)
        began = time.time()
        for number in range(20000000, 20000005):
            assert gateway.post("/events?stream=healthy&wait=stored", event(number))[0] == 200
            assert over_websocket(gateway, "healthy", number + 100) == "acknowledged"
        assert time.time() - began < 5 * BOUND_SECONDS
        server.query("RENAME TABLE elsewhere TO broken")
        gateway.wait_until("it is taken again", lambda: over_http(gateway, "broken", 30000000) in (202, 200), 30)
        gateway.wait_until("/readyz has nothing to tell", lambda: "journal" not in gateway.get("/readyz")[1], 30)
        all_take(gateway, "broken", 40000000)
        end_well(gateway, server)


def a_full_journal_refuses_at_every_door_and_recovers(folder):
    with gateway_and_server(folder) as (gateway, server):
        server.kill()
        fill(gateway, "broken", 0)
        fill(gateway, "healthy", 0)
        for stream in ("broken", "healthy"):
            all_refuse(gateway, stream, "journal_full", 10000000)
        server.start()
        gateway.wait_until("events are taken again", lambda: over_http(gateway, "healthy", 30000000) == 202, 30)
        gateway.wait_stored()
        for stream in ("broken", "healthy"):
            all_take(gateway, stream, 40000000)
        end_well(gateway, server)


def end_well(gateway, server):
    gateway.wait_stored()
    gateway.check_identity()
    for stream in ("broken", "healthy"):
        accepted = gateway.sum("sluice_events_accepted_total", stream=stream)
        assert rows(server, stream) == (accepted, accepted), (stream, rows(server, stream), accepted)


if __name__ == "__main__":
    main([
        a_broken_table_delays_no_other_stream,
        a_stream_that_fills_its_part_of_the_journal_leaves_the_rest_to_others,
        a_full_journal_refuses_at_every_door_and_recovers,
    ])
