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
from test_udp_keys import hash_of, refused, signed

RELOADS = int(os.environ.get("RELOADS", "100"))

CONFIG = """
http: {{ listen: "127.0.0.1:0"{http} }}
admin: {{ listen: "127.0.0.1:0" }}
udp: {{ listeners: [{{ listen: "127.0.0.1:0"{listener} }}] }}
log: {{ level: {level} }}
drain: {{ timeout: 30s }}
journal: {{ data: "{data}" }}
store: {{ kind: clickhouse, url: "{url}" }}
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

    def __init__(self, folder, url, **words):
        super().__init__(folder, config=os.path.join(folder, "sluice.yaml"))
        self.url = url
        for name in ("SLUICE_HTTP", "SLUICE_UDP", "SLUICE_DATA", "SLUICE_DRAIN_TIMEOUT"):
            del self.env[name]
        self.write(**words)

    def start(self, timeout=60):
        super().start(timeout)
        self.pages_port = next(port for _, port, serves in self.http if serves == {"admin"})
        self.port = next(port for _, port, serves in self.http if serves != {"admin"})
        return self

    def write(self, **words):
        words = dict({"http": "", "listener": "", "level": "info", "more": "", "delay": "200ms", "stream": "", "channel": "", "fields": "", "url": self.url,
                      "data": os.path.join(self.folder, "data")}, **words)
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


def with_file(test):
    def run(folder):
        path = os.path.join(folder, "server")
        os.makedirs(path)
        server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
        gateway = Reloaded(folder, server.url)
        gateway.server = server
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
    said = gateway.reload(fields="")
    assert "fields[score]: is gone" in said, said
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
    dict(channel=", one_of: [web, app, ios, android, email]", delay="50ms"),
    dict(stream="max_event: 100KiB", delay="500ms", fields="- { name: referrer, type: String }"),
    dict(fields="- { name: referrer, type: String }\n      - { name: score, type: UInt8 }"),
    dict(http=""),
]
BAD = [dict(level="loud"), dict(http=", max_body: 1KB, nothing: 1"), dict(more="streams: []"), dict(more="limits: [")]


@with_file
def under_full_load_no_request_is_lost_and_no_answer_is_wrong(gateway):
    loads = [Load(gateway, "http", 0, connections=8, bulk=100, events=20000, path="/events/bulk?ids=0"),
             Load(gateway, "http", 1 << 34, connections=8, events=2000),
             Load(gateway, "ws", 1 << 35, connections=4, bulk=100, events=20000),
             Load(gateway, "udp", 1 << 36, bulk=10, events=5000, rate=20000)]
    gateway.server.query("ALTER TABLE events ADD COLUMN referrer String, ADD COLUMN score UInt8")
    for load in loads:
        load.start()
    began, slowest = time.time(), 0
    for number in range(RELOADS):
        bad = number % 10 == 9
        at = time.time()
        said = gateway.reload(**(BAD[number // 10 % len(BAD)] if bad else VARIANTS[number % len(VARIANTS)]))
        assert ("reload refused" in said) == bad and "takes a restart" not in said, said
        slowest = max(slowest, time.time() - at)
    took = time.time() - began
    for load in loads:
        load.finish()
    assert not any(load.wrong for load in loads), [load.wrong[:2] for load in loads]
    results = {dict(key)["result"]: int(n) for key, n in gateway.metrics()["sluice_config_reloads_total"].items()}
    assert results["refused"] == RELOADS // 10 and results["busy"] == 0 and sum(results.values()) == RELOADS, results
    pauses, of = (value(gateway, "sluice_config_reload_pause_seconds_" + what) for what in ("sum", "count"))
    gateway.reload()
    gateway.wait_stored(240)
    gateway.check_identity()
    clients = sum(load.accepted for load in loads)
    udp = gateway.sum("sluice_events_accepted_total", protocol="udp")
    dropped = gateway.sum("sluice_udp_kernel_drops_total")
    assert udp + 10 * dropped >= loads[3].sent, (udp, dropped, loads[3].sent)
    assert clients == gateway.sum("sluice_events_accepted_total") - udp
    gateway.stop()
    stored = gateway.server.query("SELECT count() FROM events FINAL").strip()
    assert stored == str(clients + udp), (stored, clients, udp)
    print("        %d reloads in %.1f s, the slowest %.0f ms, a pause of %.1f ms at the mean; %d events" %
          (RELOADS, took, slowest * 1000, pauses / of * 1000, clients + udp))


def new_key(name):
    """A key that `sluice key new` makes, and its entry."""
    made = subprocess.run([os.path.join(BUILD, "sluice"), "key", "new", "--name", name, "--scopes", "write"],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    return made.split("\n", 1)[0], "\n".join(line for line in made.splitlines()[1:] if not line.startswith("#")) + "\n"


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


if __name__ == "__main__":
    main([
        what_is_taken_holds_at_once_and_what_is_not_is_named,
        a_bad_file_changes_nothing_and_each_problem_is_told,
        what_is_half_received_keeps_its_place,
        a_stream_gets_rules_and_fields_that_its_table_has,
        what_no_reload_can_do_to_streams_is_named,
        a_key_is_revoked_and_given_back_while_another_is_at_work,
        what_signs_datagrams_changes_and_what_was_taken_is_remembered,
        under_full_load_no_request_is_lost_and_no_answer_is_wrong,
    ])
