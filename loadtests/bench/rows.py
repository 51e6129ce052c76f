"""From request to rows in ClickHouse: the gateway, and beside it the same store taking the same NDJSON itself.

The rate is rows in the store by the time until the last is there, the CPU that of gateway and store together. The journal
is bounded, so that the gateway cannot just put the work off; what it then answers 503 the generator sends again."""
import contextlib
import os
import time
import urllib.parse

from websocket import sample_with

from . import measure, peers
from .generator import EVENT, load, template
from .workbench import BULK

JOURNAL = "32MiB"      # a million rows
PEER_ROWS = 10000       # in an INSERT of the peer
PEER_CONNECTIONS = 4
INSERT = "/?" + urllib.parse.urlencode({"query": "INSERT INTO events FORMAT JSONEachRow"}, quote_via=urllib.parse.quote)

# The default stream as far as 18.16 has its types: times in seconds, no JSON. The same text goes to both, flat, so that
# the store needs no path.
OLD_FIELDS = """http: { listen: "${SLUICE_HTTP:-127.0.0.1:0}" }
journal: { data: "${SLUICE_DATA:-./data}", durability: "${SLUICE_DURABILITY:-os}", max_bytes: %s }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}", password: "${CLICKHOUSE_PASSWORD:-}" }
streams:
  - name: events
    dedup_key: [event_name, user_id, timestamp, channel]
    batch: { strategy: hybrid, max_rows: 100000, max_delay: 1s }
    fields:
      - { name: event_name, type: String, required: true, max_length: 128 }
      - { name: channel, type: String, required: true, one_of: [web, mobile, desktop, tv, console, other] }
      - { name: user_id, type: String, required: true }
      - { name: timestamp, type: DateTime, default: now, max_past: 3650d, max_future: 5m }
      - { name: campaign_id, type: String, max_length: 256 }
      - { name: tags, type: Array(String), max_items: 256 }
      - { name: amount, type: Float64 }
      - { name: currency, type: String }
      - { name: received_at, type: DateTime, fill: received_at }
""" % JOURNAL


def old_event():
    hundred_seconds = int(time.time()) // 100 - 36
    return ('{"event_name":"purchase","channel":"web","campaign_id":"sale","user_id":"u${number}",'
            '"timestamp":%d${random:2},"tags":["mobile","premium"],"amount":99.99,"currency":"USD"}' % hundred_seconds)


def old_config(folder):
    path = os.path.join(folder, "old.yaml")
    with open(path, "w") as file:
        file.write(OLD_FIELDS)
    return path


def sample_config(folder):
    return sample_with(folder, journal={"max_bytes": JOURNAL})


def seconds_sustained(bench):
    return bench.sustained


def seconds_beside(bench):
    """Of what is measured once beside the target."""
    return bench.sustained / 5


