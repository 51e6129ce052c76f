#!/usr/bin/env python3
"""Measures UDP beside a bare recvmmsg counter, from the same sender in the same run, and prints a table and the bars. Options: --seconds N.

The sender is pinned to the first core, the receiver (the whole gateway, engine included) to the second. A rate counts
only without loss: no drop in the kernel, every event accepted or duplicate; and the clock runs until the last of them is
decided, so that what piled up in a queue is in it; what lost is tried once more, for the machine is shared. Configuration: the sample (embedded store), durability os,
dedup in memory."""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from gateway import BUILD, Gateway  # noqa: E402

UDP_LOAD = os.path.join(BUILD, "udp_load")
ON_SENDER, ON_RECEIVER = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
STEPS = 5
FORMS = [  # name, events in a datagram, options of the sender
    ("JSON, 190 bytes", 1, []),
    ("NDJSON, 7 events in 1,400 bytes", 7, []),
    ("the same in LZ4", 7, ["--lz4"]),
]


def send(port, *words):
    done = subprocess.run(ON_SENDER + [UDP_LOAD, "--port", str(port)] + [str(w) for w in words],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def bare_rate(seconds, words):
    """Datagrams a second that recvmmsg alone receives, of all that the sender can send."""
    counter = subprocess.Popen(ON_RECEIVER + [UDP_LOAD, "--receive", "--port", "0"], stdout=subprocess.PIPE)
    port = json.loads(counter.stdout.readline())["port"]
    send(port, "--seconds", seconds, *words)
    counted = json.loads(counter.stdout.readline())
    counter.wait()
    return counted["datagrams_per_s"]


class Receiver:
    def __init__(self, folder):
        self.gateway = Gateway(folder, env={"SLUICE_DURABILITY": "os"}, wrapper=ON_RECEIVER).start()
        self.start = 0

    def counts(self):
        page = self.gateway.metrics()

        def total(name):
            return sum(v for k, v in page.get(name, {}).items() if dict(k).get("protocol", "udp") == "udp")
        return {name: total(full) for name, full in (
            ("good", "sluice_events_accepted_total"), ("again", "sluice_events_duplicate_total"),
            ("in_flight", "sluice_events_in_flight"), ("kernel", "sluice_udp_kernel_drops_total"),
            ("dropped", "sluice_events_dropped_total"), ("datagrams", "sluice_udp_datagrams_total"))}

    def attempt(self, rate, seconds, words):
        """Datagrams a second without loss, or None if there was one."""
        before = self.counts()
        began = time.monotonic()
        sent = send(self.gateway.udp[0][1], "--rate", rate, "--seconds", seconds, "--start", self.start, *words)
        self.start += sent["events"]
        while True:
            now = {k: v - before[k] for k, v in self.counts().items()}
            arrived = now["datagrams"] + now["kernel"] == sent["datagrams"]
            if arrived and now["in_flight"] + before["in_flight"] == 0:
                break
            assert time.monotonic() - began < 60, (sent, now)
            time.sleep(0.01)
        took = time.monotonic() - began
        now = {k: v - before[k] for k, v in self.counts().items()}  # the last page was made while the last were decided
        whole = now["kernel"] == 0 and now["good"] + now["again"] == sent["events"]
        sustained = sent["datagrams"] / max(took - 0.02, sent["seconds"])  # the sender's start is not its rate
        print("    %s offered %.0f/s: %s, %.0f/s until decided" % (
            " ".join(words) or "plain", sent["datagrams_per_s"], "no loss" if whole else "LOSS %s" % now, sustained),
            file=sys.stderr)
        self.gateway.wait_stored()
        return sustained if whole else None

    def best(self, highest, seconds, words):
        """The highest rate without loss, by halving the ratio of a bad one to a good one."""
        good, bad, found = highest * 0.05, highest, 0.0
        for _ in range(STEPS):
            rate = math.sqrt(good * bad)
            sustained = self.attempt(rate, seconds, words) or self.attempt(rate, seconds, words)
            if sustained is None:
                bad = rate
            else:
                good, found = rate, max(found, sustained)
        return found


def measure(seconds=2):
    """[(form, events in a datagram, bare datagrams/s, gateway's datagrams/s without loss)]"""
    rows = []
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        receiver = Receiver(folder)
        try:
            for name, pack, words in FORMS:
                print("udp: %s" % name, file=sys.stderr)
                words = ["--pack", str(pack)] + words
                bare = [bare_rate(seconds, words) for _ in range(2)]
                found = receiver.best(bare[0], seconds, words)
                bare.append(bare_rate(seconds, words))
                rows.append((name, pack, statistics.median(bare), found))
            receiver.gateway.check_identity()
        finally:
            receiver.gateway.cleanup()
    return rows


def print_rows(rows):
    print("| UDP, one core each for sender and gateway; durability os, dedup memory | bare recvmmsg, datagrams/s | "
          "gateway without loss, datagrams/s | events/s |")
    print("|---|---|---|---|")
    for name, pack, bare, found in rows:
        print("| %s | %s | %s | %s |" % (name, "{:,.0f}".format(bare), "{:,.0f}".format(found), "{:,.0f}".format(found * pack)))


def bars(rows):
    """As loadtests/run lists them."""
    single, lines, packed = rows
    return [
        ("UDP: share of a bare recvmmsg counter's datagrams/s, without loss", single[3] / single[2], ">=", 0.45, "%.2f"),
        ("UDP: events/s in NDJSON of 7, without loss", lines[3] * lines[1], ">=", 500000, "%.0f"),
        ("UDP: events/s in LZ4, without loss", packed[3] * packed[1], ">=", 500000, "%.0f"),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    rows = measure(parser.parse_args().seconds)
    print_rows(rows)
    for name, value, _, wanted, form in bars(rows):
        print("%s: %s, wanted %s: %s" % (name, form % value, form % wanted, "met" if value >= wanted else "MISSED"))


if __name__ == "__main__":
    main()
