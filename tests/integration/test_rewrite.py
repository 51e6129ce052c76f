"""What is stored cannot be rewritten, nor kept from being stored by another tenant: whoever sends an event with the same key later, when the gateway has forgotten the first, or
over another gateway, does not replace it. On the embedded engine, 26.7 and 18.16; across kill -9; and the recipe of
docs/operations.md that makes an older table keep the first row, run as it stands there."""
import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
import threading
import time

from check import main
from gateway import BUILD, Gateway, ROOT, SERVER_BUILD
from servers import start_chdb_server, start_clickhouse_18
from test_udp_keys import signed
from websocket import Client

CONFIG = """
http: { listen: "${SLUICE_HTTP}" }
journal: { data: "${SLUICE_DATA}" }
dedup: { kind: %(dedup)s, window: 1s }
store: { kind: "${SLUICE_STORE:-clickhouse}", url: "${CLICKHOUSE_URL:-}" }
writer: { backoff_min: 50ms, backoff_max: 200ms }
streams:
  - name: sales
    dedup_key: [order, at]
    batch: { max_delay: %(delay)s }
    fields:
      - { name: order, type: String, required: true }
      - { name: at, type: DateTime, required: true }
      - { name: amount, type: Int64 }
      - { name: received_at, type: %(time)s, fill: received_at }
  - name: plain
    dedup_key: [order]
    batch: { max_delay: 20ms }
    fields:
      - { name: order, type: String, required: true }
      - { name: amount, type: Int64 }
"""
TIMES = {"embedded": "DateTime64(3)", "26.7": "DateTime64(3)", "18.16": "DateTime"}
AT = 1790000000


def sale(order, amount):
    return {"order": order, "at": AT, "amount": amount}


def gateway_of(folder, store, name="gateway", url="", delay="20ms"):
    home = os.path.join(folder, name)
    os.makedirs(home, exist_ok=True)
    path = os.path.join(home, "sluice.yaml")
    with open(path, "w") as file:
        file.write(CONFIG % {"time": TIMES[store], "delay": delay, "dedup": "memory" if store == "embedded" else "none"})
    kind = "embedded" if store == "embedded" else "clickhouse"
    return Gateway(home, config=path, env={"SLUICE_STORE": kind, "CLICKHOUSE_URL": url or "http://127.0.0.1:1"})


@contextlib.contextmanager
def server_of(folder, store):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_clickhouse_18(path) if store == "18.16" else start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def ended(*gateways):
    try:
        yield
    finally:
        for gateway in gateways:
            gateway.cleanup()


def post(gateway, event, path="/events?wait=stored"):
    status, reply = gateway.post(path, event)
    assert status in (200, 202) and reply["status"] != "duplicate", (status, reply)
    return reply["id"]


def forget(gateway):
    """The window is over, which ends with an epoch of its length; and so is the second that a DateTime has."""
    time.sleep(1.1 if "kind: none" in open(gateway.config).read() else 2.2)


def merge(ask, table):
    """OPTIMIZE does nothing, and says nothing of it, while the server merges some of these parts by itself."""
    parts = ("SELECT max(parts) FROM (SELECT count() AS parts FROM system.parts WHERE active AND database = currentDatabase() "
             "AND table = '%s' GROUP BY partition)" % table)
    deadline = time.monotonic() + 60
    while True:
        ask("OPTIMIZE TABLE %s FINAL" % table)
        if int(ask(parts)) == 1:
            return
        assert time.monotonic() < deadline, "the parts of %s are not merged in a minute" % table
        time.sleep(0.2)


def amounts(ask, table="sales"):
    """What a reader sees, {order: amount}; the same before and after the parts are merged."""
    seen = []
    for merged in (False, True):
        if merged:
            merge(ask, table)
        words = ask("SELECT order, amount FROM %s%s ORDER BY order, amount" % (table, "" if merged else " FINAL")).split()
        seen.append(list(zip(words[::2], (int(word) for word in words[1::2]))))
    assert seen[0] == seen[1] and len(dict(seen[0])) == len(seen[0]), seen
    return dict(seen[0])


def attack(gateway):
    """Each genuine event, and after the window one of the same key."""
    genuine = post(gateway, sale("a", 100))
    post(gateway, {"order": "p", "amount": 100}, "/events?stream=plain&wait=stored")
    forget(gateway)
    assert post(gateway, sale("a", 1)) == genuine
    post(gateway, {"order": "p", "amount": 1}, "/events?stream=plain&wait=stored")


