"""The queries of the Grafana dashboard, as Grafana would ask them."""
import json
import math
import os
import subprocess
import sys

from monitoring import ROOT

FOLDER = os.path.join(ROOT, "docker", "grafana")


def is_as_the_table_says():
    return subprocess.run([os.path.join(FOLDER, "make-dashboard"), "--check"]).returncode == 0


def rare_panels():
    """Titles of those that may be empty for a gateway that is well, by the table."""
    sys.path.insert(0, FOLDER)
    try:
        from panels import ROWS
    finally:
        sys.path.remove(FOLDER)
    return {title for _, row in ROWS for title, _, _, _, options in row if options.get("rare")}


def read():
    with open(os.path.join(FOLDER, "dashboards", "sluice.json")) as file:
        return json.load(file)


def queries(instance, window):
    """(title of the panel, PromQL) of all panels, and of annotations."""
    content = read()
    asked = [(panel["title"], target["expr"]) for panel in content["panels"] for target in panel.get("targets", [])]
    asked += [(each["name"], each["expr"]) for each in content["annotations"]["list"]]
    return [(title, expr.replace("$instance", instance).replace("$stream", ".*").replace("$__rate_interval", window)) for title, expr in asked]


def has_numbers(result):
    return any(not math.isnan(float(each["value"][1])) for each in result)
