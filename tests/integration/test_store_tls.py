"""ClickHouse over TLS: nginx in front of a server of today and of Debian's, with a CA of its own and certificates of the gateway.
Whatever is wrong with a certificate is told with its cure, and costs no event."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from authority import Authority
from balancers import Balancer, written
from check import main
from gateway import BUILD, ROOT, Gateway, Poster, SERVER_BUILD
from servers import free_port, start_chdb_server, start_clickhouse_18
from websocket import sample_with

NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    log_format tls '$connection $connection_requests $ssl_session_reused $ssl_protocol $ssl_client_s_dn';
    access_log {folder}/access.log tls;
    client_max_body_size 100m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.crt;
        ssl_certificate_key {folder}/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:1m;
        {more}
        location / {{ proxy_pass http://127.0.0.1:{target}; }}
    }}
}}
"""


# What a server of 2018 knows, too.
CONFIG = """
http: { listen: "${SLUICE_HTTP}" }
udp: { listeners: [] }
journal: { data: "${SLUICE_DATA}" }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}"STORE }
writer: { threads: THREADS, backoff_min: 20ms, backoff_max: 200ms }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id]
    batch: { max_delay: 50ms }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
      - { name: channel, type: String }
"""


class Front:
    """nginx with TLS in front of a server."""

    def __init__(self, folder, target, certificate, more=""):
        self.folder, self.port = folder, free_port()
        self.url = "https://127.0.0.1:%d" % self.port
        self.config = written(folder, "nginx.conf", NGINX.format(folder=folder, port=self.port, target=target, more=more))
        self.show(certificate)
        self.start()

    def show(self, certificate):
        for source, name in zip(certificate, ("server.crt", "server.key")):
            shutil.copy(source, os.path.join(self.folder, name))

    def start(self):
        self.nginx = Balancer(["nginx", "-p", self.folder, "-c", self.config], self.port)

    def swap(self, certificate):
        self.show(certificate)
        self.nginx.process.send_signal(signal.SIGHUP)

    def kill(self):
        """The worker does not end with its master."""
        pid = self.nginx.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
            workers = [int(child) for child in children.read().split()]
        for process in [pid] + workers:
            os.kill(process, signal.SIGKILL)
        self.nginx.process.wait()

    def requests(self):
        """(connection, request of the connection, whether the session was resumed, protocol, the client's subject) of each"""
        with open(os.path.join(self.folder, "access.log")) as log:
            return [(int(a), int(b), c == "r", d, e) for a, b, c, d, e in
                    re.findall(r"^(\d+) (\d+) (\S) (\S+) (\S+)$", log.read(), re.M)]


class System:
    """A server, nginx before it, and gateways on them."""

    def __init__(self, folder, start, more=""):
        self.folder, self.gateways = folder, []
        self.authority = Authority(os.path.join(folder, "ca"))
        self.good = self.authority.sign()
        path = os.path.join(folder, "server")
        os.makedirs(path)
        self.server = start(path)
        self.front = Front(os.path.join(folder, "nginx"), self.server.port, self.good, more)

    def gateway(self, url=None, threads=2, **store):
        folder = os.path.join(self.folder, "gateway%d" % len(self.gateways))
        options = "".join(", %s: %s" % option for option in store.items())
        config = written(folder, "sluice.yaml", CONFIG.replace("STORE", options).replace("THREADS", str(threads)))
        self.gateways.append(Gateway(folder, config, {"SLUICE_STORE": "clickhouse",
                                                      "CLICKHOUSE_URL": url or self.front.url}))
        return self.gateways[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for gateway in self.gateways:
            gateway.cleanup()
        self.front.kill()
        self.server.stop()

    def check(self, gateway, acked, sent):
        """Exactly once, and counted."""
        gateway.wait_stored()
        gateway.check_identity()
        found = self.server.query("SELECT user_id FROM events FINAL").split()
        numbers = {int(n[1:]) for n in found}
        assert len(found) == len(numbers)
        assert acked <= numbers <= sent, (len(acked), len(numbers), len(sent))
        assert self.server.query("SELECT count() FROM events").strip() == str(len(numbers)), "a batch was stored twice"


def chdb(path):
    return start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))


def said(gateway, *words):
    """Whether /readyz says so of the store."""
    page = gateway.get("/readyz?verbose")[1]
    return all(word in page for word in words)


@contextlib.contextmanager
def posting(gateway, **options):
    poster = Poster(gateway, **options)
    poster.start()
    yield poster
    poster.finish()


def stores_over_tls(folder, start):
    more = "ssl_client_certificate %s; ssl_verify_client on; keepalive_requests 10;"
    with System(folder, start, more % os.path.join(folder, "ca", "authority.crt")) as system:
        certificate, key = system.authority.sign(subject="gateway")
        gateway = system.gateway(threads=1, ca_file=system.authority.file, client_certificate=certificate, client_key=key)
        with posting(gateway) as poster:
            gateway.wait_until("several connections", lambda: len(system.front.requests()) > 25)
        system.check(gateway, poster.acked, poster.sent)
        requests = system.front.requests()
        assert {(protocol, subject) for _, _, _, protocol, subject in requests} == {("TLSv1.3", "CN=gateway")}
        assert max(count for _, count, _, _, _ in requests) == 10, "connections are not used again"
        assert any(count == 1 and resumed for _, count, resumed, _, _ in requests), "sessions are not resumed"
        gateway.stop()


def stores_in_a_server_of_today_over_tls_with_its_own_ca_and_a_client_certificate(folder):
    stores_over_tls(folder, chdb)


def stores_in_debians_server_over_tls_with_its_own_ca_and_a_client_certificate(folder):
    stores_over_tls(folder, start_clickhouse_18)