class Target:
    """One store: how it is started, the gateway's configuration for it, and what its event looks like."""

    def __init__(self, start, config, event=EVENT, arguments="", seconds=seconds_sustained):
        self.start, self.config, self.event, self.arguments, self.seconds = start, config, event, arguments, seconds

    @contextlib.contextmanager
    def gateway_before(self, bench, server):
        env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD": server.password or ""}
        with bench.gateway(config=self.config, env=env) as gateway:
            yield gateway

    @contextlib.contextmanager
    def with_table(self, bench):
        """The store with the table that Sluice makes, and no gateway any more."""
        with self.start(bench) as server:
            with self.gateway_before(bench, server) as gateway:
                gateway.stop()
            yield server

    def path(self, server):
        user = {"user": server.user, "password": server.password} if server.user else {}
        return INSERT + self.arguments + "".join("&%s=%s" % item for item in user.items())

    def itself(self, bench):
        """The store takes NDJSON without a gateway."""
        with self.with_table(bench) as server, bench.folder() as folder:
            pid = server.process.pid
            before = measure.process_seconds(pid)
            report = load("http", server.port, path=self.path(server), bulk=PEER_ROWS, shape="ndjson", expect="2xx",
                          connections=PEER_CONNECTIONS, seconds=self.seconds(bench), template=template(folder, self.event))
            cpu = measure.process_seconds(pid) - before
            rows = int(server.query("SELECT count() FROM events"))
            assert rows == report["events"], (rows, report)
            return {"rate": rows / report["seconds"], "all_cpu_us": cpu / rows * 1e6, "rss_mib": measure.rss_mib(pid),
                    "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"], "rows": rows}

    def through_gateway(self, bench):
        """The gateway in front of the store, a server of its own."""
        with self.start(bench) as server, self.gateway_before(bench, server) as gateway:
            figures = self.stored(bench, gateway, server.process.pid)
            rows = int(server.query("SELECT count() FROM events FINAL"))
            assert rows == figures["rows"], (rows, figures)
            return figures

    def through_embedded(self, bench):
        """The store is in the gateway's process."""
        with bench.gateway(config=self.config) as gateway:
            figures = self.stored(bench, gateway)
            gateway.stop()
            rows = int(gateway.sql("SELECT count() FROM events FINAL"))
            assert rows == figures["rows"], (rows, figures)
            return figures

    def stored(self, bench, gateway, server=None):
        """Loads the gateway until all is stored; `server` is the pid of a store of its own."""
        pids = [gateway.process.pid] + ([server] if server else [])
        with bench.folder() as folder:
            usage, began = measure.Usage(pids[0]), time.monotonic()
            before = sum(measure.process_seconds(pid) for pid in pids)
            report = load("http", gateway.port, path=BULK, bulk=1000, connections=8, seconds=bench.sustained, retry=True,
                          template=template(folder, self.event))
            gateway.wait_stored()
            took = time.monotonic() - began
        cpu = sum(measure.process_seconds(pid) for pid in pids) - before
        now = measure.Usage(pids[0])
        gateway.check_identity()
        rows = gateway.sum("sluice_events_stored_total")
        assert rows == report["accepted"], (rows, report)
        return {"rate": rows / took, "all_cpu_us": cpu / rows * 1e6, "cpu_us": now.ours_since(usage) / rows * 1e6,
                "rss_mib": sum(measure.rss_mib(pid) for pid in pids), "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"],
                "bytes_per_event": (now.journal_bytes - usage.journal_bytes) / rows, "rows": rows,
                "stages": {name: seconds / rows * 1e6 for name, seconds in now.since(usage).items()}}

    def through_fluent_bit(self, bench):
        """Fluent Bit's in_http before out_http to the same table; what it loses is said."""
        with self.with_table(bench) as server, bench.folder() as folder:
            arguments = self.arguments + "&input_format_skip_unknown_fields=1"
            with peers.fluent_bit(bench, server, arguments) as (port, pid):
                pids = (pid, server.process.pid)
                before, began = sum(measure.process_seconds(p) for p in pids), time.monotonic()
                report = load("http", port, path="/events", bulk=1000, connections=8, expect="2xx",
                              seconds=seconds_beside(bench), template=template(folder, self.event))
                rows, last = wait_settled(server, report["events"])
                cpu = sum(measure.process_seconds(p) for p in pids) - before
                return {"rate": rows / (last - began), "all_cpu_us": cpu / max(rows, 1) * 1e6, "rows": rows,
                        "rss_mib": sum(measure.rss_mib(p) for p in pids), "lost": report["events"] - rows}


def wait_settled(server, wanted, quiet=10):
    """(rows, when the last came): all that are wanted, or no more for `quiet` seconds."""
    rows, last = 0, time.monotonic()
    while rows < wanted and time.monotonic() - last < quiet:
        now = int(server.query("SELECT count() FROM events"))
        if now != rows:
            rows, last = now, time.monotonic()
        time.sleep(0.1)
    return rows, last


EMBEDDED = Target(peers.engine, sample_config)
TUNED = Target(peers.engine, sample_config, arguments="&optimize_on_insert=0", seconds=seconds_beside)
OLD = Target(peers.clickhouse_18, old_config, old_event())
