"""Keys that a client's certificate stands for: who shows one is its key over each door, resumed sessions among them; who shows
none, or a wrong one, is refused at the handshake or with 401, counted, and stores nothing."""
import asyncio
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time

import websockets

from check import main
from gateway import Gateway, event
from test_access import ORDERS, judged, new_key, post, reasons
from test_tls import Certificates, openssl
from websocket import handshake, sample_with

LISTENERS = """[ { listen: "127.0.0.1:0", tls: { OWN, client_certificate: optional } },
    { listen: "127.0.0.1:0", tls: { OWN } } ]""".replace("OWN", 'certificate: "%(own)s.pem", key: "%(own)s.key", client_ca: "%(ca)s"')
# Of the certificates: the distinguished name, what their key may, and what a request to write an event gets.
CLIENTS = {"shop": ("/O=Example, Inc./CN=shop", "scopes: [write], streams: [events]", 202, None),
           "reader": ("/CN=reader", "scopes: [read]", 403, "scope_missing"),
           "order": ("/CN=order", "scopes: [write], streams: [orders]", 403, "stream_forbidden"),
           "off": ("/CN=off", "scopes: [write], disabled: true", 401, "key_disabled"),
           "old": ("/C=DE/O=Umlaut \u00e4/CN=old", "scopes: [write], expires: 2020-01-01", 401, "key_expired"),
           "stranger": ("/CN=stranger", None, 401, "key_missing")}


class Guarded:
    """A gateway with a listener where a certificate may be shown, and one where it must."""

    def __init__(self, folder):
        self.own, self.clients, self.others = (Certificates(os.path.join(folder, name)) for name in ("own", "clients", "others"))
        self.own.issue("gateway", "DNS:localhost,IP:127.0.0.1")
        for name, (subject, *_) in CLIENTS.items():
            self.clients.issue(name, "DNS:" + name, subject=subject)
        self.others.issue("shop", "DNS:shop", subject=CLIENTS["shop"][0])
        self.subjects = {}
        self.text, self.entry = new_key("text", "write")
        path = sample_with(folder, http={"listeners": LISTENERS % {"own": self.own.path("gateway"),
                                                                   "ca": self.clients.path("ca.pem")}})
        with open(path) as file:
            self.sample = file.read().replace('listen: ""', 'listen: "127.0.0.1:0"', 1).rstrip() + ORDERS
        self.gateway = Gateway(folder, path)
        self.write()
        self.gateway.start()
        ports = [port for _, port, serves in self.gateway.http if serves != {"admin"}]
        self.optional, self.required = ports[1:]
        self.gateway.pages_port = next(port for _, port, serves in self.gateway.http if serves == {"admin"})
        self.next = 0

    def write(self, without=(), more=""):
        """The configuration; keys `without` are not in it."""
        keys = self.entry + more
        for name, (_, rights, *_) in CLIENTS.items():
            if rights and name not in without:
                keys += "  - { name: %s, subject: '%s', %s }\n" % (name, self.subject(name), rights)
        with open(self.gateway.config, "w") as file:
            file.write(self.sample + "\nkeys:\n" + keys)

    def subject(self, name):
        """As the documents say how to find it."""
        if name not in self.subjects:
            said = openssl("x509", "-in", self.clients.path(name + ".pem"), "-noout", "-subject", "-nameopt", "RFC2253")
            self.subjects[name] = said.strip().split("=", 1)[1]
        return self.subjects[name]

    def reload(self, **words):
        self.write(**words)
        before = self.gateway.sum("sluice_config_reloads_total")
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_until("the reload is done", lambda: self.gateway.sum("sluice_config_reloads_total") > before, 30)
        assert self.gateway.sum("sluice_config_last_reload_successful") == 1, self.gateway.log()[-2000:]

    def context(self, name=None, made=None):
        context = self.own.context()
        if name:
            made = made or self.clients
            context.load_cert_chain(made.path(name + ".pem"), made.path(name + ".key"))
        return context

    def connect(self, port, context):
        return http.client.HTTPSConnection("localhost", port, context=context, timeout=20)

    def event(self):
        self.next += 1
        return json.dumps(event(self.next))

    def post(self, port, context, fields=None, path="/events"):
        connection = self.connect(port, context)
        body = "[%s]" % self.event() if path == "/events/bulk" else self.event()
        try:
            return post(connection, path, body, fields or {})
        finally:
            connection.close()

    def open(self, port, context):
        return websockets.connect("wss://localhost:%d/ws" % port, ssl=context, host="127.0.0.1")

    def over_websocket(self, port, context):
        """(status, code); who comes in sends an event."""
        async def send():
            async with self.open(port, context) as ws:
                await ws.send(self.event())
                return json.loads(await ws.recv())["accepted"]
        connection = self.connect(port, context)
        connection.connect()
        connection.sock.sendall(handshake("/ws")[0])
        reply = http.client.HTTPResponse(connection.sock, method="GET")
        reply.begin()
        if reply.status == 101:
            connection.close()
            assert asyncio.run(send()) == 1
            return 202, None
        found = judged(reply, "/ws")
        connection.close()
        return found

    def s_client(self, port, *words, name=None):
        """(reused, status, code) of a request; no status: the handshake was refused."""
        body = self.event()
        head = "POST /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        shown = ["-cert", self.clients.path(name + ".pem"), "-key", self.clients.path(name + ".key")] if name else []
        said = openssl("s_client", "-connect", "127.0.0.1:%d" % port, "-CAfile", self.own.path("ca.pem"), "-ign_eof", *shown, *words,
                       data=(head + body).encode(), check=False)
        status, code = re.search(r"HTTP/1\.1 (\d+)", said), re.search(r'"code":"(\w+)"', said)
        return "Reused, TLSv" in said, int(status.group(1)) if status else None, code.group(1) if code else None

    def finish(self, stored):
        self.gateway.wait_stored()
        self.gateway.check_identity()
        self.gateway.stop()
        counts = self.gateway.sql("SELECT count(), uniqExact(user_id) FROM events FINAL").split("\t")
        assert counts == [str(stored)] * 2, (counts, stored)
        assert self.gateway.sql("SELECT count() FROM orders") == "0"


