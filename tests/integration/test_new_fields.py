"""Fields that a table lacks, as when a gateway is upgraded: columns are added at the start, and what an earlier version left in
the journal is stored. Embedded, on 26.7 and on 18.16."""
import os
import re
import subprocess

from check import main
from gateway import BUILD, Gateway, ROOT, SAMPLE, SERVER_BUILD, event
from servers import start_chdb_server, start_clickhouse_18

OLD_SERVER = os.path.join(ROOT, "config", "presets", "clickhouse-18.yaml")
NEWER = ("user_pseudo_id", "previous_timestamp", "date", "item_brands", "item_variants", "item_revenues", "extra")
WHOLE = {"user_pseudo_id": "p", "previous_timestamp": 1234567880, "date": "2024-01-15T10:30:00Z",
         "items": [{"id": "1", "brand": "B", "variant": "V", "revenue_in_usd": 1.5, "color": "red"}], "page": "/"}
COUNTS = "SELECT count(), uniqExact(event_id), countIf(user_pseudo_id = 'p'), countIf(item_brands[1] = 'B'), " \
         "countIf(item_revenues[1] = 1.5), countIf(previous_timestamp IS NOT NULL), %s FROM events FINAL"
EXTRA_JSON = "countIf(toString(extra.page) = '/')"
EXTRA_TEXT = "countIf(visitParamExtractString(extra, 'page') = '/')"


def earlier_config(folder, newer):
    """The streams as they were before these fields."""
    with open(newer) as file:
        text = file.read()
    for name in NEWER:
        text = re.sub(r"^ *- { name: %s,.*\n" % name, "", text, flags=re.M)
    text = re.sub(r"unknown_fields: collect.*\n +collect_into: extra\n", "unknown_fields: ignore\n", text)
    assert not any("name: %s," % name in text for name in NEWER)
    path = os.path.join(folder, "earlier.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


def without_added_columns(folder):
    with open(SAMPLE) as file:
        text = file.read()
    assert "  add_columns: true" in text
    path = os.path.join(folder, "careful.yaml")
    with open(path, "w") as file:
        file.write(text.replace("  add_columns: true", "  add_columns: false"))
    return path


def leave_events(folder, env, config, count):
    """Some are in the table, the rest is in the journal of a process that is gone."""
    gateway = Gateway(folder, config=config, env=env).start()
    try:
        assert gateway.post("/events/bulk", [event(n) for n in range(count // 2)])[0] == 202
        gateway.wait_stored()
        assert gateway.post("/events/bulk", [event(n) for n in range(count // 2, count)])[0] == 202
        gateway.check_identity()
    finally:
        gateway.cleanup()


def upgrade(folder, newer, env, extra):
    leave_events(folder, env, earlier_config(folder, newer), 200)
    gateway = Gateway(folder, config=newer, env=env).start()
    try:
        assert gateway.post("/events/bulk", [event(n, **WHOLE) for n in range(1000, 1100)])[0] == 202
        # What was sent to the earlier version is known again.
        assert gateway.post("/events/bulk", [event(n) for n in range(200)])[1]["duplicate"] == 200
        gateway.wait_stored()
        gateway.check_identity()
        assert 'columns="%s"' % ", ".join(NEWER) in gateway.log().replace("date, previous_timestamp", "previous_timestamp, date")
        gateway.stop()
        assert gateway.sql(COUNTS % extra).split() == ["300", "300"] + ["100"] * 5
        gateway.start()  # there is nothing to add any more
        assert gateway.log().count("columns were added") == 1
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def an_embedded_table_gets_the_columns_of_new_fields(folder):
    upgrade(folder, SAMPLE, {}, EXTRA_JSON)


def a_server_s_table_gets_the_columns_of_new_fields(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_chdb_server(os.path.join(folder, "server"), os.path.join(SERVER_BUILD, "chdb_server"))
    try:
        upgrade(folder, SAMPLE, {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url}, EXTRA_JSON)
    finally:
        server.stop()


def a_table_of_18_16_gets_the_columns_of_new_fields(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_clickhouse_18(os.path.join(folder, "server"))
    try:
        upgrade(folder, OLD_SERVER, {"CLICKHOUSE_URL": server.url}, EXTRA_TEXT)
    finally:
        server.stop()


def without_leave_to_add_columns_nothing_is_altered_and_nothing_lost(folder):
    earlier = earlier_config(folder, SAMPLE)
    leave_events(folder, {}, earlier, 100)
    careful = Gateway(folder, config=without_added_columns(folder))
    done = subprocess.run([os.path.join(BUILD, "sluice"), "--config", careful.config], env=careful.environment(), cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    said = done.stdout.decode()
    assert done.returncode != 0, said
    for name in NEWER:
        assert "field %s: table events has no such column; ALTER TABLE events ADD COLUMN `%s`" % (name, name) in said, said
    assert "store.add_columns: true" in said, said
    gateway = Gateway(folder, config=earlier).start()
    try:
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count(), uniqExact(event_id) FROM events FINAL").split() == ["100", "100"]
        assert gateway.sql("SELECT count() FROM system.columns WHERE table = 'events' AND name = 'extra'") == "0"
    finally:
        gateway.cleanup()


def a_table_that_keeps_no_rows_of_its_own_is_not_altered(folder):
    """The one behind it would lack the columns."""
    gateway = Gateway(folder, config=earlier_config(folder, SAMPLE)).start()
    try:
        gateway.stop()
        gateway.sql("RENAME TABLE events TO behind")
        gateway.sql("CREATE TABLE events AS behind ENGINE = Buffer('default', 'behind', 1, 1, 1, 1, 1, 1, 1)")
        newer = Gateway(folder)
        done = subprocess.run([os.path.join(BUILD, "sluice"), "--config", newer.config], env=newer.environment(), cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode != 0 and b"field extra: table events has no such column" in done.stdout, done.stdout
        assert gateway.sql("SELECT count() FROM system.columns WHERE name = 'extra' AND database = 'default'") == "0"
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        an_embedded_table_gets_the_columns_of_new_fields,
        a_server_s_table_gets_the_columns_of_new_fields,
        a_table_of_18_16_gets_the_columns_of_new_fields,
        without_leave_to_add_columns_nothing_is_altered_and_nothing_lost,
        a_table_that_keeps_no_rows_of_its_own_is_not_altered,
    ])
