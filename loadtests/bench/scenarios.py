"""The one table of scenarios: how each is run, what it is compared with, and what is wanted of it. The runner, the report
and the plots read it from here."""
from dataclasses import dataclass, field

from . import doors, peers, rows, soak, still, udp
from .workbench import BULK, loaded


@dataclass
class Bar:
    """A target: the median of `figure` (with `of`, its ratio to that scenario's in the same round; with `beyond`, what it
    is more than that scenario's) must be on the right side of `wanted`."""
    figure: str
    sign: str
    wanted: float
    of: str = ""
    beyond: str = ""


@dataclass
class Scenario:
    key: str
    name: str
    run: object             # run(bench) gives {figure: number}
    seconds: object         # about how long a round takes: seconds(bench)
    baseline: str = ""      # whose rate the table's ratio is to
    bars: list = field(default_factory=list)
    unit: str = "events/s"
    once: bool = False      # too long for three rounds


# How long a gateway with an engine takes to start and end; and until what a load of bulks left in the journal is stored.
START, STORING = 4, 6


def short(bench):
    return bench.seconds + START


def bulky(bench):
    return bench.seconds + START + (bench.seconds * STORING if bench.first else 0)


def into_store(bench):
    return bench.sustained * 1.4 + 2 * START


def beside_store(bench):
    return rows.seconds_beside(bench) * 1.4 + 2 * START + 10


def search(bench):
    return 8 * 2.5 + START


def nginx(bench):
    with peers.nginx(bench) as (port, pid):
        return peers.fixed_replies(port, pid, bench.seconds, connections=256)


def bare_lws(bench):
    with peers.bare("bare_lws") as (port, process):
        return peers.fixed_replies(port, process.pid, bench.seconds, connections=256)


def fluent_bit(**options):
    def run(bench):
        with peers.fluent_bit(bench) as (port, pid):
            return peers.fixed_replies(port, pid, bench.seconds, **options)
    return run


def single(durability):
    def run(bench):
        with bench.gateway(durability) as gateway:
            return loaded(gateway, path="/events", connections=256, seconds=bench.seconds, stored=bench.first)
    return run


def bulk(durability, redis=False, path=BULK):
    def run(bench):
        with bench.gateway(durability, redis) as gateway:
            return loaded(gateway, path=path, bulk=1000, connections=16, seconds=bench.seconds, stored=bench.first)
    return run


def websocket(bench):
    with bench.gateway() as gateway:
        return loaded(gateway, "ws", bulk=100, connections=16, window=10, seconds=bench.seconds, stored=bench.first)


def at_half(durability, **options):
    """Latency by the clock of an open loop, at half of what a closed loop has just reached."""
    def run(bench):
        with bench.gateway(durability) as gateway:
            highest = loaded(gateway, seconds=bench.seconds / 2, stored=True, **options)["rate"]
            return loaded(gateway, seconds=bench.seconds, rate=int(highest / 2), start=10 ** 9, **options)
    return run


SINGLE = {"path": "/events", "connections": 256}
BULKS = {"path": BULK, "bulk": 1000, "connections": 16}