def the_first_stays_when_the_gateway_has_forgotten_it_on_the_embedded_engine(folder):
    gateway = gateway_of(folder, "embedded")
    with ended(gateway):
        gateway.start()
        attack(gateway)
        began = time.monotonic()
        post(gateway, sale("b", 100))
        gateway.kill()
        gateway.start()
        status = gateway.post("/events", sale("b", 1))[1]["status"]
        assert status == "duplicate" or time.monotonic() - began > 1    # as long as it is remembered
        forget(gateway)
        post(gateway, sale("b", 1))
        gateway.wait_stored()
        gateway.check_identity()
        assert amounts(gateway.sql) == {"a": 100, "b": 100}
        assert amounts(gateway.sql, "plain") == {"p": 100}      # the first that was stored
        assert "stored events can be replaced" not in gateway.log()
        gateway.stop()


def the_first_stays_whichever_gateway_stores_it_last(store):
    """Gateway `late` takes the genuine event and is killed. Gateway `other` takes and stores the forged one. Then `late` comes
    back, and stores what its journal has."""
    def test(folder):
        with server_of(folder, store) as server:
            late, other = (gateway_of(folder, store, name, server.url, delay)
                           for name, delay in (("late", "1h"), ("other", "20ms")))
            with ended(late, other):
                other.start()
                attack(other)
                late.start()
                assert late.post("/events/bulk", [sale(order, 100) for order in "bcd"])[0] == 202
                late.kill()
                forget(late)
                for order in "bc":
                    post(other, sale(order, 1))
                assert int(server.query("SELECT count() FROM sales WHERE amount = 1 AND order IN ('b', 'c')")) == 2
                late.start()
                late.wait_stored()
                forget(late)
                post(other, sale("d", 1))
                assert amounts(server.query) == {"a": 100, "b": 100, "c": 100, "d": 100}
                assert amounts(server.query, "plain") == {"p": 100}
                for gateway in (late, other):
                    gateway.check_identity()
                    assert "stored events can be replaced" not in gateway.log()
                    gateway.stop()
    test.__name__ = "the_first_stays_whichever_gateway_stores_it_last_" + store
    return test


def recipe(store):
    """The statements of docs/operations.md, of this version, with the names of the sample's table for those of this one."""
    with open(os.path.join(ROOT, "docs", "operations.md")) as file:
        text = file.read().split("## Tables that keep the first row\n")[1].split("\n## ")[0]
    statements = [block.strip().rstrip(";") for block in re.findall(r"```sql\n(.*?)```", text, re.S)]
    assert len(statements) == 4, statements
    swap = "RENAME TABLE" if store == "18.16" else "EXCHANGE TABLES"
    return [re.sub(r"\bevents(?=\b|_)", "sales", s) for s in statements
            if not re.match("RENAME|EXCHANGE", s) or s.startswith(swap)]


def created(gateway, server, name):
    """What `sluice schema print` writes for the stream, for another table."""
    done = subprocess.run([os.path.join(BUILD, "sluice"), "schema", "print", "--config", gateway.config, "sales"],
                          env=gateway.env, capture_output=True, text=True, check=True)
    server.query(done.stdout.rstrip().rstrip(";").replace("`sales`", "`%s`" % name))


