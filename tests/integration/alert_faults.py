"""The faults that the alerts are for, each made on a real gateway. A fault runs in a thread of its own until the alerts that it is
to raise have fired. Prometheus watches its gateways under the name of the fault."""
import contextlib
import glob
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import yaml

from gateway import BUILD, Gateway
from proxy import Proxy
from servers import free_port, start_redis
from test_damage import flip, frames_of, read
from test_keys import new_key
from test_tls import Certificates
from websocket import Client, Closed

FAULTS = []
FIELDS = [{"name": "id", "type": "String", "required": True}, {"name": "kind", "type": "String"}]


def fault(*alerts, ready=lambda: True):
    """Raises these alerts. `ready`: whether this machine lets it be made."""
    def decorate(run):
        FAULTS.append((run, alerts, ready))
        return run
    return decorate


class Place:
    """Where a fault happens: a folder, a store that others use as well, and the run that Prometheus looks at."""

    def __init__(self, name, folder, store, run):
        self.name, self.folder, self.store, self.run = name, os.path.join(folder, name), store, run
        self.undo = contextlib.ExitStack()
        self.gateways = []
        self.numbers = iter(range(10**9))
        os.makedirs(self.folder)

    def goes_on(self, pause=0.25):
        """False once the alerts have fired."""
        return not self.run.ending.wait(pause)

    def wait_for_scrapes(self, count=2):
        """So that Prometheus knows how things were before."""
        self.minutes(count)

    def minutes(self, count):
        """False if the end came before. How long a minute takes: monitoring.scaled."""
        until = time.time() + count * self.run.minute
        while time.time() < until:
            if not self.goes_on(0.1):
                return False
        return True

    def gateway(self, store=None, env=None, watched=True, **sections):
        """Not started yet. A page for Prometheus at an address of its own, a small stream, a database of its own."""
        gateway = AlertedGateway(self, store or self.store.url, env or {}, sections)
        self.undo.callback(gateway.cleanup)
        self.gateways.append(gateway)
        if watched:
            self.watch(gateway.pages_port)
        return gateway

    def tell(self):
        return "\n".join("running: %s\n%s" % (gateway.running(), gateway.log()[-1000:]) for gateway in self.gateways)

    def watch(self, port):
        self.run.watch({self.name: port})

    def run_sql(self, statement):
        return self.store.query(statement, database=self.name)


class AlertedGateway(Gateway):
    def __init__(self, place, store, env, sections):
        self.place = place
        self.fixed_port, pages_port = free_port(), free_port()
        config = {"http": {"listen": "127.0.0.1:%d" % self.fixed_port}, "admin": {"listen": "127.0.0.1:%d" % pages_port},
                  "udp": {"listeners": []}, "journal": {"min_free": "0", "durability": "os"}, "writer": {"backoff_max": "1s"},
                  "store": {"kind": "clickhouse", "url": store, "database": place.name},
                  "streams": [{"name": "events", "dedup_key": ["id"], "batch": {"max_delay": "200ms"}, "fields": FIELDS}]}
        for name, section in sections.items():
            if isinstance(section, dict):
                config.setdefault(name, {}).update(section)
            else:
                config[name] = section
        place.store.query("CREATE DATABASE IF NOT EXISTS " + place.name)
        path = os.path.join(place.folder, "sluice.yaml")
        with open(path, "w") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        super().__init__(place.folder, config=path, env=dict({"SLUICE_HTTP": "", "SLUICE_UDP": "", "SLUICE_DURABILITY": "",
                                                              "SLUICE_DRAIN_TIMEOUT": "0s"}, **env))
        self.pages_port = pages_port

    def start(self, timeout=60):
        super().start(timeout)
        self.port = self.fixed_port
        return self

    def send(self, count=1, stream="", headers=None, **fields):
        """So many new events in one request; its status, None without a reply."""
        events = [dict({"id": "%s-%d" % (self.place.name, next(self.place.numbers))}, **fields) for _ in range(count)]
        try:
            return self.request("POST", "/events/bulk?ids=0&stream=" + stream, json.dumps(events), headers, timeout=60)[0]
        except OSError:
            return None


