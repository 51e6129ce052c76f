"""When is a batch stored? Behind proxies that shorten, retry and balance, with real nginx and haproxy."""
import itertools
import os
import signal
import time

from balancers import start_haproxy, start_nginx
from check import main
from gateway import Gateway, SERVER_BUILD, event
from lying_proxy import LyingProxy
from servers import start_chdb_server, start_clickhouse_18

HEAD = """
http: { listen: "${SLUICE_HTTP}", io_threads: 1 }
journal: { data: "${SLUICE_DATA}" }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}", user: "${CLICKHOUSE_USER:-default}", password: "" }
writer: { backoff_min: 50ms, backoff_max: 500ms }
drain: { timeout: 2s }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id, timestamp]
    batch: { strategy: hybrid, max_rows: 1000, max_delay: 50ms }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
      - { name: timestamp, type: DateTime, default: now }
"""


KILL_AT_RENAME = os.path.join(SERVER_BUILD, "libkill_at_rename.so")

TABLE = ("CREATE TABLE events (event_name String, user_id String, timestamp DateTime, event_id UUID) ENGINE = ReplacingMergeTree "
         "ORDER BY (event_name, user_id, timestamp, event_id) SETTINGS non_replicated_deduplication_window = 10000")


class System:
    """A gateway in front of a store of one server or two, and what stands between them."""

    def __init__(self, folder, start, columns=0, servers=1):
        self.folder = folder
        self.undo = []
        self.servers = []
        for number in range(servers):
            path = os.path.join(folder, "server-%d" % number)
            os.makedirs(path)
            self.servers.append(start(path))
            self.undo.append(self.servers[-1].kill)
        self.server = self.servers[0]
        self.config = os.path.join(folder, "proof.yaml")
        with open(self.config, "w") as file:
            file.write(HEAD + "".join("      - { name: a_column_of_a_wide_table_%03d, type: Int64 }\n" % i for i in range(columns)))
        self.gateway = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for undo in reversed(self.undo):
            undo()

    def behind(self, balancer):
        self.undo.append(balancer.stop)
        return balancer

    def start(self, url, **env):
        self.gateway = Gateway(self.folder, self.config, dict(env, CLICKHOUSE_URL=url))
        self.undo.append(self.gateway.cleanup)
        self.gateway.start()
        return self.gateway

    def send(self, first, count):
        status, reply = self.gateway.post("/events/bulk?ids=0", [event(n) for n in range(first, first + count)])
        assert status == 202 and reply["accepted"] == count, reply

    def settle(self, expected, final="FINAL"):
        """All that was sent is there once, and the sums add up."""
        self.gateway.wait_stored(60)
        self.gateway.check_identity()
        found = sum(int(server.query("SELECT count() FROM events " + final)) for server in self.servers)
        assert found == expected, (found, expected, self.gateway.log()[-3000:])


def chdb(folder):
    return start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"))


names = itertools.count()


def named_chdb(folder):
    os.environ["CHDB_SERVER_NAME"] = "server-%d" % next(names)
    return chdb(folder)


def wide_tables_are_stored(folder, start, columns):
    """The INSERT names each column, 36 bytes of it: 18.16 takes 16 KB of URL, nginx 8 KB."""
    with System(folder, start, columns=columns) as system:
        proxy = system.behind(start_nginx(os.path.join(folder, "nginx"), system.server.port))
        gateway = system.start(proxy.url)
        system.send(0, 5)
        system.settle(5)
        gateway.stop()


def server_18_behind_nginx_stores_tables_of_600_columns(folder):
    wide_tables_are_stored(folder, start_clickhouse_18, 600)


def server_26_behind_nginx_stores_tables_of_600_columns(folder):
    wide_tables_are_stored(folder, chdb, 600)


def view_and_its_sum(server, target="SETTINGS non_replicated_deduplication_window = 10000"):
    """A view that adds up, beside the table that the gateway made."""
    server.query("CREATE TABLE sums (day Date, rows UInt64) ENGINE = SummingMergeTree ORDER BY day " + target)
    server.query("CREATE MATERIALIZED VIEW to_sums TO sums AS SELECT toDate(timestamp) AS day, count() AS rows FROM events "
                 "GROUP BY day")


def total(server, table="sums"):
    return int(server.query("SELECT sum(rows) FROM " + table))


def a_lost_reply_does_not_fill_a_view_twice(folder):
    """What a proxy's 504 after the INSERT comes to; with targets that keep tokens, and without."""
    for target in ("", "SETTINGS non_replicated_deduplication_window = 10000"):
        path = os.path.join(folder, "with" if target else "without")
        os.makedirs(path)
        with System(path, chdb) as system:
            proxy = LyingProxy(system.server)
            system.undo.append(proxy.stop)
            gateway = system.start(proxy.url)
            view_and_its_sum(system.server, target)
            proxy.lie("504 after", 1)
            system.send(0, 50)
            system.settle(50, "")
            assert proxy.lies == 1, proxy.lies
            assert total(system.server) == 50, total(system.server)
            gateway.stop()


