"""Tables of the user's own, on 26.7 and 18.16: what loses events is not served, what weakens the promise is said, what keeps it
is served without a word; and `sluice schema print` writes a table that keeps it."""
import contextlib
import os
import re
import subprocess

from check import main
from gateway import BUILD, Gateway, ROOT, SERVER_BUILD, event
from servers import free_port, start_chdb_server, start_clickhouse_18, start_zookeeper

COLUMNS = ("event_name String, channel String, user_id String, timestamp DateTime, tags Array(String), "
           "amount Nullable(Float64), n Int64, request UUID, received DateTime, ")
ID = "event_id UUID"
OLD = os.path.join(ROOT, "tests", "integration", "old_server.yaml")

# (columns of its own, engine and keys, what is said; "": nothing). With `lost`, the gateway does not start.
BOTH = [
    (ID, "ReplacingMergeTree ORDER BY (event_name, user_id, timestamp, event_id)", "", ""),
    (ID, "ReplacingMergeTree(received) PARTITION BY toYYYYMM(timestamp) ORDER BY event_id", "", ""),
    (ID, "ReplacingMergeTree ORDER BY event_name", "lost", "lacks event_id"),
    (ID, "ReplacingMergeTree ORDER BY tuple()", "lost", "lacks event_id"),
    (ID, "SummingMergeTree ORDER BY event_id", "lost", "adds rows up"),
    (ID + ", sign Int8 DEFAULT 1", "CollapsingMergeTree(sign) ORDER BY event_id", "lost", "cancel"),
    (ID, "Null", "lost", "keeps no row"),
    (ID, "Log", "lost", "damaged by a crash"),
    (ID, "Memory", "lost", "until the server ends"),
    (ID, "Buffer('default', 'behind', 1, 1, 1, 1, 1, 1, 1)", "lost", "in memory"),
    (ID, "MergeTree ORDER BY timestamp", "weak", "as two rows"),
    (ID, "ReplacingMergeTree PARTITION BY toDate(received) ORDER BY event_id", "weak", "`received` of its partition key"),
    (ID + ", written DateTime DEFAULT now()", "ReplacingMergeTree ORDER BY (written, event_id)", "weak", "`written` of its sorting key"),
    (ID, "AggregatingMergeTree ORDER BY event_id", "weak", "aggregates"),
    ("event_id String", "ReplacingMergeTree ORDER BY event_id", "lost", "event_id: type UUID does not go into"),
    ("event_id UUID MATERIALIZED toUUID('00000000-0000-0000-0000-000000000000')", "MergeTree ORDER BY timestamp", "lost",
     "MODIFY COLUMN `event_id` UUID"),
]
NEW = [
    (ID + ", gone UInt8 DEFAULT 0", "ReplacingMergeTree(received, gone) ORDER BY event_id", "", ""),
    (ID + ", gone UInt8 MATERIALIZED n > 3", "ReplacingMergeTree(received, gone) ORDER BY event_id", "lost", "is_deleted"),
    (ID, "CoalescingMergeTree ORDER BY event_id", "", ""),
    (ID, "ReplacingMergeTree ORDER BY event_id TTL timestamp + INTERVAL 30 DAY", "weak", "MODIFY TTL"),
    (ID, "ReplacingMergeTree ORDER BY event_id TTL timestamp + INTERVAL 30 DAY RECOMPRESS CODEC(ZSTD)", "", ""),
    (ID + " EPHEMERAL", "MergeTree ORDER BY timestamp", "lost", "MODIFY COLUMN `event_id` UUID"),
    (ID + ", CONSTRAINT c CHECK n < 1000000, PROJECTION p (SELECT n ORDER BY n)",
     "ReplacingMergeTree ORDER BY event_id SETTINGS deduplicate_merge_projection_mode = 'rebuild'", "", ""),
]


def write_config(folder, stream="", more="writer: { backoff_min: 50ms, backoff_max: 200ms }\n"):
    """That of 18.16, which 26.7 serves as well; `stream` are more options of the stream."""
    with open(OLD) as file:
        text = file.read()
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text.replace("    table: events\n", "    table: events\n" + stream) + more)
    return path


@contextlib.contextmanager
def server_of(folder, version, **options):
    path = os.path.join(folder, "server-" + version)
    os.makedirs(path)
    start = start_clickhouse_18(path, **options) if version == "18.16" else start_chdb_server(
        path, os.path.join(SERVER_BUILD, "chdb_server"), **options)
    try:
        yield start
    finally:
        start.kill()


@contextlib.contextmanager
def gateway_before(folder, server, **config):
    gateway = Gateway(folder, config=write_config(folder, **config), env={"CLICKHOUSE_URL": server.url})
    try:
        yield gateway
    finally:
        gateway.cleanup()


