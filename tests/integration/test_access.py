"""Who may come in, by which door, in plain text and over TLS: each wrong way over each door has its status, its counter, and
stores nothing; the right way works for the clients that people use."""
import base64
import http.client
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

from check import main
from gateway import BUILD, ROOT, Gateway, event
from node import Browser, ws_client
from test_browser import Elsewhere
from test_tls import Certificates
from test_udp_keys import signed
from websocket import handshake, sample_with

SHOP_ORIGIN = "https://shop.example"
ORDERS = """
  - name: orders
    table: orders
    dedup_key: [number]
    fields: [{ name: number, type: UInt64, required: true }, { name: who, type: String, fill: key_name }]
"""
LISTENERS = """[ { listen: "127.0.0.1:0", tls: { certificate: "%s", key: "%s" } } ]"""
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
    """A test of a gateway with keys of each kind, `gateway.keys` by name, which speaks TLS at `secure_port`, with a
    certificate of the authority `made`."""
    def wrap(test):
        def run(folder):
            keys, entries = {}, {}
            made = Certificates(os.path.join(folder, "certificates"))
            made.issue("gateway", "DNS:localhost,IP:127.0.0.1")
            for name, scopes, more in (("shop", "write", ["--streams", "events"]), ("order", "write", ["--streams", "orders"]),
                                       ("page", "write", ["--origins", ",".join(origins or (SHOP_ORIGIN,))]),
                                       ("reader", "read", []), ("leaflet", "read", ["--origins", SHOP_ORIGIN]),
                                       ("old", "write,read", ["--expires", "2020-01-01"]), ("off", "write,read", [])):
                keys[name], entries[name] = new_key(name, scopes, *more)
            entries["off"] += "    disabled: true\n"
            options = {"listeners": LISTENERS % (made.path("gateway.pem"), made.path("gateway.key"))}
            if origins:
                options["cors_origins"] = json.dumps(list(origins))
            path = sample_with(folder, http=options)
            with open(path) as file:
                text = file.read()
            text = text.replace('listen: ""', 'listen: "127.0.0.1:0"', 1).rstrip() + ORDERS + ADDED % "".join(entries.values())
            before = '- { listen: "${SLUICE_UDP:-0.0.0.0:8125}", stream: events }'
            assert before in text
            with open(path, "w") as file:
                file.write(text.replace(before, '- { listen: "127.0.0.1:0", hmac: [shop, order, old, off] }'))
            gateway = Gateway(folder, path)
            gateway.keys, gateway.made = keys, made
            try:
                gateway.start()
                gateway.secure_port = next(port for _, port, serves in gateway.http[1:] if serves != {"admin"})
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


def connect(gateway, secure):
    if secure:
        return http.client.HTTPSConnection("localhost", gateway.secure_port, context=gateway.made.context(), timeout=20)
    return http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)


def judged(reply, path):
    text = reply.read()
    assert (reply.getheader("WWW-Authenticate") is not None) == (reply.status == 401), (path, reply.status)
    return reply.status, json.loads(text).get("code") if reply.status >= 400 else None


def ask(method, connection, path, body, fields):
    connection.request(method, path, body, dict({"Content-Type": "application/json"}, **fields))
    return judged(connection.getresponse(), path)


def over_websocket(connection, path, _, fields):
    """The handshake's answer, which comes before any upgrade."""
    connection.connect()
    connection.sock.sendall(handshake(path, fields)[0])
    reply = http.client.HTTPResponse(connection.sock, method="GET")
    reply.begin()
    return judged(reply, path)


def post(*question):
    return ask("POST", *question)


def get(*question):
    return ask("GET", *question)


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
            for secure in (False, True):
                connection = connect(gateway, secure)
                found = door(connection, path, body, fields)
                connection.close()
                assert found == (status, code), (name, path, secure, found)
                counted[code] = counted.get(code, 0) + 1
    assert reasons(gateway, "sluice_key_refusals_total") == counted, (reasons(gateway, "sluice_key_refusals_total"), counted)
    assert gateway.sum("sluice_events_accepted_total") == 0
    rejected = reasons(gateway, "sluice_events_rejected_total", protocol="http")
    posts = {code: sum(3 * 2 for row in wrong_ways(gateway) if row[3] == code and row[4]) for code in counted}
    assert rejected == posts, (rejected, posts)


def detail(gateway, fields):
    return json.loads(gateway.request("POST", "/events", ONE, fields)[2])["detail"]


