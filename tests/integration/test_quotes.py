"""ClickHouse quotes the rows that it refuses. What it says is in the dead letter, and neither in the log nor on a page; and words in
a row say nothing of the server."""
import glob
import json
import os

from check import main
from gateway import Gateway, SAMPLE, SERVER_BUILD, event
from servers import start_chdb_server, start_clickhouse_18

SECRET = "alice.liddell"
OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "old_server.yaml")
FINE = 200


def letters(gateway):
    found = []
    for path in glob.glob(os.path.join(gateway.env["SLUICE_DATA"], "dead", "*.ndjson")):
        with open(path) as file:
            found += [json.loads(line) for line in file]
    return found


def told(gateway):
    """All that the gateway says to those who run it."""
    return gateway.log() + "".join(gateway.get(page)[1] for page in ("/readyz?verbose", "/health", "/status", "/metrics"))


def refused_rows_are_quoted_in_dead_letters_alone(server, config, folder, rule, users, quoted):
    gateway = Gateway(folder, config, {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        gateway.post("/events", event(0))
        gateway.wait_stored()
        for statement in rule:
            server.query(statement)
        events = [event(n) for n in range(1, FINE)] + [event(FINE + i, user_id=user) for i, user in enumerate(users)]
        status, reply = gateway.post("/events/bulk?ids=0", events)
        assert (status, reply["accepted"]) == (202, len(events)), reply
        gateway.wait_stored(120)
        gateway.check_identity()
        assert gateway.sum("sluice_events_dead_lettered_total") == len(users)
        assert gateway.sum("sluice_events_stored_total") == FINE
        assert int(server.query("SELECT count() FROM events")) == FINE
        found = letters(gateway)
        assert sorted(letter["event"]["user_id"] for letter in found) == sorted(users), found
        assert sum(SECRET in letter["reason"] for letter in found) >= quoted, found
        assert SECRET not in told(gateway), told(gateway)
        assert "VIOLATED_CONSTRAINT" in gateway.log() or "CANNOT_PARSE_TEXT" in gateway.log(), gateway.log()
        gateway.stop()
        assert SECRET not in gateway.log()
    finally:
        gateway.cleanup()
        server.stop()


def a_new_server_s_quotes(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
    rule = ["ALTER TABLE events ADD CONSTRAINT no_mail CHECK user_id NOT LIKE '%@example.com%'",
            "ALTER TABLE events ADD COLUMN number UInt32 MATERIALIZED toUInt32(if(startsWith(user_id, 'n:'), user_id, '0'))",
            "ALTER TABLE events ADD COLUMN zone String MATERIALIZED base64Decode(if(startsWith(user_id, 'z:'), user_id, ''))"]
    users = [SECRET + "@example.com", "n:" + SECRET, "z:" + SECRET,
             SECRET + "@example.com: while pushing to view default.mv",
             "materialized view " + SECRET + "@example.com"]  # each held the stream for ever
    refused_rows_are_quoted_in_dead_letters_alone(server, SAMPLE, folder, rule, users, 4)


def an_old_server_s_quotes(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_clickhouse_18(path)
    rule = ["ALTER TABLE events ADD COLUMN number UInt32 MATERIALIZED toUInt32(if(user_id LIKE 'n:%', user_id, '0'))"]
    users = ["n:" + SECRET, "n:" + SECRET + "' pushing to view default.mv"]
    refused_rows_are_quoted_in_dead_letters_alone(server, OLD, folder, rule, users, 2)


if __name__ == "__main__":
    main([a_new_server_s_quotes, an_old_server_s_quotes])
