"""Turns results into PNGs, by gnuplot. A plot whose series is not in the results is left out."""
import os
import shutil
import subprocess

from .stages import MANY, STAGES

HEAD = """set terminal pngcairo size 1000,600 noenhanced font "sans,12" background "white"
set output "%s"
set title "%s"
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside top center horizontal
set xlabel "%s"
set ylabel "%s"
set yrange [0:*]
"""
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f", "#bcbd22")


def block(name, rows):
    """Data within a script; what is missing is a ?."""
    lines = "\n".join(" ".join("?" if v is None else '"%s"' % v if isinstance(v, str) else repr(v) for v in row) for row in rows)
    return "$%s << EOD\n%s\nEOD\nset datafile missing \"?\"\n" % (name, lines)


def lines(data, titles, axes=None):
    """The plot command: the columns from the second on over the first."""
    parts = []
    for number, title in enumerate(titles):
        parts.append('$%s using 1:%d with linespoints lw 2 pt 7 lc rgb "%s"%s title "%s"' % (
            data, number + 2, COLOURS[number], " axes " + axes[number] if axes else "", title))
    return "plot " + ", \\\n     ".join(parts) + "\n"


def columns(points, *keys):
    return [[point.get(key) for key in keys] for point in points]


def batch_size(series):
    points = {p["size"]: dict(p) for p in series.get("batch_size", [])}
    for p in series.get("udp_batch_size", []):
        points.setdefault(p["size"], {"size": p["size"]})["udp"] = p["udp"]
    if not points:
        return None
    rows = columns([points[size] for size in sorted(points)], "size", "http", "ws", "udp")
    rows = [row[:1] + [v and v / 1e6 for v in row[1:]] for row in rows]
    return ("Throughput by batch size, durability os", "events in a request, message or datagram", "million events/s",
            "set logscale x\nset format x \"%.0f\"\n" + block("data", rows)
            + lines("data", ("HTTP", "WebSocket, LZ4", "UDP without loss")))


def latency_of(durability):
    def draw(series):
        points = series.get("offered_load", {}).get(durability)
        if not points:
            return None
        rows = [[p["offered"] / 1000, p["p50_ms"], p["p99_ms"], p["p999_ms"]] for p in points]
        return ("Acknowledgement against offered load: bulk of 1,000, %s, open loop" % durability,
                "offered, thousand events/s (10 to 100 % of the closed loop's maximum)", "ms, from when a request was due",
                "set logscale y\nset yrange [0.1:*]\nset format y \"%g\"\n" + block("data", rows)
                + lines("data", ("p50", "p99", "p99.9")))
    return draw


def stacked(title, names, forms=None):
    """A bar for each form (all of them, or those that carry many events at once), of the stages in `names`."""
    def draw(series):
        points = [p for p in series.get("stages", []) if not forms or p["form"] in forms]
        if not points:
            return None
        rows = [[p["form"]] + [p["stages"].get(name, 0) for name in names] for p in points]
        bars = ["$data using %d%s lc rgb \"%s\" title \"%s\"" % (n + 2, ":xtic(1)" if n == 0 else "",
                                                                 COLOURS[STAGES.index(name)], name)
                for n, name in enumerate(names)]
        return (title, "", "CPU µs per event",
                "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.6\nset style fill solid 0.9\n"
                + block("data", rows) + "plot " + ", \\\n     ".join(bars) + "\n")
    return draw


def growth(name, key, title, label, wanted, log=True, extra=""):
    """CPU per event as `key` grows."""
    def draw(series):
        points = series.get(name)
        if not points:
            return None
        rows = columns(points, key, *wanted)
        scale = "set logscale x\nset format x \"%.0f\"\n" if log else ""
        titles = [{"cpu_us": "socket to journal", "all_cpu_us": "in all, stored in the embedded engine"}[w] for w in wanted]
        return title, label, "CPU µs per event", scale + extra + block("data", rows) + lines("data", titles)
    return draw


def stored(series):
    points = series.get("stored")
    if not points:
        return None
    return ("Cost of an event and memory as the table grows, maximum rate, embedded engine", "events stored", "CPU µs per event",
            "set logscale x\nset format x \"10^{%T}\"\nset y2label \"RSS, MiB\"\nset y2tics\nset y2range [0:*]\n"
            "set terminal pngcairo enhanced\n"
            + block("data", columns(points, "stored", "cpu_us", "all_cpu_us", "rss_mib"))
            + lines("data", ("CPU, socket to journal", "CPU in all, stored", "RSS (right)"), ("x1y1", "x1y1", "x1y2")))


def memory(series):
    samples = series.get("memory")
    if not samples:
        return None
    return ("Memory at the maximum rate, gateway with embedded engine", "seconds", "RSS, MiB",
            block("data", columns(samples, "seconds", "rss_mib")) + 'plot $data using 1:2 with lines lw 2 lc rgb "%s" notitle\n'
            % COLOURS[0])


BOTH = ("cpu_us", "all_cpu_us")
PLOTS = (
    ("throughput_by_batch_size", batch_size),
    ("latency_os", latency_of("os")),
    ("latency_fsync", latency_of("fsync")),
    ("cpu_by_stage", stacked("CPU by stage, from socket to journal: many events at once", STAGES[:-2], MANY)),
    ("cpu_by_stage_in_all", stacked("CPU by stage, from socket to the embedded store", STAGES)),
    ("growth_connections", growth("connections", "connections", "Cost of an event by open connections: one event a request",
                                  "connections", ("cpu_us",))),
    ("growth_stored", stored),
    ("growth_streams", growth("streams", "streams", "Cost of an event by streams: 200,000 events/s over all, bulk of 100",
                              "streams", BOTH)),
    ("growth_fields", growth("fields", "fields", "Cost of an event by fields: bulk of 1,000", "fields of an event", BOTH, log=False)),
    ("memory", memory),
)


def draw(results, out):
    """Yields the paths of the plots."""
    if not shutil.which("gnuplot"):
        return
    for name, make in PLOTS:
        made = make(results["series"])
        if made:
            title, x, y, script = made
            path = os.path.join(out, name + ".png")
            subprocess.run(["gnuplot"], input=(HEAD % (path, title, x, y) + script).encode(), check=True)
            yield path
