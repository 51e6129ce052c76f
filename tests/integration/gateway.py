"""A real gateway process for the tests: started on a free loopback port in a temporary folder, ended by its own pid."""
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time

from servers import start_chdb_server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
SANITIZED = BUILD.endswith(("asan", "tsan"))
# Of the servers and the load generator: the engine does not load into a process built with ASan or TSan.
SERVER_BUILD = os.environ.get("SLUICE_SERVER_BUILD", os.path.join(ROOT, "build"))
SANITIZED = "san" in os.path.basename(BUILD)  # memory and time mean nothing there
SAMPLE = os.path.join(ROOT, "config", "sluice.yaml")


class Gateway:
    def __init__(self, folder, config=SAMPLE, env=None, wrapper=(), arguments=()):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.arguments = list(arguments)
        self.config = config
        self.wrapper = list(wrapper)
        self.env = dict(os.environ, SLUICE_HTTP="127.0.0.1:0", SLUICE_UDP="127.0.0.1:0",
                        SLUICE_DATA=os.path.join(self.folder, "data"),
                        SLUICE_LIBCHDB=os.path.join(ROOT, "vendor", "libchdb.so"),
                        SLUICE_DRAIN_TIMEOUT="30s")  # tests count rows in the store of a gateway that has stopped
        self.env.update(env or {})
        self.process = None
        self.port = 0
        self.pages_port = 0         # of admin.listen, if that is set
        self.http = []              # (host, port, what it serves) of each listener of HTTP
        self.udp = []               # (host, port) of each listener
        self.log_path = os.path.join(self.folder, "gateway.log")

    def start(self, timeout=60):
        with open(self.log_path, "ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(
                self.wrapper + [os.path.join(BUILD, "sluice"), "--config", self.config] + self.arguments,
                env=self.environment(), stdout=log, stderr=log, cwd=ROOT)
        deadline = time.time() + timeout
        while time.time() < deadline:
            with open(self.log_path, "rb") as log:
                log.seek(offset)
                found = re.search(rb"serving: .*listen=(\S+) port=(\d+) udp=(\S+)", log.read())
            if found:
                self.http = [(host.strip("[]"), int(port), set((serves or "events+pages+admin").split("+"))) for
                             host, port, serves in re.findall(r"([^,]*):(\d+)(?:\(([a-z+]+)\))?", found.group(1).decode())]
                self.port = int(found.group(2))
                self.udp = [(host.strip("[]"), int(port)) for host, port in
                            re.findall(r"([^,]*):(\d+)", found.group(3).decode())]
                return self
            if self.process.poll() is not None:
                raise AssertionError("the gateway ended with %d at start:\n%s" % (self.process.returncode, self.log()[-3000:]))
            time.sleep(0.02)
        raise AssertionError("the gateway did not start in %d s:\n%s" % (timeout, self.log()[-3000:]))

    def environment(self):
        """A drain of its own that the file has is what its test is about."""
        env = dict(self.env)
        with open(self.config) as file:
            text = file.read()
        if "drain:" in text and "SLUICE_DRAIN_TIMEOUT" not in text:
            env.pop("SLUICE_DRAIN_TIMEOUT", None)
        return env

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def stop(self, timeout=90):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        self.check_log()
        assert code == 0, "the gateway ended with %d:\n%s" % (code, self.log()[-3000:])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_log()

    def check_log(self):
        """What a sanitizer found fails the test, even if nobody saw the exit code."""
        log = self.log()
        found = re.search("Sanitizer|runtime error:", log)
        assert not found, "a sanitizer complains:\n" + log[max(found.start() - 200, 0):][:6000]

    def running(self):
        return self.process is not None and self.process.poll() is None

    def cleanup(self):
        if self.process is not None:
            self.kill()

    def request(self, method, path, body=None, headers=None, timeout=60, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, dict((k.lower(), v) for k, v in reply.getheaders()), reply.read()
        finally:
            connection.close()

    def page(self, path):
        """(status, header fields, text) of a page for operators."""
        status, headers, body = self.request("GET", path, port=self.pages_port)
        return status, headers, body.decode()

    def get(self, path):
        status, _, text = self.page(path)
        return status, text

    def post(self, path, value, headers=None):
        body = value if isinstance(value, (bytes, str)) else json.dumps(value)
        status, _, text = self.request("POST", path, body, dict({"Content-Type": "application/json"}, **(headers or {})))
        return status, json.loads(text)

    def metrics(self):
        """{name: {((label, value), …): number}}, of now: a page that is given again, as it costs too much, says so, and is not a
        second old."""
        began = time.monotonic()
        while True:
            asked = time.monotonic()
            status, headers, text = self.page("/metrics")
            assert status == 200
            if "age" not in headers or asked - began > 1:
                break
            time.sleep(0.1)
        page = {}
        for line in text.splitlines():
            if line.startswith("#") or not line:
                continue
            name, labels, value = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line).groups()
            key = tuple(re.findall(r'(\w+)="([^"]*)"', labels or ""))
            page.setdefault(name, {})[key] = float(value)
        return page

    def sum(self, name, **labels):
        found = 0
        for key, value in self.metrics().get(name, {}).items():
            if all(dict(key).get(k) == v for k, v in labels.items()):
                found += value
        return int(found)

    def wait_until(self, what, condition, timeout=60):
        deadline = time.time() + timeout
        while not condition():
            assert time.time() < deadline, "not within %d s: %s; %s" % (timeout, what, self.get("/readyz?verbose")[1])
            time.sleep(0.05)

    def wait_stored(self, timeout=120):
        self.wait_until("everything stored", lambda: self.sum("sluice_journal_events") == 0
                        and self.sum("sluice_events_in_flight") == 0, timeout)

    def check_identity(self):
        """The accounting identity, from /metrics alone. Its first line holds within each page. Its second is exact when nothing is
        being stored, so that it must hold at last; a page in which all is stored and that stays as it is decides."""
        self.wait_until("nothing in flight", lambda: self.sum("sluice_events_in_flight") == 0)
        deadline, before = time.time() + 60, None
        while True:
            page = self.metrics()
            wrong = self.differences(page)
            busy = sum(page.get("sluice_journal_events", {}).values()) != 0
            if not wrong:
                return
            assert (busy or wrong != before) and time.time() < deadline, wrong
            before = wrong
            time.sleep(0.2)

    def differences(self, page):
        """What of the second line does not hold; the first must."""
        def total(name, **labels):
            return sum(v for k, v in page.get(name, {}).items()
                       if all(dict(k).get(a) == b for a, b in labels.items()))

        pairs = {(dict(k)["protocol"], dict(k)["stream"]) for k in page["sluice_events_received_total"]}
        for protocol, stream in pairs:
            labels = {"protocol": protocol, "stream": stream}
            received = total("sluice_events_received_total", **labels)
            parts = {name: total("sluice_events_" + name, **labels)
                     for name in ("accepted_total", "duplicate_total", "rejected_total", "dropped_total", "in_flight")}
            assert received == sum(parts.values()), (labels, received, parts)
        wrong = []
        for stream in {s for _, s in pairs}:
            left = total("sluice_events_accepted_total", stream=stream) + total("sluice_events_recovered_total", stream=stream)
            parts = {name: total(name, stream=stream)
                     for name in ("sluice_events_stored_total", "sluice_journal_events",
                                  "sluice_events_dead_lettered_total", "sluice_events_damaged_total")}
            if left != sum(parts.values()):
                wrong.append((stream, left, parts))
        return wrong

    def sql(self, statement, form="TSV"):
        """Of the store; an embedded one is asked through the gateway while that runs."""
        may_write = [] if re.match(r"\s*(SELECT|SHOW|WITH|EXPLAIN|BACKUP)\b", statement) else ["--write"]
        done = subprocess.run([os.path.join(BUILD, "sluice"), "sql", "--config", self.config, "--format", form] +
                              may_write + [statement], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd=ROOT, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def load(self, protocol="http", **options):
        """Runs the load generator to its end; its report as a dict. An option that is True has no value."""
        port = self.udp[0][1] if protocol == "udp" else self.port
        return run_load(protocol, port, **options)[1]


def load_words(protocol, port, **options):
    words = [os.path.join(SERVER_BUILD, "load"), protocol, "--port", str(port)]
    for key, value in options.items():
        words += ["--" + key] if value is True else ["--" + key, str(value)]
    return words


def run_load(protocol, port, **options):
    """The load generator's exit code and report."""
    done = subprocess.run(load_words(protocol, port, **options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    assert done.stdout, "load failed: " + done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def with_gateway(test, make=None, end=None):
    """A test of one gateway on the embedded store or, with SLUICE_STORE=clickhouse, on a server of its own. It is stopped
    at the end: a process that is killed says nothing of its leaks. `make` and `end`: of a kind of gateway of the caller's."""
    def run(folder):
        server = None
        env = {}
        if os.environ.get("SLUICE_STORE") == "clickhouse":
            path = os.path.join(folder, "server")
            os.makedirs(path)
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            env["CLICKHOUSE_URL"] = server.url
        gateway = (make or Gateway)(folder, env=env)
        try:
            test(gateway.start())
            if gateway.running():
                (end or Gateway.stop)(gateway)
        finally:
            gateway.cleanup()
            if server:
                server.stop()
    run.__name__ = test.__name__
    return run


class Poster(threading.Thread):
    """Posts numbered events in bulks until told to stop, and remembers which numbers were acknowledged."""

    def __init__(self, gateway, first=0, bulk=50, retry=False, stream=""):
        super().__init__(daemon=True)
        self.gateway = gateway
        self.next = first
        self.bulk = bulk
        self.path = "/events/bulk?ids=0&stream=" + stream
        self.retry = retry          # send a failed bulk again until it is acknowledged
        self.acked = set()
        self.sent = set()
        self.ending = threading.Event()
        self.errors = 0

    def run(self):
        numbers = None
        while not self.ending.is_set():
            if numbers is None or not self.retry:
                numbers = range(self.next, self.next + self.bulk)
                self.next += self.bulk
            self.sent.update(numbers)
            try:
                status, reply = self.gateway.post(self.path, [event(n) for n in numbers])
                if status in (200, 202):
                    assert reply["accepted"] + reply["duplicate"] == len(numbers), reply
                    self.acked.update(numbers)
                    numbers = None
                    continue
            except (OSError, http.client.HTTPException, ValueError):
                pass
            self.errors += 1
            time.sleep(0.02)

    def finish(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive()


NOON_MS = int(time.time() // 86400 * 86400 - 43200) * 1000


def event(number, **fields):
    """The event of that number: the same number is the same event."""
    return dict({"event_name": "purchase", "channel": "web", "user_id": "u%012d" % number,
                 "timestamp": NOON_MS + number % 60000, "tags": ["a", "b"], "metadata": {"n": number}}, **fields)
