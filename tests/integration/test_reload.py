"""A reload under full load: no request is lost, no answer is wrong, and what the file says holds from then on.

RELOADS says how many; they are as many as a thousand when somebody looks at memory."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import websocket
from check import main
from gateway import BUILD, SERVER_BUILD, Gateway, event, run_load
from servers import start_chdb_server
from test_limits_rates import Flood
from test_udp_keys import hash_of, refused, signed

OPEN = ', allow: ["0.0.0.0/0", "::/0"]'  # a listener that had rules keeps some over a reload
RELOADS = int(os.environ.get("RELOADS", "100"))

CONFIG = """
http: {{ listen: "127.0.0.1:0"{http} }}
admin: {{ listen: "127.0.0.1:0" }}
udp: {{ listeners: [{{ listen: "127.0.0.1:0"{listener} }}{udp}] }}
log: {{ level: {level} }}
drain: {{ timeout: 30s }}
journal: {{ data: "{data}" }}
store: {{ kind: clickhouse, url: "{url}" }}
{keys}
{more}
streams:
  - name: events
    dedup_key: [event_name, user_id, timestamp]
    batch: {{ max_delay: {delay} }}
    {stream}
    fields:
      - {{ name: event_name, type: LowCardinality(String), required: true }}
      - {{ name: channel, type: LowCardinality(String){channel} }}
      - {{ name: user_id, type: String, required: true }}
      - {{ name: timestamp, type: "DateTime64(3)", required: true, unit: ms }}
      - {{ name: tags, type: Array(String) }}
      - {{ name: metadata, type: String, json: object }}
      {fields}