@with_keys()
def a_refusal_says_what_was_probably_meant(gateway):
    shop = gateway.keys["shop"]
    for shown in (shop, "Digest " + shop, "Basic " + base64.b64encode((":" + shop).encode()).decode()):
        assert detail(gateway, {"Authorization": shown}).startswith("Authorization shows no key"), shown
    assert "has no Origin" in detail(gateway, {"Authorization": "Bearer " + gateway.keys["page"]})
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        s.sendall(handshake("/ws", {})[0])
        assert b"subprotocols sluice.v1 and key.KEY" in s.recv(4096)


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
    assert reasons(gateway, "sluice_key_refusals_total") == {"key_expired": 1, "key_disabled": 1, "stream_forbidden": 1}
    return 1


def by_curl(gateway, url, first):
    """Of an event a call: each place that a key may be in."""
    key = gateway.keys["shop"]
    ways = [["-H", "Authorization: Bearer " + key], ["-u", key + ":"], ["-H", "X-API-Key: " + key], []]
    for number, way in enumerate(ways):
        target = url + "/events" + ("" if way else "?key=" + key)
        done = subprocess.run(["curl", "-sS", "--cacert", gateway.made.path("ca.pem"), "-o", "/dev/null", "-w", "%{http_code}",
                               "-H", "Content-Type: application/json", "-d", json.dumps(event(first + number))] + way + [target],
                              stdout=subprocess.PIPE, check=True)
        assert done.stdout == b"202", (way[:1], done.stdout)
    return len(ways)


def by_python(gateway, url, first):
    request = urllib.request.Request(url + "/events/bulk", json.dumps([event(first + 10), event(first + 11)]).encode(),
                                     {"Authorization": "Bearer " + gateway.keys["shop"]})
    with urllib.request.urlopen(request, context=gateway.made.context()) as reply:
        assert reply.status == 202
    return 2


def by_node(gateway, url, first):
    script = """
      const reply = await fetch(process.argv[1] + "/events", {
        method: "POST", body: process.argv[3], headers: { Authorization: "Bearer " + process.argv[2] } });
      process.stdout.write(String(reply.status));"""
    trust = {"NODE_EXTRA_CA_CERTS": gateway.made.path("ca.pem")}
    done = subprocess.run(["node", "--input-type=module", "-e", script, url, gateway.keys["shop"], json.dumps(event(first + 20))],
                          stdout=subprocess.PIPE, check=True, env=dict(os.environ, **trust))
    assert done.stdout == b"202", done.stdout
    found = ws_client(url.replace("http", "ws") + "/ws", [{"text": json.dumps(event(first + 21))}], until=1,
                      protocols=["sluice.v1", "key." + gateway.keys["shop"]], environment=trust)
    assert found["protocol"] == "sluice.v1" and found["acks"][0]["accepted"] == 1, found
    found = ws_client(url.replace("http", "ws") + "/ws", [], protocols=["sluice.v1", "key." + gateway.keys["off"]],
                      environment=trust)
    assert found["status"] == 401, found
    return 2


JAVA = """
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.*;
import javax.net.ssl.*;

class Send {
    static SSLContext trust(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(file)));
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trusted.getTrustManagers(), null);
        return context;
    }

    static class Replies implements WebSocket.Listener {
        final BlockingQueue<String> texts = new LinkedBlockingQueue<>();

        public CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
            texts.add(text.toString());
            socket.request(1);
            return null;
        }
    }

    /* Arguments: authority, key, then url, event and event of a WebSocket as often as wanted. */
    public static void main(String[] a) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trust(a[0])).build();
        for (int i = 2; i < a.length; i += 3) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(a[i] + "/events")).header("Authorization", "Bearer " + a[1])
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(a[i + 1])).build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
            Replies replies = new Replies();
            WebSocket socket = client.newWebSocketBuilder().subprotocols("sluice.v1", "key." + a[1])
                .buildAsync(URI.create(a[i].replaceFirst("http", "ws") + "/ws"), replies).join();
            socket.sendText(a[i + 2], true).join();
            System.out.println(replies.texts.poll(10, TimeUnit.SECONDS));
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
        }
        System.exit(0);
    }
}
"""


def by_java(gateway, *urls):
    """java.net.http; Debian's virtual machine comes without a compiler, and ecj is one. One run does all, as to start it costs most."""
    source = os.path.join(gateway.folder, "Send.java")
    with open(source, "w") as file:
        file.write(JAVA)
    subprocess.run(["java", *QUICKLY, "-cp", "/usr/share/java/eclipse-jdt-core.jar",
                    "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-proc:none", "-nowarn", "-d", gateway.folder, source],
                   check=True, timeout=60)
    words = [word for number, url in enumerate(urls)
             for word in (url, *(json.dumps(event(number * 100 + of)) for of in (30, 31)))]
    done = subprocess.run(["java", *QUICKLY, "-cp", gateway.folder, "Send", gateway.made.path("ca.pem"), gateway.keys["shop"],
                           *words], stdout=subprocess.PIPE, check=True, timeout=60)
    said = done.stdout.decode().splitlines()
    assert said[::2] == ["202"] * len(urls) and [json.loads(text)["accepted"] for text in said[1::2]] == [1] * len(urls), said
    return 2 * len(urls)