def guarded(test):
    def run(folder):
        guard = Guarded(folder)
        try:
            guard.finish(test(guard))
        finally:
            guard.gateway.cleanup()
    run.__name__ = test.__name__
    return run


def handshakes(guard, result):
    return guard.gateway.sum("sluice_tls_handshakes_total", result=result)


@guarded
def each_certificate_is_its_key_over_each_door(guard):
    counted = {}
    for name, (_, _, status, code) in CLIENTS.items():
        for port in (guard.optional, guard.required):
            found = [guard.post(port, guard.context(name), path=path) for path in ("/events", "/events/bulk")]
            found.append(guard.over_websocket(port, guard.context(name)))
            assert found == [(status, code)] * 3, (name, found)
            counted[code] = counted.get(code, 0) + 3
    for name, words in ((None, "a key is needed"), ("stranger", "no key has the `subject`")):
        connection = guard.connect(guard.optional, guard.context(name))
        connection.request("POST", "/events", guard.event())
        reply = connection.getresponse()
        assert reply.status == 401 and words in reply.read().decode(), name
        connection.close()
    counted["key_missing"] += 2
    shown = {"Authorization": "Bearer " + guard.text}
    assert guard.post(guard.optional, guard.context(), shown) == (202, None)
    assert guard.post(guard.required, guard.context("shop"), shown) == (202, None), "a key goes before a certificate"
    assert guard.post(guard.required, guard.context("shop"), {"X-API-Key": guard.text[:-1]})[0] == 401, "and so does a wrong one"
    found = reasons(guard.gateway, "sluice_key_refusals_total")
    del counted[None]
    assert found == dict(counted, key_malformed=1), (found, counted)
    for key, accepted in (("shop", 6), ("text", 2), ("reader", 0), ("order", 0)):
        assert guard.gateway.sum("sluice_key_events_accepted_total", key=key) == accepted, key
    return 8


@guarded
def whom_no_handshake_lets_in_is_counted_and_sends_nothing(guard):
    guard.clients.issue("late", "DNS:late", days=-1, subject=CLIENTS["shop"][0])
    wrong = [(guard.required, guard.context())] + [(port, context) for port in (guard.optional, guard.required) for context in (
        guard.context("shop", guard.others), guard.context("late"))]
    for door in (guard.post, guard.over_websocket):
        for port, context in wrong:
            try:
                found = door(port, context)
            except (ssl.SSLError, ConnectionError):
                continue
            raise AssertionError(found)
    guard.gateway.wait_until("all are counted", lambda: handshakes(guard, "client_certificate") == 2 * len(wrong), 10)
    assert handshakes(guard, "ok") == 0 and handshakes(guard, "resumed") == 0
    assert guard.gateway.sum("sluice_events_received_total") == 0
    return 0


