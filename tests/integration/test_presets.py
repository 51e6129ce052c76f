"""The presets: each one's golden files, on the embedded engine and on a server of 18.16 where its types go; two of them side
by side, told apart by host and by path."""
import http.client
import json
import os
import random
import re
import threading
import time

from check import main
from gateway import ROOT, Gateway
import golden
from servers import start_clickhouse_18, start_redis

PRESETS = os.path.join(ROOT, "config", "presets")
FILES = os.path.join(ROOT, "tests", "golden")
API_000 = "000-event-tracking-api"
API_001 = "001-event-stream"
API_003 = "003-traffic"


def run(gateway, names):
    try:
        gateway.start()
        for host, port, serves in gateway.http:
            if serves == {"admin"}:
                gateway.pages_port = port
        for name in names:
            golden.check(gateway, os.path.join(FILES, name + ".txt"))
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def embedded(folder, preset, names, **env):
    run(Gateway(folder, os.path.join(PRESETS, preset + ".yaml"),
                dict({"SLUICE_STORE": "embedded", "SLUICE_ADMIN": "127.0.0.1:0", "LOG_LEVEL": "info"}, **env)), names)


def the_event_tracking_api_on_the_embedded_engine(folder):
    redis = start_redis(folder)
    try:
        embedded(folder, API_000, [API_000, "000-metrics"], REDIS_HOST="127.0.0.1", REDIS_PORT=str(redis.port))
    finally:
        redis.stop()


def the_event_stream_api_on_the_embedded_engine(folder):
    embedded(folder, API_001, [API_001, "001-metrics"])


def the_traffic_api_on_the_embedded_engine(folder):
    embedded(folder, API_003, [API_003, "003-daily"])


# What a server of 18.16 does not have, and what stands for it there.
OF_18 = [(r"LowCardinality\((\w+)\)", r"\1"), (r"DateTime64\(6\)", "UInt64"), (r"Array\(Bool\)", "Array(UInt8)"),
         (r"\n +SETTINGS empty_result.*", ""), (r"\nsetup: .*", "")]


def on_18(folder, preset, names, **env):
    """The preset with the types that the server has; the rest is as it ships."""
    with open(os.path.join(PRESETS, preset + ".yaml")) as file:
        text = file.read()
    for old, new in OF_18:
        text = re.sub(old, new, text)
    config = os.path.join(folder, preset + ".yaml")
    with open(config, "w") as file:
        file.write(text)
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_clickhouse_18(path)
    try:
        run(Gateway(folder, config, dict({"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "SLUICE_DEDUP": "memory",
                                          "SLUICE_ADMIN": "127.0.0.1:0", "LOG_LEVEL": "info"}, **env)), names)
    finally:
        server.stop()


def the_event_tracking_api_on_a_server_of_18(folder):
    on_18(folder, API_000, [API_000, "000-metrics"])


def the_event_stream_api_on_a_server_of_18(folder):
    on_18(folder, API_001, [API_001, "001-metrics"])


def the_traffic_api_on_a_server_of_18(folder):
    on_18(folder, API_003, [API_003, "003-daily"])


