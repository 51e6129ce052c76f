"""What is measured at rest or over a long time: idle WebSockets, allocations, memory."""
import os
import signal
import subprocess
import time

from gateway import SERVER_BUILD
from websocket import sample_with

from . import measure
from .generator import load, words
from .workbench import BULK, events_of, nowhere

IDLE = 10000            # WebSockets
IDLE_QUICK = 2000
SETTLE = 3              # seconds until memory is what it stays


def idle_config(folder):
    return sample_with(folder, websocket={"max_connections": IDLE + 1000, "max_per_address": IDLE + 1000})


class IdleWebsockets:
    """Of one gateway without an engine: KiB of RSS for each idle WebSocket, and what share of their rate they leave to the
    busy ones."""

    def __init__(self, bench, gateway):
        self.seconds, self.gateway, self.first = bench.seconds, gateway, 0
        self.count = IDLE_QUICK if bench.quick else IDLE

    def busy(self):
        self.first += 100000000
        return load("ws", self.gateway.port, bulk=100, connections=16, window=10, seconds=self.seconds,
                    start=self.first)["events_per_s"]

    def with_idle(self, work):
        line = words("ws", self.gateway.port, connections=0, idle=self.count, addresses=16, seconds=600)
        with subprocess.Popen(line, stdout=subprocess.DEVNULL) as holder:
            try:
                self.gateway.wait_until("idle WebSockets open", lambda: self.gateway.sum("sluice_websockets") == self.count)
                return work()
            finally:
                holder.terminate()
                holder.wait()
                self.gateway.wait_until("they are gone", lambda: self.gateway.sum("sluice_websockets") == 0)

    def settled(self):
        time.sleep(SETTLE)
        return measure.rss_mib(self.gateway.process.pid)


def idle_websockets(bench):
    with bench.gateway(config=idle_config, env=nowhere()) as gateway:
        idle = IdleWebsockets(bench, gateway)
        at_rest = idle.settled()
        each = (idle.with_idle(idle.settled) - at_rest) * 1024 / idle.count
        idle.busy()     # warm
        alone = idle.busy()
        share = idle.with_idle(idle.busy) / alone
        gateway.check_identity()
        return {"idle_kib": each, "share": share, "rate": alone * share}


def rss_at_rest(bench):
    """Without the embedded engine."""
    with bench.gateway(env=nowhere()) as gateway:
        time.sleep(SETTLE)
        return {"rss_mib": measure.rss_mib(gateway.process.pid)}


def allocations(bench):
    """Calls of malloc, calloc and realloc of our threads per event, once warm: bulk of 1,000."""
    with bench.folder() as folder:
        count_file = os.path.join(folder, "count")
        env = {"LD_PRELOAD": os.path.join(SERVER_BUILD, "libmalloc_count.so"), "MALLOC_COUNT_FILE": count_file}
        with bench.gateway(env=env) as gateway:
            def calls():
                gateway.process.send_signal(signal.SIGUSR1)
                time.sleep(0.3)
                return int(measure.read(count_file))
            load("http", gateway.port, path=BULK, bulk=1000, connections=4, events=200000)
            warm = calls()
            report = load("http", gateway.port, path=BULK, bulk=1000, connections=4, events=500000, start=10000000)
            gateway.check_identity()
            return {"allocations": (calls() - warm) / events_of(report)}
