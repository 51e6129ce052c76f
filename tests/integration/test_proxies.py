"""The configurations of docs/proxies.md, as they stand there, in front of two gateways that are stopped and killed in turn,
while clients keep their connections, fall silent for as long as an idle connection lives, and hold WebSockets."""
import contextlib
import http.client
import json
import os
import random
import re
import threading
import time

from balancers import Balancer, written
from check import main
from gateway import Gateway, ROOT, SERVER_BUILD, event
from servers import free_port, start_chdb_server, start_redis
from websocket import Client, Closed, sample_with

POSTERS, SOCKETS, BULK = 12, 3, 5
SECONDS = float(os.environ.get("PROXY_SECONDS", "0"))  # so long further faults follow


def block(name):
    """A configuration of the page."""
    with open(os.path.join(ROOT, "docs", "proxies.md")) as page:
        return re.search(r"^```%s\n(.*?)^```" % name, page.read(), re.M | re.S).group(1)


def put(text, *pairs):
    """With each of the page's addresses replaced by that of this test."""
    for old, new in pairs:
        assert old in text, (old, text)
        text = text.replace(old, new)
    return text


NGINX = """daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{page}
}}
"""


def start_nginx(folder, targets, path=False):
    """With `path`, the server is a site that has the gateways under /sluice/ alone."""
    port = free_port()
    page = put(block("nginx"), ("10.0.0.11:8080", targets[0]), ("10.0.0.12:8080", targets[1]),
               ("listen 80;", "listen 127.0.0.1:%d;" % port), ("keepalive_timeout 60s;", "keepalive_timeout 2s;"))
    if path:
        page = re.sub(r"^    location / \{.*?^    \}\n", lambda _: block("nginx-path"), page, flags=re.M | re.S)
    config = written(folder, "nginx.conf", NGINX.format(folder=folder, page=page))
    return Balancer(["nginx", "-p", folder, "-c", config], port)


def start_haproxy(folder, targets, path=False):
    port = free_port()
    page = put(block("haproxy"), ("10.0.0.11:8080", targets[0]), ("10.0.0.12:8080", targets[1]),
               ("bind :80", "bind 127.0.0.1:%d" % port))
    page += block("haproxy-path") if path else ""
    return Balancer(["haproxy", "-db", "-f", written(folder, "haproxy.cfg", page)], port)


def start_caddy(folder, targets, path=False):
    port = free_port()
    page = put(block("caddy"), ("10.0.0.11:8080", targets[0]), ("10.0.0.12:8080", targets[1]),
               ("events.example {", "http://127.0.0.1:%d {" % port))
    if path:
        page = re.sub(r"(    reverse_proxy.*^    \}\n)", r"    handle_path /sluice/* {\n\1    }\n", page, flags=re.M | re.S)
    config = written(folder, "Caddyfile", "{\n\tadmin off\n}\n" + page)
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = folder
    return Balancer(["caddy", "run", "--adapter", "caddyfile", "--config", config], port)


class System:
    """A ClickHouse server, a Redis, two gateways on them, and a proxy before these."""

    def __init__(self, folder, start_proxy, path=False, **http):
        self.ends = contextlib.ExitStack()
        try:
            self.start(folder, start_proxy, path, http)
        except BaseException:
            self.ends.close()
            raise

    def start(self, folder, start_proxy, path, http):
        os.makedirs(os.path.join(folder, "server"))
        self.store = start_chdb_server(os.path.join(folder, "server"), os.path.join(SERVER_BUILD, "chdb_server"))
        self.ends.callback(self.store.stop)
        self.redis = start_redis(os.path.join(folder, "redis"))
        self.ends.callback(self.redis.stop)
        self.gateways = []
        for name in ("first", "second"):
            place = os.path.join(folder, name)
            os.makedirs(place)
            env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": self.store.url, "SLUICE_DEDUP": "redis",
                   "REDIS_URL": self.redis.url, "SLUICE_HTTP": "127.0.0.1:%d" % free_port()}
            self.gateways.append(Gateway(place, sample_with(place, http=http), env))
            self.ends.callback(self.gateways[-1].cleanup)
            self.gateways[-1].start()
        if start_proxy:
            self.change_proxy(start_proxy, path)

    def change_proxy(self, start_proxy, path):
        place = os.path.join(self.gateways[0].folder, start_proxy.__name__)
        os.makedirs(place)
        self.proxy = start_proxy(place, ["127.0.0.1:%d" % gateway.port for gateway in self.gateways], path)
        self.ends.callback(self.proxy.stop)
        self.port = self.proxy.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ends.close()

    def settle(self, events):
        """Each event is in the store once, and each gateway's sums add up."""
        for gateway in self.gateways:
            gateway.wait_stored()
            gateway.check_identity()
        found = self.store.query("SELECT count(), uniqExact(user_id) FROM events FINAL").split()
        assert found == [str(events)] * 2, (found, events)


