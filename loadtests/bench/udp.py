"""The highest rate of datagrams without any loss, beside a bare recvmmsg counter.

The sender is pinned to the first core, and the receiver (the whole gateway, engine included) to the second, as the counter
is, if each event has a datagram; packed, the sender needs so little that the gateway may use both. A rate counts only
without loss: no drop in the kernel, every event accepted or duplicate; and the clock runs until the last of them is
decided, so that what piled up in a queue is in it. What lost is tried once more, for the machine is shared. The engine is
at work all the while, on what the attempts before have left in the journal."""
import contextlib
import json
import math
import time

from . import measure, peers
from .generator import load
from .workbench import say

ON_SENDER, ON_RECEIVER = ("taskset", "-c", "0"), ("taskset", "-c", "1")
STEPS = 5               # of the search, from a fifth of the highest on
SENDER_START = 0.02     # s: that is not its rate
HIGHEST = 3e6           # events/s to begin with: of more, the kernel's buffer alone holds seconds


def bare_rate(bench, options):
    """Events a second that recvmmsg alone receives, of all that the sender can send."""
    with peers.bare("bare_receive", ON_RECEIVER) as (port, process):
        load("udp", port, ON_SENDER, seconds=bench.seconds, **options)
        counted = json.loads(process.stdout.readline())
    return counted["datagrams_per_s"] * max(options.get("bulk", 0), 1)


class Receiver:
    """A gateway that is sent datagrams and says what became of them."""
    COUNTS = {"good": "sluice_events_accepted_total", "again": "sluice_events_duplicate_total",
              "in_flight": "sluice_events_in_flight", "kernel": "sluice_udp_kernel_drops_total",
              "dropped": "sluice_events_dropped_total", "datagrams": "sluice_udp_datagrams_total"}

    def __init__(self, gateway, seconds, options):
        self.gateway, self.seconds, self.options = gateway, seconds, options
        self.start = 0
        self.cpu_us = None      # of the last attempt without loss

    def counts(self):
        page = self.gateway.metrics()
        return {key: sum(v for k, v in page.get(name, {}).items() if dict(k).get("protocol", "udp") == "udp")
                for key, name in self.COUNTS.items()}

    def wait_decided(self, sent, before):
        """What came in between, when the last datagram of them is decided."""
        deadline = time.monotonic() + 60
        while True:
            now = {key: value - before[key] for key, value in self.counts().items()}
            if now["datagrams"] + now["kernel"] == sent["datagrams"] and now["in_flight"] + before["in_flight"] == 0:
                # the page was made while the last were decided: the next one has all
                return {key: value - before[key] for key, value in self.counts().items()}
            assert time.monotonic() < deadline, (sent, now)
            time.sleep(0.01)

    def attempt(self, rate):
        """Events a second without loss, or None if there was one."""
        pid = self.gateway.process.pid
        before, usage, began = self.counts(), measure.Usage(pid), time.monotonic()
        sent = load("udp", self.gateway.udp[0][1], ON_SENDER, rate=int(rate), seconds=self.seconds, start=self.start,
                    **self.options)
        now = self.wait_decided(sent, before)
        took = time.monotonic() - began
        cpu = measure.Usage(pid).ours_since(usage)
        self.start += sent["events"]
        whole = now["kernel"] == 0 and now["good"] + now["again"] == sent["events"]
        sustained = sent["events"] / max(took - SENDER_START, sent["seconds"])
        say("    offered %.0f/s: %s, %.0f/s until decided" % (
            sent["events_per_s"], "no loss" if whole else "LOSS %s" % now, sustained))
        if not whole:
            return None
        self.cpu_us = cpu / sent["events"] * 1e6
        return sustained

    def best(self, low, high):
        """(the highest rate without loss, CPU µs per event at it), by halving the ratio of a bad one to a good one."""
        found, cpu_us = 0.0, None
        for _ in range(STEPS):
            rate = math.sqrt(low * high)
            sustained = self.attempt(rate) or self.attempt(rate)
            if sustained is None:
                high = rate
                continue
            low = rate
            if sustained > found:
                found, cpu_us = sustained, self.cpu_us
        return found, cpu_us


@contextlib.contextmanager
def receiver(bench, options):
    pinned = ON_RECEIVER if options.get("bulk", 0) == 0 else ()
    with bench.gateway(wrapper=pinned) as gateway:
        yield Receiver(gateway, min(bench.seconds, 3), options)
        gateway.check_identity()


class Form:
    """A scenario: datagrams of one form, and the bare counter with the same. Each round searches anew: the host may be half
    as fast as it was."""

    def __init__(self, **options):
        self.options = options
        self.bare_best = 0.0

    def bare(self, bench):
        rate = bare_rate(bench, self.options)
        self.bare_best = max(self.bare_best, rate)
        return {"rate": rate}

    def gateway(self, bench):
        high = min(self.bare_best or bare_rate(bench, self.options), HIGHEST)
        with receiver(bench, self.options) as target:
            rate, cpu_us = target.best(high * 0.2, high)
            return {"rate": rate, "cpu_us": cpu_us, "rss_mib": measure.rss_mib(target.gateway.process.pid)}