@fault("SluiceDown")
def stopped(place):
    gateway = place.gateway().start()
    gateway.stop()
    while place.goes_on():
        pass


@fault("SluiceRestarting")
def killed_again_and_again(place):
    gateway = place.gateway()
    while place.goes_on():
        gateway.start()
        place.wait_for_scrapes()
        gateway.kill()


@fault("SluiceReloadRefused")
def reloaded_with_a_bad_file(place):
    gateway = place.gateway().start()
    with open(gateway.config, "a") as file:
        file.write("nonsense: true\n")
    gateway.process.send_signal(signal.SIGHUP)
    while place.goes_on():
        pass


@fault("SluiceIdentityBroken")
def a_page_that_does_not_add_up(place):
    """No gateway that loses an event is to be had. So a real page is given on, and says that one event more had come."""
    gateway = place.gateway(watched=False).start()
    assert gateway.send() == 202

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % gateway.pages_port, timeout=5) as reply:
                text = reply.read().decode()
            line = 'sluice_events_received_total{protocol="http",stream="events"} '
            assert line + "1\n" in text
            body = text.replace(line + "1\n", line + "2\n").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # Prometheus did not wait
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    place.undo.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.watch(server.server_address[1])
    while place.goes_on():
        pass


@fault("SluiceStoreServerAway", "SluiceStoreBehind", "SluiceJournalFilling", "SluiceDropping", "SluiceNotReady", "SluiceQueriesFailing")
def store_away(place):
    """For longer than an hour: the first events came before a restart, by a clock that was behind. Then the journal is full."""
    away = "http://127.0.0.1:%d" % free_port()
    gateway = place.gateway(store=away, journal={"max_bytes": "1MiB"}, writer={"backoff_max": "500ms", "breaker_failures": 3},
                            queries={"all": {"path": "/all", "select": {"n": {"shape": "value", "sql": "SELECT count() FROM {rows}"}}}})
    gateway.env.update(LD_PRELOAD=glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0], FAKETIME="-1h")
    gateway.start()
    gateway.send(10)
    gateway.kill()
    del gateway.env["LD_PRELOAD"]
    gateway.start()
    while place.goes_on():
        gateway.send(100, kind=os.urandom(1000).hex())
        with contextlib.suppress(OSError):
            gateway.request("GET", "/all", timeout=20)


@fault("SluiceDeadLetters", "SluiceDeadLettersFilling", "SluiceBatchesHeld", "SluiceInsertsFailing")
def a_table_that_refuses_rows(place):
    """There is room for one dead letter; the other rows wait."""
    gateway = place.gateway(journal={"max_dead_letters": "1500"}).start()
    gateway.send()
    gateway.wait_stored()           # so there is a table
    place.run_sql("ALTER TABLE events ADD CONSTRAINT not_refused CHECK kind != 'refused'")
    while place.goes_on():
        gateway.send(100, kind="fine")
        if gateway.sum("sluice_batches_held") < 3:
            gateway.send(3, kind="refused")


@fault("SluiceViewGap")
def a_view_that_fails(place):
    gateway = place.gateway().start()
    gateway.send()
    gateway.wait_stored()
    place.run_sql("CREATE TABLE others (rows UInt64) ENGINE = MergeTree ORDER BY rows")
    place.run_sql("CREATE MATERIALIZED VIEW to_others TO others AS SELECT toUInt64(throwIf(kind = 'bad') + 1) AS rows FROM events")
    gateway.send(10, kind="good")
    place.wait_for_scrapes()
    while place.goes_on(1):
        gateway.send(10, kind="bad")


@fault("SluiceUdpDatagramsLost")
def a_flood_of_datagrams(place):
    """The gateway is halted while they come, and its buffer is small."""
    port = free_port()
    gateway = place.gateway(udp={"receive_buffer": "64KiB", "listeners": [{"listen": "127.0.0.1:%d" % port, "stream": "events"}]}).start()
    sender = place.undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    while place.goes_on():
        gateway.process.send_signal(signal.SIGSTOP)
        for _ in range(300):
            sender.sendto(json.dumps({"id": str(next(place.numbers))}).encode(), ("127.0.0.1", port))
        gateway.process.send_signal(signal.SIGCONT)