class Seller(threading.Thread):
    """Sells on while the table is replaced."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.sold, self.ending = gateway, 0, threading.Event()

    def run(self):
        while not self.ending.is_set():
            status, _ = self.gateway.post("/events", sale("live%06d" % self.sold, 100))
            assert status in (200, 202), status
            self.sold += 1
            time.sleep(0.005)


def make_older(server, store):
    """A table as the version before made it."""
    server.query("CREATE TABLE sales (order String, at DateTime, amount Int64, received_at %s, event_id UUID) ENGINE = "
                 "ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (order, at, event_id)" % TIMES[store])


def run_recipe(gateway, server, store, seller):
    """Sales come before each of its statements."""
    since = server.query("SELECT toString(now() - 3600)").strip()
    created(gateway, server, "sales_new")
    columns = ", ".join(server.query("SELECT name FROM system.columns WHERE table = 'sales' AND database = 'default' AND "
                                     "default_kind NOT IN ('MATERIALIZED', 'ALIAS')").split())
    for statement in recipe(store):
        sold = seller.sold
        gateway.wait_until("it sells on", lambda: seller.sold >= sold + 15)
        server.query(statement.replace("COLUMNS", columns).replace("SINCE", since))


def an_older_table_is_told_and_the_recipe_makes_it_keep_the_first(store):
    def test(folder):
        with server_of(folder, store) as server:
            gateway = gateway_of(folder, store, url=server.url)
            make_older(server, store)
            with ended(gateway):
                gateway.start()
                assert gateway.log().count("stored events can be replaced") == 1, gateway.log()
                assert "stream:sales: ok\n" in re.sub(r" since \S*Z", "", gateway.get("/readyz?verbose")[1])
                post(gateway, sale("a", 100))
                post(gateway, sale("lost", 100))
                forget(gateway)
                post(gateway, sale("lost", 1))
                assert amounts(server.query) == {"a": 100, "lost": 1}       # what an older table does
                seller = Seller(gateway)
                seller.start()
                run_recipe(gateway, server, store, seller)
                seller.ending.set()
                seller.join(30)
                post(gateway, sale("a", 1))
                gateway.wait_stored()
                forget(gateway)
                assert gateway.post("/events/bulk", [sale("live%06d" % n, 1) for n in range(seller.sold)])[1]["duplicate"] == 0
                gateway.wait_stored()
                kept = amounts(server.query)
                assert seller.sold >= 30 and kept.pop("lost") == 1 and kept.pop("a") == 100, (seller.sold, kept)
                assert set(kept.values()) == {100} and len(kept) == seller.sold, (seller.sold, len(kept))
                gateway.check_identity()
                gateway.stop()
                before = len(gateway.log())
                gateway.start()
                assert "stored events can be replaced" not in gateway.log()[before:]
                gateway.stop()
    test.__name__ = "an_older_table_is_told_and_the_recipe_makes_it_keep_the_first_" + store
    return test


TENANTS = """
http: { listen: "${SLUICE_HTTP}" }
admin: { listen: "127.0.0.1:0" }
udp: { listeners: [{ listen: "127.0.0.1:0", hmac: [shop, mallory] }] }
journal: { data: "${SLUICE_DATA}" }
store: { kind: "${SLUICE_STORE:-clickhouse}", url: "${CLICKHOUSE_URL:-}" }
keys:
  - { name: shop, sha256: "%(shop)s", scopes: [write] }
  - { name: mallory, sha256: "%(mallory)s", scopes: [write] }
routes:
  - { path: /open, methods: [POST], stream: sales, open: true }
streams:
  - name: sales
    tenant: key
    dedup_key: [order]
    batch: { max_delay: 20ms }
    fields:
      - { name: order, type: String, required: true }
      - { name: amount, type: Int64 }
      - { name: sent_by, type: String, fill: key_name }
      - { name: received_at, type: %(time)s, fill: received_at }
  - name: named
    dedup_key: [order, sent_by]
    batch: { max_delay: 20ms }
    fields:
      - { name: order, type: String, required: true }
      - { name: amount, type: Int64 }
      - { name: sent_by, type: String, fill: key_name }
  - name: states
    upsert: { key: [order, sent_by], version: %(version)s }
    batch: { max_delay: 20ms }
    fields:
      - { name: order, type: String }
      - { name: amount, type: Int64 }
      - { name: sent_by, type: String, fill: key_name }
      - { name: %(version)s, type: %(version_type)s, fill: received_at }
"""


def tenants_of(folder, store, url="", more=""):
    path = os.path.join(folder, "tenants.yaml")
    hashes = {name: hashlib.sha256(("key-of-" + name).encode()).hexdigest() for name in ("shop", "mallory")}
    old = store == "18.16"
    with open(path, "w") as file:
        file.write(TENANTS % dict(hashes, time=TIMES[store], version="seen_at",
                                  version_type="UInt64" if old else "DateTime64(6)") + more)
    kind = "embedded" if store == "embedded" else "clickhouse"
    return Gateway(folder, config=path, env={"SLUICE_STORE": kind, "CLICKHOUSE_URL": url or "http://127.0.0.1:1"})


def with_key(name):
    return {"X-API-Key": "key-of-" + name} if name else {}


def sends(gateway, name, event, path="/events?wait=stored", status="stored"):
    code, reply = gateway.post(path, event, with_key(name))
    assert code in (200, 202) and reply["status"] == status, (name, event, code, reply)


def forge_first_and_later(gateway):
    """Mallory is always first, and says that the event is the shop's; then the shop; then both again."""
    for stream in ("sales", "named", "states"):
        path = "/events?wait=stored&stream=" + stream
        sends(gateway, "mallory", {"order": "a", "amount": 1, "sent_by": "shop", "key_name": "shop"}, path)
        sends(gateway, "shop", {"order": "a", "amount": 100}, path)
        for name, amount in (("mallory", 1), ("shop", 100)):
            sends(gateway, name, {"order": "a", "amount": amount}, path, "duplicate")


