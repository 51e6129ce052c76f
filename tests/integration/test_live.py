"""/live and /live/events: what flows now, over HTTP and TLS, by keys, over a reload and an end, and in a real Chromium that is
sent what strangers may send. With SCREENSHOTS=folder it leaves pictures."""
import http.client
import json
import os
import signal
import socket
import ssl
import time

import websocket
from authority import Authority
from check import main
from gateway import Gateway, with_gateway
from node import Browser
from servers import free_port
from test_keys import new_key

SCREENSHOTS = os.environ.get("SCREENSHOTS")
HOSTILE = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>"
STREAMS = """
  - name: events
    dedup_key: [id]
    unknown_fields: reject
    batch: { max_delay: 100ms }
    fields:
      - { name: id, type: String, required: true }
      - { name: kind, type: LowCardinality(String) }
      - { name: price, type: Float64, max: "1000" }
      - { name: user_mail, type: String }
      - { name: client_ip, type: String, fill: client_ip }
  - name: orders
    dedup_key: [id]
    batch: { max_delay: 100ms }
    fields:
      - { name: id, type: String, required: true }
      - { name: kind, type: LowCardinality(String) }
"""


class Watched(Gateway):
    """A gateway with a file of its own: http, live and keys are sections as they stand in it."""
    sections = {"live": "{ tail_per_second: 100 }"}

    def __init__(self, folder, env=None, **sections):
        super().__init__(folder, config=os.path.join(folder, "sluice.yaml"), env=dict(env or {}, SLUICE_HTTP="", SLUICE_UDP=""))
        self.sections = dict(self.sections, **dict({"http": "{ listen: 127.0.0.1:%d }" % free_port()}, **sections))
        self.write()

    def write(self, **sections):
        self.sections.update(sections)
        with open(self.config, "w") as file:
            file.write("udp: { listeners: [{ listen: 127.0.0.1:0, stream: events }] }\njournal: { data: '${SLUICE_DATA}' }\n"
                       "drain: { timeout: '${SLUICE_DRAIN_TIMEOUT:-30s}' }\n"
                       "store: { kind: '${SLUICE_STORE:-embedded}', url: '${CLICKHOUSE_URL:-http://localhost:8123}' }\n")
            for name, text in self.sections.items():
                file.write("%s: %s\n" % (name, text))
            file.write("streams:%s" % STREAMS)

    def finish(self, rows=None):
        self.wait_stored()
        self.check_identity()
        self.stop()
        if rows is not None:
            assert int(self.sql("SELECT (SELECT count() FROM events FINAL) + (SELECT count() FROM orders FINAL)")) == rows


def watched(**sections):
    def make(folder, env=None):
        return Watched(folder, env, **sections)
    return lambda test: with_gateway(test, make, Gateway.stop)


