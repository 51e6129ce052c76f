"""The maximum rate for minutes into the embedded store: is memory flat, and what does an event cost as the table grows?"""
import statistics
import subprocess
import time

from . import measure, rows
from .generator import finish, words
from .workbench import BULK

WARM_UP = 0.2           # of the run: caches and the window of ids fill
PER = 300               # seconds that a slope is told for
RETRY = {"retry": True, "connections": 8, "bulk": 1000, "path": BULK}


def slope(points):
    """Of a line through (x, y)."""
    xs, ys = zip(*points)
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def sample(gateway, began, before):
    pid = gateway.process.pid
    now = measure.Usage(pid)
    return {"seconds": time.monotonic() - began, "stored": gateway.sum("sluice_events_stored_total"),
            "accepted": gateway.sum("sluice_events_accepted_total"), "rss_mib": measure.rss_mib(pid),
            "ours_s": now.ours_since(before), "all_s": now.process - before.process}


def watch(gateway, seconds):
    """(the generator's report, a sample a second and one when all is stored)"""
    before, began, samples = measure.Usage(gateway.process.pid), time.monotonic(), []
    line = words("http", gateway.port, seconds=seconds, **RETRY)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while process.poll() is None:
            samples.append(sample(gateway, began, before))
            time.sleep(1)
        report = finish(process, line)
        gateway.wait_stored()
        return report, samples + [sample(gateway, began, before)]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def memory(bench):
    """Figures with the samples, which the series of growth are drawn from."""
    with bench.gateway(config=rows.sample_config) as gateway:
        report, samples = watch(gateway, bench.soak)
        gateway.check_identity()
        stored = samples[-1]["stored"]
        assert stored == report["accepted"], (stored, report)
        warm = [(s["seconds"], s["rss_mib"]) for s in samples if s["seconds"] >= bench.soak * WARM_UP]
        rss = statistics.median(y for _, y in warm)
        return {"rate": stored / samples[-1]["seconds"], "rss_mib": rss, "growth_percent": slope(warm) * PER / rss * 100,
                "all_cpu_us": samples[-1]["all_s"] / stored * 1e6, "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"],
                "events": stored, "samples": samples}