@fault("SluiceDuplicatesPass", "SluiceLimitsNotShared")
def redis_away(place):
    redis = start_redis(os.path.join(place.folder, "redis"))
    place.undo.callback(redis.stop)
    gateway = place.gateway(dedup={"kind": "redis", "redis_url": redis.url, "redis_timeout": "200ms"},
                            limits={"address": {"requests": 10000}, "shared": True}).start()
    while place.goes_on(0):
        gateway.wait_until("limits are shared", lambda: gateway.sum("sluice_limits_shared") == 1)
        place.wait_for_scrapes(3)
        redis.kill()
        until = time.time() + 20 * place.run.minute # which are a day here, after which nobody knows that limits were shared
        while time.time() < until and place.goes_on():
            gateway.send()
        redis.start()


@fault("SluiceEventsDamaged", "SluiceTornTails")
def a_disk_that_loses_bytes(place):
    """A bit of a sealed segment, and rubbish behind the open one."""
    gateway = place.gateway(store="http://127.0.0.1:%d" % free_port()).start()
    place.wait_for_scrapes(3)

    def segments():
        folder = os.path.join(gateway.env["SLUICE_DATA"], "journal")
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith("events-")]

    while place.minutes(5):
        gateway.send(50)
        gateway.wait_until("it is sealed", lambda: gateway.sum("sluice_batches_waiting") > 0)
        gateway.send(50)
        gateway.kill()
        first, *_, last = segments()
        start, end, _ = max(frames_of(read(first)), key=lambda frame: frame[1] - frame[0])
        flip(first, (start + end) // 2, 3)
        with open(last, "r+b") as file:
            file.truncate(frames_of(read(last))[-1][1])
            file.seek(0, 2)
            file.write(os.urandom(3 << 20))
        gateway.start()


@fault("SluiceFsyncSlow")
def a_disk_that_hangs(place):
    hangs = os.path.join(place.folder, "hangs")
    gateway = place.gateway(env={"LD_PRELOAD": os.path.join(BUILD, "libstuck.so"), "SLUICE_STUCK_FDATASYNC": hangs},
                            journal={"durability": "fsync"}, commit={"queue_events": 1000}).start()

    def send():
        while place.goes_on(0):
            gateway.send(50)

    for _ in range(8):
        threading.Thread(target=send, daemon=True).start()
    while place.goes_on(0.1):
        with open(hangs, "w"):
            place.goes_on(0.4)
        os.remove(hangs)


@fault("SluiceCommitQueueFilling", "SluiceRepliesSlow")
def a_disk_that_stands_still(place):
    hangs = os.path.join(place.folder, "hangs")
    gateway = place.gateway(env={"LD_PRELOAD": os.path.join(BUILD, "libstuck.so"), "SLUICE_STUCK_FDATASYNC": hangs},
                            journal={"durability": "fsync"}, commit={"queue_events": 1000}).start()
    while place.goes_on(0.1):
        with open(hangs, "w"):
            gateway_is_asked = [threading.Thread(target=gateway.send, args=(count,), daemon=True) for count in (1, 300, 300, 300)]
            for thread in gateway_is_asked:
                thread.start()
                place.goes_on(0.3)
            place.goes_on(8)
        os.remove(hangs)
        for thread in gateway_is_asked:
            thread.join()


@fault("SluicePartNotWell")
def a_lookup_that_fails(place):
    place.gateway(lookups=[{"name": "names", "sql": "SELECT id, kind FROM nothing", "refresh": "1s"}]).start()
    while place.goes_on():
        pass


def may_mount():
    return os.geteuid() == 0


@fault("SluiceDiskSoonFull", "SluiceDiskLow", ready=may_mount)
def a_disk_that_fills(place):
    data = os.path.join(place.folder, "data")
    os.makedirs(data)
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=250m", "tmpfs", data])
    place.undo.callback(subprocess.call, ["umount", "-l", data])
    gateway = place.gateway(journal={"min_free": "100MiB"}).start()
    with open(os.path.join(data, "ballast"), "wb", buffering=0) as ballast:
        while place.goes_on(0.5):   # at this pace it is full within four hours, which are four minutes here
            gateway.send()
            if gateway.sum("sluice_data_free_bytes") > 120 << 20:
                ballast.write(bytes(2 << 20))


@fault("SluiceCertificateExpires", "SluiceCertificateExpiresToday", "SluiceCertificateNotRead")
def certificates_near_their_end(place):
    made = Certificates(os.path.join(place.folder, "made"))
    made.issue("week", "DNS:week.example", days=3)
    made.issue("day", "DNS:day.example", days=1)
    gateway = place.gateway(http={"tls": {"certificate": made.path("week.pem"), "key": made.path("week.key"),
                                          "certificates": [{"certificate": made.path("day.pem"), "key": made.path("day.key")}]}}).start()
    context = made.context()
    place.wait_for_scrapes(3)
    while place.minutes(3):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", gateway.port)) as plain:
            context.wrap_socket(plain, server_hostname="week.example").close()
        with open(made.path("week.pem"), "a") as file:
            file.write("rubbish\n")
        with open(made.path("day.pem"), "w") as file:
            file.write("rubbish %d\n" % next(place.numbers))


@fault("SluiceKeysRefused", "SluiceLimitReached", "SluiceRejecting")
def clients_that_do_what_they_may_not(place):
    text, entry = {}, []
    for name, more in (("shop", ()), ("old", ("--expires", "2020-01-01"))):
        text[name], said = new_key(name, "write", *more)
        entry += yaml.safe_load(said)
    gateway = place.gateway(keys=entry, limits={"all": {"events": 2, "burst": "1s"}}).start()
    shop = {"Authorization": "Bearer " + text["shop"]}
    while place.goes_on():
        gateway.send(headers={"Authorization": "Bearer " + text["old"]})
        for kind in ({"not": "a text"}, "fine"):    # the first takes all that the limit lets in
            gateway.send(10, headers=shop, kind=kind)


@fault("SluiceConnectionsRefused")
def more_websockets_than_an_address_may_have(place):
    gateway = place.gateway(websocket={"max_per_address": 1}).start()
    while place.goes_on():
        with contextlib.suppress(Closed, OSError, AssertionError), Client(gateway.port), Client(gateway.port):
            pass                    # the second is refused


@fault("SluiceNoTraffic")
def clients_that_are_silent(place):
    """Events for 15 minutes, then none for 35; a day has 20 here."""
    gateway = place.gateway(streams=[{"name": "silent", "dedup_key": ["id"], "batch": {"max_delay": "200ms"}, "fields": FIELDS}]).start()
    while place.goes_on(0):
        until = time.time() + 15 * place.run.minute
        while time.time() < until and place.goes_on():
            gateway.send(stream="silent")
        place.minutes(35)


@fault("SluiceInsertsSlow")
def a_store_that_is_slow(place):
    proxy = place.undo.enter_context(Proxy(place.store))
    gateway = place.gateway(store="http://127.0.0.1:%d" % proxy.port).start()
    gateway.send()
    gateway.wait_stored()
    while place.goes_on(0.5):
        proxy.replies_held = True
        gateway.send(50)
        place.goes_on(12)
        proxy.replies_held = False


def well(place):
    """No fault: events by all doors, asked for, now and then one twice."""
    port = free_port()
    gateway = place.gateway(udp={"listeners": [{"listen": "127.0.0.1:%d" % port, "stream": "events"}]},
                            journal={"durability": "fsync"}).start()
    sender = place.undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client = place.undo.enter_context(Client(gateway.port))
    messages = 0
    while place.goes_on():
        assert gateway.send(50) == 202
        for door in (lambda body: client.text(body), lambda body: sender.sendto(json.dumps(body).encode(), ("127.0.0.1", port))):
            for _ in range(5):
                door({"id": str(next(place.numbers))})
        messages += 5
        client.acks(messages)
        gateway.request("POST", "/events", json.dumps({"id": "twice"}))
        gateway.get("/readyz")
    gateway.wait_stored()
    gateway.check_identity()