def stream_line(gateway):
    """What /readyz?verbose says of the stream, without its time."""
    lines = gateway.get("/readyz?verbose")[1].splitlines()
    return re.sub(r" since \S*Z", "", next(line for line in lines if line.startswith("stream:events")))


def start_fails(gateway):
    try:
        gateway.start()
    except AssertionError as refusal:
        return str(refusal)
    raise AssertionError("it starts: " + gateway.get("/readyz?verbose")[1])


def judge(gateway, server, row):
    columns, engine, verdict, says = row
    server.query("DROP TABLE IF EXISTS events")
    server.query("CREATE TABLE events (%s) ENGINE = %s" % (COLUMNS + columns, engine))
    if verdict == "lost":
        text = start_fails(gateway)
        assert "ended with 1 at start" in text and says in text, (row, text)
        return
    before = len(gateway.log()) if os.path.exists(gateway.log_path) else 0
    gateway.start()
    line, log = stream_line(gateway), gateway.log()[before:]
    assert line.startswith("stream:events: ok") and says in line, (row, line)
    assert verdict == "weak" or line == "stream:events: ok", (row, line)
    assert ("table weakens the promise" in log) == (verdict == "weak"), (row, log)
    gateway.stop()


def each_kind_of_table_is_refused_named_or_served(version, rows):
    def test(folder):
        with server_of(folder, version) as server, gateway_before(folder, server) as gateway:
            server.query("CREATE TABLE behind (%s) ENGINE = MergeTree ORDER BY timestamp" % (COLUMNS + ID))
            for row in rows:
                judge(gateway, server, row)
    test.__name__ = "each_kind_of_table_is_refused_named_or_served_" + version
    return test


def views_and_their_like_are_told_from_tables(folder):
    with server_of(folder, "26.7") as server, gateway_before(folder, server) as gateway:
        server.query("CREATE TABLE behind (%s) ENGINE = ReplacingMergeTree ORDER BY event_id" % (COLUMNS + ID))
        server.query("CREATE TABLE source (%s) ENGINE = Null" % (COLUMNS + ID))
        for create, verdict, says in (
                ("CREATE MATERIALIZED VIEW events TO behind AS SELECT * FROM source", "weak", "name that as `table:`"),
                ("CREATE VIEW events AS SELECT * FROM behind", "lost", "keeps no rows of its own")):
            server.query("DROP TABLE IF EXISTS events")
            server.query(create)
            if verdict == "lost":
                assert says in start_fails(gateway)
                continue
            gateway.start()
            assert says in gateway.get("/readyz?verbose")[1]
            gateway.post("/events?wait=stored", event(1))
            assert server.query("SELECT count() FROM behind").strip() == "1"
            gateway.stop()


def a_table_that_loses_is_served_if_the_stream_says_so(folder):
    """The example of a key without event_id: each event is answered and counted as stored, one row is left."""
    with server_of(folder, "26.7") as server, \
            gateway_before(folder, server, stream="    allow_lossy_table: true\n") as gateway:
        server.query("CREATE TABLE events (%s) ENGINE = ReplacingMergeTree ORDER BY event_name" % (COLUMNS + ID))
        gateway.start()
        assert "table loses events" in gateway.log()
        for number in range(10):
            status, reply = gateway.post("/events?wait=stored", event(number))
            assert status == 200, (status, reply)
        gateway.wait_stored()
        status, board = gateway.get("/readyz")
        assert status == 200 and "stream:events: degraded" in board and "allow_lossy_table" in board, (status, board)
        assert "lacks event_id" in board, board
        gateway.check_identity()
        assert gateway.sum("sluice_events_stored_total") == 10
        assert server.query("SELECT count() FROM events FINAL").strip() == "1"
        gateway.stop()


def a_table_that_becomes_lossy_holds_its_stream(folder):
    """Dropped and made anew by hand while the gateway runs: it is looked at before anything goes there."""
    with server_of(folder, "26.7") as server, gateway_before(folder, server) as gateway:
        gateway.start()
        gateway.post("/events?wait=stored", event(1))
        server.query("DROP TABLE events")
        gateway.post("/events", event(2))
        gateway.wait_until("it is held", lambda: "there is no table" in gateway.get("/readyz")[1])
        server.query("CREATE TABLE events (%s) ENGINE = Null" % (COLUMNS + ID))
        gateway.wait_until("the engine is named", lambda: "keeps no row" in gateway.get("/readyz")[1])
        assert gateway.sum("sluice_events_stored_total") == 1
        server.query("DROP TABLE events")
        server.query("CREATE TABLE events (%s) ENGINE = ReplacingMergeTree ORDER BY event_id" % (COLUMNS + ID))
        gateway.wait_stored()
        gateway.check_identity()
        assert server.query("SELECT count() FROM events").strip() == "1"
        gateway.stop()


