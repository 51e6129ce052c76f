"""Draws the dashboard as gnuplot can: each panel in its place, with the queries, legends, units and limits that Grafana would use."""
import datetime
import json
import os
import re
import subprocess

import dashboard

COLUMN, LINE = 72, 34           # pixels of a column and a line of the grid
SUFFIXES = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]


def text_of(value, unit):
    """A number with its unit, nearly as Grafana writes it."""
    unit = unit.replace("suffix:", "")
    if unit == "percentunit":
        return "%.3g %%" % (value * 100)
    if unit == "s" and 0 < abs(value) < 1:
        return "%.3g ms" % (value * 1000)
    if unit == "s" and abs(value) >= 7200:
        return "%.3g hours" % (value / 3600) if value < 172800 else "%.3g days" % (value / 86400)
    unit = {"short": "", "bytes": "B", "Bps": "B/s", "reqps": "req/s", "ops": "ops/s", "cps": "c/s", "pps": "p/s"}.get(unit, unit)
    for size, suffix in SUFFIXES:
        if abs(value) >= size:
            return "%.3g %s%s" % (value / size, suffix, unit)
    return ("%.3g %s" % (value, unit)).strip()


def legend_of(pattern, labels):
    if pattern == "__auto":
        return labels.get("__name__", "value")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found.group(1), ""), pattern)


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', "'").replace("_", "\\\\_")


def color_of(value, steps):
    chosen = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            chosen = step["color"]
    return {"green": "#1a7f37", "orange": "#bc4c00", "red": "#cf222e"}[chosen]