"""


class Reloaded(Gateway):
    """A gateway whose file can be written anew."""

    def __init__(self, folder, url, **usual):
        super().__init__(folder, config=os.path.join(folder, "sluice.yaml"))
        self.url = url
        self.usual = usual
        for name in ("SLUICE_HTTP", "SLUICE_UDP", "SLUICE_DATA", "SLUICE_DRAIN_TIMEOUT"):
            del self.env[name]
        self.write()

    def start(self, timeout=60):
        super().start(timeout)
        self.pages_port = next(port for _, port, serves in self.http if serves == {"admin"})
        self.port = next(port for _, port, serves in self.http if serves != {"admin"})
        return self

    def write(self, **words):
        words = {"http": "", "listener": OPEN, "udp": "", "keys": "", "level": "info", "more": "", "delay": "200ms", "stream": "", "channel": "",
                 "fields": "", "url": self.url, "data": os.path.join(self.folder, "data"), **self.usual, **words}
        with open(self.config + ".new", "w") as file:
            file.write(CONFIG.format(**words))
        os.rename(self.config + ".new", self.config)

    def reload(self, **words):
        """Returns what the log says of it."""
        if words:
            self.write(**words)
        before, at = self.reloads, len(self.log())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.time() + 30
        while self.sum("sluice_config_reloads_total") == before:
            assert time.time() < deadline, "no reload within 30 s:\n" + self.log()[at:][-2000:]
            time.sleep(0.005)
        self.reloads = before + 1
        return self.log()[at:]

    reloads = 0


def new_key(name):
    """A key that `sluice key new` makes, and its entry."""
    made = subprocess.run([os.path.join(BUILD, "sluice"), "key", "new", "--name", name, "--scopes", "write"],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    return made.split("\n", 1)[0], "\n".join(line for line in made.splitlines()[1:] if not line.startswith("#")) + "\n"


def with_file(test, keys=False):
    """With keys a load may use: a file of them, and a second address of UDP that wants signatures."""
    def run(folder):
        path = os.path.join(folder, "server")
        os.makedirs(path)
        keyring = Keyring(folder) if keys else None
        usual = dict(keys="keys_file: keys.yaml", udp=', { listen: "[::1]:0", hmac: [signer] }') if keys else {}
        server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
        gateway = Reloaded(folder, server.url, **usual)
        gateway.server, gateway.keyring = server, keyring
        try:
            test(gateway.start())
            if gateway.running():
                gateway.stop()
        finally:
            gateway.cleanup()
            server.stop()
    run.__name__ = test.__name__
    return run


def value(gateway, name):
    return next(iter(gateway.metrics()[name].values()))


@with_file
def what_is_taken_holds_at_once_and_what_is_not_is_named(gateway):
    said = gateway.reload(http=", io_threads: 4, cors_origins: [\"https://shop.example\"], max_body: 2KiB, hosts: [a.example]")
    assert "not reloaded: http.io_threads: was 1, is 4; takes a restart" in said, said
    assert "reloaded: http.max_body: was 16MiB, is 2KiB" in said, said
    assert gateway.sum("sluice_config_reloads_total", result="partly") == 1
    status, headers, _ = gateway.request("POST", "/events", json.dumps(event(1)), {
        "Content-Type": "application/json", "Origin": "https://shop.example"})
    assert status == 202 and headers["access-control-allow-origin"] == "https://shop.example", (status, headers)
    assert gateway.post("/events", event(2, channel="x" * 3000))[0] == 413
    assert gateway.request("GET", "/livez", headers={"Host": "evil.example"})[0] == 421
    assert gateway.get("/readyz")[0] == 200
    assert "configuration: degraded" in gateway.get("/readyz?verbose")[1]
    gateway.reload(http="")
    assert gateway.post("/events", event(2, channel="x" * 3000))[0] == 202
    assert gateway.request("GET", "/livez", headers={"Host": "evil.example"})[0] != 421
    assert "configuration: ok" in gateway.get("/readyz?verbose")[1]
    gateway.wait_stored()
    gateway.check_identity()


@with_file
def a_bad_file_changes_nothing_and_each_problem_is_told(gateway):
    gateway.reload(http=", max_body: 2KiB")
    taken = value(gateway, "sluice_config_last_reload_success_timestamp_seconds")
    said = gateway.reload(http=", max_body: 1GiB, idle_timeout: soon, no_such_option: 1", level="loud")
    for problem in ("idle_timeout: found \"soon\"", "no_such_option", "log.level: found \"loud\""):
        assert "reload refused" in said and problem in said, (problem, said)
    assert value(gateway, "sluice_config_last_reload_successful") == 0
    assert value(gateway, "sluice_config_last_reload_success_timestamp_seconds") == taken
    assert "configuration: degraded" in gateway.get("/readyz?verbose")[1] and gateway.get("/readyz")[0] == 200
    assert gateway.post("/events", event(1, channel="x" * 3000))[0] == 413, "what held before holds on"
    os.unlink(gateway.config)
    assert "reload refused" in gateway.reload()
    gateway.reload(http="")
    assert value(gateway, "sluice_config_last_reload_successful") == 1
    assert gateway.post("/events", event(1, channel="x" * 3000))[0] == 202
    gateway.wait_stored()
    gateway.check_identity()


@with_file
def what_is_half_received_keeps_its_place(gateway):
    """A request and a message that are longer than what the new file allows, and have begun before it."""
    body = json.dumps([event(n) for n in range(100)]).encode()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.putrequest("POST", "/events/bulk")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"%x\r\n%s\r\n" % (len(body) - 10, body[:-10]))
    client = websocket.Client(gateway.port)
    text = json.dumps([event(n) for n in range(100, 200)]).encode()
    client.socket.sendall(websocket.frame(websocket.TEXT, text[:-10], fin=False))
    time.sleep(0.3)
    gateway.reload(http=", max_body: 1KiB", more="websocket: { max_message: 1KiB }")
    connection.send(b"a\r\n%s\r\n0\r\n\r\n" % body[-10:])
    assert connection.getresponse().status == 413
    client.socket.sendall(websocket.frame(websocket.CONTINUATION, text[-10:]))
    assert client.closed()[0] == 1009
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_accepted_total") == 0


@with_file
def a_stream_gets_rules_and_fields_that_its_table_has(gateway):
    extra = "- { name: referrer, type: String }\n      - { name: score, type: UInt8, max: 10 }"
    assert gateway.post("/events", event(1, referrer="r1", score=1))[0] == 202
    said = gateway.reload(fields=extra)
    assert "streams[events]: has changed, and " in said and "takes a restart, or ALTER TABLE and another reload" in said, said
    assert gateway.post("/events", event(2, referrer="r2", score=99))[0] == 202, "the table does not have the fields yet"
    gateway.wait_stored()
    gateway.server.query("ALTER TABLE events ADD COLUMN referrer String, ADD COLUMN score UInt8")
    said = gateway.reload(channel=", one_of: [web, app]")
    assert "reloaded: streams[events].fields[channel].one_of" in said and "takes a restart" not in said, said
    assert gateway.post("/events", event(3, channel="tv"))[0] == 400
    said = gateway.reload(fields=extra, stream="max_event: 300B", delay="300ms")
    for change in ("fields[referrer]: is new", "fields[score]: is new", "max_event: was 1MiB, is 300B", "max_delay: was 200ms"):
        assert "reloaded: streams[events]." + ("batch." if "delay" in change else "") + change in said, (change, said)
    assert gateway.post("/events", event(4, referrer="r4", score=4, channel="tv"))[0] == 202
    assert gateway.post("/events", event(5, score=11))[0] == 400
    assert gateway.sum("sluice_events_rejected_by_field_total", field="channel") == 1, "counts go with their field"
    assert gateway.sum("sluice_events_rejected_by_field_total", field="score") == 1
    assert gateway.post("/events", event(6, referrer="x" * 300))[0] in (400, 413)
    assert gateway.post("/events/bulk", [event(7, referrer="r7"), event(1)])[0] == 202
    assert b"referrer" in gateway.request("GET", "/openapi.json")[2]
    said = gateway.reload(fields="")
    assert "fields[score]: is gone" in said, said
    assert b"referrer" not in gateway.request("GET", "/openapi.json")[2]
    assert gateway.post("/events", event(8, referrer="r8", score=99))[0] == 202
    gateway.wait_stored()
    gateway.check_identity()
    rows = gateway.server.query("SELECT user_id, referrer, score FROM events FINAL ORDER BY user_id").split("\n")
    assert [row.split("\t") for row in rows if row] == [
        [event(n)["user_id"], referrer, str(score)] for n, referrer, score in
        ((1, "", 0), (2, "", 0), (4, "r4", 4), (7, "r7", 0), (8, "", 0))], rows


@with_file
def what_no_reload_can_do_to_streams_is_named(gateway):
    said = gateway.reload(stream="order_by: [user_id]", more="", fields="- { name: id, type: UUID, fill: event_id }")
    assert "streams[events].order_by: was [], is [\"user_id\"]; takes a restart" in said, said
    gateway.write()
    with open(gateway.config, "a") as file:
        file.write("  - { name: orders, fields: [{ name: id, type: String }] }\n")
    assert "streams[orders]: is new; takes a restart" in gateway.reload()
    assert gateway.post("/events?stream=orders", {"id": "1"})[0] == 404
    assert gateway.post("/events", event(1))[0] == 202
    gateway.wait_stored()
    gateway.check_identity()


@with_file
def a_rate_that_is_changed_holds_from_then_on(gateway):
    def measure(seconds, first, rate):
        """Of an address that asks for far more than it may: what it gets, and what it asked for. Each reply is judged."""
        flood = Flood(gateway.port, first, rate, rate or 0, full=False)
        began = time.time()
        while time.time() < began + seconds or (rate and flood.accepted == flood.answered):
            flood.send(["client"] * 32)
            flood.read(0)
        flood.socket.close()
        return flood.accepted, flood.answered

    accepted = 0
    for number, rate in enumerate((50, 20, 100, None)):
        said = gateway.reload(more="limits: { address: { requests: %d, burst: 1s } }" % rate if rate else "")
        assert "reloaded: limits.address.requests" in said, said
        taken, asked = measure(2 if rate else 0.5, number * 10 ** 9, rate)
        accepted += taken
        assert rate or taken == asked, (taken, asked)
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_accepted_total") == accepted


QUERIES = """
queries:
  many: {{ path: /many, select: {{ rows: {{ sql: "SELECT number FROM numbers(50)" }} }}, max_rows: {max_rows}, cache: {cache} }}
