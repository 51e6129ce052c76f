"""Short addresses: a route that answers from a table in memory, filled from the store and by the events of a stream."""
import os
import subprocess
import time

from check import main
from gateway import BUILD, Gateway, ROOT, SERVER_BUILD
from servers import start_chdb_server

CONFIG = """
http: { listen: "${SLUICE_HTTP:-127.0.0.1:0}" }
journal: { data: "${SLUICE_DATA:-./data}" }
store: { kind: "${SLUICE_STORE:-embedded}", url: "${CLICKHOUSE_URL:-http://localhost:8123}", library: "${SLUICE_LIBCHDB:-}" }
writer: { backoff_min: 50ms, backoff_max: 300ms }
streams:
  - name: redirects
    upsert: { key: [urlfrom], version: updated_at }
    batch: { max_delay: %s }
    fields:
      - { name: urlfrom, type: String, required: true }
      - { name: urlto, type: String, required: true }
lookups:
  - { name: slugs, sql: "SELECT urlfrom, urlto FROM {rows:redirects}", refresh: 200ms, write_through: redirects, max_bytes: 1MiB }
replies:
  - name: go
    found: { status: 302, redirect: "{value}" }
    missing: { status: 404, text: "no {path}" }
routes:
  - { path: "/{slug...}", methods: [GET], order: last, reply: go, lookup: { table: slugs, key: "{host}{path}", lower: true } }
"""


def write_config(folder, delay="50ms", text=CONFIG):
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text % delay if "%s" in text else text)
    return path


def ask(gateway, path, host="Short.Example:8080"):
    status, headers, body = gateway.request("GET", path, headers={"Host": host})
    return status, headers.get("location"), body.decode()


def put(gateway, slug, target):
    status, reply = gateway.post("/events", {"urlfrom": "short.example" + slug, "urlto": target})
    assert status == 202, (status, reply)


def a_new_slug_works_at_once_and_a_missing_one_is_404(folder):
    gateway = Gateway(folder, config=write_config(folder, "5s"))
    try:
        gateway.start()
        assert ask(gateway, "/none") == (404, None, "no /none")
        put(gateway, "/a", "https://one.example/x?y=1")
        assert ask(gateway, "/a")[:2] == (302, "https://one.example/x?y=1")
        assert ask(gateway, "/A?q=2")[0] == 302
        assert ask(gateway, "/a", "other.example")[0] == 404
        assert gateway.get("/health")[0] == 200         # other pages are where they were
        put(gateway, "/a", "https://two.example/")
        assert ask(gateway, "/a")[:2] == (302, "https://two.example/")
        time.sleep(0.7)                                 # refreshed, while the events wait for the store
        assert gateway.sum("sluice_journal_events") == 2
        assert ask(gateway, "/a")[:2] == (302, "https://two.example/")
        status, _, body = gateway.request("HEAD", "/a", headers={"Host": "short.example"})
        assert (status, body) == (302, b"")
        assert gateway.request("POST", "/a", "{}", {"Host": "short.example"})[0] == 405
        put(gateway, "/bad", "https://x.example/\\r\\nSet-Cookie: a=b".encode().decode("unicode_escape"))
        status, headers, _ = gateway.request("GET", "/bad", headers={"Host": "short.example"})
        assert "set-cookie" not in headers, headers
        gateway.check_identity()
        gateway.stop()
        gateway.start()                                 # filled from the store
        gateway.wait_until("it is filled", lambda: ask(gateway, "/a")[:2] == (302, "https://two.example/"))
        assert gateway.sum("sluice_lookup_entries", lookup="slugs") == 2
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count() FROM redirects FINAL") == "2"
    finally:
        gateway.cleanup()


def the_last_table_stays_while_the_store_is_away(folder):
    server = start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"))
    gateway = Gateway(os.path.join(folder, "g"), config=write_config(folder),
                      env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        put(gateway, "/a", "https://one.example/")
        gateway.wait_stored()
        gateway.wait_until("it is fresh", lambda: 0 <= gateway.metrics()["sluice_lookup_age_seconds"][(("lookup", "slugs"),)] < 1)
        server.query("INSERT INTO redirects (urlfrom, urlto, updated_at) VALUES ('short.example/other', 'https://by.example/', now64(6))")
        gateway.wait_until("another's slug is here", lambda: ask(gateway, "/other")[0] == 302)
        server.kill()
        gateway.wait_until("it is told", lambda: "the last table stays" in gateway.get("/readyz?verbose")[1])
        put(gateway, "/b", "https://new.example/")
        assert [ask(gateway, path)[0] for path in ("/a", "/other", "/b", "/c")] == [302, 302, 302, 404]
        gateway.wait_until("it grows old", lambda: gateway.metrics()["sluice_lookup_age_seconds"][(("lookup", "slugs"),)] > 1.5)
        server.start()
        gateway.wait_until("it is told", lambda: "lookup:slugs ok" in gateway.get("/readyz?verbose")[1].replace(": ", " "))
        server.query("ALTER TABLE redirects DELETE WHERE urlfrom = 'short.example/other'")
        gateway.wait_until("what is deleted is gone", lambda: ask(gateway, "/other")[0] == 404)
        assert [ask(gateway, path)[0] for path in ("/a", "/b")] == [302, 302]
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def the_check_names_what_a_lookup_lacks(folder):
    cases = [
        ("write_through: redirects", "write_through: none", 'lookups.slugs: write_through: found "none", expected the name of a stream'),
        ("SELECT urlfrom, urlto FROM {rows:redirects}", "DROP TABLE redirects", "lookups.slugs: sql: "),
        ("table: slugs", "table: slug", 'lookup: found "slug", expected the name of an entry of `lookups`'),
        ("reply: go, ", "", "lookup: found no reply, expected `reply`"),
        ("{host}{path}", "{hots}", "lookup: key: "),
        ("SELECT urlfrom, urlto", "SELECT lower(urlfrom), urlto", "write_through needs `key` and `value`"),
    ]
    for old, new, says in cases:
        assert CONFIG.count(old) == 1, old
        config = write_config(folder, text=(CONFIG % "1s").replace(old, new))
        done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", config], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 2 and says in done.stdout + done.stderr, (says, done.returncode, done.stdout, done.stderr)


if __name__ == "__main__":
    main([a_new_slug_works_at_once_and_a_missing_one_is_404, the_last_table_stays_while_the_store_is_away,
          the_check_names_what_a_lookup_lacks])