def tells_what_is_wrong_with_a_certificate_and_goes_on_when_it_is_mended_while_running(folder):
    """One gateway that posts all the time, while the server shows one bad certificate after another."""
    with System(folder, chdb, "keepalive_requests 2;") as system:
        other = Authority(os.path.join(folder, "other"), "other")
        faults = [
            (system.authority.sign(expired=True), ("has expired", "renew it there")),
            (system.authority.sign("DNS:other.example"), ("for another name", "store.url")),
            (other.sign(), ("no CA that is trusted", "store.ca_file")),
        ]
        gateway = system.gateway(ca_file=system.authority.file)
        with posting(gateway) as poster:
            for certificate, words in faults:
                system.front.swap(certificate)
                gateway.wait_until("%s is said" % (words,), lambda: said(gateway, *words), 20)
                before = len(poster.acked)
                gateway.wait_until("events are accepted all the same", lambda: len(poster.acked) > before)
                system.front.swap(system.authority.sign())
                gateway.wait_until("the store is back", lambda: not said(gateway, "TLS: "), 20)
        system.check(gateway, poster.acked, poster.sent)
        log = gateway.log()
        assert all(word in log for _, words in faults for word in words)
        assert not poster.errors
        gateway.stop()


def tells_what_is_wrong_at_its_first_connection(folder):
    """A port without TLS, a client certificate that is wanted or is somebody else's, a CA that is not given."""
    more = "ssl_client_certificate %s; ssl_verify_client on;" % os.path.join(folder, "ca", "authority.crt")
    with System(folder, chdb, more) as system:
        certificate, key = Authority(os.path.join(folder, "other"), "other").sign(subject="stranger")
        ca_file = system.authority.file
        rows = [
            ({"url": system.server.url.replace("http:", "https:"), "ca_file": ca_file}, ("first words of TLS", "store.url")),
            ({"ca_file": ca_file}, ("wants a certificate of ours", "set store.client_certificate")),
            ({"ca_file": ca_file, "client_certificate": certificate, "client_key": key},
             ("does not take our certificate", "store.client_certificate")),
            ({"url": system.front.url.replace("https", "http")}, ("the port speaks TLS", "https://")),
            ({}, ("no CA that is trusted", "store.ca_file")),
        ]
        for options, words in rows:
            gateway = system.gateway(**options)
            assert gateway.post("/events", {"event_name": "a", "channel": "web", "user_id": "u1"})[0] == 202
            gateway.wait_until("%s is said" % (words,), lambda: said(gateway, *words), 20)
            gateway.check_identity()
            gateway.kill()
        assert system.server.query("EXISTS TABLE events").strip() == "0", "something was stored"


def accepts_any_certificate_only_if_it_is_told_so_and_says_it(folder):
    with System(folder, chdb) as system:
        gateway = system.gateway(verify="insecure_accept_any")
        system.front.swap(system.authority.sign("DNS:other.example", expired=True))
        with posting(gateway) as poster:
            time.sleep(0.5)
        system.check(gateway, poster.acked, poster.sent)
        assert "certificates are not verified" in gateway.log()
        gateway.stop()


def loses_nothing_when_what_speaks_tls_is_killed_again_and_again(folder):
    with System(folder, chdb) as system:
        gateway = system.gateway(ca_file=system.authority.file)
        with posting(gateway) as poster:
            for _ in range(6):
                time.sleep(0.4)
                system.front.kill()
                time.sleep(0.1)
                system.front.start()
        system.check(gateway, poster.acked, poster.sent)
        assert not poster.errors
        gateway.stop()


def refuses_files_that_cannot_be_used_before_it_starts(folder):
    authority = Authority(os.path.join(folder, "ca"))
    certificate, _ = authority.sign()
    _, key = authority.sign()
    text = written(folder, "text.pem", "no certificate\n")
    rows = [
        ({"ca_file": folder + "/none.pem"}, "store.ca_file: %s/none.pem cannot be used: No such file" % folder),
        ({"ca_file": text}, "store.ca_file: %s cannot be used" % text),
        ({"client_certificate": certificate, "client_key": key}, "key values mismatch"),
        ({"client_key": key}, "found a key without store.client_certificate"),
        ({"ca_file": authority.file, "verify": "insecure_accept_any"}, "found a CA, expected none"),
        ({"verify": "none"}, "expected one of full, insecure_accept_any"),
        ({"ca_file": authority.file, "url": "http://127.0.0.1:1"}, "found no URL with TLS, expected one, for store.ca_file"),
    ]
    for options, expected in rows:
        config = sample_with(folder, store=dict({"kind": "clickhouse", "url": "https://127.0.0.1:1"}, **options))
        for arguments in (["--check"], []):
            done = subprocess.run([os.path.join(BUILD, "sluice"), "--config", config] + arguments, cwd=ROOT,
                                  env=dict(os.environ, SLUICE_DATA=os.path.join(folder, "data")), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60)
            assert done.returncode != 0 and expected in done.stdout.decode(), (expected, done.stdout.decode()[-600:])


main([
    stores_in_a_server_of_today_over_tls_with_its_own_ca_and_a_client_certificate,
    stores_in_debians_server_over_tls_with_its_own_ca_and_a_client_certificate,
    tells_what_is_wrong_with_a_certificate_and_goes_on_when_it_is_mended_while_running,
    tells_what_is_wrong_at_its_first_connection,
    accepts_any_certificate_only_if_it_is_told_so_and_says_it,
    loses_nothing_when_what_speaks_tls_is_killed_again_and_again,
    refuses_files_that_cannot_be_used_before_it_starts,
])