def over_each_door(gateway):
    """A bulk, what goes to the thread of large payloads, a WebSocket, signed datagrams of both, a route that needs no key."""
    many = [{"order": "bulk%05d" % n, "amount": 1, "note": "x" * 100} for n in range(4000)]     # 600 KB
    for name in ("mallory", "shop"):
        for batch in (many[:10], many[10:]):
            status, reply = gateway.post("/events/bulk?ids=0", batch, with_key(name))
            assert status == 202 and reply["accepted"] == len(batch), reply
        with Client(gateway.port, headers=with_key(name)) as client:
            assert client.text([{"order": "ws", "amount": 1, "sent_by": "shop"}]).acks(1)["accepted"] == 1
    datagrams = [signed(json.dumps({"order": "udp%03d" % n, "amount": 1, "sent_by": "shop"}).encode(), "key-of-" + name)
                 for n in range(100) for name in ("mallory", "shop")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, gateway.udp[0])
    gateway.wait_until("the datagrams came", lambda: gateway.sum("sluice_events_accepted_total", protocol="udp") == 200)
    status, reply = gateway.post("/open?wait=stored", {"order": "a", "amount": 7, "sent_by": "shop"})
    assert status in (200, 202) and reply["accepted"] == 1, (status, reply)
    assert gateway.post("/events", {"order": "a", "amount": 7})[0] == 401


def owners(ask, table="sales"):
    return dict(line.split("\t") for line in ask("SELECT concat(order, '/', sent_by), toString(amount) FROM %s FINAL" % table)
                .splitlines())


def check_tenants(gateway, ask):
    expected = {"a/shop": "100", "a/mallory": "1"}
    assert owners(ask, "named") == expected and owners(ask, "states") == expected
    found = owners(ask)
    assert {place: amount for place, amount in found.items() if place.startswith("a/")} == dict(expected, **{"a/": "7"}), found
    assert found["ws/shop"] == found["ws/mallory"] == "1"
    for door, count in (("bulk", 4000), ("udp", 100)):
        names = [place.split("/")[1] for place in found if place.startswith(door)]
        assert names.count("shop") == names.count("mallory") == count and len(names) == 2 * count, (door, names)
    assert ask("SELECT count(), uniqExact(event_id) FROM sales FINAL").split() == ["8205", "8205"]
    gateway.wait_stored()
    gateway.check_identity()


def no_tenant_suppresses_or_replaces_another_s_event(store):
    def test(folder):
        with contextlib.ExitStack() as stack:
            server = None if store == "embedded" else stack.enter_context(server_of(folder, store))
            gateway = tenants_of(folder, store, server.url if server else "")
            stack.enter_context(ended(gateway))
            gateway.start()
            gateway.pages_port = [port for _, port, serves in gateway.http if "events" not in serves][0]
            forge_first_and_later(gateway)
            over_each_door(gateway)
            gateway.wait_stored()
            gateway.kill()
            gateway.start()
            gateway.pages_port = [port for _, port, serves in gateway.http if "events" not in serves][0]
            for name in ("mallory", "shop"):    # what is remembered of each is each one's
                sends(gateway, name, {"order": "a", "amount": 5}, status="duplicate")
            check_tenants(gateway, server.query if server else gateway.sql)
            gateway.stop()
    test.__name__ = "no_tenant_suppresses_or_replaces_another_s_event_" + store
    return test


def tenants_need_keys_and_are_told_so(folder):
    gateway = tenants_of(folder, "embedded")
    check = [os.path.join(BUILD, "sluice"), "--config", gateway.config, "--check"]
    assert subprocess.run(check, env=gateway.env, capture_output=True).returncode == 0
    with open(gateway.config) as file:
        text = re.sub(r"keys:\n(  - .*\n)+|udp: .*\n", "", file.read().replace(", open: true", ""))
    with open(gateway.config, "w") as file:
        file.write(text)
    refused = subprocess.run(check, env=gateway.env, capture_output=True, text=True)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "- name: sales" in line)
    said = "%s:%d: sales: found tenant: key, expected keys" % (gateway.config, line)
    assert refused.returncode != 0 and said in refused.stderr, refused.stderr


if __name__ == "__main__":
    main([the_first_stays_when_the_gateway_has_forgotten_it_on_the_embedded_engine,
          the_first_stays_whichever_gateway_stores_it_last("26.7"),
          the_first_stays_whichever_gateway_stores_it_last("18.16"),
          an_older_table_is_told_and_the_recipe_makes_it_keep_the_first("26.7"),
          an_older_table_is_told_and_the_recipe_makes_it_keep_the_first("18.16"),
          no_tenant_suppresses_or_replaces_another_s_event("embedded"),
          no_tenant_suppresses_or_replaces_another_s_event("18.16"),
          tenants_need_keys_and_are_told_so])
