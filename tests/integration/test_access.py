"""Who may come in, by which door: each wrong way over each door has its status, its counter, and stores nothing; the right way
works for the clients that people use."""
import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

from check import main
from gateway import BUILD, ROOT, Gateway, event
from node import Browser, ws_client
from test_browser import Elsewhere
from test_udp_keys import signed
from websocket import handshake, sample_with

SHOP_ORIGIN = "https://shop.example"
ORDERS = """
  - name: orders
    table: orders
    dedup_key: [number]
    fields: [{ name: number, type: UInt64, required: true }, { name: who, type: String, fill: key_name }]
"""
ADDED = """
keys:
%sroutes: [{ path: /collect, stream: events }]
queries: { top: { path: /top, select: { n: { shape: value, sql: "SELECT count() FROM {rows}" } } } }
"""


def new_key(name, scopes, *more):
    """A key, and what makes it known."""
    done = subprocess.run([os.path.join(BUILD, "sluice"), "key", "new", "--name", name, "--scopes", scopes, *more],
                          stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return done[0], "".join("  %s\n" % line for line in done[1:] if not line.startswith("#"))


def with_keys(*origins):
    """A test of a gateway with keys of each kind, `gateway.keys` by name."""
    def wrap(test):
        def run(folder):
            keys, entries = {}, {}
            for name, scopes, more in (("shop", "write", ["--streams", "events"]), ("order", "write", ["--streams", "orders"]),
                                       ("page", "write", ["--origins", ",".join(origins or (SHOP_ORIGIN,))]),
                                       ("reader", "read", []), ("leaflet", "read", ["--origins", SHOP_ORIGIN]),
                                       ("old", "write,read", ["--expires", "2020-01-01"]), ("off", "write,read", [])):
                keys[name], entries[name] = new_key(name, scopes, *more)
            entries["off"] += "    disabled: true\n"
            path = sample_with(folder, http={"cors_origins": json.dumps(list(origins))} if origins else {})
            with open(path) as file:
                text = file.read()
            text = text.replace('listen: ""', 'listen: "127.0.0.1:0"', 1).rstrip() + ORDERS + ADDED % "".join(entries.values())
            before = '- { listen: "${SLUICE_UDP:-0.0.0.0:8125}", stream: events }'
            assert before in text
            with open(path, "w") as file:
                file.write(text.replace(before, '- { listen: "127.0.0.1:0", hmac: [shop, order, old, off] }'))
            gateway = Gateway(folder, path)
            gateway.keys = keys
            try:
                gateway.start()
                gateway.pages_port = next(port for _, port, serves in gateway.http if serves == {"admin"})
                stored = test(gateway) or 0
                gateway.wait_stored()
                gateway.check_identity()
                for key in keys.values():
                    assert key not in gateway.log()
                gateway.stop()
                for stream, count in (("events", stored), ("orders", 0)):
                    assert gateway.sql("SELECT count() FROM %s FINAL" % stream) == str(count), (stream, count)
            finally:
                gateway.cleanup()
        run.__name__ = test.__name__
        return run
    return wrap


def reasons(gateway, name, **labels):
    """{reason: count} of a metric."""
    return {dict(key)["reason"]: int(count) for key, count in gateway.metrics().get(name, {}).items()
            if count != 0 and all(dict(key).get(k) == v for k, v in labels.items())}


def ask(gateway, method, path, body, fields):
    status, headers, text = gateway.request(method, path, body, dict({"Content-Type": "application/json"}, **fields))
    assert ("www-authenticate" in headers) == (status == 401), (path, status, headers)
    return status, json.loads(text).get("code") if status >= 400 else None


def over_websocket(gateway, path, _, fields):
    """The handshake's answer, which comes before any upgrade."""
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        s.sendall(handshake(path, fields)[0])
        reply = http.client.HTTPResponse(s, method="GET")
        reply.begin()
        return reply.status, json.loads(reply.read()).get("code") if reply.status >= 400 else None


def post(gateway, path, body, fields):
    return ask(gateway, "POST", path, body, fields)


def get(gateway, path, _, fields):
    return ask(gateway, "GET", path, None, fields)


ONE = json.dumps(event(1))
WRITES = [(post, "/events", ONE), (post, "/events/bulk", "[%s]" % ONE), (post, "/collect", ONE), (over_websocket, "/ws", None)]
READS = [(get, "/events/metrics", None), (get, "/top", None)]


def wrong_ways(gateway):
    """[(name, header fields, status, code, of writing, of reading)]"""
    keys = gateway.keys
    stranger = new_key("stranger", "write,read")[0]
    typo = keys["shop"][:-1] + ("0" if keys["shop"][-1] != "0" else "1")
    key = lambda text, **more: dict({"Authorization": "Bearer " + text}, **more)
    return [("no key", {}, 401, "key_missing", 1, 1), ("malformed", key(typo), 401, "key_malformed", 1, 1),
            ("unknown", key(stranger), 401, "key_unknown", 1, 1), ("expired", key(keys["old"]), 401, "key_expired", 1, 1),
            ("disabled", key(keys["off"]), 401, "key_disabled", 1, 1),
            ("wrong scope", key(keys["reader"]), 403, "scope_missing", 1, 0),
            ("wrong scope", key(keys["shop"]), 403, "scope_missing", 0, 1),
            ("wrong stream", key(keys["order"]), 403, "stream_forbidden", 1, 0),
            ("wrong origin", key(keys["page"], Origin="https://evil.example"), 403, "key_origin", 1, 0),
            ("no origin", key(keys["page"]), 403, "key_origin", 1, 0),
            ("wrong origin", key(keys["leaflet"], Origin="https://evil.example"), 403, "key_origin", 0, 1)]


@with_keys()
def each_wrong_way_in_is_refused_at_each_door(gateway):
    counted = {}
    for name, fields, status, code, writes, reads in wrong_ways(gateway):
        for door, path, body in WRITES * writes + READS * reads:
            found = door(gateway, path, body, fields)
            assert found == (status, code), (name, path, found)
            counted[code] = counted.get(code, 0) + 1
    assert reasons(gateway, "sluice_key_refusals_total") == counted, (reasons(gateway, "sluice_key_refusals_total"), counted)
    assert gateway.sum("sluice_events_accepted_total") == 0
    rejected = reasons(gateway, "sluice_events_rejected_total", protocol="http")
    posts = {code: sum(3 for row in wrong_ways(gateway) if row[3] == code and row[4]) for code in counted}
    assert rejected == posts, (rejected, posts)


@with_keys()
def each_wrong_way_in_is_refused_over_udp(gateway):
    one, keys = ONE.encode(), gateway.keys
    again = signed(one, keys["shop"])
    datagrams = [one, signed(one, new_key("stranger", "write")[0]), signed(one, keys["page"]), signed(one, keys["reader"]),
                 signed(one, keys["old"]), signed(one, keys["off"]), signed(one, keys["shop"], at=-10 ** 12),
                 signed(json.dumps(event(1, stream="events")).encode(), keys["order"]), again, again]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for datagram in datagrams:
            s.sendto(datagram, gateway.udp[0])
    gateway.wait_until("all are counted", lambda: gateway.sum("sluice_udp_datagrams_total") == len(datagrams), 10)
    assert reasons(gateway, "sluice_events_rejected_total", protocol="udp") == {
        "bad_signature": 4, "key_expired": 1, "key_disabled": 1, "signature_time": 1, "stream_forbidden": 1, "replayed": 1}
    return 1


def by_curl(gateway, url):
    """Of an event a call: each place that a key may be in."""
    key = gateway.keys["shop"]
    ways = [["-H", "Authorization: Bearer " + key], ["-u", key + ":"], ["-H", "X-API-Key: " + key], []]
    for number, way in enumerate(ways):
        target = url + "/events" + ("" if way else "?key=" + key)
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json",
                               "-d", json.dumps(event(number))] + way + [target], stdout=subprocess.PIPE, check=True)
        assert done.stdout == b"202", (way[:1], done.stdout)
    return len(ways)


