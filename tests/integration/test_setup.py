"""SQL of the user's own and tables whose rows are replaced, on the embedded engine and on servers, new and old."""
import json
import os
import subprocess

from check import main
from gateway import BUILD, Gateway, ROOT, SERVER_BUILD
from servers import start_chdb_server, start_clickhouse_18

CONFIG = """
http: { listen: "${SLUICE_HTTP:-127.0.0.1:0}" }
journal: { data: "${SLUICE_DATA:-./data}" }
store: { kind: "${SLUICE_STORE:-embedded}", url: "${CLICKHOUSE_URL:-http://localhost:8123}", library: "${SLUICE_LIBCHDB:-}" }
writer: { backoff_min: 50ms, backoff_max: 500ms }
setup: [ sql/first.sql, { file: sql/second.sql } ]
streams:
  - name: traffic
    upsert: { key: [request_id], version: updated_at }
    create_table: %s
    batch: { max_delay: 100ms }
    fields:
      - { name: request_id, type: UInt64 }
      - { name: user_id, type: UInt32, required: true }
      - { name: event_name, type: String, default: visit }
      - { name: created_at, type: DateTime, required: true }
      - { name: page_url, type: String }
      - { name: updated_at, type: %s, fill: received_at }
"""

TABLE = """-- its own table; with a semicolon here
CREATE TABLE IF NOT EXISTS {database}.traffic {on_cluster} (request_id UInt64, user_id UInt32, event_name String,
  created_at DateTime, page_url String, updated_at %s%s) ENGINE = ReplacingMergeTree(updated_at)
  PARTITION BY request_id %% 4 ORDER BY request_id;
"""
VIEW = """/* counts
   of a day; */
CREATE TABLE IF NOT EXISTS {database}.daily (day Date, n UInt64) ENGINE = SummingMergeTree ORDER BY day;
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.daily_of TO {database}.daily AS
  SELECT toDate(created_at) AS day, count() AS n FROM {database}.traffic GROUP BY day;
"""
STORES = {"embedded": "DateTime64(6)", "26.7": "DateTime64(6)", "18.16": "UInt64"}


def table(store, with_id=False):
    """Of 18.16 it needs event_id: that skips no columns of an INSERT. Without it an INSERT that a server in its first second
    cannot prove is sent again, and counted twice by the view."""
    return TABLE % (STORES[store], ", event_id UUID" if with_id or store == "18.16" else "")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make(folder, store, first, second=VIEW, own_table=True):
    config = os.path.join(folder, "sluice.yaml")
    write(config, CONFIG % ("false" if own_table else "true", STORES[store]))
    write(os.path.join(folder, "sql", "first.sql"), first)
    write(os.path.join(folder, "sql", "second.sql"), second)
    return config


def on_each_store(test):
    def run(folder):
        for store in STORES:
            path = os.path.join(folder, store)
            os.makedirs(os.path.join(path, "server"))
            start = {"embedded": lambda _: None, "18.16": start_clickhouse_18,
                     "26.7": lambda at: start_chdb_server(at, os.path.join(SERVER_BUILD, "chdb_server"))}[store]
            server = start(os.path.join(path, "server"))
            env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url} if server else {}
            gateways = []

            def gateway(config, **more):
                gateways.append(Gateway(path, config=config, env=dict(env, **more)))
                return gateways[-1]
            try:
                test(path, store, gateway)
            finally:
                for one in gateways:
                    one.cleanup()
                if server:
                    server.stop()
    run.__name__ = test.__name__
    return run


def visit(number, page, **fields):
    return dict({"request_id": number, "user_id": 7, "created_at": 1732233600, "page_url": page}, **fields)