class Viewer:
    """One who watches; `events` are (name, value) as they come."""

    def __init__(self, port, path="/live/events", key=None, context=None, timeout=60):
        kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
        more = {"context": context} if context else {}
        self.connection = kind("127.0.0.1", port, timeout=timeout, **more)
        self.connection.request("GET", path, headers={"Authorization": "Bearer " + key} if key else {})
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        self.body = None if self.status == 200 else json.loads(self.reply.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.reply.close()

    def next(self, wanted=None):
        """The next event, of this name; None: the stream has ended."""
        name = None
        while True:
            line = self.reply.readline()
            if not line:
                return None
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: ") and wanted in (None, name):
                return name, json.loads(line[6:])

    def until(self, wanted, condition):
        while True:
            event = self.next(wanted)
            assert event, "the stream has ended"
            if condition(event[1]):
                return event[1]

    def ready(self):
        """What is shown has room: the thread that tells numbers has come by again."""
        for _ in range(2):
            assert self.next("numbers"), "the stream has ended"

    def ends(self):
        while self.next():
            pass


def post_good(gateway, count, stream="events", start=0, **more):
    events = [dict({"id": "e%d" % (start + i), "kind": "good"}, **more) for i in range(count)]
    assert gateway.post("/events/%s/bulk" % stream, events)[0] in (200, 202)


@watched()
def numbers_are_those_of_the_identity_and_of_the_metrics(gateway):
    with Viewer(gateway.port) as viewer, Viewer(gateway.port, "/live/events?stream=orders&only=numbers") as of_orders:
        assert viewer.reply.getheader("Content-Type") == "text/event-stream"
        assert viewer.next("numbers")[1]["total"]["received"] == 0
        post_good(gateway, 30)
        post_good(gateway, 10)
        post_good(gateway, 5, "orders")
        assert gateway.post("/events", {"id": "x", "price": 5000})[0] == 400
        assert gateway.post("/events/none", {"id": "x"})[0] == 404
        gateway.wait_stored()
        now = viewer.until("numbers", lambda n: n["total"]["stored"] == 35)
        total = {name: now["total"][name] for name in ("received", "accepted", "duplicate", "rejected", "journaled", "dropped")}
        assert total == {"received": 47, "accepted": 35, "duplicate": 10, "rejected": 2, "journaled": 0, "dropped": 0}, total
        streams = {stream["stream"]: stream for stream in now["streams"]}
        assert set(streams) == {"events", "orders", ""} and streams[""]["rejected"] == 1
        assert streams["events"]["protocols"]["http"] == {"received": 41, "accepted": 30, "duplicate": 10, "rejected": 1,
                                                          "dropped": 0, "in_flight": 0}
        assert now["ready"] and now["viewers"] == 2 and {part["name"] for part in now["parts"]} >= {"gateway", "stream:events"}
        own = of_orders.until("numbers", lambda n: n["total"]["stored"] == 5)
        assert [stream["stream"] for stream in own["streams"]] == ["orders"] and own["total"]["received"] == 5
        status, _, text = gateway.request("GET", "/live/events?once=1")
        once = json.loads(text)
        assert status == 200 and [stream["protocols"] for stream in once["streams"]] == [stream["protocols"] for stream in now["streams"]]
        assert once["total"]["stored"] == 35
    gateway.wait_until("nobody watches", lambda: gateway.sum("sluice_live_viewers") == 0)
    for path, status, code in (("?stream=none", 404, "unknown_stream"), ("?only=all", 400, "bad_argument"),
                               ("?stream=%zz", 400, "bad_argument")):
        answer = gateway.request("GET", "/live/events" + path)
        assert (answer[0], json.loads(answer[2])["code"]) == (status, code), answer
    assert gateway.request("HEAD", "/live/events")[0] == 200
    gateway.finish(35)


@watched()
def what_is_refused_and_accepted_is_told_without_what_is_personal(gateway):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with Viewer(gateway.port) as viewer, Viewer(gateway.port, "/live/events?only=refused&stream=orders") as of_orders:
        viewer.ready()
        for number in range(10):
            gateway.post("/events", {"id": "secret-id-%d" % number, "kind": HOSTILE, "price": 1.5, "user_mail": "ann@example.org"})
        told = viewer.next("accepted")[1]
        assert told["stream"] == "events" and told["protocol"] == "http" and set(told["hidden"]) == {"id", "user_mail", "client_ip"}
        assert told["event"]["kind"] == HOSTILE and told["event"]["price"] == 1.5 and set(told["event"]) == {"kind", "price", "event_id"}
        assert gateway.post("/events", {"id": "x", "price": "ann@example.org"})[0] == 400
        refused = viewer.next("refused")[1]
        assert (refused["code"], refused["field"], refused["fate"], refused["events"]) == ("wrong_type", "price", "rejected", 1), refused
        assert "ann" not in json.dumps(refused) and "price: \"…\" is not" in refused["message"]
        udp.sendto(json.dumps({"id": "x", HOSTILE: 1}).encode(), gateway.udp[0])
        refused = viewer.until("refused", lambda r: r["protocol"] == "udp")
        assert refused["code"] == "unknown_field" and refused["field"] == "", refused
        with websocket.Client(gateway.port) as client:
            client.text("{\"id\":")
            refused = viewer.until("refused", lambda r: r["protocol"] == "ws")
            assert refused["code"] == "invalid_json", refused
        assert gateway.post("/events/orders", {"kind": "x"})[0] == 400
        assert of_orders.next()[1]["stream"] == "orders"
    udp.close()
    gateway.finish(10)


@watched(live="{ viewers: 2, tail_per_second: 5 }")
def viewers_are_as_many_as_the_option_says_and_a_flood_shows_as_much_as_the_option_says(gateway):
    with Viewer(gateway.port) as first:
        with Viewer(gateway.port):
            with Viewer(gateway.port) as third:
                assert (third.status, third.body["code"]) == (503, "too_many_viewers") and "live.viewers" in third.body["detail"]
                assert third.reply.getheader("Retry-After")
        gateway.wait_until("one has gone", lambda: gateway.sum("sluice_live_viewers") == 1)
        began, shown, number = time.time(), 0, 0
        while time.time() < began + 3:
            post_good(gateway, 200, start=number)
            number += 200
        for _ in range(5):
            name, value = first.next()
            shown += name == "accepted"
        gateway.wait_stored()
        while True:
            name, value = first.next()
            shown += name == "accepted"
            if name == "numbers" and value["total"]["stored"] == number:
                break
        assert 1 <= shown <= 5 * (time.time() - began + 2), shown
    gateway.finish(number)


@watched(live="{ tail_per_second: 1000 }")
def a_viewer_that_does_not_read_is_skipped_and_holds_nobody_up(gateway):
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", gateway.port))
    slow.sendall(b"GET /live/events HTTP/1.1\r\nHost: x\r\n\r\n")
    gateway.wait_until("it watches", lambda: gateway.sum("sluice_live_viewers") == 1)
    bad = json.dumps([{"id": "x", "price": 5000}] * 1000)
    deadline = time.time() + 60
    with Viewer(gateway.port, "/live/events?only=numbers") as quick:
        while gateway.sum("sluice_live_skipped_total") == 0:
            assert time.time() < deadline, "nothing was skipped"
            assert gateway.request("POST", "/events/bulk", bad, {"Content-Type": "application/json"})[0] == 400
        assert gateway.sum("sluice_replying_bytes") < 2 << 20
        quick.until("numbers", lambda n: n["skipped"] > 0)
    slow.close()
    gateway.wait_until("it has gone", lambda: gateway.sum("sluice_live_viewers") == 0)
    gateway.finish(0)


def keys_of(gateway):
    gateway.keys = {}
    text = ""
    for name, scopes, more in (("operator", "admin", ()), ("narrow", "admin", ("--streams", "orders")), ("reader", "read", ()),
                               ("writer", "write", ()), ("gone", "admin", ())):
        gateway.keys[name], entry = new_key(name, scopes, *more)
        text += "\n  " + entry.strip().replace("\n", "\n  ")
    return text


class Guarded(Watched):
    def __init__(self, folder, env=None):
        super().__init__(folder, env, http="{ listeners: [{ listen: 127.0.0.1:0 }, { listen: 127.0.0.1:0, serves: admin }] }",
                         keys=keys_of(self))

    def start(self, timeout=60):
        super().start(timeout)
        self.pages_port = [port for _, port, serves in self.http if serves == {"admin"}][0]
        self.port = [port for _, port, serves in self.http if serves != {"admin"}][0]
        return self

    def send(self, stream, event):
        return self.post("/events/" + stream, event, {"Authorization": "Bearer " + self.keys["writer"]})[0]


def a_key_sees_what_it_is_for_and_a_reload_ends_who_has_none_any_more(folder):
    def test(gateway):
        for key, status in ((None, 401), ("reader", 403), ("writer", 403)):
            with Viewer(gateway.port, key=gateway.keys.get(key)) as viewer:
                assert viewer.status == status, (key, viewer.status)
            assert gateway.request("GET", "/live", headers={"Authorization": "Bearer %s" % gateway.keys.get(key)})[0] in (401, 403)
        with Viewer(gateway.port, "/live/events?stream=events", gateway.keys["narrow"]) as viewer:
            assert (viewer.status, viewer.body["code"]) == (403, "stream_forbidden")
        with Viewer(gateway.pages_port) as free, Viewer(gateway.port, key=gateway.keys["operator"]) as operator, \
                Viewer(gateway.port, key=gateway.keys["narrow"]) as narrow, Viewer(gateway.port, key=gateway.keys["gone"]) as gone:
            for viewer in (operator, narrow):
                viewer.ready()
            assert gateway.send("events", {"id": "1", "kind": "hidden from narrow"}) == 202
            assert gateway.send("events", {"id": "1", "price": "x"}) == 400
            assert gateway.send("none", {"id": "1"}) == 404
            assert gateway.send("orders", {"id": "2", "kind": "seen"}) == 202
            seen = []
            while True:
                name, value = narrow.next()
                seen.append((name, json.dumps(value)))
                if name == "numbers" and value["total"]["accepted"] == 1 and any(n == "accepted" for n, _ in seen):
                    break
            assert not [text for _, text in seen if '"events"' in text.replace('"events":', "") or "hidden" in text.replace('"hidden":', "")], seen
            assert not [1 for name, _ in seen if name == "refused"]
            assert [part for part in value["parts"] if part["name"] == "stream:orders"]
            assert operator.next("refused")[1]["key"] == "writer"
            entries = gateway.sections["keys"].split("\n  - ")
            gateway.write(keys="\n  - ".join(entry for entry in entries if "name: gone" not in entry))
            gateway.process.send_signal(signal.SIGHUP)
            gone.ends()
            for viewer in (free, operator, narrow):  # they go on over the reload
                viewer.next("numbers")
                assert viewer.next("numbers") and viewer.next("numbers")
        gateway.finish(2)
    with_gateway(test, Guarded, Gateway.stop)(folder)


def over_tls_too_and_a_stop_ends_who_watches_at_once(folder):
    authority = Authority(folder)
    certificate = authority.sign()
    tls = "{ listen: 127.0.0.1:0, tls: { certificate: %s, key: %s } }" % certificate

    def test(gateway):
        context = ssl.create_default_context(cafile=authority.file)
        with Viewer(gateway.port, context=context) as viewer:
            for _ in range(3):
                assert viewer.next("numbers")
            gateway.stop()      # within less time than the drain has
            viewer.ends()
    with_gateway(test, lambda folder, env=None: Watched(folder, dict(env or {}, SLUICE_DRAIN_TIMEOUT="1h"), http=tls), Gateway.stop)(folder)


def text_of(page, selector):
    return page.evaluate("(selector) => document.querySelector(selector).innerText", selector)


def wait_for(page, condition, timeout=60):
    deadline = time.time() + timeout
    while not page.evaluate(condition):
        assert time.time() < deadline, (condition, text_of(page, "main"))
        time.sleep(0.1)


WATCH_POLICY = "window.broken = []; document.addEventListener('securitypolicyviolation', (e) => window.broken.push(e.violatedDirective + ' ' + e.blockedURI));"


def send_all(gateway, start):
    post_good(gateway, 20, start=start, price=2.5)
    post_good(gateway, 5, "orders", start=start)
    gateway.post("/events", {"id": "h%d" % start, "kind": HOSTILE, "user_mail": "ann@example.org"})
    gateway.post("/events", {"id": "x", HOSTILE: 1})
    gateway.post("/events", {"id": "x", "price": HOSTILE})
    with websocket.Client(gateway.port) as client:
        client.text({"id": "w%d" % start, "kind": HOSTILE})
        client.acks(1)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.sendto(json.dumps({"id": "u%d" % start, "kind": "datagram"}).encode(), gateway.udp[0])
    udp.close()
    gateway.wait_until("all arrived", lambda: gateway.sum("sluice_events_received_total", protocol="udp") == start / 1000 + 1)
    gateway.wait_stored()


@watched(live="{ tail_per_second: 100, show: [\"*\"], hide: [user_mail] }")
def the_page_shows_where_every_event_is_and_what_strangers_sent_is_text(gateway):
    with Browser(gateway.folder) as browser:
        page = browser.open("http://127.0.0.1:%d/live" % gateway.port, first=WATCH_POLICY)
        wait_for(page, "document.getElementById('state').textContent === 'Live'")
        with Viewer(gateway.port) as viewer:
            viewer.ready()
        send_all(gateway, 0)
        wait_for(page, "document.getElementById('sums').innerText.includes('28 stored')")
        sums = text_of(page, "#sums")
        assert "30 received = 28 accepted + 0 duplicates + 2 rejected" in sums and sums.count("✓") == 2, sums
        for said in ("unknown_field", "wrong_type", "<img src=x"):
            wait_for(page, "document.getElementById('refused').innerText.includes('%s')" % said)
        for said in ("events · WebSocket", "hidden: user_mail"):
            wait_for(page, "document.getElementById('accepted').innerText.includes('%s')" % said)
        refused, accepted = text_of(page, "#refused"), text_of(page, "#accepted")
        assert "wrong_type" in refused and "<img src=x" in refused and "events · HTTP" in refused, refused
        assert HOSTILE in accepted and "events · WebSocket" in accepted and "hidden: user_mail" in accepted, accepted
        assert "ann@example.org" not in page.evaluate("document.documentElement.outerHTML")
        assert page.evaluate("[document.images.length, document.scripts.length, window.hit === undefined]") == [0, 1, True]
        page.evaluate("document.getElementById('pause').click()")
        send_all(gateway, 1000)
        time.sleep(1.5)
        assert text_of(page, "#state") == "Paused" and "28 stored" in text_of(page, "#sums")
        page.evaluate("document.getElementById('pause').click()")
        wait_for(page, "document.getElementById('sums').innerText.includes('56 stored')")
        colours = []
        for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("phone", 375, False)):
            page.look(width, 900, dark)
            time.sleep(0.3)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            if SCREENSHOTS:
                page.screenshot(os.path.join(SCREENSHOTS, name + ".png"))
        assert colours[0] != colours[1] and colours[0] == colours[2], colours
        gateway.check_identity()
        gateway.stop()
        wait_for(page, "document.getElementById('state').dataset.state === 'away'")
        assert "The gateway" in text_of(page, "#notice") and "What is shown is old" in text_of(page, "#notice")
        gateway.start()
        wait_for(page, "document.getElementById('state').textContent === 'Live' && document.getElementById('notice').hidden")
        page = browser.open("http://127.0.0.1:%d/live?stream=orders" % gateway.port, first=WATCH_POLICY)
        wait_for(page, "document.getElementById('streams').innerText.includes('orders')")
        assert "events" not in text_of(page, "#streams")
        assert page.evaluate("window.broken") == [] and page.problems() == []
    gateway.finish(56)


@watched(live="{ enabled: false }")
def a_gateway_that_does_not_show_has_no_such_pages(gateway):
    assert gateway.request("GET", "/live")[0] == 404 and gateway.request("GET", "/live/events?once=1")[0] == 404
    assert "\"/live\"" not in gateway.get("/openapi.json")[1] and "watch events" not in gateway.log()


if __name__ == "__main__":
    main([numbers_are_those_of_the_identity_and_of_the_metrics,
          what_is_refused_and_accepted_is_told_without_what_is_personal,
          viewers_are_as_many_as_the_option_says_and_a_flood_shows_as_much_as_the_option_says,
          a_viewer_that_does_not_read_is_skipped_and_holds_nobody_up,
          a_key_sees_what_it_is_for_and_a_reload_ends_who_has_none_any_more,
          over_tls_too_and_a_stop_ends_who_watches_at_once,
          the_page_shows_where_every_event_is_and_what_strangers_sent_is_text,
          a_gateway_that_does_not_show_has_no_such_pages])
