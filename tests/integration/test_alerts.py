"""The alert rules: each has its runbook, and each fires when its fault happens on a real gateway that Debian's Prometheus
reads, and arrives by Debian's Alertmanager where its severity leads. Nothing fires of a gateway that is well."""
import os
import re
import subprocess
import threading
import traceback

import alert_faults
import dashboard
import monitoring
from alert_faults import FAULTS, Place
from check import main
from gateway import ROOT, SERVER_BUILD
from servers import start_chdb_server

# On a machine that is busy any gateway may look like this for a while; and its disk is that of others.
OF_THE_MACHINE = {"SluiceDown", "SluiceFsyncSlow", "SluiceInsertsSlow", "SluiceRepliesSlow", "SluiceDiskSoonFull"}
OF_ALL = {"SluiceMissing", "SluiceNoTraffic"}   # not of one gateway
SOON, LATE = 75, 400          # seconds; half a minute is enough on a machine that is not busy


def read(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def every_alert_has_a_runbook_and_every_runbook_an_alert(_):
    chapter = re.search(r"^## Alerts$(.*?)(?=^## |\Z)", read("docs", "operations.md"), re.M | re.S).group(1)
    written = re.findall(r"^### (.+)$", chapter, re.M)
    names = [alert["alert"] for alert in monitoring.alerts()]
    assert sorted(written) == sorted(set(names)), set(written) ^ set(names)
    for alert in monitoring.alerts():
        said = alert["annotations"]
        assert alert["labels"]["severity"] in ("page", "ticket"), alert
        assert said["runbook_url"] == "docs/operations.md#" + alert["alert"].lower(), alert
        assert said["summary"] and said["description"].endswith("."), alert
    for name, text in zip(written, re.split(r"^### .+$", chapter, flags=re.M)[1:]):
        for part in ("**Means.**", "**Look.**", "**Do.**"):
            assert part in text, "the runbook of %s lacks %s" % (name, part)


def every_alert_has_its_fault(_):
    raised = [alert for _, alerts, _ in FAULTS for alert in alerts] + ["SluiceMissing"]
    assert sorted(raised) == sorted(alert["alert"] for alert in monitoring.alerts()), raised


def the_files_pass_the_checks_of_prometheus_and_alertmanager(_):
    for words in (["promtool", "check", "config", "docker/prometheus/prometheus.yml"],
                  ["promtool", "check", "rules", "docker/prometheus/rules.yml"],
                  ["amtool", "check-config", "docker/alertmanager/alertmanager.yml"]):
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout.decode()


def rules_ask_for_metrics_that_there_are(_):
    there = set(re.findall(r"^\| `(\w+)` \|", read("docs", "metrics.md"), re.M))
    for group in monitoring.rules()["groups"]:
        recorded = {rule["record"] for rule in group["rules"] if "record" in rule}
        for rule in group["rules"]:
            expr = re.sub(r"\w+:\w+:\w+", "", rule["expr"])
            for name in re.findall(r"\b(?:sluice|process)_\w+", expr):
                assert re.sub("_(bucket|sum|count)$", "", name) in there or name in recorded, (rule, name)


def the_dashboard_is_as_its_table_says(_):
    assert dashboard.is_as_the_table_says()
    names = {alert["alert"].lower() for alert in monitoring.alerts()}
    linked = {link["url"].split("#")[1] for panel in dashboard.read()["panels"] for link in panel.get("links", [])}
    assert linked <= names, linked - names
    assert names - linked <= {"sluicemissing", "sluicecertificatenotread"}, names - linked


def look_at_the_dashboard(prometheus, minute):
    """Each query has an answer of numbers for the gateway that is well; those of panels that tell of faults for some gateway."""
    rare, window = dashboard.rare_panels() | {"Starts"}, "%ds" % (20 * minute)
    shown, empty = set(), []
    for title, expr in dashboard.queries("well", window):
        if title not in rare and not dashboard.has_numbers(prometheus.ask_query(expr)):
            empty.append((title, expr))
    for title, expr in dashboard.queries(".*", window):
        if dashboard.has_numbers(prometheus.ask_query(expr)):
            shown.add(title)
    assert not empty, empty
    assert rare <= shown, rare - shown


class Run:
    """All faults at once, each on a gateway of its own, beside one that is well. A minute of the rules takes a second; if the machine
    is too slow for that, four."""

    def __init__(self, folder, faults):
        self.folder, self.minute, self.targets = folder, 1, {}
        self.receiver = monitoring.Receiver()
        self.alertmanager = monitoring.start_alertmanager(os.path.join(folder, "alertmanager"), self.receiver)
        self.prometheus, self.empty = self.look_at("first")
        path = os.path.join(folder, "store")
        os.makedirs(path)
        self.store = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
        self.ending = threading.Event()
        self.failed = []
        self.seen = set()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.make, args=(run, folder)) for run in faults]
        for thread in self.threads:
            thread.start()

    def look_at(self, name):
        """One that watches all, and one that watches nothing."""
        return [monitoring.Prometheus(os.path.join(self.folder, name + of), monitoring.scaled(self.minute), self.alertmanager, self.minute,
                                      targets) for of, targets in (("", self.targets), ("-empty", {}))]

    def slow_down(self):
        """Begins to look anew. What has fired has fired."""
        with self.lock:
            self.minute *= 4
            self.stop_looking()
            self.prometheus, self.empty = self.look_at("then")

    def watch(self, targets):
        with self.lock:
            self.targets.update(targets)
            self.prometheus.watch(targets)

    def make(self, run, folder):
        place = Place(run.__name__, folder, self.store, self)
        try:
            with place.undo:
                run(place)
        except BaseException:
            if not self.ending.is_set():
                self.failed.append("%s: %s\n%s" % (run.__name__, traceback.format_exc(), place.tell()))

    def look(self):
        self.seen |= self.prometheus.firing() | self.empty.firing()
        return self.seen

    def stop_looking(self):
        self.prometheus.stop()
        self.empty.stop()

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
        self.stop_looking()
        for each in (self.alertmanager, self.receiver, self.store):
            each.stop()