@on_each_store
def an_update_replaces_the_row_of_its_key_and_the_latest_wins(folder, store, gateway):
    own_table = store != "26.7"
    first = table(store, with_id=True) if own_table else ";"
    g = gateway(make(folder, store, first, own_table=own_table)).start()
    status, first = g.post("/events", visit(1, "/a"))
    assert status == 202, (status, first)
    status, again = g.post("/events", visit(1, "/a"))
    assert (status, again["status"], again["id"]) == (200, "duplicate", first["id"]), (status, again)
    status, reply = g.post("/events/bulk", [visit(1, "/b"), visit(2, "/x"), visit(1, "/c"), visit(1, "/c"), visit(3, "/y")])
    assert (reply["accepted"], reply["duplicate"]) == (4, 1), reply
    status, reply = g.post("/events", visit(1, "/a"))       # the way back is no duplicate
    assert (status, reply["status"], reply["id"]) == (202, "accepted", first["id"]), (status, reply)
    status, reply = g.post("/events", {"user_id": 7, "created_at": 1732233600})
    assert (status, reply["code"]) == (400, "missing_field"), reply
    g.wait_stored()
    g.check_identity()
    status, text = g.get("/events/metrics?event_name=visit&from=1732230000&to=1732240000")
    assert json.loads(text).get("total_count") == 3, text
    g.stop()
    rows = "SELECT request_id, page_url FROM traffic FINAL ORDER BY request_id"
    assert g.sql(rows).split() == ["1", "/a", "2", "/x", "3", "/y"], g.sql(rows)
    assert g.sql("SELECT sum(n) FROM daily") == "6", (store, g.sql("SELECT * FROM daily"), g.sql("SELECT * FROM traffic"))
    g.start()                                           # setup may run again
    assert g.post("/events", visit(2, "/z"))[0] == 202
    g.wait_stored()
    g.check_identity()
    g.stop()
    assert g.sql(rows).split() == ["1", "/a", "2", "/z", "3", "/y"], g.sql(rows)
    assert g.sql("SELECT count() = uniqExact(updated_at) FROM traffic") == "1"


@on_each_store
def a_broken_file_leaves_events_in_the_journal_until_it_is_mended(folder, store, gateway):
    config = make(folder, store, table(store, with_id=True), "SELECT 1;\n\nCREATE TABEL x;\n")
    g = gateway(config).start()
    assert g.post("/events", visit(1, "/a"))[0] == 202
    g.wait_until("the log says where", lambda: "second.sql:3: code 62 SYNTAX_ERROR" in g.log())
    status, board = g.get("/readyz?verbose")
    assert status == 200 and "setup:sql/first.sql: ok" in board.replace(" ok", ": ok").replace("::", ":"), board
    assert "second.sql:3: code 62" in board and "events wait in the journal" in board, board
    assert g.sum("sluice_journal_events") == 1
    g.check_identity()
    write(os.path.join(folder, "sql", "second.sql"), VIEW)
    g.wait_stored(30)
    assert "2 statements" in g.get("/readyz?verbose")[1]
    g.check_identity()
    g.stop()
    assert g.sql("SELECT sum(n) FROM daily") == "1", (store, g.sql("SELECT * FROM daily"), g.sql("SELECT * FROM traffic"))


def command(config, env, *words):
    done = subprocess.run([os.path.join(BUILD, "sluice"), *words, "--config", config], env=env, capture_output=True, text=True,
                          cwd=ROOT, timeout=120)
    return done.returncode, done.stdout + done.stderr


@on_each_store
def the_command_runs_them_alone(folder, store, gateway):
    config = make(folder, store, table(store))
    g = gateway(config)
    code, text = command(config, g.env, "setup")
    assert code == 0 and "sql/first.sql: 1 statements on" in text and "sql/second.sql: 2 statements on" in text, (code, text)
    assert g.sql("SELECT count() FROM traffic") == "0"
    g.start()
    write(os.path.join(folder, "sql", "second.sql"), "SELECT 1; DROP TABLE daily_of; CREATE TABEL x;")
    code, text = command(config, g.env, "setup")       # beside a gateway, in whose process the engine may be
    assert code == 1 and "sql/second.sql:1: code 62" in text, (code, text)
    assert g.sql("SELECT count() FROM system.tables WHERE name = 'daily_of'") == "0"
    g.stop()


def the_check_names_files_that_cannot_be(folder):
    config = make(folder, "embedded", "SELECT 'open;")
    os.remove(os.path.join(folder, "sql", "second.sql"))
    code, text = command(config, dict(os.environ), "--check")
    assert code == 2, (code, text)
    assert "sluice.yaml:6: setup[0]: sql/first.sql:1: a quoted text has no end" in text, text
    assert "sluice.yaml:6: setup[1]: " in text and "second.sql cannot be read: No such file" in text, text


if __name__ == "__main__":
    main([an_update_replaces_the_row_of_its_key_and_the_latest_wins,
          a_broken_file_leaves_events_in_the_journal_until_it_is_mended, the_command_runs_them_alone,
          the_check_names_files_that_cannot_be])
