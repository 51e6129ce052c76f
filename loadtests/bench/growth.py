"""The series behind the plots: what an event costs as something grows. Each is a list of points, {x…: y…}."""
import os
import subprocess
import time
import traceback

from . import measure, udp
from .generator import finish, load, template, words
from .workbench import BULK, events_of, loaded, nowhere, say

SIZES = (1, 10, 100, 1000, 10000)
UDP_SIZES = ((1, None), (10, None), (100, None), (300, None))     # 300 plain ones fill a datagram
SHARES = (10, 25, 50, 75, 90, 100)
CONNECTIONS = (10, 100, 1000, 10000)
STREAMS = (1, 10, 100)
FIELDS = (5, 10, 20, 50, 100)
STREAMS_RATE = 200000           # events/s over all streams
EVENTS = 400000                 # of a point that is waited for until all is stored


def by_batch_size(bench):
    """[{size, http, ws, udp: events/s}]"""
    points = []
    for size in SIZES:
        point = {"size": size}
        for protocol, options in (("http", dict(path=BULK, connections=16)),
                                  ("ws", dict(connections=16, window=max(2, min(1000, 20000 // (16 * size)))))):
            with bench.gateway(env=nowhere()) as gateway:
                point[protocol] = loaded(gateway, protocol, bulk=size, seconds=bench.seconds, **options)["rate"]
        points.append(point)
    return points


def udp_by_batch_size(bench):
    points = []
    for size, compress in UDP_SIZES:
        options = dict(bulk=0 if size == 1 else size, compress=compress)
        points.append({"size": size, "udp": udp.Form(**options).gateway(bench)["rate"]})
    return points


def by_offered_load(bench):
    """{durability: [{share, offered, p50_ms, p99_ms, p999_ms}]}, bulk of 1,000 into the embedded store, open loop."""
    series = {}
    for durability in ("os", "fsync"):
        with bench.gateway(durability) as gateway:
            options = dict(path=BULK, bulk=1000, connections=64, seconds=bench.seconds)
            highest = loaded(gateway, stored=True, **options)["rate"]
            series[durability] = []
            for number, share in enumerate(SHARES):
                found = loaded(gateway, rate=int(highest * share / 100), start=(number + 1) * 10 ** 9, **options)
                series[durability].append({"share": share, "offered": highest * share / 100, "p50_ms": found["p50_ms"],
                                           "p99_ms": found["p99_ms"], "p999_ms": found["p999_ms"]})
    return series


def while_open(bench, gateway, count):
    """Figures of an event while so many connections are open and busy; opening them is not in them."""
    pid = gateway.process.pid
    line = words("http", gateway.port, path="/events", connections=count, seconds=2 * bench.seconds + 2)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        gateway.wait_until("all connected", lambda: gateway.sum("sluice_connections") >= count)
        before, accepted, began = measure.Usage(pid), gateway.sum("sluice_events_accepted_total"), time.monotonic()
        time.sleep(bench.seconds)
        events, took = gateway.sum("sluice_events_accepted_total") - accepted, time.monotonic() - began
        figures = {"cpu_us": measure.Usage(pid).ours_since(before) / events * 1e6, "rate": events / took,
                   "rss_mib": measure.rss_mib(pid)}
        finish(process, line)
        gateway.check_identity()
        return figures
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def by_connections(bench):
    """[{connections, cpu_us, rate, rss_mib}], one event a request."""
    points = []
    for count in CONNECTIONS:
        with bench.gateway(env=nowhere()) as gateway:
            points.append({"connections": count, **while_open(bench, gateway, count)})
    return points


STREAM = """  - name: s%d
    table: s%d
    dedup_key: [event_name, user_id, timestamp]
    fields:
      - { name: event_name, type: LowCardinality(String), required: true }
      - { name: user_id, type: String, required: true }
      - { name: timestamp, type: DateTime64(3) }
"""
BASE = """http: { listen: "${SLUICE_HTTP}" }
journal: { data: "${SLUICE_DATA}", durability: "${SLUICE_DURABILITY}" }
store: { kind: embedded }
streams:
"""


def config_of(text):
    def write(folder):
        path = os.path.join(folder, "grown.yaml")
        with open(path, "w") as file:
            file.write(text)
        return path
    return write


def load_streams(bench, gateway, count):
    """A generator for each stream, one connection each, all together at one rate whatever their count."""
    lines = [words("http", gateway.port, path=BULK + "&stream=s%d" % n, bulk=100, connections=1, seconds=bench.seconds,
                   rate=STREAMS_RATE // count) for n in range(count)]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for line in lines]
    try:
        return sum(events_of(finish(process, line)) for process, line in zip(processes, lines))
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def costs(bench, config, work):
    """{cpu_us, all_cpu_us} of what `work` sends, until all is stored."""
    with bench.gateway(config=config_of(config)) as gateway:
        pid = gateway.process.pid
        before = measure.Usage(pid)
        events = work(gateway)
        during = measure.Usage(pid)
        gateway.wait_stored()
        everything = measure.process_seconds(pid) - before.process
        gateway.check_identity()
        return {"cpu_us": during.ours_since(before) / events * 1e6, "all_cpu_us": everything / events * 1e6,
                "rss_mib": measure.rss_mib(pid)}


def by_streams(bench):
    """[{streams, cpu_us, all_cpu_us}]"""
    points = []
    for count in STREAMS:
        config = BASE + "".join(STREAM % (n, n) for n in range(count))
        points.append({"streams": count, **costs(bench, config, lambda gateway: load_streams(bench, gateway, count))})
    return points


def with_fields(count):
    """(configuration, template) of a stream with so many fields: the three of STREAM, then texts and numbers in turn. The
    numbers are the same in all events: a template has at most 64 placeholders."""
    fields, members = "", '{"event_name":"purchase","user_id":"u${number}","timestamp":${time}'
    for n in range(count - 3):
        fields += "      - { name: f%d, type: %s }\n" % (n, "UInt32" if n % 2 else "String")
        members += ',"f%d":%s' % (n, "123456" if n % 2 else '"${hex:8}"')
    return BASE + STREAM % (0, 0) + fields, members + "}"


def by_fields(bench):
    """[{fields, cpu_us, all_cpu_us, event_bytes}]"""
    points = []
    for count in FIELDS:
        config, event = with_fields(count)

        def work(gateway):
            path = template(gateway.folder, event)
            return events_of(load("http", gateway.port, path=BULK, bulk=1000, connections=4, events=EVENTS, template=path))
        points.append({"fields": count, "event_bytes": len(event), **costs(bench, config, work)})
    return points


def by_stored(samples):
    """[{stored, cpu_us, all_cpu_us, rss_mib}] from the samples of the long run, at steps of a factor of about two."""
    points, last = [], None
    for now in samples:
        if now["stored"] < 10000 or (last and now["stored"] < last["stored"] * 1.8):
            continue
        if last:
            accepted, stored = now["accepted"] - last["accepted"], now["stored"] - last["stored"]
            points.append({"stored": now["stored"], "cpu_us": (now["ours_s"] - last["ours_s"]) / max(accepted, 1) * 1e6,
                           "all_cpu_us": (now["all_s"] - last["all_s"]) / stored * 1e6, "rss_mib": now["rss_mib"]})
        last = now
    return points


# name, what makes it, about how many seconds: seconds(bench)
SERIES = (
    ("batch_size", by_batch_size, lambda bench: 10 * (bench.seconds + 3)),
    ("udp_batch_size", udp_by_batch_size, lambda bench: 4 * 20),
    ("offered_load", by_offered_load, lambda bench: 2 * (7 * bench.seconds + 4)),
    ("connections", by_connections, lambda bench: 4 * (2 * bench.seconds + 4)),
    ("streams", by_streams, lambda bench: 3 * (bench.seconds + 8)),
    ("fields", by_fields, lambda bench: 5 * 12),
)


def run(bench, wanted, series, found):
    """Puts the points of the series that are wanted into `found`; one that fails is said and left out. How many failed."""
    failed = 0
    for name, make, _ in series:
        if wanted("series_" + name):
            say("series: %s" % name)
            try:
                found[name] = make(bench)
            except Exception as error:      # the next one may be fine
                traceback.print_exc()
                say("    FAILED: %r" % error)
                failed += 1
    return failed