QUICKLY = ["-Xmx128m", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


@with_keys()
def the_clients_that_people_use_come_in(gateway):
    urls = ["http://127.0.0.1:%d" % gateway.port, "https://localhost:%d" % gateway.secure_port]
    sent = by_java(gateway, *urls)
    for number, url in enumerate(urls):
        sent += sum(client(gateway, url, number * 100) for client in (by_curl, by_python, by_node))
    assert gateway.sum("sluice_key_events_accepted_total", key="shop") == sent
    assert gateway.sum("sluice_tls_handshakes_total", result="ok") >= 8
    return sent


@with_keys()
def who_does_not_know_the_authority_sends_nothing(gateway):
    """The client's refusal is counted, and not as a request: no byte of the key has gone out."""
    url = "https://localhost:%d/events" % gateway.secure_port
    key = ["-H", "Authorization: Bearer " + gateway.keys["shop"], "-d", ONE]
    assert subprocess.run(["curl", "-sS", *key, url], stderr=subprocess.PIPE).returncode == 60
    found = ws_client(url.replace("https", "wss").replace("/events", "/ws"), [], protocols=["key." + gateway.keys["shop"]])
    assert "status" not in found and found["error"], found
    gateway.wait_until("both are counted", lambda: gateway.sum("sluice_tls_handshakes_total") == 2, 10)
    assert gateway.sum("sluice_tls_handshakes_total", result="ok") == 0
    assert gateway.sum("sluice_key_refusals_total") == 0 and gateway.sum("sluice_events_received_total") == 0


PAGE = b"""<!doctype html><title>shop</title><script type="module">
import { Sluice } from "/sluice.js";
window.told = [];
window.start = (url, options) => {
  window.sluice = new Sluice(url, { ...options, batchDelay: 0, onError: (error) => window.told.push(error.code) });
};
window.ready = true;
</script>"""


def the_sdk_comes_in_from_another_origin(folder):
    """By WebSocket and by fetch; with a key that is none it is told so once, and keeps the event. A page over TLS reaches a
    gateway over TLS alone."""
    made = Certificates(os.path.join(folder, "shop"))
    made.issue("shop", "DNS:localhost")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as plain, \
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.path("shop.pem"), made.path("shop.key"))
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        origins = ["http://127.0.0.1:%d" % plain.server_port, "https://localhost:%d" % secure.server_port]
        with open(os.path.join(ROOT, "sdk", "browser", "dist", "sluice.js"), "rb") as sdk:
            pages = {"/": ("text/html", PAGE), "/sluice.js": ("text/javascript", sdk.read())}
        for elsewhere in (plain, secure):
            elsewhere.pages = pages
            threading.Thread(target=elsewhere.serve_forever, daemon=True).start()

        @with_keys(*origins)
        def test(gateway):
            urls = ["http://127.0.0.1:%d" % gateway.port, "https://127.0.0.1:%d" % gateway.secure_port]
            trusted = [made.path("ca.pem"), gateway.made.path("ca.pem")]
            with Browser(gateway.folder, trusted) as browser:
                for round, (origin, url) in enumerate(zip(origins, urls), 1):
                    for transport in ("websocket", "fetch"):
                        found = visit(browser, origin, url, {"key": gateway.keys["page"], "transport": transport})
                        assert found == [{"acknowledged": 1, "waiting": 0}, []], (origin, transport, found)
                        name = {"websocket": "ws", "fetch": "http"}[transport]
                        assert gateway.sum("sluice_events_accepted_total", protocol=name) == round
                    found = visit(browser, origin, url, {"key": gateway.keys["off"], "transport": "fetch", "stream": "events"})
                    assert found == [{"acknowledged": 0, "waiting": 1}, ["key_disabled"]], found
            assert gateway.sum("sluice_key_events_accepted_total", key="page") == 4
            return 4

        try:
            test(folder)
        finally:
            for elsewhere in (plain, secure):
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
          a_refusal_says_what_was_probably_meant,
          each_wrong_way_in_is_refused_over_udp,
          the_clients_that_people_use_come_in,
          who_does_not_know_the_authority_sends_nothing,
          the_sdk_comes_in_from_another_origin])