def two_presets_stand_side_by_side(folder):
    """By host and by path: the same golden files, each against its own address."""
    config = os.path.join(folder, "both.yaml")
    with open(config, "w") as file:
        file.write("""
include:
  - { file: %s/%s.yaml, names: tracking_, prefix: /tracking }
  - { file: %s/%s.yaml, names: stream_, host: stream.example }
http: { listen: "127.0.0.1:0", max_body: 4MiB }
admin: { listen: "127.0.0.1:0" }
store: { kind: embedded, max_memory: 1GiB }
dedup: { kind: memory }
log: { level: info }
""" % (PRESETS, API_000, PRESETS, API_001))
    gateway = Gateway(folder, config)
    try:
        gateway.start()
        gateway.pages_port = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
        event = {"event_name": "view", "channel": "web", "campaign_id": "c", "user_id": "u", "timestamp": int(time.time()) - 5,
                 "tags": [], "metadata": {}}
        assert gateway.post("/tracking/events", event) == (200, {"success": True, "message": "the event is taken"})
        other = {"name": "view", "channel_type": "web"}
        status, reply = gateway.post("/events", other, {"Host": "stream.example"})
        assert status == 201 and set(reply) == {"id"}, (status, reply)
        status, reply = gateway.post("/events", other)      # neither's
        assert status in (404, 400), (status, reply)
        gateway.wait_stored()
        assert gateway.sql("SELECT count() FROM tracking_events") == "1"
        assert gateway.sql("SELECT count() FROM stream_events") == "1"
        assert gateway.sql("SELECT count() FROM system.data_skipping_indices WHERE table IN ('tracking_events', 'stream_events')") == "5"
        status, _, body = gateway.request("GET", "/tracking/metrics?event_name=view")
        assert status == 200 and b'"total_events":1' in body, body
        status, _, body = gateway.request("GET", "/events/metrics?event_name=view", headers={"Host": "stream.example"})
        assert status == 200 and b'"total_count":1' in body, body
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


GROUPINGS = ["hour", "day", "week", "month", "year", "channel", "campaign_id", "user_id", "event_name"]
CHANNELS = ["web", "mobile", "ios", "android", "api", "email", "sms", "push", "tablet"]


class Client(threading.Thread):
    """One of those that use the event tracking API: of ten requests seven have one event, two have fifty, one asks."""

    def __init__(self, port, number, seconds):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.random = random.Random(number)
        self.end = time.time() + seconds
        self.number = number
        self.events = self.requests = 0
        self.wrong = []

    def event(self):
        self.events += 1
        return {"event_name": self.random.choice(["view", "click", "purchase"]), "channel": self.random.choice(CHANNELS),
                "campaign_id": "c%d" % self.random.randrange(9), "user_id": "u%d-%d" % (self.number, self.events),
                "timestamp": int(time.time()) - self.random.randrange(1, 86400), "tags": ["a", "b"], "metadata": {"n": self.events}}

    def one(self):
        what = self.random.random()
        if what < 0.7:
            return "POST", "/events", self.event()
        if what < 0.9:
            return "POST", "/events/bulk", {"events": [self.event() for _ in range(50)]}
        return "GET", "/metrics?event_name=view&from=%d&group_by=%s" % (time.time() - 3600, self.random.choice(GROUPINGS)), None

    def run(self):
        while time.time() < self.end:
            method, path, value = self.one()
            self.connection.request(method, path, json.dumps(value) if value else None, {"Content-Type": "application/json"})
            reply = self.connection.getresponse()
            text = reply.read()
            self.requests += 1
            if reply.status != 200 or json.loads(text)["success"] is not True:
                self.wrong.append((path, reply.status, text[:300]))


def the_usual_mix_of_requests_has_no_error(folder):
    gateway = Gateway(folder, os.path.join(PRESETS, API_000 + ".yaml"),
                      {"SLUICE_STORE": "embedded", "SLUICE_DEDUP": "memory", "SLUICE_ADMIN": "127.0.0.1:0",
                       "LOG_LEVEL": "info"})
    try:
        gateway.start()
        gateway.pages_port = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
        clients = [Client(gateway.port, number, 6) for number in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(120)
        wrong = [text for client in clients for text in client.wrong]
        requests, events = sum(c.requests for c in clients), sum(c.events for c in clients)
        assert requests > 200 and not wrong, (requests, wrong[:5])
        gateway.wait_stored()
        assert gateway.sql("SELECT count() FROM events") == str(events)
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([the_event_tracking_api_on_the_embedded_engine, the_event_stream_api_on_the_embedded_engine,
          the_traffic_api_on_the_embedded_engine, the_event_tracking_api_on_a_server_of_18,
          the_event_stream_api_on_a_server_of_18, the_traffic_api_on_a_server_of_18, two_presets_stand_side_by_side,
          the_usual_mix_of_requests_has_no_error])