query: {{ max_range: {range}, timeout: {timeout}, max_rows_to_read: {read}, queue: {queue}, cache_bytes: 1MiB }}
writer: {{ backoff_min: {backoff}, backoff_max: {backoff}, breaker_failures: 1000 }}
"""


@with_file
def numbers_of_queries_and_retries_are_changed(gateway):
    usual = dict(max_rows=100, cache="0s", range="0s", timeout="10s", read=0, queue=64, backoff="30s")

    def reload(**words):
        return gateway.reload(more=QUERIES.format(**dict(usual, **words)))

    def get(path):
        status, _, body = gateway.request("GET", path)
        return status, body.decode()

    def asked():
        return get("/many")[0]

    assert "queries[many]: is new; takes a restart" in reload()
    gateway.stop()
    gateway.reloads = 0
    gateway.start()
    counts = "/events/metrics?event_name=product_view&from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z"
    assert asked() == 200 and get(counts)[0] == 200
    said = reload(max_rows=10, range="1h", read=7)
    for change in ("queries[many].max_rows: was 100, is 10", "query.max_range: was 0s, is 1h", "query.max_rows_to_read: was 0, is 7"):
        assert "reloaded: " + change in said, (change, said)
    assert "takes a restart" not in said and asked() == 502
    status, text = get(counts)
    assert status == 400 and "query.max_range" in text, (status, text)
    reload(read=7)
    assert asked() == 502, "it may read 7 rows"
    reload(cache="1h")
    assert asked() == 200
    reload(cache="1h", read=7)
    assert asked() == 200, "an answer that is kept stays kept"
    reload(read=7)
    assert asked() == 502, "it is not given again"
    reload()
    assert asked() == 200
    assert "reloaded: writer.backoff_max: was 30s, is 20ms" in reload(backoff="20ms")
    gateway.server.stop()
    assert gateway.post("/events", event(1))[0] == 202
    gateway.wait_until("retries", lambda: gateway.sum("sluice_insert_failures_total") > 3, 15)
    gateway.server.start()
    gateway.wait_stored()
    gateway.check_identity()


class Load(threading.Thread):
    """Runs the load generator again and again, and adds up what was accepted."""

    def __init__(self, gateway, protocol, first, **options):
        super().__init__(daemon=True)
        self.port = gateway.udp[0][1] if protocol == "udp" else gateway.port
        self.protocol, self.first, self.options = protocol, first, options
        self.sent = self.accepted = 0
        self.wrong = []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            code, report = run_load(self.protocol, self.port, start=self.first, **self.options)
            self.first += self.options["events"]
            self.sent += report["events"]
            self.accepted += report.get("accepted", 0)
            if code != 0 or report.get("failed", 0) != 0:
                self.wrong.append(report)

    def finish(self):
        self.ending.set()
        self.join(120)
        assert not self.is_alive()


VARIANTS = [
    dict(http=", idle_timeout: 20s, hosts: [a.example, 127.0.0.1]", level="warn"),
    dict(http=", max_body: 8MiB, cors_origins: [\"https://shop.example\"]", more="websocket: { max_in_flight: 30000 }"),
    dict(http=", trusted_proxies: [10.0.0.0/8]", listener=", allow: [127.0.0.0/8]"),
    dict(more="limits: { address: { events: 10000000, requests: 10000000 } }"),
    dict(more="limits: { all: { events: 10000000 } }"),
    dict(more="query: { timeout: 5s, max_memory: 1GiB, queue: 9, cache_bytes: 1MiB }"),
    dict(more="writer: { backoff_min: 10ms, backoff_max: 10s, breaker_failures: 2 }"),
    dict(channel=", one_of: [web, app, ios, android, email]", delay="50ms"),
    dict(stream="max_event: 100KiB", delay="500ms", fields="- { name: referrer, type: String }"),
    dict(fields="- { name: referrer, type: String }\n      - { name: score, type: UInt8 }"),
    dict(http=""),
]
BAD = [dict(level="loud"), dict(http=", max_body: 1KB, nothing: 1"), dict(more="streams: []"), dict(more="limits: [")]


class Keyring:
    """Keys that come and go. `number` is odd while they change."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "keys.yaml")
        self.texts, self.entries = zip(*(new_key(name) for name in ("worker", "guest", "signer")))
        self.number, self.revoked = 0, False
        self.write()

    def write(self):
        """A revoked guest is not in the file, a revoked signer is disabled: UDP's `hmac` names it."""
        worker, guest, signer = self.entries
        with open(self.path, "w") as file:
            file.write(worker + ("" if self.revoked else guest) + signer + "  disabled: %s\n" % str(self.revoked).lower())

    def change(self, reload):
        self.number += 1
        self.revoked = not self.revoked
        self.write()
        said = reload()
        self.number += 1
        return said


