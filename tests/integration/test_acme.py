"""Certificates of an ACME server (Debian's pebble) by a client of its own (lego) through `acme_webroot`: issued, served and renewed
under load, without a restart and without a failed request; and what else the address without TLS answers."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

from authority import Authority
from balancers import written
from check import main
from gateway import Gateway
from servers import free_port

NAME = "events.example"
PEBBLE = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "100"}

CONFIG = """
http:
  hosts: [%(name)s]
  listeners:
    - { listen: "127.0.0.1:%(operators)d" }
    - { listen: "127.0.0.1:%(plain)d", serves: routes, acme_webroot: %(folder)s/webroot, redirect_https: %(secure)d }
    - { listen: "127.0.0.1:%(secure)d", tls: { certificate: %(certificate)s, key: %(key)s } }
udp: { listeners: [] }
journal: { data: "${SLUICE_DATA}" }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id]
    batch: { max_delay: 50ms }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
"""


class Acme:
    """pebble, the DNS server that leads every name to 127.0.0.1, and lego."""

    def __init__(self, folder, challenges_port):
        self.folder, self.processes = folder, []
        self.authority = Authority(os.path.join(folder, "of_pebble"))
        certificate, key = self.authority.sign()
        dns, self.port, self.management = free_port(), free_port(), free_port()
        config = written(folder, "pebble.json", json.dumps({"pebble": {
            "listenAddress": "127.0.0.1:%d" % self.port, "managementListenAddress": "127.0.0.1:%d" % self.management,
            "certificate": certificate, "privateKey": key, "httpPort": challenges_port, "tlsPort": free_port()}}))
        self.start("pebble-challtestsrv", "-management", "127.0.0.1:%d" % free_port(), "-dns01", "127.0.0.1:%d" % dns,
                   "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", "")
        self.start("pebble", "-config", config, "-dnsserver", "127.0.0.1:%d" % dns)
        self.root = written(folder, "root.pem", self.ask("/roots/0"))

    def start(self, *command):
        with open(os.path.join(self.folder, command[0] + ".log"), "ab") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                                   env=dict(os.environ, **PEBBLE)))

    def ask(self, path, timeout=20):
        context = ssl.create_default_context(cafile=self.authority.file)
        deadline = time.monotonic() + timeout
        while True:
            try:
                return urllib.request.urlopen("https://127.0.0.1:%d%s" % (self.management, path), context=context).read().decode()
            except OSError:
                assert time.monotonic() < deadline, "pebble does not answer, see " + self.folder
                time.sleep(0.05)

    def lego(self, *words):
        done = subprocess.run(["lego", "--server", "https://127.0.0.1:%d/dir" % self.port, "--accept-tos", "--email", "a@" + NAME,
                               "--domains", NAME, "--path", os.path.join(self.folder, "lego"), "--http", "--http.webroot",
                               os.path.join(self.folder, "webroot"), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, LEGO_CA_CERTIFICATES=self.authority.file), timeout=60)
        assert done.returncode == 0, done.stdout.decode()

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


class Client(threading.Thread):
    """Posts numbered events over TLS, on a connection that it keeps or on a new one each time, and believes one CA alone."""

    def __init__(self, port, root, first, keeps):
        super().__init__(daemon=True)
        self.port, self.number, self.keeps = port, first, keeps
        self.context = ssl.create_default_context(cafile=root)
        self.ending, self.acked, self.failures = threading.Event(), 0, []

    def connect(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=20)
        connection.connect = lambda: self.dial(connection)
        return connection

    def dial(self, connection):
        """By the name that the certificate is for, wherever it leads."""
        plain_socket = socket.create_connection(("127.0.0.1", self.port), 20)
        connection.sock = self.context.wrap_socket(plain_socket, server_hostname=NAME)

    def run(self):
        connection = self.connect()
        while not self.ending.is_set():
            try:
                connection.request("POST", "/events", json.dumps({"event_name": "a", "user_id": "u%d" % self.number}),
                                   {"Content-Type": "application/json", "Host": NAME})
                reply = connection.getresponse()
                reply.read()
                if reply.status == 202:
                    self.acked += 1
                else:
                    self.failures.append(reply.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = self.connect()
            self.number += 1
            if not self.keeps:
                connection.close()
                connection = self.connect()


def shown(port):
    """The certificate that the gateway shows now, as DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=NAME) as tls:
        return tls.getpeercert(True)


def plain(port, path, host=NAME, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {"Host": host})
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status, reply.getheader("Location")


def a_certificate_is_issued_served_and_renewed_under_load_without_a_failed_request(folder):
    ports = {name: free_port() for name in ("operators", "plain", "secure")}
    files = os.path.join(folder, "lego", "certificates")
    certificate, key = (os.path.join(files, NAME + end) for end in (".crt", ".key"))
    os.makedirs(files)
    os.makedirs(os.path.join(folder, "webroot"))
    for source, target in zip(Authority(os.path.join(folder, "first")).sign("DNS:" + NAME), (certificate, key)):
        os.rename(source, target)       # until there is a better one
    config = written(folder, "sluice.yaml", CONFIG % dict(ports, name=NAME, folder=folder, certificate=certificate, key=key))
    acme = Acme(folder, ports["plain"])
    gateway = Gateway(os.path.join(folder, "gateway"), config)
    gateway.env.pop("SLUICE_HTTP")
    clients = []
    try:
        gateway.start()
        assert "127.0.0.1:%d(redirect)," % ports["plain"] in gateway.log()
        before = shown(ports["secure"])
        acme.lego("run")
        gateway.wait_until("the certificate is served", lambda: shown(ports["secure"]) != before, 20)
        issued = shown(ports["secure"])
        clients = [Client(ports["secure"], acme.root, (i + 1) * 10 ** 6, keeps=i % 2 == 0) for i in range(4)]
        for client in clients:
            client.start()
        acme.lego("renew", "--days", "10000", "--no-random-sleep")
        gateway.wait_until("the renewed certificate is served", lambda: shown(ports["secure"]) != issued, 20)
        time.sleep(0.5)
        for client in clients:
            client.ending.set()
        for client in clients:
            client.join(30)
        assert not any(client.failures for client in clients), [client.failures[:3] for client in clients]
        acked = sum(client.acked for client in clients)
        assert acked > 100 and all(client.acked for client in clients)
        check_the_way_to_https(ports)
        gateway.wait_stored()
        gateway.check_identity()
        assert int(gateway.sql("SELECT count() FROM events")) == acked
        gateway.stop()
    finally:
        for client in clients:
            client.ending.set()
        gateway.cleanup()
        acme.stop()


def check_the_way_to_https(ports):
    there = "https://%s:%d" % (NAME, ports["secure"])
    for method in ("GET", "POST"):
        for path in ("/", "/events?x=%20y", "/a%2Fb//c"):
            assert plain(ports["plain"], path, method=method, body="{}" if method == "POST" else None) == (308, there + path)
    assert plain(ports["plain"], "/", "evil.example") == (421, None)
    for token in ("none", "..%2f..%2fsluice.yaml", "%2e%2e", "a.b"):
        assert plain(ports["plain"], "/.well-known/acme-challenge/" + token, "evil.example")[0] == 404, token


main([
    a_certificate_is_issued_served_and_renewed_under_load_without_a_failed_request,
])
