"""What a measurement gets: how long and in which round it runs, folders, and gateways that are gone when it ends."""
import contextlib
import os
import shutil
import sys
import tempfile
import time

from gateway import Gateway
from servers import start_redis

from . import measure
from .generator import load

BULK = "/events/bulk?ids=0"


log = None      # a file that gets what is said as well


def say(text):
    for to in (sys.stderr, log):
        if to:
            print("%s %s" % (time.strftime("%H:%M:%S"), text), file=to, flush=True)


class Workbench:
    """`seconds` of one load, `sustained` of one into a store, `soak` of the long one; the first round measures more."""

    def __init__(self, out, seconds, sustained, soak, quick):
        self.seconds, self.sustained, self.soak, self.quick = seconds, sustained, soak, quick
        self.round = 0
        self.work = os.path.join(out, "work")   # beside the results: a disk, where /tmp may be memory

    def open(self):
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    @property
    def first(self):
        return self.round == 0

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)

    @contextlib.contextmanager
    def folder(self):
        with tempfile.TemporaryDirectory(dir=self.work, ignore_cleanup_errors=True) as path:
            yield path

    @contextlib.contextmanager
    def gateway(self, durability="os", redis=False, env=None, **more):
        """A gateway on the sample configuration, embedded store unless `env` says otherwise."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self.folder())
            env = dict(env or {}, SLUICE_DURABILITY=durability)
            if redis:
                server = start_redis(os.path.join(folder, "redis"))
                stack.callback(server.stop)
                env.update(SLUICE_DEDUP="redis", REDIS_URL=server.url)
            config = more.pop("config", None)
            gateway = Gateway(folder, env=env, **({"config": config(folder)} if config else {}), **more)
            stack.callback(gateway.cleanup)
            yield gateway.start()


def nowhere():
    """The environment of a gateway whose store cannot be reached: its memory and CPU are its own."""
    return {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:1"}


def events_of(report):
    return report["accepted"] + report["duplicate"]


def loaded(gateway, protocol="http", stored=False, port=None, **options):
    """Loads a gateway, at its first port or another, and returns its figures: rate, latencies, CPU of our threads, memory, bytes of the journal; with
    `stored`, all CPU until everything is in the store. The accounting must add up."""
    pid = gateway.process.pid
    before = measure.Usage(pid)
    report = load(protocol, port or gateway.port, **options)
    during = measure.Usage(pid)
    events = events_of(report)
    assert report["failed"] == 0 and events == report["events"], report
    figures = {
        "rate": report["events_per_s"], "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"],
        "p999_ms": report.get("p999_ms"), "max_ms": report.get("max_ms"), "events": events,
        "cpu_us": during.ours_since(before) / events * 1e6, "rss_mib": measure.rss_mib(pid),
        "bytes_per_event": (during.journal_bytes - before.journal_bytes) / events,
        "stages": {name: seconds / events * 1e6 for name, seconds in during.since(before).items()},
    }
    figures["rate_per_core"] = 1e6 / figures["cpu_us"]
    if stored:
        gateway.wait_stored()
        figures["all_cpu_us"] = (measure.process_seconds(pid) - before.process) / events * 1e6
    gateway.check_identity()
    return figures
