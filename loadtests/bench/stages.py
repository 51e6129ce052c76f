"""Where the microseconds go: CPU of each stage per event, by thread, and within our threads by function if perf is there."""
import os
import re
import shutil
import subprocess

from . import measure, udp
from .workbench import BULK, loaded, say

STAGES = ("receive", "parse", "validate", "dedup", "encode", "journal", "commit", "deliver", "engine")  # as an event goes
# Thread, and "library function" as perf names them. The first that fits counts, the last of a thread takes what is left.
# Zeroed pages, and the thread that makes them, are those of the window of ids, which grows; other work of the kernel for
# `commit` is the journal's.
RULES = [(stage, re.compile(thread), re.compile(function)) for stage, thread, function in (
    ("parse", r"io-|udp", r"simdjson|json_parse"),
    ("receive", r"io-|udp", r"\[k\]|libwebsockets|libev|liblz4|libz|http_|ws_|udp_|session|loop|inbox|answer|decode|send|recv"),
    ("validate", r"io-|udp", r"sluice|xxhash|libc"),
    ("receive", r"io-|udp", r""),
    ("dedup", r"commit", r"find|id_set|id_window|dedup|key_|decide|clear_page|fault|hiredis"),
    ("encode", r"commit", r"liblz4|lz4_|native|chunk|column|xxhash"),
    ("journal", r"commit", r"\[k\]|journal|write|sync"),
    ("dedup", r"pages", r""),
    ("commit", r"commit|redis", r""),
    ("deliver", r"writer", r""),
    ("engine", r"", r""),
)]


def stage(thread, function):
    return next(name for name, t, f in RULES if t.match(thread) and f.search(function))


class Profile:
    """perf on a process while it is loaded; without perf every function is unknown."""

    def __init__(self, pid, folder):
        self.path = os.path.join(folder, "perf.data")
        self.process = None
        if shutil.which("perf"):
            self.process = subprocess.Popen(["perf", "record", "-q", "-F", "999", "-p", str(pid), "-o", self.path],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(2)
            self.process.wait()

    def shares(self):
        """{thread: {stage: share of the thread's samples}}"""
        if not self.process:
            return {}
        done = subprocess.run(["perf", "report", "-q", "--stdio", "--no-children", "-F", "overhead,comm,dso,symbol", "-i", self.path],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        shares = {}
        for line in done.stdout.decode(errors="replace").splitlines():
            found = re.match(r"\s*([\d.]+)%\s+(\S+)\s+(\S+\s+\[.\].*)", line)
            if found:
                percent, thread, function = float(found.group(1)), found.group(2), found.group(3)
                one = shares.setdefault(thread, {})
                name = stage(thread, function)
                one[name] = one.get(name, 0) + percent
        return {thread: {name: value / sum(one.values()) for name, value in one.items()} for thread, one in shares.items()
                if sum(one.values())}


def split(seconds, shares):
    """{stage: seconds} of {thread: seconds}."""
    stages = dict.fromkeys(STAGES, 0.0)
    for thread, spent in seconds.items():
        for name, share in shares.get(thread, {stage(thread, ""): 1}).items():
            stages[name] += spent * share
    return stages


def load_of(protocol, **options):
    return lambda bench, gateway: loaded(gateway, protocol, seconds=bench.seconds, **options)["events"]


def datagrams(bench, gateway):
    target = udp.Receiver(gateway, bench.seconds, {"bulk": 7, "compress": "lz4"})
    target.attempt(UDP_RATE)
    return target.start


UDP_RATE = 200000       # events/s, which any machine takes
FORMS = (
    ("HTTP bulk of 1,000", load_of("http", path=BULK, bulk=1000, connections=16)),
    ("WebSocket, LZ4, 100", load_of("ws", bulk=100, connections=16, window=10)),
    ("UDP, LZ4, 7", datagrams),
    ("HTTP, one a request", load_of("http", path="/events", connections=256)),
)
MANY = tuple(form for form, _ in FORMS[:3])


def by_stage(bench):
    """[{form, stages: {stage: CPU µs per event}}], the embedded store included until all is stored."""
    points = []
    for form, send in FORMS:
        with bench.gateway() as gateway, bench.folder() as folder:
            pid = gateway.process.pid
            before, process_before = measure.thread_seconds(pid), measure.process_seconds(pid)
            with Profile(pid, folder) as profile:
                events = send(bench, gateway)
            gateway.wait_stored()
            process = measure.process_seconds(pid) - process_before
            spent = {name: value - before.get(name, 0) for name, value in measure.thread_seconds(pid).items()
                     if measure.stage(name) != "engine"}
            spent["engine"] = max(process - sum(spent.values()), 0)     # many of its threads have ended meanwhile
            stages = {name: value / events * 1e6 for name, value in split(spent, profile.shares()).items()}
            say("    %s: %s" % (form, ", ".join("%s %.2f" % item for item in stages.items())))
            points.append({"form": form, "stages": stages})
    return points


SERIES = (("stages", by_stage, lambda bench: len(FORMS) * bench.seconds * 5),)