class Drawing:
    def __init__(self, ask, start, end, folder):
        self.ask, self.start, self.end, self.folder = ask, start, end, folder
        self.files = 0
        self.lines = []

    def series(self, panel):
        for target in panel["targets"]:
            expr = target["expr"].replace("$instance", ".*").replace("$stream", ".*").replace("$__rate_interval", "15s")
            for each in self.ask(expr, self.start, self.end):
                yield legend_of(target["legendFormat"], each["metric"]), [(float(at), float(value)) for at, value in each["values"]]

    def data(self, values):
        self.files += 1
        path = os.path.join(self.folder, "%d.dat" % self.files)
        with open(path, "w") as file:
            file.writelines("%.3f %s\n" % (at, value) for at, value in values)
        return path

    def place(self, panel, height):
        at = panel["gridPos"]
        self.lines += ["set lmargin at screen %f" % ((at["x"] + 0.7) / 24), "set rmargin at screen %f" % ((at["x"] + at["w"] - 0.2) / 24),
                       "set tmargin at screen %f" % (1 - (at["y"] + 0.9) / height), "set bmargin at screen %f" % (1 - (at["y"] + at["h"] - 1.3) / height)]

    def label(self, panel, height, text, color="black", size=11, down=0.45, bold=False):
        at = panel["gridPos"]
        self.lines.append("set label %s at screen %f, screen %f font '%s,%d' textcolor rgb '%s'" % (
            quoted(text), (at["x"] + 0.2) / 24, 1 - (at["y"] + down) / height, "Sans Bold" if bold else "Sans", size, color))

    def stat(self, panel, height):
        unit, steps = panel["fieldConfig"]["defaults"]["unit"], panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        series = list(self.series(panel))
        self.label(panel, height, panel["title"], bold=True)
        for number, (legend, values) in enumerate(series[:2]):
            value = values[-1][1]
            named = panel["options"]["textMode"] == "name"
            mappings = panel["fieldConfig"]["defaults"].get("mappings", [])
            text = legend if named else text_of(value, unit)
            for mapping in mappings:
                text = mapping["options"].get("%g" % value, {}).get("text", text)
            self.label(panel, height, text, color_of(value, steps), 11 if named else 22, 2 + number)
        if not series:
            self.label(panel, height, "No data", "#888888", 14, 2)
        self.lines += ["unset key", "set border 0", "unset tics", "plot [0:1] [0:1] -1 notitle"]

    def graph(self, panel, height):
        defaults = panel["fieldConfig"]["defaults"]
        series = [(legend, values) for legend, values in self.series(panel)]
        limits = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        self.label(panel, height, panel["title"], bold=True)
        if not series:
            self.label(panel, height, "No data", "#888888", 14, 3)
            self.lines += ["unset key", "set border 0", "unset tics", "plot [0:1] [0:1] -1 notitle"]
            return
        top = max([value for _, values in series for _, value in values if value == value] or [0])
        low = min([value for _, values in series for _, value in values if value == value] or [0])
        plots = ["'%s' using 1:2 with lines lw 2 %s title %s" % (
            self.data(values), "dt 2 lc rgb '#cf222e'" if legend in limits else "lc %d" % (number + 1), quoted(legend))
            for number, (legend, values) in enumerate(series[:12])]
        for step in defaults["thresholds"]["steps"][1:] if defaults["custom"]["thresholdsStyle"]["mode"] == "line" else []:
            if step["value"] <= top * 2:
                plots.append("%g with lines dt 3 lc rgb '%s' notitle" % (step["value"], color_of(step["value"], defaults["thresholds"]["steps"])))
        reach = max(top, 1e-9) * 1.15
        marks = ", ".join("%s %g" % (quoted(text_of(reach * part, defaults["unit"]).replace("%", "%%")), reach * part) for part in (0, 0.5, 1))
        self.lines += ["set border 3 lc rgb '#888888'", "set key at screen %f, screen %f left bottom horizontal maxrows 2 font 'Sans,7' samplen 1" % (
            (panel["gridPos"]["x"] + 0.3) / 24, 1 - (panel["gridPos"]["y"] + panel["gridPos"]["h"] - 0.1) / height),
            "set ytics (%s) font 'Sans,7' nomirror" % marks, "set xtics (%s) font 'Sans,7' nomirror" % ", ".join(
                "'%s' %f" % (datetime.datetime.fromtimestamp(at).strftime("%H:%M:%S"), at) for at in (self.start, (self.start + self.end) / 2)),
            "set grid ytics lc rgb '#dddddd'", "plot [%f:%f] [%g:%g] %s" % (self.start, self.end, min(low, 0), reach, ", ".join(plots))]

    def draw(self, path):
        panels = dashboard.read()["panels"]
        height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) + 1
        self.lines = ["set terminal pngcairo size %d,%d font 'Sans,9' enhanced" % (24 * COLUMN, height * LINE), "set output '%s'" % path, "set multiplot"]
        for panel in panels:
            self.lines += ["unset label", "unset key", "unset grid"]
            self.place(panel, height)
            if panel["type"] == "row":
                self.lines += ["set label %s at screen 0.004, screen %f font 'Sans Bold,13'" % (quoted(panel["title"]), 1 - (panel["gridPos"]["y"] + 0.5) / height),
                               "set lmargin at screen 0.01", "set tmargin at screen %f" % (1 - panel["gridPos"]["y"] / height),
                               "set bmargin at screen %f" % (1 - (panel["gridPos"]["y"] + 1) / height),
                               "unset tics", "set border 0", "plot [0:1] [0:1] -1 notitle"]
            elif panel["type"] == "stat":
                self.stat(panel, height)
            else:
                self.graph(panel, height)
        self.lines.append("unset multiplot")
        script = os.path.join(self.folder, "dashboard.gp")
        with open(script, "w") as file:
            file.write("\n".join(self.lines) + "\n")
        subprocess.check_call(["gnuplot", script])


def draw(prometheus, start, end, folder, path):
    os.makedirs(folder, exist_ok=True)
    Drawing(lambda expr, a, b: prometheus.ask("query_range", query=expr, start=a, end=b, step=1)["result"], start, end, folder).draw(path)
