"""Redis over TLS: a real redis-server with certificates of its own authority and a user of its own, shared by gateways for ids and
for answers; each wrong certificate is told with its cure, and a Redis that is killed or stands still costs no event."""
import contextlib
import os
import shutil
import subprocess
import time

from authority import Authority
from balancers import written
from check import main
from gateway import Gateway, Poster, SERVER_BUILD, event
from servers import Redis, free_port, start_chdb_server

CONFIG = """
http: { listen: "${SLUICE_HTTP}" }
udp: { listeners: [] }
journal: { data: "${SLUICE_DATA}" }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}" }
dedup: { kind: redis, redis_url: "${REDIS_URL}", redis_timeout: 1sDEDUP }
writer: { backoff_min: 20ms, backoff_max: 200ms }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id]
    batch: { max_delay: 50ms }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
queries:
  count:
    path: /q/count
    select: { n: { shape: value, sql: "SELECT count() FROM {rows}" } }
    cache: 1m
    cache_in: redis
"""

USER, PASSWORD = "gateway", "se:sa@me"


class TlsRedis(Redis):
    """A redis-server whose only port speaks TLS, and whose only user is USER."""

    def __init__(self, directory, authority, clients="no"):
        os.makedirs(directory, exist_ok=True)
        self.authority, self.clients = authority, clients
        self.certificate, self.key = (os.path.join(directory, name) for name in ("server.crt", "server.key"))
        self.show(authority.sign())
        self.own = authority.sign(subject="administrator")
        super().__init__(directory)
        self.url = "rediss://%s:se%%3Asa%%40me@127.0.0.1:%d" % (USER, self.port)

    def show(self, certificate):
        for source, target in zip(certificate, (self.certificate, self.key)):
            shutil.copy(source, target)

    def swap(self, certificate):
        """In the running server, whose connections end."""
        self.show(certificate)
        assert self.cli("CONFIG", "SET", "tls-cert-file", self.certificate, "tls-key-file", self.key) == "OK"
        self.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def start(self, timeout=30):
        rules = written(self.directory, "users.acl", "user default off\nuser %s on >%s ~* +@all\n" % (USER, PASSWORD))
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self.directory, "--logfile", os.path.join(self.directory, "redis.log"), "--aclfile", rules,
             "--tls-cert-file", self.certificate, "--tls-key-file", self.key, "--tls-ca-cert-file", self.authority.file,
             "--tls-auth-clients", self.clients], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while self.cli("PING") != "PONG":
            assert self.process.poll() is None and time.monotonic() < deadline, "see " + self.directory
            time.sleep(0.02)

    def cli(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), "--tls", "--insecure", "--cert", self.own[0], "--key",
                               self.own[1], "--user", USER, "--pass", PASSWORD, "--no-auth-warning", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60)
        return done.stdout.decode().strip()


