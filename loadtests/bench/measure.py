"""Turns /proc into CPU of threads and processes, memory, and bytes written."""
import os
import re

TICK = os.sysconf("SC_CLK_TCK")

# What a thread of the gateway does for an event. The first that fits counts; what fits none belongs to the engine.
STAGES = (("receive", r"io-|udp"), ("commit", r"commit"), ("memory for ids", r"pages"), ("mark in Redis", r"redis"),
          ("deliver", r"writer"))
OURS = ("receive", "commit", "memory for ids", "mark in Redis")   # the way of an event from socket to journal


def stage(thread):
    return next((name for name, pattern in STAGES if re.match(pattern, thread)), "engine")


def read(path):
    with open(path) as file:
        return file.read()


def thread_seconds(pid):
    """{thread name: seconds of CPU}, of the threads that are alive."""
    seconds = {}
    for task in os.listdir("/proc/%d/task" % pid):
        folder = "/proc/%d/task/%s/" % (pid, task)
        try:
            name = read(folder + "comm").strip()
            seconds[name] = seconds.get(name, 0) + int(read(folder + "schedstat").split()[0]) / 1e9
        except OSError:
            continue        # it has ended meanwhile
    return seconds


def process_seconds(pid):
    """Of all threads, those that have ended as well."""
    fields = read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", read("/proc/%d/status" % pid)).group(1)) / 1024


def written_by(pid, thread):
    """Bytes that the threads of that name have given to write(): of `commit`, the journal."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        folder = "/proc/%d/task/%s/" % (pid, task)
        if read(folder + "comm").strip() == thread:
            total += int(re.search(r"wchar: (\d+)", read(folder + "io")).group(1))
    return total


class Usage:
    """What a gateway has used up to now; `since` an earlier one, what in between."""

    def __init__(self, pid):
        self.threads = thread_seconds(pid)
        self.process = process_seconds(pid)
        self.journal_bytes = written_by(pid, "commit")

    def since(self, before):
        """{stage: seconds}"""
        stages = {}
        for name, seconds in self.threads.items():
            stages[stage(name)] = stages.get(stage(name), 0) + seconds - before.threads.get(name, 0)
        ours = sum(seconds for name, seconds in stages.items() if name != "engine")
        stages["engine"] = max(self.process - before.process - ours, 0)     # many of its threads have ended meanwhile
        return stages

    def ours_since(self, before):
        return sum(seconds for name, seconds in self.since(before).items() if name in OURS)
