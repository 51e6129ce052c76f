"""A store that needs seconds an INSERT: what waits meanwhile goes as one INSERT, each event is stored once, and somebody who waits
for an event of a group is told. SLUICE_SLOW=full: 5 s an INSERT, 300,000 events that wait, and as many at 5,000 a second."""
import contextlib
import os
import threading

from check import main
from gateway import Gateway, SERVER_BUILD, event
from servers import start_chdb_server, start_clickhouse_18

FULL = os.environ.get("SLUICE_SLOW") == "full"
INSERT_SECONDS, BACKLOG, EVENTS, RATE, DELAY = (5, 300000, 300000, 5000, "1s") if FULL else (1, 200000, 24000, 6000, "100ms")
LEAST_ROWS = 50000

CONFIG = """
http: { listen: "${SLUICE_HTTP}", io_threads: 1 }
udp: { listeners: [] }
journal: { data: "${SLUICE_DATA}" }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}" }
writer: { threads: 2, backoff_max: 1s }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id, timestamp]
    batch: { strategy: STRATEGY, max_rows: 100000, max_bytes: 64MiB, max_delay: DELAY }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
      - { name: channel, type: String }
      - { name: tags, type: Array(String) }
      - { name: timestamp, type: DateTime64(3), default: now }
"""


@contextlib.contextmanager
def slow_store(folder, start_server, strategy="hybrid"):
    """A gateway whose table sleeps at each INSERT."""
    path = os.path.join(folder, "server")
    os.makedirs(path)
    config = CONFIG.replace("STRATEGY", strategy).replace("DELAY", DELAY)
    server = start_server(path)
    if start_server is start_clickhouse_18:
        config = config.replace("DateTime64(3)", "DateTime")
    with open(os.path.join(folder, "sluice.yaml"), "w") as file:
        file.write(config)
    gateway = Gateway(folder, config=os.path.join(folder, "sluice.yaml"), env={"CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        seconds = [min(INSERT_SECONDS, 3)] + [INSERT_SECONDS - 3] * (INSERT_SECONDS > 3)  # one sleep() may take 3 s
        for number, each in enumerate(seconds):
            server.query("ALTER TABLE events ADD COLUMN slow%d UInt8 MATERIALIZED sleep(%d)" % (number, each))
        yield gateway, server
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def inserts(gateway):
    """Those that a server took: an attempt that finds none there is none."""
    return gateway.sum("sluice_insert_seconds_count") - gateway.sum("sluice_insert_failures_total")


def backlog_is_stored_in_few_inserts(folder, start_server, strategy="hybrid"):
    with slow_store(folder, start_server, strategy) as (gateway, server):
        server.stop()
        gateway.load(path="/events/bulk?ids=0", events=BACKLOG, bulk=200, connections=4)
        assert gateway.sum("sluice_journal_events") == BACKLOG
        before = inserts(gateway)
        server.start()
        gateway.wait_stored()
        needed = inserts(gateway) - before
        print("        %d events waited: %d INSERTs" % (BACKLOG, needed))
        assert BACKLOG / needed >= LEAST_ROWS, needed
        check_rows(gateway, server, BACKLOG)


def a_slow_store_keeps_up(folder, strategy):
    with slow_store(folder, start_26, strategy) as (gateway, server):
        waiter = threading.Thread(target=check_waiter, args=(gateway,))
        waiter.start()
        gateway.load(path="/events/bulk?ids=0", events=EVENTS, rate=RATE, bulk=100, connections=4)
        waiting = gateway.sum("sluice_journal_events")
        gateway.wait_stored()
        waiter.join()
        print("        %s: %d of %d events waited at the end, %d INSERTs" % (strategy, waiting, EVENTS, inserts(gateway)))
        assert waiting <= 3 * RATE * INSERT_SECONDS, waiting
        check_rows(gateway, server, EVENTS + 1)


def check_rows(gateway, server, events):
    assert server.query("SELECT count(), uniqExact(event_id) FROM events").split() == [str(events)] * 2
    assert gateway.sum("sluice_events_stored_total") == events


def check_waiter(gateway):
    status, reply = gateway.post("/events?wait=stored", event(90000000))
    assert (status, reply.get("status")) == (200, "stored"), (status, reply)


def start_26(path):
    return start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))


def a_backlog_behind_a_slow_server_goes_in_few_inserts(folder):
    backlog_is_stored_in_few_inserts(folder, start_26)


def a_backlog_behind_a_slow_18_16_goes_in_few_inserts(folder):
    backlog_is_stored_in_few_inserts(folder, start_clickhouse_18)


def hybrid_keeps_up_with_a_slow_store(folder):
    a_slow_store_keeps_up(folder, "hybrid")


def adaptive_keeps_up_with_a_slow_store(folder):
    a_slow_store_keeps_up(folder, "adaptive")


main([a_backlog_behind_a_slow_server_goes_in_few_inserts, a_backlog_behind_a_slow_18_16_goes_in_few_inserts,
      hybrid_keeps_up_with_a_slow_store, adaptive_keeps_up_with_a_slow_store])