def schema(server, config, *words, **environment):
    done = subprocess.run([os.path.join(BUILD, "sluice"), "schema", "print", "--config", config, *words], text=True,
                          capture_output=True, timeout=60, env=dict(os.environ, CLICKHOUSE_URL=server.url, **environment))
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip().rstrip(";")


def what_schema_print_writes_is_what_the_gateway_creates(folder):
    sample = os.path.join(ROOT, "config", "sluice.yaml")
    for version, config in (("26.7", sample), ("26.7", OLD), ("18.16", OLD)):
        path = os.path.join(folder, version + os.path.basename(config))
        os.makedirs(path)
        with server_of(path, version) as server:
            gateway = Gateway(path, config=config, env={"CLICKHOUSE_URL": server.url, "SLUICE_STORE": "clickhouse"})
            show = "SELECT create_table_query FROM system.tables WHERE name = 'events' AND database = 'default'"
            server.query(schema(server, config, SLUICE_STORE="clickhouse"))
            printed = server.query(show)
            try:
                gateway.start()     # takes it without a word
                assert stream_line(gateway) == "stream:events: ok", stream_line(gateway)
                gateway.stop()
                server.query("DROP TABLE events")
                gateway.start()
                assert server.query(show) == printed, (server.query(show), printed)
                gateway.stop()
            finally:
                gateway.cleanup()


def schema_print_writes_replicated_tables(folder):
    """26.7 makes them, but nobody listens there for other replicas: what is stored is 18.16's to show. ON CLUSTER is read by
    26.7 alone: it has no queue of such statements here, and Debian's 18.16 dies of them."""
    sample = os.path.join(ROOT, "config", "sluice.yaml")
    os.makedirs(os.path.join(folder, "zookeeper"))
    zookeeper = start_zookeeper(os.path.join(folder, "zookeeper"))
    paths = "SELECT zookeeper_path FROM system.replicas WHERE table = 'events'"
    try:
        with server_of(folder, "18.16", zookeeper=zookeeper.port, replica="old") as server, \
                gateway_before(folder, server) as gateway:
            server.query(schema(server, OLD, "--replicated"))
            assert server.query(paths).strip() == "/clickhouse/tables/one/default/events", server.query(paths)
            gateway.start()
            gateway.post("/events?wait=stored", event(1))
            assert stream_line(gateway) == "stream:events: ok", stream_line(gateway)
            gateway.stop()
            assert server.query("SELECT count() FROM events").strip() == "1"
            server.query("DROP TABLE events")
        with server_of(folder, "26.7", zookeeper=zookeeper.port, replica="new") as server:
            server.query(schema(server, sample, "--replicated", SLUICE_STORE="clickhouse"))
            assert server.query(paths).strip() == "/clickhouse/tables/one/default/events", server.query(paths)
            for words in (["--replicated", "--on-cluster", "all"], ["--on-cluster", "a `b`", "events"]):
                tree = server.query("EXPLAIN AST " + schema(server, sample, *words, SLUICE_STORE="clickhouse"))
                assert "CreateQuery" in tree and "ReplacingMergeTree" in tree, tree
    finally:
        zookeeper.kill()


def schema_print_says_what_is_wrong(folder):
    sample = os.path.join(ROOT, "config", "sluice.yaml")
    for words, code, says in (
            (["print", "--config", sample, "nothing"], 2, "has no stream nothing"),
            (["print", "--config", sample, "--server", "18.16"], 1, "metadata: JSON: ClickHouse 18.16 lacks JSON"),
            (["print", "--config", os.path.join(folder, "none.yaml")], 2, "none.yaml"),
            (["show"], 2, "usage: sluice schema print"),
            (["print", "--on-cluster", ""], 2, "--on-cluster needs the name of a cluster"),
            (["print", "--config", OLD], 0, "no server of store.url answers; written for ClickHouse 26.7")):
        done = subprocess.run([os.path.join(BUILD, "sluice"), "schema", *words], text=True, capture_output=True, timeout=60,
                              env=dict(os.environ, CLICKHOUSE_URL="http://127.0.0.1:%d" % free_port()))
        assert done.returncode == code and says in done.stderr, (words, done)
        assert done.stdout.startswith("CREATE TABLE") == (code == 0), (words, done)


if __name__ == "__main__":
    main([each_kind_of_table_is_refused_named_or_served("26.7", BOTH + NEW),
          each_kind_of_table_is_refused_named_or_served("18.16", BOTH), views_and_their_like_are_told_from_tables,
          a_table_that_loses_is_served_if_the_stream_says_so, a_table_that_becomes_lossy_holds_its_stream,
          what_schema_print_writes_is_what_the_gateway_creates, schema_print_writes_replicated_tables,
          schema_print_says_what_is_wrong])
