#!/usr/bin/python3
"""A gateway that is well raises no alert: it serves varied load by all doors for MINUTES (4) while Prometheus reads it once a second.
That is then an hour of 15 s a scrape: it is walked through again and again, each time from another second on, and counters go on
where they ended. promtool runs the rules as they are, with all their waits, over that hour.

As a test of itself the hour is run again with one series changed, and must raise that alert."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import monitoring
from draw import draw
from gateway import Gateway, event, load_words
from servers import start_redis
from test_tls import Certificates
from websocket import Client, sample_with

MINUTES = float(os.environ.get("MINUTES", "4"))
SCRAPE = 15                     # seconds
COUNTER = re.compile("_(total|bucket|sum|count)$")
INSTANT = re.compile("_(timestamp|time)_seconds$")


def load(gateway, ending):
    """Steps of some seconds: each has its doors, rates and sizes, and now and then there is nothing."""
    bulk = {"path": "/events/bulk", "bulk": 100}
    steps = [("http", {"rate": 300, "connections": 8}), ("http", dict(bulk, rate=3000, compress="gzip", repeat=2)),
             ("ws", {"rate": 1000, "bulk": 20}), ("udp", {"rate": 300}), None, ("http", dict(bulk, rate=10000, compress="lz4")),
             ("ws", {"rate": 200, "idle": 20}), ("http", {"rate": 50, "connections": 4, "tls": True})]
    first = 0
    while not ending.is_set():
        for number, step in enumerate(steps):
            if step and not ending.is_set():
                protocol, options = step
                port = gateway.udp[0][1] if protocol == "udp" else gateway.tls_port if "tls" in options else gateway.port
                words = load_words(protocol, port, seconds=2 + number % 3 * 2, start=first, **options)
                subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
                first += 1000000
            else:
                ending.wait(3)


def small_things(gateway, ending):
    """What happens beside: bad events, duplicates, questions, a WebSocket that comes and goes, a reload."""
    number = 10**9
    while not ending.wait(1):
        for _ in range(20):
            number += 1
            gateway.post("/events", event(number))
        gateway.post("/events", event(number))
        if number % 60 < 20:
            gateway.post("/events", {"event_name": "without a user"})
            gateway.get("/events/metrics?event_name=purchase")
            gateway.process.send_signal(signal.SIGHUP)
        with Client(gateway.port) as client:
            client.text(event(number))
            client.acks(1)
            client.goodbye()


def wait_seen(prometheus, gateway):
    """Until Prometheus has read a page of the gateway in which nothing is on its way: rounds begin and end so."""
    stored = gateway.sum("sluice_events_stored_total")
    assert monitoring.happens(lambda: prometheus.ask_query("sum(sluice_events_stored_total) == %d and sum(sluice_journal_events) == 0" % stored), 60)
    time.sleep(1)


def record(folder):
    """{series: [value a second]}, labels as text."""
    made = Certificates(os.path.join(folder, "certificates"))
    made.issue("one", "DNS:localhost,IP:127.0.0.1", days=60)
    redis = start_redis(os.path.join(folder, "redis"))
    listeners = '[ { listen: "127.0.0.1:0", tls: { certificate: "%s", key: "%s" } } ]' % (made.path("one.pem"), made.path("one.key"))
    gateway = Gateway(folder, config=sample_with(folder, http={"listeners": listeners}), env={"SLUICE_DEDUP": "redis", "REDIS_URL": redis.url})
    prometheus = None
    try:
        gateway.start()
        gateway.tls_port = gateway.http[1][1]
        with Client(gateway.port) as client:    # each door has been used before, as it would have been an hour ago
            client.text(event(1))
            client.acks(1)
            client.goodbye()
        gateway.post("/events", event(2))
        gateway.wait_stored()
        prometheus = monitoring.Prometheus(os.path.join(folder, "prometheus"), monitoring.rules(), targets={"gateway": gateway.port})
        wait_seen(prometheus, gateway)
        began = time.time()
        ending = threading.Event()
        threads = [threading.Thread(target=run, args=(gateway, ending)) for run in (load, small_things)]
        for thread in threads:
            thread.start()
        time.sleep(MINUTES * 60)
        ending.set()
        for thread in threads:
            thread.join()
        gateway.wait_stored()
        gateway.check_identity()
        wait_seen(prometheus, gateway)
        found = prometheus.ask("query_range", query='{job="sluice",__name__!~"ALERTS.*|.*:.*"}', start=began, end=time.time(), step=1)["result"]
        if "DRAW" in os.environ:    # the dashboard of these minutes, as a picture
            draw(prometheus, began, time.time(), os.path.join(folder, "drawn"), os.environ["DRAW"])
        print("recorded %d s: %d events received, %d stored, %d series" % (
            time.time() - began, gateway.sum("sluice_events_received_total"), gateway.sum("sluice_events_stored_total"), len(found)), flush=True)
        return began, {json.dumps(each["metric"], sort_keys=True): dict(each["values"]) for each in found}
    finally:
        if prometheus:
            prometheus.stop()
        gateway.stop()
        redis.stop()


def hour_of(began, recorded):
    """Series for promtool: of each round every 15th second, begun a second later than the round before."""
    times = sorted({at for values in recorded.values() for at in values})
    series = []
    for labels, values in recorded.items():
        name = json.loads(labels)["__name__"]
        line, last, whole = [], None, []
        for at in times:                        # a scrape that was late leaves no hole
            last = values.get(at, last)
            whole.append(last)
        grown = float(whole[-1] or 0) - float(whole[0] or 0) if COUNTER.search(name) else 0
        rounds = 0
        while len(line) < 3600 // SCRAPE:
            for at in range(rounds % SCRAPE, len(whole), SCRAPE):
                value = whole[at]
                if value is None:
                    line.append("_")
                elif INSTANT.search(name):      # promtool's clock begins in 1970
                    line.append(repr(float(value) - began))
                else:
                    line.append(repr(float(value) + rounds * grown))
            rounds += 1
        others = ",".join("%s=%s" % (key, json.dumps(text)) for key, text in json.loads(labels).items() if key != "__name__")
        series.append({"series": "%s{%s}" % (name, others), "values": " ".join(line[:3600 // SCRAPE])})
    return series


def run_rules(folder, series):
    """What promtool says: nothing may fire at any minute."""
    path = os.path.join(folder, "hour.yml")
    names = [alert["alert"] for alert in monitoring.alerts()]
    monitoring.write_yaml(path, {
        "rule_files": [monitoring.RULES], "evaluation_interval": "%ds" % SCRAPE,
        "tests": [{"interval": "%ds" % SCRAPE, "input_series": series,
                   "alert_rule_test": [{"eval_time": "%dm" % minute, "alertname": name, "exp_alerts": []} for minute in range(1, 60) for name in names]}]})
    done = subprocess.run(["promtool", "test", "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout.decode()


def main():
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
        series = hour_of(*record(folder))
        well, said = run_rules(folder, series)
        if not well:
            sys.exit("an alert fires in a healthy hour:\n" + said[:5000])
        print("an hour of %d series, %d rules looked at each 15 s: none of %d alerts fires" % (
            len(series), sum(len(group["rules"]) for group in monitoring.rules()["groups"]), len(monitoring.alerts())), flush=True)
        for each in series:
            if each["series"].startswith("sluice_oldest_unstored_event_age_seconds"):
                each["values"] = "121x%d" % (3600 // SCRAPE)
        well, said = run_rules(folder, series)
        assert not well and "SluiceStoreBehind" in said, said[:2000]
        assert len(set(re.findall(r"alertname: (\w+)", said))) == 1, said[:2000]
        print("the same hour with events that wait for 121 s: SluiceStoreBehind fires, and no other", flush=True)


if __name__ == "__main__":
    main()
