#!/usr/bin/python3
"""The profiles `clickhouse` and `monitoring` of docker/compose.yaml, by docker/compose with podman-compose, stand-ins for the public
images (stand_ins.py) and the Dockerfile's own: an event posted through haproxy is read back; a gateway that is killed under load is no
error of any client; each event is counted once, and a row. `make test-compose`. It is not among the tests that `make test` runs: it
takes some minutes. SLUICE_COMPOSE_FOLDER keeps the images of a run for the next one."""
import json
import os
import subprocess
import time
import urllib.request

import stand_ins
from check import main
from containers import Engine
from gateway import Gateway, ROOT, event
from servers import free_port

KEPT = os.environ.get("SLUICE_COMPOSE_FOLDER")
LOAD_SECONDS = 20


class Composed(Gateway):
    """What haproxy serves; the pages for operators are asked in each gateway's container, by the address that it has there."""

    def __init__(self, engine, folder):
        super().__init__(folder)
        self.engine = engine
        self.port, self.clickhouse_port, self.prometheus_port = free_port(), free_port(), free_port()
        self.engine.environment.update(
            SLUICE_COMPOSE="podman-compose", SLUICE_CONFIG="../config/presets/clickhouse-18.yaml", SLUICE_PORT=str(self.port),
            CLICKHOUSE_PORT=str(self.clickhouse_port), PROMETHEUS_PORT=str(self.prometheus_port), ALERTMANAGER_PORT=str(free_port()))

    def compose(self, *words):
        return self.engine.run("docker/compose", *words)

    def query(self, sql):
        with open(os.path.join(ROOT, "docker", "secrets", "clickhouse_password")) as file:
            headers = {"X-ClickHouse-User": "sluice", "X-ClickHouse-Key": file.read().strip()}
        request = urllib.request.Request("http://127.0.0.1:%d/" % self.clickhouse_port, sql.encode(), headers)
        return urllib.request.urlopen(request, timeout=60).read().decode().strip()

    def ask_prometheus(self, path):
        with urllib.request.urlopen("http://127.0.0.1:%d/api/v1/%s" % (self.prometheus_port, path), timeout=30) as reply:
            return json.loads(reply.read())["data"]

    def scrapes_both(self):
        try:
            found = self.ask_prometheus("query?query=up%7Bjob%3D%22sluice%22%7D")["result"]
        except OSError:
            return False
        return [series["value"][1] for series in found] == ["1", "1"]

    def gateways(self):
        return [Inside(self, "sluice_gateway-%d_1" % number) for number in (1, 2)]

    def wait_until(self, what, condition, timeout=120):
        deadline = time.time() + timeout
        while not condition():
            assert time.time() < deadline, "not within %d s: %s" % (timeout, what)
            time.sleep(0.2)

    def serves(self):
        try:
            return self.post("/events", event(10 ** 9))[0] in (200, 202)
        except (OSError, ValueError):
            return False


class Inside(Gateway):
    """One gateway, asked at the port of its admin pages."""

    def __init__(self, composed, name):
        super().__init__(os.path.join(composed.folder, name))
        self.engine, self.name = composed.engine, name

    def page(self, path):
        address = self.engine.podman("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name)
        with urllib.request.urlopen("http://%s:9090%s" % (address, path), timeout=30) as reply:
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read().decode()

    def kill(self):
        self.engine.podman("kill", "-s", "KILL", self.name)

    def serves(self):
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, AssertionError):
            return False


def prepared(folder):
    """The engine with every image that is needed, but for those that docker/compose builds itself."""
    engine = Engine(folder)
    engine.probe()
    have = engine.podman("images", "--format", "{{.Repository}}")
    for service in stand_ins.IMAGES:
        if stand_ins.name_of(service).split(":")[0] not in have.split():
            stand_ins.make(engine, service)
    if "localhost/sluice" in have.split():
        engine.environment["SLUICE_IMAGES"] = "ready"
    else:
        engine.make_base()
    return engine


def load(engine, seconds):
    """The load generator in a container beside the others; ends with its report."""
    words = ["podman", "run", "--rm", "--network", "sluice_default", "localhost/sluice-load:latest", "http", "--host", "haproxy",
             "--connections", "16", "--rate", "300", "--seconds", str(seconds)]
    return subprocess.Popen(words, env=engine.environment, stdout=subprocess.PIPE)


def check_rows(composed, events):
    for gateway in composed.gateways():
        gateway.wait_stored()
        gateway.check_identity()
    assert int(composed.query("SELECT count() FROM events FINAL")) == events
    assert int(composed.query("SELECT uniqExact(user_id) FROM events")) == events


def in_a_cluster_a_gateway_that_is_killed_is_no_error_of_any_client(folder):
    engine = prepared(KEPT or folder)
    composed = Composed(engine, os.path.join(folder, "composed"))
    first, second = composed.gateways()
    try:
        composed.compose("up", "clickhouse")
        composed.compose("build", "load")
        for gateway in (first, second):
            composed.wait_until("%s is ready" % gateway.name, gateway.serves)
        composed.wait_until("haproxy serves", composed.serves)
        status, reply = composed.post("/events?wait=stored", event(10 ** 9 + 1))
        assert (status, reply["status"]) == (200, "stored"), reply
        assert composed.query("SELECT count() FROM events WHERE user_id = 'u001000000001'") == "1"
        assert composed.get("/metrics")[0] == 404, "the proxy reaches the pages for operators"

        loading = load(engine, LOAD_SECONDS)
        time.sleep(LOAD_SECONDS / 3)
        first.kill()
        time.sleep(LOAD_SECONDS / 4)
        engine.podman("start", first.name)      # also if it was started again already
        report = json.loads(loading.communicate(timeout=300)[0])
        print("        %s" % {k: report[k] for k in ("events", "accepted", "duplicate", "failed", "p99_ms", "max_ms")})
        for trouble in ("failed", "rejected", "wrong", "lost_connections"):
            assert report[trouble] == 0, report
        composed.wait_until("the one that was killed is ready", first.serves)
        check_rows(composed, report["events"] + 2)
        engine.podman("healthcheck", "run", first.name)

        # Grafana's image has no stand-in, so the others of the profile are named.
        engine.run("podman-compose", "-p", "sluice", "-f", "docker/compose.yaml", "up", "-d", "prometheus", "alertmanager")
        composed.wait_until("Prometheus scrapes both gateways", composed.scrapes_both)
        composed.wait_until("it knows Alertmanager", lambda: len(composed.ask_prometheus("alertmanagers")["activeAlertmanagers"]) == 1)
        assert [group for group in composed.ask_prometheus("rules")["groups"] if group["rules"]], "no rules are loaded"
    except BaseException:
        for name in engine.podman("ps", "-a", "--format", "{{.Names}}").split():
            print("== %s\n%s" % (name, engine.podman("logs", "--tail", "15", name)))
        raise
    finally:
        composed.compose("down" if KEPT else "purge")
        engine.remove_all()


if __name__ == "__main__":
    main([in_a_cluster_a_gateway_that_is_killed_is_no_error_of_any_client])
