"""Turns results into what people read: the table, the targets met and missed. Results are {machine, options, scenarios:
{key: [figures of a round, …]}, series}; a round that could not be run is {absent: why}, one that failed {failed: why}."""
import os
import re
import statistics
import subprocess
import time

from . import ROOT, measure
from .scenarios import ALL, FIGURES, GROUPS


def machine():
    info = measure.read("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", info)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    return {"cpu": model.group(1) if model else "unknown", "cores": os.cpu_count(), "kernel": os.uname().release,
            "memory_gib": round(int(re.search(r"MemTotal:\s+(\d+)", measure.read("/proc/meminfo")).group(1)) / 2 ** 20),
            "commit": commit.stdout.decode().strip(), "date": time.strftime("%Y-%m-%d %H:%M")}


def values(results, key, figure):
    """{round: value} of a scenario."""
    return {number: found[figure] for number, found in enumerate(results["scenarios"].get(key, []))
            if found.get(figure) is not None}


def why_not(results, key):
    """Why a scenario has no figures; None if it has some."""
    rounds = results["scenarios"].get(key, [])
    if any("absent" not in found and "failed" not in found for found in rounds):
        return None
    return next((found.get("absent") or "FAILED: " + found["failed"] for found in rounds), "not chosen")


def median(found):
    return statistics.median(found.values()) if found else None


def compared(results, key, figure, other, work):
    """{round: work(value, the other's value)} of the rounds that have both: the host is another one some minutes later."""
    mine, others = values(results, key, figure), values(results, other, figure)
    return {n: work(value, others[n]) for n, value in mine.items() if others.get(n)}


def measured(results, key, bar):
    if bar.of:
        return compared(results, key, bar.figure, bar.of, lambda a, b: a / b)
    if bar.beyond:
        return compared(results, key, bar.figure, bar.beyond, lambda a, b: a - b)
    return values(results, key, bar.figure)


def number(value):
    """To three digits that count; thousands with commas."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.3g" % value


def spread(found):
    return "–" if len(found) < 2 else "%s – %s" % (number(min(found.values())), number(max(found.values())))


COLUMNS = ("cpu_us", "all_cpu_us", "rss_mib", "bytes_per_event", "p50_ms", "p99_ms")


def scenario_row(results, scenario):
    rates = values(results, scenario.key, "rate")
    cells = [scenario.name]
    missing = why_not(results, scenario.key)
    if missing:
        return cells + [missing] + [""] * (len(COLUMNS) + 2)
    lost = sum(values(results, scenario.key, "lost").values())
    cells.append(("%s %s" % (number(median(rates)), scenario.unit) if rates else "–") + (", %s LOST" % number(lost) if lost else ""))
    cells.append(spread(rates))
    ratios = compared(results, scenario.key, "rate", scenario.baseline, lambda a, b: a / b) if scenario.baseline else {}
    cells.append(number(median(ratios)))
    return cells + [number(median(values(results, scenario.key, column))) for column in COLUMNS]


def bar_rows(results):
    """[(scenario, what, measured, spread, wanted, verdict)]"""
    rows = []
    for key in results["scenarios"]:
        for bar in ALL[key].bars:
            other = bar.of or bar.beyond
            what = FIGURES[bar.figure] if bar.figure != "rate" else ALL[key].unit
            what += " of that of: " + ALL[bar.of].name if bar.of else " more than: " + ALL[bar.beyond].name if bar.beyond else ""
            wanted = "%s %s" % (bar.sign, number(bar.wanted))
            missing = why_not(results, key) or (why_not(results, other) if other else None)
            if missing:
                rows.append((ALL[key].name, what, missing, "–", wanted, "not measured"))
                continue
            found = measured(results, key, bar)
            value = median(found)
            met = value is not None and {">=": value >= bar.wanted, "<=": value <= bar.wanted, ">": value > bar.wanted}[bar.sign]
            rows.append((ALL[key].name, what, number(value), spread(found), wanted, "met" if met else "MISSED"))
    return rows


def table(head, rows):
    lines = [head, ["---"] * len(head)] + [list(row) for row in rows]
    return "\n".join("| %s |" % " | ".join(str(cell).replace("|", "/") for cell in line) for line in lines)


def markdown(results):
    about, options = results["machine"], results["options"]
    parts = ["# %s: %d cores of %s, %d GiB, Linux %s; commit %s" % (
        about["date"], about["cores"], about["cpu"], about["memory_gib"], about["kernel"], about["commit"]),
        "%d rounds of %g s; load, gateway and stores share the cores. Medians; the spread is lowest – highest." % (
            options["rounds"], options["seconds"])]
    for name, group in GROUPS:
        rows = [scenario_row(results, s) for s in group if s.key in results["scenarios"]]
        if rows:
            parts += ["## " + name, table(
                ["scenario", "rate", "spread", "of its baseline", "CPU µs an event, socket to journal", "CPU µs in all, stored",
                 "RSS MiB", "journal bytes an event", "p50 ms", "p99 ms"], rows)]
    parts += ["## Targets", table(["scenario", "what", "measured", "spread", "wanted", ""], bar_rows(results))]
    return "\n\n".join(parts) + "\n"


def whole(results):
    """Nothing failed and no target that was measured is missed."""
    failed = results.get("failed_series") or any("failed" in found for rounds in results["scenarios"].values() for found in rounds)
    return not failed and not any(row[-1] == "MISSED" for row in bar_rows(results))