class System:
    """A ClickHouse server, a Redis with TLS, and gateways on them."""

    def __init__(self, folder, clients="no"):
        self.folder, self.gateways = folder, []
        self.authority = Authority(os.path.join(folder, "ca"))
        os.makedirs(os.path.join(folder, "server"))
        self.store = start_chdb_server(os.path.join(folder, "server"), os.path.join(SERVER_BUILD, "chdb_server"))
        self.redis = TlsRedis(os.path.join(folder, "redis"), self.authority, clients)

    def gateway(self, url=None, **dedup):
        folder = os.path.join(self.folder, "gateway%d" % len(self.gateways))
        options = "".join(", %s: %s" % option for option in dedup.items())
        config = written(folder, "sluice.yaml", CONFIG.replace("DEDUP", options))
        env = {"CLICKHOUSE_URL": self.store.url, "REDIS_URL": url or self.redis.url}
        self.gateways.append(Gateway(folder, config, env))
        return self.gateways[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for gateway in self.gateways:
            gateway.cleanup()
        self.redis.stop()
        self.store.stop()

    def check(self, gateway, acked, sent):
        """What was acknowledged is there once, as read with FINAL, and counted."""
        gateway.wait_stored()
        gateway.check_identity()
        found = self.store.query("SELECT user_id FROM events FINAL").split()
        numbers = {int(n[1:]) for n in found}
        assert len(found) == len(numbers) and acked <= numbers <= sent, (len(found), len(numbers), len(acked), len(sent))


def said(gateway, *words):
    page = gateway.get("/readyz?verbose")[1]
    return all(word in page for word in words)


@contextlib.contextmanager
def posting(gateway, **options):
    poster = Poster(gateway, **options)
    poster.start()
    yield poster
    poster.finish()


def gateways_share_ids_and_answers_over_tls_with_a_user_and_a_certificate(folder):
    with System(folder, clients="yes") as system:
        certificate, key = system.authority.sign(subject="gateway")
        files = {"redis_ca_file": system.authority.file, "redis_client_certificate": certificate, "redis_client_key": key}
        one, two = system.gateway(**files), system.gateway(**files)
        events = [event(n) for n in range(20000)]       # an answer of many records of TLS
        assert one.post("/events/bulk?ids=0", events)[1]["accepted"] == len(events)
        one.wait_until("the ids are in Redis", lambda: two.post("/events/bulk?ids=0", events[:100])[1]["duplicate"] == 100)
        reply = two.post("/events/bulk?ids=0", events)[1]
        assert reply["duplicate"] == len(events), reply
        for gateway in (one, two):      # what was asked before the ids were there is collapsed by the table
            gateway.wait_stored()
        assert system.store.query("SELECT count() FROM events FINAL").strip() == str(len(events))
        answers = [gateway.request("GET", "/q/count")[2] for gateway in (one, two)]
        assert answers[0] == answers[1] and b"20000" in answers[0] and two.sum("sluice_queries_cached_total") == 1, answers
        for gateway in (one, two):
            gateway.check_identity()
            gateway.stop()
            assert PASSWORD not in gateway.log() and "se%3Asa" not in gateway.log()


def tells_what_is_wrong_with_a_certificate_and_goes_on_when_it_is_mended_while_running(folder):
    with System(folder) as system:
        faults = [
            (system.authority.sign(expired=True), ("has expired", "renew it there")),
            (system.authority.sign("DNS:other.example"), ("for another name", "dedup.redis_url")),
            (Authority(os.path.join(folder, "other"), "other").sign(), ("no CA that is trusted", "dedup.redis_ca_file")),
        ]
        gateway = system.gateway(redis_ca_file=system.authority.file)
        with posting(gateway) as poster:
            for certificate, words in faults:
                system.redis.swap(certificate)
                gateway.wait_until("%s is said" % (words,), lambda: said(gateway, *words), 20)
                system.redis.swap(system.authority.sign())
                gateway.wait_until("Redis is back", lambda: not said(gateway, "TLS: "), 20)
        assert not poster.errors, "a filter that is away refused events (on_error: accept)"
        system.check(gateway, poster.acked, poster.sent)
        gateway.stop()


def tells_what_is_wrong_at_its_first_connection(folder):
    with System(folder, clients="yes") as system:
        stranger, key = Authority(os.path.join(folder, "other"), "other").sign(subject="stranger")
        good, good_key = system.authority.sign(subject="gateway")
        ca = {"redis_ca_file": system.authority.file}
        mine = dict(ca, redis_client_certificate=good, redis_client_key=good_key)
        rows = [
            (dict(ca), ("wants a certificate of ours", "set dedup.redis_client_certificate")),
            (dict(ca, redis_client_certificate=stranger, redis_client_key=key),
             ("does not take our certificate", "dedup.redis_client_certificate")),
            ({}, ("no CA that is trusted", "dedup.redis_ca_file")),
            (dict(mine, url=system.redis.url.replace("se%3A", "")), ("WRONGPASS",)),
            (dict(mine, url="rediss://127.0.0.1:%s" % system.store.url.rsplit(":", 1)[1]), ("first words of TLS",)),
        ]
        for number, (options, words) in enumerate(rows):
            gateway = system.gateway(**options)
            gateway.wait_until("%s is said" % (words,), lambda: said(gateway, *words), 20)
            assert gateway.post("/events", {"event_name": "a", "user_id": "u%d" % number})[0] == 202
            system.check(gateway, set(range(number + 1)), set(range(number + 1)))
            gateway.stop()


def loses_nothing_when_redis_is_killed_and_when_it_stands_still(folder):
    with System(folder) as system:
        gateway = system.gateway(redis_ca_file=system.authority.file)
        with posting(gateway) as poster:
            time.sleep(0.3)
            system.redis.pause()
            gateway.wait_until("the pause is said", lambda: said(gateway, "within dedup.redis_timeout"), 20)
            before = len(poster.acked)
            gateway.wait_until("events are accepted all the same", lambda: len(poster.acked) > before)
            system.redis.resume()
            gateway.wait_until("Redis is back", lambda: said(gateway, "dedup: ok"), 20)
            system.redis.kill()
            gateway.wait_until("the end is said", lambda: not said(gateway, "dedup: ok"), 20)
            system.redis.start()
            gateway.wait_until("Redis is back", lambda: said(gateway, "dedup: ok"), 20)
        assert not poster.errors
        system.check(gateway, poster.acked, poster.sent)
        gateway.stop()


def a_certificate_is_accepted_unverified_only_if_it_is_told_so_and_says_it(folder):
    with System(folder) as system:
        system.redis.swap(system.authority.sign("DNS:other.example", expired=True))
        gateway = system.gateway(redis_verify="insecure_accept_any")
        gateway.wait_until("Redis is believed", lambda: said(gateway, "dedup: ok"), 20)
        assert "certificate of Redis is not verified" in gateway.log()
        gateway.check_identity()
        gateway.stop()
        try:
            system.gateway("redis://127.0.0.1:%d" % free_port(), redis_ca_file=system.authority.file)
            raise RuntimeError("started")
        except AssertionError as error:
            assert "found no URL with TLS, expected one, for dedup.redis_ca_file is given" in str(error), error


main([
    gateways_share_ids_and_answers_over_tls_with_a_user_and_a_certificate,
    tells_what_is_wrong_with_a_certificate_and_goes_on_when_it_is_mended_while_running,
    tells_what_is_wrong_at_its_first_connection,
    loses_nothing_when_redis_is_killed_and_when_it_stands_still,
    a_certificate_is_accepted_unverified_only_if_it_is_told_so_and_says_it,
])
