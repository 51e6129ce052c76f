"""Tables of other engines and keys than Sluice makes: those that lose events are refused, each in every round; the round's own
is served under load, and what it promises is checked.

The promise of a table: "once": each acknowledged event once, as read with FINAL. "some": at least once. "view": nothing is in
the table, but its view has each at least once. "keys": what the key makes equal is one row; the gateway says so."""
import collections

from gateway_faults import kill_gateway
from moments import under_load

Table = collections.namedtuple("Table", "promise says engine")

LOSES = "events are lost in its table"
SERVED = [
    Table("some", "as two rows", "MergeTree ORDER BY timestamp"),
    Table("once", "", "ReplacingMergeTree ORDER BY event_id"),
    Table("keys", LOSES, "ReplacingMergeTree ORDER BY event_name"),
    Table("view", LOSES, "Null"),
    Table("some", "of its partition key", "ReplacingMergeTree PARTITION BY toUInt32(RECEIVED) % 2 ORDER BY event_id"),
    Table("some", LOSES, "Log"),
    Table("once", "", "ReplacingMergeTree(VERSION) PARTITION BY cityHash64(user_id) % 3 ORDER BY (user_id, event_id)"),
    Table("some", "aggregates", "AggregatingMergeTree ORDER BY event_id"),
    Table("some", LOSES, "Memory"),
]
RECEIVED = {"26.7": "toDateTime(received_at)", "18.16": "received"}
VERSION = {"26.7": "received_at", "18.16": "received"}


def served_by(store):
    """26.7 has no Log with a column of type JSON."""
    return [table for table in SERVED if store == "18.16" or table.engine != "Log"]


def make_table(system, table):
    """In place of the round's own, and a view beside it."""
    engine = table.engine.replace("RECEIVED", RECEIVED[system.store]).replace("VERSION", VERSION[system.store])
    for name in ("seen", "events"):
        system.server.query("DROP TABLE IF EXISTS " + name)
    system.server.query("%s) ENGINE = %s" % (system.create_table.rsplit(") ENGINE = ", 1)[0], engine))
    system.server.query(system.view.view)


def refuse_start(system, table):
    make_table(system, table)
    try:
        system.gateway.start()
    except AssertionError as refusal:
        assert "ended with 1 at start" in str(refusal) and "allow_lossy_table" in str(refusal), refusal
        return
    raise AssertionError("it is served: " + table.engine)


def allow_lossy(config):
    with open(config) as file:
        text = file.read()
    assert text.count("    table: events\n") == 1
    with open(config, "w") as file:
        file.write(text.replace("    table: events\n", "    table: events\n    allow_lossy_table: true\n"))


def arm_tables(system):
    """Each that loses is refused; then the round's is made."""
    tables = served_by(system.store)
    for table in tables:
        if table.says == LOSES:
            refuse_start(system, table)
    table = system.table = tables[system.number // 2 % len(tables)]     # the stores take turns
    make_table(system, table)
    if table.says == LOSES:
        allow_lossy(system.config)


def kill_before_table(system):
    """The gateway is killed, in one round of two while the server is away."""
    text = system.gateway.get("/readyz?verbose")[1]
    line = next(line for line in text.splitlines() if line.startswith("stream:events"))
    assert system.table.says in line and (system.table.says != LOSES or "degraded" in line), (system.table, line)
    kill_gateway(system)
    if system.table.engine not in ("Memory", "Log") and system.chance.random() < 0.5:
        under_load(system)
        system.server.kill()
        system.server.start()


def rows_of(system):
    """{event: rows} as its promise has it."""
    source = {"once": "SELECT user_id, count() FROM events FINAL GROUP BY user_id",
              "view": "SELECT user_id, sum(n) FROM seen GROUP BY user_id"}.get(
                  system.table.promise, "SELECT user_id, count() FROM events GROUP BY user_id")
    words = system.select(source).split()
    return {int(user[1:]): int(count) for user, count in zip(words[::2], words[1::2])}


def compare_table(system, outcome):
    """Instead of the harness' own comparison."""
    promise, ledger, stored = system.table.promise, system.ledger(), rows_of(system)
    lost = set() if promise == "keys" else ledger.acked - stored.keys()
    twice = {n for n in stored if stored[n] > 1} if promise == "once" else set()
    strange = stored.keys() - ledger.sent | stored.keys() & ledger.refused
    outcome.events, outcome.lost, outcome.twice, outcome.refused = len(ledger.acked), len(lost), len(twice), len(strange)
    if lost or twice or strange:
        print("    %s: lost %s, twice %s, strange %s" % (system.table.engine, sorted(lost)[:20], sorted(twice)[:20],
                                                         sorted(strange)[:20]), flush=True)
    if promise == "view":
        assert system.select("SELECT count() FROM events") == "0"
    if promise == "keys":
        assert 0 < int(system.select("SELECT count() FROM events FINAL")) < len(ledger.acked)
    return not (lost or twice or strange)