class Guest(threading.Thread):
    """Sends one event after the other with a key that is revoked and given back. What is right is known of a question during which no key
    changed."""

    def __init__(self, gateway, keyring, first):
        super().__init__(daemon=True)
        self.gateway, self.keyring, self.next = gateway, keyring, first
        self.accepted = self.refused = 0
        self.wrong = []
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            number, revoked = self.keyring.number, self.keyring.revoked
            try:
                outcome = self.ask(event(self.next))
            except Exception as problem:                # a thread's exception would be lost
                outcome = repr(problem)
            self.next += 1
            self.accepted += outcome == "accepted"
            self.refused += outcome == "refused"
            steady = number % 2 == 0 and number == self.keyring.number
            if outcome not in ("accepted", "refused") or (steady and (outcome == "refused") != revoked):
                self.wrong.append((outcome, number, revoked))
            time.sleep(0.002)

    def finish(self):
        self.ending.set()
        self.join(120)
        assert not self.is_alive()


class HttpGuest(Guest):
    connection = None

    def ask(self, value):
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        self.connection.request("POST", "/events", json.dumps(value), {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.keyring.texts[1]})
        reply = self.connection.getresponse()
        text = reply.read().decode()
        return {202: "accepted", 401: "refused"}.get(reply.status, "%d %s" % (reply.status, text))