class Sender(threading.Thread):
    """Sends numbered events until told to stop; what is not answered well is an error, and is sent again."""

    def __init__(self, port, first, patient):
        super().__init__(daemon=True)
        self.port, self.next, self.patient = port, first, patient
        self.chance = random.Random(first)
        self.acked, self.errors = 0, []
        self.ending = threading.Event()

    def run(self):
        self.open()
        while not self.ending.is_set():
            events = [event(self.next + i) for i in range(BULK)]
            while not self.send(events):
                time.sleep(0.05)
            self.next += BULK
            self.acked += BULK
            # Now and then as long as the gateway keeps an idle connection.
            time.sleep(self.chance.uniform(0.8, 2.2) if self.chance.random() < self.patient else self.chance.uniform(0, 0.04))
        self.close()

    def finish(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive(), self.errors[-3:]


class Poster(Sender):
    def open(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def close(self):
        self.connection.close()

    def send(self, events):
        try:
            self.connection.request("POST", "/events/bulk?ids=0", json.dumps(events), {"Content-Type": "application/json"})
            reply = self.connection.getresponse()
            text = reply.read()
            if reply.status in (200, 202):
                counts = json.loads(text)
                assert counts["accepted"] + counts["duplicate"] == BULK, counts
                return True
            self.errors.append((time.time(), "%d %s" % (reply.status, text[:200])))
        except (OSError, http.client.HTTPException) as error:
            self.errors.append((time.time(), repr(error)))
            self.connection.close()
        return False


class SocketSender(Sender):
    """A WebSocket may end at any time: that is no error. That another one cannot be had at once is."""

    def open(self):
        self.socket, self.ends = None, 0

    def close(self):
        if self.socket:
            self.socket.socket.close()

    def send(self, events):
        try:
            if self.socket is None:
                self.socket = Client(self.port, timeout=30, headers={"Host": "127.0.0.1:%d" % self.port})
                self.sent = 0
        except (OSError, AssertionError) as error:
            self.errors.append((time.time(), repr(error)))
            return False
        try:
            self.socket.text(events)
            self.sent += 1
            sums = self.socket.acks(self.sent)
            assert sums["accepted"] + sums["duplicate"] == BULK, sums
            return True
        except (Closed, OSError):
            self.ends += 1
            self.close()
            self.socket = None
            return False


def restart(gateway):
    gateway.stop()
    gateway.start()


def kill_and_restart(gateway):
    gateway.kill()
    gateway.start()


def through_faults(system, patient=0.02, rest=2.2):
    """One gateway is stopped under load, and the other killed. How many events were acknowledged, and the errors.
    `rest`: until the proxy has seen that a gateway is back."""
    senders = [Poster(system.port, 10**6 * (i + 1), patient) for i in range(POSTERS)]
    senders += [SocketSender(system.port, 10**8 * (i + 1), patient) for i in range(SOCKETS)]
    for sender in senders:
        sender.start()
    time.sleep(1.5)
    until = time.time() + SECONDS
    turns = list(zip((restart, kill_and_restart), system.gateways))
    while turns:
        fault, gateway = turns.pop(0)
        fault(gateway)
        gateway.wait_until("ready", lambda: gateway.get("/readyz")[0] == 200)
        time.sleep(rest)
        if not turns and time.time() < until:
            turns = [(random.choice((restart, kill_and_restart)), gateway) for gateway in system.gateways]
    for sender in senders:
        sender.finish()
    events = sum(sender.acked for sender in senders)
    errors = [error for sender in senders for error in sender.errors]
    ends = sum(sender.ends for sender in senders if isinstance(sender, SocketSender))
    print("        %d events, %d ends of WebSockets, %d errors" % (events, ends, len(errors)))
    assert ends >= 2, "the WebSockets saw no fault"
    return events, errors


def no_client_sees_an_error(folder, start_proxy, rest, idle_timeout):
    with System(folder, start_proxy, idle_timeout=idle_timeout) as system:
        events, errors = through_faults(system, rest=rest)
        assert errors == [], [(round(at - errors[0][0], 1), said) for at, said in errors][::20]
        system.settle(events)


def behind_nginx_no_client_sees_that_gateways_are_stopped_and_killed(folder):
    """It tries each gateway once: so its idle connections end before the gateway's do, as the page says."""
    no_client_sees_an_error(folder, start_nginx, 0.5, "3s")


def behind_haproxy_no_client_sees_that_gateways_are_stopped_and_killed(folder):
    """Even where the gateway ends idle connections first."""
    no_client_sees_an_error(folder, start_haproxy, 2.2, "1s")


def behind_caddy_clients_that_send_again_lose_nothing_while_gateways_are_stopped_and_killed(folder):
    """It sends no POST again; so its connections to the gateways must not be older than idle_timeout."""
    with System(folder, start_caddy) as system:
        events, errors = through_faults(system)
        assert all(error.startswith("502 ") for _, error in errors), [(round(at - errors[0][0], 1), said) for at, said in errors][::20]
        system.settle(events)


def passes_on_what_it_should(system, number):
    """Under the path /sluice: the address is the client's own, whatever it says; a page of the site may open a WebSocket;
    bodies are bounded by the gateway."""
    host = "127.0.0.1:%d" % system.port
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=30)

    def post(events, **headers):
        body = json.dumps(events)
        connection.request("POST", "/sluice/events/bulk", body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        return reply.status, reply.read()

    for forged in ("6.6.6.6", "6.6.6.6, 127.0.0.1", "::1, 6.6.6.6"):
        assert post([event(number)], **{"X-Forwarded-For": forged})[0] == 202
        number += 1
    large = [event(number + i, metadata={"text": "x" * 50000}) for i in range(40)]  # 2 MB: nginx takes 1 by itself
    reply = post(large)
    assert reply[0] == 202, reply
    number += len(large)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # haproxy has no limit: the gateway ends it early
        assert post(large * 9)[0] == 413
    connection.close()
    with Client(system.port, "/sluice/ws", headers={"Host": host, "Origin": "http://" + host}) as client:
        client.text(event(number))
        assert client.acks(1)["accepted"] == 1
    return number + 1


def under_a_path_each_proxy_passes_on_what_it_should(folder):
    with System(folder, start_nginx, path=True) as system:
        events = passes_on_what_it_should(system, 0)
        for start in (start_haproxy, start_caddy):
            system.proxy.stop()
            system.change_proxy(start, True)
            events = passes_on_what_it_should(system, events)
        system.settle(events)
        addresses = system.store.query("SELECT DISTINCT toString(client_ip) FROM events").split()
        assert addresses == ["127.0.0.0"], addresses


def a_client_of_a_bare_proxy_chooses_its_address_and_the_log_says_who_is_believed(folder):
    with System(folder, None) as system:
        gateway = system.gateways[0]
        assert gateway.post("/events", event(1), {"X-Forwarded-For": "6.6.6.6"})[0] == 202
        said = [line for line in gateway.log().splitlines() if "X-Forwarded-For is believed" in line]
        assert len(said) == 1 and "from=127.0.0.1,::1 " in said[0] and "docs/proxies.md" in said[0], gateway.log()
        system.settle(1)
        assert "6.6.6.0" in system.store.query("SELECT toString(client_ip) FROM events")
        gateway.stop()
        gateway.config = sample_with(gateway.folder, http={"trusted_proxies": "[]"})
        gateway.start()
        assert gateway.log().count("X-Forwarded-For is believed") == 1
        assert gateway.post("/events", event(2), {"X-Forwarded-For": "6.6.6.6"})[0] == 202
        system.settle(2)
        found = system.store.query("SELECT client_ip FROM events ORDER BY user_id").split()
        assert found == ["6.6.6.0", "127.0.0.0"], found


if __name__ == "__main__":
    main([
        behind_nginx_no_client_sees_that_gateways_are_stopped_and_killed,
        behind_haproxy_no_client_sees_that_gateways_are_stopped_and_killed,
        behind_caddy_clients_that_send_again_lose_nothing_while_gateways_are_stopped_and_killed,
        under_a_path_each_proxy_passes_on_what_it_should,
        a_client_of_a_bare_proxy_chooses_its_address_and_the_log_says_who_is_believed,
    ])