HTTP = [
    Scenario("nginx", "nginx, one worker, a fixed 200, 256 connections", nginx, short),
    Scenario("bare_lws", "bare libwebsockets handler, a fixed 202, 256 connections", bare_lws, short),
    Scenario("single_os", "one event a request, 256 connections, os", single("os"), short, "nginx",
             [Bar("rate", ">=", 0.75, of="nginx"), Bar("rate", ">=", 5, of="fluent_single")]),
    Scenario("single_fsync", "one event a request, 256 connections, fsync", single("fsync"), short, "nginx"),
    Scenario("fluent_single", "Fluent Bit, in_http to nothing, one event a request", fluent_bit(**SINGLE), short),
]
BULK_GROUP = [
    Scenario("parse", "simdjson alone on the same bytes", peers.parse_alone, lambda bench: 1),
    Scenario("bulk_os", "bulk of 1,000, os", bulk("os"), bulky, "parse",
             [Bar("rate_per_core", ">=", 1000000), Bar("cpu_us", "<=", 1.0)]),
    Scenario("bulk_fsync", "bulk of 1,000, fsync", bulk("fsync"), bulky, "bulk_os", [Bar("rate", ">=", 0.9, of="bulk_os")]),
    Scenario("redis", "Redis alone: redis-benchmark -P, two look-ups and a mark an id", peers.redis_alone, lambda bench: 15,
             unit="ids/s", once=True),
    Scenario("bulk_redis_os", "bulk of 1,000, os, Redis", bulk("os", redis=True), bulky, "bulk_os",
             [Bar("rate", ">=", 0.6, of="bulk_os"), Bar("cpu_us", "<=", 1.3)]),
    Scenario("bulk_redis_fsync", "bulk of 1,000, fsync, Redis", bulk("fsync", redis=True), bulky, "bulk_os"),
    Scenario("bulk_ids", "bulk of 1,000, os, with ids in the reply", bulk("os", path="/events/bulk"), bulky, "bulk_os"),
    Scenario("ws_os", "WebSocket, LZ4 messages of 100, os", websocket, bulky, "bulk_os", [Bar("rate", ">=", 0.9, of="bulk_os")]),
    Scenario("fluent_bulk", "Fluent Bit, in_http to nothing, bulk of 1,000", fluent_bit(**BULKS), short),
]


def store_group(key, name, target, through, more=()):
    peer, fluent = key + "_itself", key + "_fluent"
    return [
        Scenario(peer, "%s itself: NDJSON in batches of %s" % (name, "{:,}".format(rows.PEER_ROWS)), target.itself, into_store,
                 unit="rows/s"),
        *more,
        Scenario(key, "bulk of 1,000 from request to rows: %s" % name, through, into_store, peer,
                 [Bar("rate", ">", 1, of=peer), Bar("all_cpu_us", "<=", 0.8, of=peer), Bar("rate", ">=", 2.5, of=fluent)],
                 unit="rows/s"),
        Scenario(fluent, "Fluent Bit, in_http to out_http: %s" % name, target.through_fluent_bit, beside_store, peer,
                 unit="rows/s"),
    ]


def udp_form(key, name, bars, **options):
    form = udp.Form(**options)
    return [
        Scenario(key + "_bare", "bare recvmmsg: %s" % name, form.bare, lambda bench: 3),
        Scenario(key, "UDP without loss: %s" % name, form.gateway, search, key + "_bare", bars),
    ]