def brief(guard, seconds):
    """A certificate of the shop that ends in so many seconds."""
    guard.clients.issue("brief", "DNS:brief", subject=CLIENTS["shop"][0])
    path = guard.clients.path
    made = subprocess.run(["faketime", "-f", "-%ds" % (86400 - seconds), "openssl", "x509", "-req", "-in", path("brief.csr"), "-CA",
                           path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "1", "-out", path("brief.pem")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert made.returncode == 0, made.stdout
    return time.time() + seconds


@guarded
def a_resumed_session_is_who_began_it_until_the_certificate_ends(guard):
    ends = brief(guard, 5)
    stored = 0
    kept = []
    for version in ("-tls1_2", "-tls1_3"):
        session = lambda name: guard.own.path("session%s-%s" % (version, name))
        for port in (guard.optional, guard.required):
            assert guard.s_client(port, version, "-sess_out", session("brief%d" % port), name="brief") == (False, 202, None)
            assert guard.s_client(port, version, "-sess_out", session("shop%d" % port), name="shop") == (False, 202, None)
            assert guard.s_client(port, version, "-sess_in", session("shop%d" % port)) == (True, 202, None), "proved before"
            assert guard.s_client(port, version, "-sess_in", session("brief%d" % port)) == (True, 202, None)
            stored += 4
            kept.append((port, version, session("brief%d" % port), session("shop%d" % port)))
        assert guard.s_client(guard.optional, version, "-sess_out", session("none")) == (False, 401, "key_missing")
        assert guard.s_client(guard.optional, version, "-sess_in", session("none"), name="shop") == (True, 401, "key_missing")
        shop = session("shop%d" % guard.optional)
        assert guard.s_client(guard.required, version, "-sess_in", shop) == (False, None, None), "of another listener"
    assert time.time() < ends, "this machine is too slow for the test"
    time.sleep(ends + 1.1 - time.time())
    for port, version, session, shop in kept:
        nobody = (False, 401, "key_missing") if port == guard.optional else (False, None, None)
        assert guard.s_client(port, version, "-sess_in", session) == nobody
        assert guard.s_client(port, version, "-sess_in", session, name="brief") == (False, None, None)
        assert guard.s_client(port, version, "-sess_in", session, name="shop") == (False, 202, None), "a new one"
        assert guard.s_client(port, version, "-sess_in", shop) == (True, 202, None)
        stored += 2
    return stored


@guarded
def a_reload_takes_a_certificate_its_key(guard):
    """Sessions and WebSockets that began before are judged by the new file."""
    async def watch():
        async with guard.open(guard.required, guard.context("shop")) as ws:
            await ws.send(guard.event())
            assert json.loads(await ws.recv())["accepted"] == 1
            await asyncio.get_running_loop().run_in_executor(None, lambda: guard.reload(without=("shop",)))
            try:
                await asyncio.wait_for(ws.recv(), 10)
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code
        return None

    session = guard.own.path("session")
    assert guard.s_client(guard.required, "-sess_out", session, name="shop") == (False, 202, None)
    kept = guard.connect(guard.required, guard.context("shop"))
    assert post(kept, "/events", guard.event(), {}) == (202, None)
    assert asyncio.run(watch()) == 1008
    assert post(kept, "/events", guard.event(), {}) == (401, "key_missing")
    assert guard.s_client(guard.required, "-sess_in", session) == (True, 401, "key_missing")
    guard.reload(without=("shop",), more="  - { name: heir, subject: '%s', scopes: [write] }\n" % guard.subject("shop"))
    assert post(kept, "/events", guard.event(), {}) == (202, None)
    assert guard.s_client(guard.required, "-sess_in", session) == (True, 202, None)
    assert guard.gateway.sum("sluice_key_events_accepted_total", key="heir") == 2
    kept.close()
    os.rename(guard.others.path("ca.pem"), guard.clients.path("ca.pem"))    # another authority: whom the first one named is nobody
    guard.reload(without=("stranger",))
    assert guard.s_client(guard.required, "-sess_in", session) == (False, None, None)
    assert guard.s_client(guard.optional, "-sess_in", session, name="shop") == (False, None, None)
    assert guard.post(guard.required, guard.context("shop", guard.others)) == (202, None)
    return 6


if __name__ == "__main__":
    main([each_certificate_is_its_key_over_each_door,
          whom_no_handshake_lets_in_is_counted_and_sends_nothing,
          a_resumed_session_is_who_began_it_until_the_certificate_ends,
          a_reload_takes_a_certificate_its_key])