def each_alert_fires_on_its_fault_and_none_on_a_gateway_that_is_well(folder):
    faults = [(run, alerts) for run, alerts, ready in FAULTS if ready()]
    for run, _, ready in FAULTS:
        if not ready():
            print("        not made, as this needs root: " + run.__name__, flush=True)
    run = Run(folder, [run for run, _ in faults] + [alert_faults.well])
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in monitoring.alerts()}
    wanted = {(alert, "" if alert in OF_ALL else fault.__name__) for fault, alerts in faults for alert in alerts}
    wanted.add(("SluiceMissing", ""))
    try:
        def missing():
            """What has not fired, and what nobody was told at the receiver of its severity."""
            return [(alert, instance) for alert, instance in wanted
                    if (alert, instance) not in run.look() or (severities[alert], alert, instance) not in run.receiver.fired]

        if not monitoring.happens(lambda: run.failed or not missing(), SOON):
            print("        slowly, as these have not fired: %s" % missing(), flush=True)
            run.slow_down()
            monitoring.happens(lambda: run.failed or not missing(), LATE)
        assert not run.failed, "\n".join(run.failed)
        assert not missing(), missing()
        assert run.prometheus.ask_query('sum(increase(sluice_events_stored_total{instance="well"}[20s]))')
        false = {(alert, instance) for alert, instance in run.seen if instance == "well" and alert not in OF_THE_MACHINE}
        assert not false, false
        look_at_the_dashboard(run.prometheus, run.minute)
    finally:
        print("        seen beside: %s" % sorted(run.seen - wanted), flush=True)
        run.stop()


main([every_alert_has_a_runbook_and_every_runbook_an_alert, every_alert_has_its_fault,
      the_files_pass_the_checks_of_prometheus_and_alertmanager, rules_ask_for_metrics_that_there_are, the_dashboard_is_as_its_table_says,
      each_alert_fires_on_its_fault_and_none_on_a_gateway_that_is_well])