def by_python(gateway, url):
    request = urllib.request.Request(url + "/events/bulk", json.dumps([event(10), event(11)]).encode(),
                                     {"Authorization": "Bearer " + gateway.keys["shop"]})
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 202
    return 2


def by_node(gateway, url):
    script = """
      const reply = await fetch(process.argv[1] + "/events", {
        method: "POST", body: process.argv[3], headers: { Authorization: "Bearer " + process.argv[2] } });
      process.stdout.write(String(reply.status));"""
    done = subprocess.run(["node", "--input-type=module", "-e", script, url, gateway.keys["shop"], json.dumps(event(20))],
                          stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"202", done.stdout
    found = ws_client(url.replace("http", "ws") + "/ws", [{"text": json.dumps(event(21))}], until=1,
                      protocols=["sluice.v1", "key." + gateway.keys["shop"]])
    assert found["protocol"] == "sluice.v1" and found["acks"][0]["accepted"] == 1, found
    found = ws_client(url.replace("http", "ws") + "/ws", [], protocols=["sluice.v1", "key." + gateway.keys["off"]])
    assert found["status"] == 401, found
    return 2


JAVA = """
import java.net.URI;
import java.net.http.*;

class Send {
    public static void main(String[] a) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(a[0] + "/events")).header("Authorization", "Bearer " + a[1])
            .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(a[2])).build();
        System.out.print(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
    }
}
"""


def by_java(gateway, url):
    """Where there is a compiler: the packages of the tests bring the machine alone."""
    if shutil.which("javac") is None:
        return 0
    source = os.path.join(gateway.folder, "Send.java")
    with open(source, "w") as file:
        file.write(JAVA)
    done = subprocess.run(["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", source, url, gateway.keys["shop"],
                           json.dumps(event(30))], stdout=subprocess.PIPE, check=True, timeout=60)
    assert done.stdout == b"202", done.stdout
    return 1


@with_keys()
def the_clients_that_people_use_come_in(gateway):
    url = "http://127.0.0.1:%d" % gateway.port
    sent = sum(client(gateway, url) for client in (by_curl, by_python, by_node, by_java))
    assert gateway.sum("sluice_key_events_accepted_total", key="shop") == sent
    return sent


PAGE = b"""<!doctype html><title>shop</title><script type="module">
import { Sluice } from "/sluice.js";
window.told = [];
window.start = (url, options) => {
  window.sluice = new Sluice(url, { ...options, batchDelay: 0, onError: (error) => window.told.push(error.code) });
};
window.ready = true;
</script>"""


def the_sdk_comes_in_from_another_origin(folder):
    """By WebSocket and by fetch; with a key that is none it is told so once, and keeps the event."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        origin = "http://127.0.0.1:%d" % elsewhere.server_port
        with open(os.path.join(ROOT, "sdk", "browser", "dist", "sluice.js"), "rb") as sdk:
            elsewhere.pages = {"/": ("text/html", PAGE), "/sluice.js": ("text/javascript", sdk.read())}

        @with_keys(origin)
        def test(gateway):
            url = "http://127.0.0.1:%d" % gateway.port
            with Browser(gateway.folder) as browser:
                for transport in ("websocket", "fetch"):
                    found = visit(browser, origin, url, {"key": gateway.keys["page"], "transport": transport})
                    assert found == [{"acknowledged": 1, "waiting": 0}, []], (transport, found)
                    name = {"websocket": "ws", "fetch": "http"}[transport]
                    assert gateway.sum("sluice_events_accepted_total", protocol=name) == 1
                found = visit(browser, origin, url, {"key": gateway.keys["off"], "transport": "fetch", "stream": "events"})
                assert found == [{"acknowledged": 0, "waiting": 1}, ["key_disabled"]], found
            assert gateway.sum("sluice_key_events_accepted_total", key="page") == 2
            return 2

        try:
            test(folder)
        finally:
            elsewhere.shutdown()


def visit(browser, origin, url, options):
    """A page that tracks one event: what it says of it, and what it was told."""
    page = browser.open(origin + "/")
    deadline = time.time() + 10
    while not page.evaluate("window.ready === true"):
        assert time.time() < deadline
        time.sleep(0.05)
    page.evaluate("(given) => window.start(given.url, given.options)", {"url": url, "options": options})
    page.evaluate("""async () => { window.sluice.track("visit"); await window.sluice.flush({ timeout: 1000 }); }""")
    found = page.evaluate("""() => { const { acknowledged, waiting } = window.sluice.stats();
                             return [{ acknowledged, waiting }, window.told]; }""")
    page.close()
    return found


if __name__ == "__main__":
    main([each_wrong_way_in_is_refused_at_each_door,
          each_wrong_way_in_is_refused_over_udp,
          the_clients_that_people_use_come_in,
          the_sdk_comes_in_from_another_origin])