def a_failing_view_does_not_fill_a_healthy_one_again(folder):
    """Both targets keep tokens: the batch waits, and fills what failed once it works. One does not: a gap, and it is told."""
    with System(folder, chdb) as system:
        server = system.server
        gateway = system.start(server.url)
        view_and_its_sum(server)
        server.query("CREATE TABLE others (rows UInt64) ENGINE = MergeTree ORDER BY rows SETTINGS non_replicated_deduplication_window = 100")
        failing = "CREATE MATERIALIZED VIEW to_others TO others AS SELECT toUInt64(throwIf(%s) + 1) AS rows FROM events"
        server.query(failing % "event_name = 'purchase'")
        system.send(0, 50)
        gateway.wait_until("it was sent again", lambda: gateway.sum("sluice_insert_failures_total") >= 3)
        assert "materialized view of the table fails" in gateway.get("/readyz?verbose")[1], gateway.get("/readyz?verbose")
        server.query("DROP TABLE to_others")
        server.query(failing % "event_name = 'nothing'")
        system.settle(50, "")
        assert (total(server), total(server, "others")) == (50, 50), (total(server), total(server, "others"))
        assert gateway.sum("sluice_view_gap_events_total") == 0
        server.query("DROP TABLE to_others")
        server.query(failing % "event_name = 'purchase'")
        server.query("ALTER TABLE others RESET SETTING non_replicated_deduplication_window")
        system.send(100, 50)
        system.settle(100, "")
        assert (total(server), total(server, "others")) == (100, 50), (total(server), total(server, "others"))
        assert gateway.sum("sluice_view_gap_events_total") == 50
        assert "50 of them are missing in a view" in gateway.get("/readyz?verbose")[1], gateway.get("/readyz?verbose")
        assert "a materialized view lacks a batch that is stored" in gateway.log()
        gateway.stop()


def a_maintenance_page_stores_nothing(folder):
    """An empty 200, a 200 with a page, a 302: until ClickHouse answers again nothing counts as stored."""
    with System(folder, chdb) as system:
        proxy = LyingProxy(system.server)
        system.undo.append(proxy.stop)
        gateway = system.start(proxy.url)
        for number, page in enumerate(("empty 200", "page", "302")):
            proxy.lie(page, 4)
            system.send(number * 100, 100)
            gateway.wait_until("it answers pages", lambda: proxy.lies >= 2)
            assert gateway.sum("sluice_events_stored_total") == number * 100
            proxy.lie(None, 0)
            system.settle((number + 1) * 100)
        assert "no ClickHouse answered" in gateway.log()
        gateway.stop()


def kill_between_token_and_part(server):
    """At its next part of a table of ours, and starts it again."""
    server.kill()
    sound = dict(server.environment)
    server.environment.update(LD_PRELOAD=KILL_AT_RENAME, SLUICE_KILL_PATH="/store/", SLUICE_KILL_AT_RENAME="1")
    server.start()
    server.environment = sound


def a_balancer_that_retries_loses_nothing(folder):
    """One server behind haproxy with retry-on: it dies between token and part, comes back, and answers the second try "done"."""
    with System(folder, chdb) as system:
        proxy = system.behind(start_haproxy(os.path.join(folder, "haproxy"), [system.server.port]))
        gateway = system.start(proxy.url)
        system.send(0, 10)
        system.settle(10)
        kill_between_token_and_part(system.server)
        gateway.wait_until("it is back", lambda: gateway.sum("sluice_store_breaker_open") == 0)
        system.send(100, 100)
        assert system.server.process.wait(30) == -signal.SIGKILL
        system.server.start()
        system.settle(110)
        gateway.stop()


def two_servers_behind_one_address_are_told_and_lose_nothing(folder):
    """haproxy sends each request to the other of two servers with tables of their own."""
    with System(folder, named_chdb, servers=2) as system:
        proxy = system.behind(start_haproxy(os.path.join(folder, "haproxy"), [s.port for s in system.servers]))
        for server in system.servers:
            server.query(TABLE)
        gateway = system.start(proxy.url)
        for number in range(10):
            system.send(number * 100, 100)
            time.sleep(0.1)
        system.settle(1000, "")
        page = gateway.get("/readyz?verbose")[1]
        assert "several servers answer at" in page and "several servers at this address" in page, page
        assert gateway.log().count("several servers behind one address") == 1
        counts = [int(server.query("SELECT count() FROM events")) for server in system.servers]
        assert all(counts), counts
        gateway.stop()


if __name__ == "__main__":
    main([
        server_18_behind_nginx_stores_tables_of_600_columns,
        server_26_behind_nginx_stores_tables_of_600_columns,
        a_lost_reply_does_not_fill_a_view_twice,
        a_failing_view_does_not_fill_a_healthy_one_again,
        a_maintenance_page_stores_nothing,
        a_balancer_that_retries_loses_nothing,
        two_servers_behind_one_address_are_told_and_lose_nothing,
    ])