class WebSocketGuest(Guest):
    client = None

    def ask(self, value):
        try:
            if self.client is None:
                self.client = websocket.Client(self.gateway.port, "/ws?key=" + self.keyring.texts[1], timeout=60)
            _, ack = self.client.text(value).read()
            return "accepted" if ack["accepted"] == 1 else "acknowledged " + json.dumps(ack)
        except websocket.Closed as closed:
            self.client.socket.close()
            self.client = None
            return "refused" if closed.code == 1008 else repr(closed)
        except AssertionError as answer:                # to the handshake
            return "refused" if "HTTP/1.1 401" in str(answer) else str(answer)


class Signer(Guest):
    """Nothing comes back: what became of its datagrams is in the metrics."""

    def ask(self, value):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.sendto(signed(json.dumps(value).encode(), self.keyring.texts[2]), ("::1", self.gateway.udp[1][1]))
        return "refused" if self.keyring.revoked else "accepted"

    def steady(self, count=20):
        """Sends so many while nothing changes, with nothing else under way: (accepted, refused) of them."""
        def seen():
            return (self.gateway.sum("sluice_key_events_accepted_total", key="signer"),
                    self.gateway.sum("sluice_events_rejected_total", protocol="udp", reason="key_disabled"))
        before = seen()
        for number in range(count):
            self.ask(event(self.next + number))
        self.next += count
        self.gateway.wait_until("datagrams are read", lambda: sum(seen()) - sum(before) >= count)
        return tuple(now - then for now, then in zip(seen(), before))


def with_keys(test):
    return with_file(test, keys=True)


