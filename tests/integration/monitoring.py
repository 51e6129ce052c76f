"""Prometheus and Alertmanager of Debian with the project's own rules and routes, and a receiver of what Alertmanager sends."""
import http.server
import json
import os
import re
import threading
import time
import urllib.parse
import urllib.request

import yaml

from servers import Server, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(ROOT, "docker", "prometheus", "rules.yml")
ROUTES = os.path.join(ROOT, "docker", "alertmanager", "alertmanager.yml")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(\d+)([smhd])")
LONGEST = 20            # minutes


def rules():
    with open(RULES) as file:
        return yaml.safe_load(file)


def alerts():
    return [rule for group in rules()["groups"] for rule in group["rules"] if "alert" in rule]


def shortened(text, minute):
    """A duration, if a minute takes so many seconds: at least one minute, at most 20, also for an hour or a day."""
    minutes = sum(int(number) * SECONDS[unit] for number, unit in DURATION.findall(text)) // 60
    return "%ds" % (min(max(minutes, 1), LONGEST) * minute)


def scaled(minute):
    """The rules with shorter waits (`for`), ranges ([5m]), offsets and horizons of predict_linear. What they compare is as it was:
    thresholds of seconds, bytes and shares, and the time of certificates."""
    content = rules()
    for group in content["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = shortened(rule["for"], minute)
            expr = re.sub(r"\[(\w+)\]", lambda found: "[%s]" % shortened(found.group(1), minute), rule["expr"])
            expr = re.sub(r"\boffset (\w+)", lambda found: "offset " + shortened(found.group(1), minute), expr)
            rule["expr"] = re.sub(r", (\d+) \* 3600\)", r", \1 * %d)" % (60 * minute), expr)
    return content


def write_yaml(path, content):
    with open(path, "w") as file:
        yaml.safe_dump(content, file, sort_keys=False, width=1000)
    return path


class Receiver:
    """Takes what Alertmanager posts: (receiver, alert, instance) of all that fires."""

    def __init__(self):
        fired = self.fired = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in said["alerts"]:
                    if alert["status"] == "firing":
                        fired.add((self.path.strip("/"), alert["labels"]["alertname"], alert["labels"].get("instance", "")))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def start_alertmanager(folder, receiver):
    """With the project's routes; what it waits for is short, and the webhooks are the receiver's."""
    with open(ROUTES) as file:
        routes = yaml.safe_load(file)
    routes["route"].update(group_wait="0s", group_interval="1s")
    for each in routes["receivers"]:
        for hook in each["webhook_configs"]:
            hook["url"] = "http://127.0.0.1:%d%s" % (receiver.port, urllib.parse.urlparse(hook["url"]).path)
    os.makedirs(folder, exist_ok=True)
    port = free_port()
    return Server(["prometheus-alertmanager", "--config.file", write_yaml(os.path.join(folder, "alertmanager.yml"), routes),
                   "--storage.path", os.path.join(folder, "alerts"), "--web.listen-address", "127.0.0.1:%d" % port,
                   "--cluster.listen-address", ""], port, folder, ready_path="/-/ready")


class Prometheus(Server):
    def __init__(self, folder, content, alertmanager=None, interval=1, targets=None):
        """`targets`: {instance: port}."""
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.targets = {}
        write_yaml(os.path.join(folder, "rules.yml"), content)
        pause = "%ds" % interval
        config = {"global": {"scrape_interval": pause, "scrape_timeout": pause, "evaluation_interval": pause},
                  "rule_files": ["rules.yml"],
                  "scrape_configs": [{"job_name": "sluice", "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}]}]}
        if alertmanager:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:%d" % alertmanager.port]}]}]}
        self.watch(targets or {})
        port = free_port()
        super().__init__(["prometheus", "--config.file", write_yaml(os.path.join(folder, "prometheus.yml"), config),
                          "--storage.tsdb.path", os.path.join(folder, "tsdb"), "--web.listen-address", "127.0.0.1:%d" % port,
                          "--web.enable-admin-api"], port, folder, ready_path="/-/ready")

    def watch(self, targets):
        """{instance: port}, beside those that are watched."""
        self.targets.update(targets)
        path = os.path.join(self.folder, "targets.json")
        with open(path + ".new", "w") as file:
            json.dump([{"targets": ["127.0.0.1:%d" % port], "labels": {"instance": name}} for name, port in self.targets.items()], file)
        os.rename(path + ".new", path)

    def ask(self, path, **arguments):
        url = "%s/api/v1/%s?%s" % (self.url, path, urllib.parse.urlencode(arguments))
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                said = json.load(reply)
        except urllib.error.HTTPError as error:
            said = json.load(error)
        assert said["status"] == "success", (arguments, said)
        return said["data"]

    def ask_query(self, expr, at=None):
        return self.ask("query", query=expr, **({"time": at} if at else {}))["result"]

    def firing(self):
        """{(alert, instance)}."""
        return {(each["labels"]["alertname"], each["labels"].get("instance", "")) for each in self.ask("alerts")["alerts"]
                if each["state"] == "firing"}


def happens(condition, timeout):
    """Whether it does within so many seconds."""
    deadline = time.time() + timeout
    while not condition():
        if time.time() > deadline:
            return False
        time.sleep(0.3)
    return True