MILLION = [Bar("rate", ">=", 1000000)]
# Keep-alive, so that a handshake counts once a connection.
DOORS = [
    Scenario("plain_single", "without TLS, key and limits: one event a request, 256 connections", single("os"), short),
    Scenario("guarded_single", "the same with a key, and limits of the address and of the key",
             doors.with_key_and_limits(**SINGLE), short, "plain_single", [Bar("cpu_us", "<=", 1.03, of="plain_single")]),
    Scenario("nginx_tls", "nginx, one worker, a fixed 200 over TLS 1.3, 256 connections", doors.nginx_with_tls, short),
    Scenario("tls_single", "one event a request over TLS 1.3, 256 connections", doors.through_tls(**SINGLE), short,
             "plain_single", [Bar("rate", ">=", 0.75, of="nginx_tls")]),
    Scenario("plain_bulk", "without TLS, key and limits: bulk of 1,000", bulk("os"), bulky),
    Scenario("guarded_bulk", "the same with a key, and limits of the address and of the key",
             doors.with_key_and_limits(**BULKS), bulky, "plain_bulk"),
    Scenario("tls_bulk", "bulk of 1,000 over TLS 1.3", doors.through_tls(**BULKS), bulky, "plain_bulk"),
]
UDP = (
    udp_form("udp_single", "one event a datagram, 190 bytes",
             [Bar("rate", ">=", 0.6, of="udp_single_bare"), Bar("cpu_us", "<=", 1.6)])
    + udp_form("udp_lines", "7 events as NDJSON, 1,400 bytes", MILLION, bulk=7)
    + udp_form("udp_lz4", "the same in LZ4", MILLION, bulk=7, compress="lz4")
    + udp_form("udp_8k", "40 events as NDJSON, 8 KB", MILLION, bulk=40)
    + udp_form("udp_64k", "340 events, 64 KB, in LZ4", MILLION, bulk=340, compress="lz4")
)
LATENCY = [
    Scenario("fdatasync", "64 KiB appended and fdatasynced", peers.fdatasync_alone, lambda bench: bench.seconds, unit="times/s"),
    Scenario("half_single_os", "at half of the maximum rate: one event a request, os", at_half("os", **SINGLE),
             lambda bench: 3 * bench.seconds, bars=[Bar("p99_ms", "<=", 5)]),
    Scenario("half_single_fsync", "at half of the maximum rate: one event a request, fsync", at_half("fsync", **SINGLE),
             lambda bench: 3 * bench.seconds, bars=[Bar("p99_ms", "<=", 5, beyond="fdatasync")]),
    Scenario("half_bulk_os", "at half of the maximum rate: bulk of 1,000, os", at_half("os", **BULKS),
             lambda bench: 5 * bench.seconds, bars=[Bar("p99_ms", "<=", 5)]),
    Scenario("half_bulk_fsync", "at half of the maximum rate: bulk of 1,000, fsync", at_half("fsync", **BULKS),
             lambda bench: 5 * bench.seconds, bars=[Bar("p99_ms", "<=", 5, beyond="fdatasync")]),
]
STILL = [
    Scenario("idle", "busy WebSockets beside {:,} idle ones".format(still.IDLE), still.idle_websockets,
             lambda bench: 3 * bench.seconds + 20, bars=[Bar("idle_kib", "<=", 8), Bar("share", ">=", 0.95)]),
    Scenario("at_rest", "at rest, without an engine", still.rss_at_rest, lambda bench: 5, unit="",
             bars=[Bar("rss_mib", "<=", 40)]),
    Scenario("allocations", "allocations on the way to the journal", still.allocations, lambda bench: 8, unit="", once=True,
             bars=[Bar("allocations", "<=", 0.01)]),
    Scenario("soak", "the maximum rate for minutes, embedded store", soak.memory, lambda bench: bench.soak * 1.05 + 10,
             unit="rows/s", once=True, bars=[Bar("growth_percent", "<=", 1)]),
]

# The peer with the setting that the gateway sends, which is not the default.
TUNED = [Scenario("embedded_tuned", "likewise, with optimize_on_insert=0", rows.TUNED.itself, beside_store, "embedded_itself",
                  unit="rows/s", once=True)]

# Those of a group are run one after the other, and then again: so what is compared is measured in the same minutes.
GROUPS = [
    ("HTTP, one event a request", HTTP),
    ("HTTP bulk and WebSocket", BULK_GROUP),
    ("TLS, keys and limits", DOORS),
    ("into the embedded engine", store_group("embedded", "embedded engine, ClickHouse 26.7", rows.EMBEDDED,
                                             rows.EMBEDDED.through_embedded, TUNED)),
    ("into a server", store_group("server", "clickhouse-server 18.16", rows.OLD, rows.OLD.through_gateway)),
    ("UDP", UDP),
    ("latency", LATENCY),
    ("at rest and for long", STILL),
]
ALL = {scenario.key: scenario for _, group in GROUPS for scenario in group}

# How a figure is called where people read it.
FIGURES = {
    "rate": "events/s", "rate_per_core": "events/s per gateway core", "cpu_us": "CPU µs per event, socket to journal",
    "all_cpu_us": "CPU in all, store included", "p99_ms": "p99 of acknowledgement, ms", "idle_kib": "KiB of memory for each",
    "share": "share of their rate that is left to busy ones", "rss_mib": "MiB of memory",
    "allocations": "allocations per event", "growth_percent": "growth of memory in 5 minutes, %",
}