@with_keys
def under_full_load_no_request_is_lost_and_no_answer_is_wrong(gateway):
    """A load with a key that stays, and one of datagrams that need none; beside it guests whose keys come and go."""
    keyring = gateway.keyring
    key = "key=" + keyring.texts[0]
    loads = [Load(gateway, "http", 0, connections=8, bulk=100, events=20000, path="/events/bulk?ids=0&" + key),
             Load(gateway, "http", 1 << 34, connections=8, events=2000, path="/events?" + key),
             Load(gateway, "ws", 1 << 35, connections=4, bulk=100, events=20000, path="/ws?" + key),
             Load(gateway, "udp", 1 << 36, bulk=10, events=5000, rate=20000)]
    guests = [HttpGuest(gateway, keyring, 1 << 37), WebSocketGuest(gateway, keyring, 1 << 38)]
    signer = Signer(gateway, keyring, 1 << 39)
    gateway.server.query("ALTER TABLE events ADD COLUMN referrer String, ADD COLUMN score UInt8")
    for thread in (*loads, *guests, signer):
        thread.start()
    began, slowest = time.time(), 0
    for number in range(RELOADS):
        bad = number % 10 == 9
        words = BAD[number // 10 % len(BAD)] if bad else VARIANTS[number % len(VARIANTS)]
        at = time.time()
        if number % 4 == 0:
            said = keyring.change(lambda words=words: gateway.reload(**words))
        else:
            said = gateway.reload(**words)
        assert ("reload refused" in said) == bad and "takes a restart" not in said, said
        slowest = max(slowest, time.time() - at)
    took = time.time() - began
    for thread in (*loads, *guests, signer):
        thread.finish()
    assert not any(thread.wrong for thread in (*loads, *guests)), [thread.wrong[:2] for thread in (*loads, *guests)]
    assert all(guest.accepted and guest.refused for guest in guests)
    changes = keyring.number // 2
    results = {dict(key)["result"]: int(n) for key, n in gateway.metrics()["sluice_config_reloads_total"].items()}
    assert results["refused"] == RELOADS // 10 and results["busy"] == 0 and sum(results.values()) == RELOADS, results
    pauses, of = (value(gateway, "sluice_config_reload_pause_seconds_" + what) for what in ("sum", "count"))
    gateway.reload(http="")
    gateway.wait_stored(240)
    for _ in range(2):
        assert signer.steady() == ((0, 20) if keyring.revoked else (20, 0))
        keyring.change(gateway.reload)
    gateway.wait_stored(240)
    gateway.check_identity()
    clients = sum(load.accepted for load in (*loads, *guests))
    udp = gateway.sum("sluice_events_accepted_total", protocol="udp")
    by_signer = gateway.sum("sluice_key_events_accepted_total", key="signer")
    dropped = gateway.sum("sluice_udp_kernel_drops_total")
    assert udp - by_signer + 10 * dropped >= loads[3].sent, (udp, by_signer, dropped, loads[3].sent)
    assert clients == gateway.sum("sluice_events_accepted_total") - udp, (clients, gateway.sum("sluice_events_accepted_total"), udp)
    gateway.stop()
    stored = gateway.server.query("SELECT count() FROM events FINAL").strip()
    assert stored == str(clients + udp), (stored, clients, udp)
    print("        %d reloads in %.1f s, the slowest %.0f ms, a pause of %.1f ms at the mean; %d events; keys changed %d times: %d "
          "questions with a key that was there, %d with one that was not" %
          (RELOADS, took, slowest * 1000, pauses / of * 1000, clients + udp, changes, sum(guest.accepted for guest in guests),
           sum(guest.refused for guest in guests)))


@with_file
def a_key_is_revoked_and_given_back_while_another_is_at_work(gateway):
    texts, entries = zip(*(new_key(name) for name in ("worker", "guest")))

    def give(*of):
        with open(os.path.join(gateway.folder, "keys.yaml"), "w") as file:
            file.write("".join(of))
        gateway.reload(more="keys_file: keys.yaml")

    give(*entries)
    client = websocket.Client(gateway.port, "/ws?key=" + texts[1])
    client.text(event(1)).acks(1)
    loads = [Load(gateway, "http", 0, connections=8, bulk=100, events=20000, path="/events/bulk?ids=0&key=" + texts[0]),
             Load(gateway, "ws", 1 << 35, connections=4, bulk=100, events=20000, path="/ws?key=" + texts[0])]
    for load in loads:
        load.start()
    guests = 1
    for number in range(max(RELOADS // 5, 2)):
        revoked = number % 2 == 0
        give(entries[0], *([] if revoked else [entries[1]]))
        for tries in range(3):
            status = gateway.post("/events", event((1 << 36) + guests), {"Authorization": "Bearer " + texts[1]})[0]
            assert status == (401 if revoked else 202), (number, status)
            guests += status == 202
        if number == 0:
            client.text(event(2))
            assert client.closed()[0] not in (None, 1006), "a WebSocket lives on with a key that is revoked"
    for load in loads:
        load.finish()
    assert not any(load.wrong for load in loads), [load.wrong[:2] for load in loads]
    gateway.wait_stored(240)
    gateway.check_identity()
    gateway.stop()
    stored = gateway.server.query("SELECT count() FROM events FINAL").strip()
    assert stored == str(sum(load.accepted for load in loads) + guests), (stored, guests)


@with_file
def what_signs_datagrams_changes_and_what_was_taken_is_remembered(gateway):
    """Names that two keys swap, a key that is disabled and given back, one that leaves `hmac`: each datagram once all the while."""
    sent, taken = 0, []

    def give(of, names=("one", "two"), off=()):
        entries = ", ".join("{ name: %s, sha256: %s, scopes: [write], disabled: %s }" %
                            (name, hash_of(of[name]), str(name in off).lower()) for name in of)
        said = gateway.reload(listener=", hmac: [%s]" % ", ".join(names), more="keys: [%s]" % entries)
        assert "takes a restart" not in said and "reload refused" not in said, said

    def send(datagrams):
        nonlocal sent
        sent += len(datagrams)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for datagram in datagrams:
                s.sendto(datagram, ("127.0.0.1", gateway.udp[0][1]))
        gateway.wait_until("all are counted", lambda: gateway.sum("sluice_events_received_total", protocol="udp") == sent and
                           gateway.sum("sluice_events_in_flight") == 0, 10)

    def fresh(*keys):
        made = [signed(json.dumps(event(len(taken) + n)).encode(), key) for n, key in enumerate(keys)]
        taken.extend(made)
        return made

    def accepted():
        return [gateway.sum("sluice_key_events_accepted_total", key=name) for name in ("one", "two")]

    red, blue = {"one": "slw_red", "two": "slw_blue"}, {"one": "slw_blue", "two": "slw_red"}
    give(red)
    send(fresh("slw_red", "slw_red", "slw_blue"))
    assert accepted() == [2, 1] and refused(gateway) == {}
    give(blue)
    send(taken[:3])
    assert refused(gateway) == {"replayed": 3}, refused(gateway)
    before = accepted()
    send(fresh("slw_red", "slw_red", "slw_blue"))
    assert [now - then for now, then in zip(accepted(), before)] == [1, 2], (before, accepted())
    give(blue, off=("two",))
    late = signed(json.dumps(event(100)).encode(), "slw_red")
    send([late] + fresh("slw_blue") + taken[:6])
    assert refused(gateway) == {"replayed": 9, "key_disabled": 1}, refused(gateway)
    give(blue)
    send(fresh("slw_red") + [late] * 2)
    assert refused(gateway) == {"replayed": 11, "key_disabled": 1}, "what a disabled key signed is spent: %s" % refused(gateway)
    give(blue, names=("one",))
    send(taken)
    assert refused(gateway) == {"replayed": 14, "key_disabled": 1, "bad_signature": 5}, refused(gateway)
    give(red)       # a key that comes back to `hmac` starts anew: what was signed before is too old
    send(taken[:] + fresh("slw_red"))
    assert refused(gateway) == {"replayed": 17, "key_disabled": 1, "bad_signature": 5, "signature_time": 5}, refused(gateway)
    assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == 0
    assert "reload refused" in gateway.reload(listener=", hmac: [one]", more=""), "a name that is none"
    send(taken)
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 9
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.server.query("SELECT count(), uniqExact(user_id) FROM events FINAL") == "9\t9\n"


@with_file
def rules_of_udp_that_are_gone_refuse_a_reload_and_others_take_their_place(gateway):
    for number, rules in enumerate((", allow: [127.0.0.0/8]", OPEN)):
        gateway.reload(listener=rules)
        said = gateway.reload(listener="", http=", max_body: 2KiB")
        assert "reload refused" in said and "found neither allow nor hmac at 127.0.0.1:0" in said, said
        assert gateway.post("/events", event(number, channel="x" * 3000))[0] == 202, "nothing of it was taken"
    assert "reload refused" not in gateway.reload(listener=OPEN, http=", max_body: 2KiB")
    assert gateway.post("/events", event(2, channel="x" * 3000))[0] == 413
    gateway.wait_stored()
    gateway.check_identity()


if __name__ == "__main__":
    main([rules_of_udp_that_are_gone_refuse_a_reload_and_others_take_their_place,
          
        what_is_taken_holds_at_once_and_what_is_not_is_named,
        a_bad_file_changes_nothing_and_each_problem_is_told,
        what_is_half_received_keeps_its_place,
        a_stream_gets_rules_and_fields_that_its_table_has,
        what_no_reload_can_do_to_streams_is_named,
        a_rate_that_is_changed_holds_from_then_on,
        numbers_of_queries_and_retries_are_changed,
        a_key_is_revoked_and_given_back_while_another_is_at_work,
        what_signs_datagrams_changes_and_what_was_taken_is_remembered,
        under_full_load_no_request_is_lost_and_no_answer_is_wrong,
    ])
