"""TLS of the HTTP listeners, with certificates made by openssl: clients of all kinds, what is refused, certificates that
change under load, large and slow transfers, connections that end in all ways. Each test ends with the identity and the
exact count in the store."""
import asyncio
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import websockets

from check import main
from gateway import BUILD, ROOT, Gateway, event
from node import ws_client
from websocket import sample_with

ONE = "certificate: \"%(f)s/one.pem\", key: \"%(f)s/one.key\""
LISTENERS = """[ { listen: "127.0.0.1:0", tls: { ONE, certificates: [ { certificate: "%(f)s/two.pem" } ] } },
    { listen: "127.0.0.1:0", tls: { ONE, client_ca: "%(f)s/ca.pem" } },
    { listen: "127.0.0.1:0", tls: { ONE, client_ca: "%(f)s/ca.pem", client_certificate: optional } } ]""".replace("ONE", ONE)


def openssl(*words, data=b"", check=True, timeout=30):
    done = subprocess.run(["openssl"] + [str(word) for word in words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    assert done.returncode == 0 or not check, done.stdout.decode("utf-8", "replace")
    return done.stdout.decode("utf-8", "replace")


class Certificates:
    """An authority in a folder."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.key("ca")
        openssl("req", "-x509", "-new", "-key", self.path("ca.key"), "-subj", "/CN=Test authority", "-days", 30, "-out",
                self.path("ca.pem"), "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def key(self, name, rsa=False):
        kind = ["genrsa", "-out", self.path(name + ".key"), 2048] if rsa else \
            ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key")]
        openssl(*kind)

    def issue(self, name, names, rsa=False, days=30, subject=None, together=False):
        """NAME.pem, with its issuer behind it, and NAME.key; `together`: the key in NAME.pem, too."""
        self.key(name, rsa)
        openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", subject or "/CN=" + name, "-out", self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w") as file:
            file.write("subjectAltName=%s\n" % names)
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", days, "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".leaf"))
        parts = [name + ".leaf", "ca.pem"] + ([name + ".key"] if together else [])
        with open(self.path(name + ".fresh"), "w") as file:
            for part in parts:
                with open(self.path(part)) as source:
                    file.write(source.read())
        os.rename(self.path(name + ".fresh"), self.path(name + ".pem"))

    def context(self, client=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if client:
            context.load_cert_chain(self.path(client + ".pem"), self.path(client + ".key"))
        return context


class Secure:
    """A gateway with a plain listener (http.listen) and three that speak TLS: two certificates, clients' required, optional."""

    def __init__(self, folder):
        self.made = Certificates(os.path.join(folder, "certificates"))
        self.made.issue("one", "DNS:localhost,DNS:one.example,IP:127.0.0.1")
        self.made.issue("two", "DNS:two.example,DNS:*.wild.example", rsa=True, together=True)
        self.made.issue("client", "DNS:client.example", subject="/O=Shop, Inc./CN=client")
        self.gateway = Gateway(folder, config=sample_with(folder, http={"listeners": LISTENERS % {"f": self.made.folder}}))
        self.gateway.start()
        self.port, self.required, self.optional = [port for _, port, _ in self.gateway.http[1:]]

    def connect(self, name="localhost", context=None, port=None, timeout=20):
        plain = socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout)
        try:
            return (context or self.made.context()).wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)
        except BaseException:
            plain.close()
            raise

    def s_client(self, *words, data=b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", port=None):
        return openssl("s_client", "-connect", "127.0.0.1:%d" % (port or self.port), "-CAfile", self.made.path("ca.pem"),
                       "-ign_eof", *words, data=data, check=False)

    def finish(self, count):
        """So many events are in the store, each once."""
        self.gateway.wait_stored()
        self.gateway.check_identity()
        self.gateway.stop()
        counts = self.gateway.sql("SELECT count(), uniqExact(user_id) FROM events FINAL").split("\t")
        assert counts == [str(count)] * 2, (counts, count)


def with_tls(test):
    def run(folder):
        secure = Secure(folder)
        try:
            test(secure)
            if secure.gateway.running():
                secure.gateway.stop()
        finally:
            secure.gateway.cleanup()
    run.__name__ = test.__name__
    return run


def request(number, extra="", body=None):
    body = json.dumps(event(number)) if body is None else body
    return ("POST /events HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s" % (extra, len(body), body)).encode()


def read_all(connection):
    """To the end of the stream, which close_notify is to announce."""
    reply = b""
    while True:
        more = connection.recv(65536)
        if not more:
            return reply
        reply += more


def curl(secure, *words, port=None, path="/events"):
    url = "https://localhost:%d%s" % (port or secure.port, path)
    done = subprocess.run(["curl", "-sS", "-m", "20", "--cacert", secure.made.path("ca.pem"), "-w", "%{http_code}", *words, url],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    return done.stdout.decode()


def node_post(secure, number):
    script = """
const https = require("https"), fs = require("fs");
const [port, ca, body] = process.argv.slice(1);
const ask = https.request({ host: "localhost", port, path: "/events", method: "POST", ca: fs.readFileSync(ca), family: 4,
  headers: { "Content-Length": body.length } }, (reply) => { reply.resume(); reply.on("end", () => console.log(reply.statusCode)); });
ask.end(body);
"""
    return subprocess.run(["node", "-e", script, str(secure.port), secure.made.path("ca.pem"), json.dumps(event(number))],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout.decode().strip()


async def python_wss(secure, number):
    async with websockets.connect("wss://localhost:%d/ws" % secure.port, ssl=secure.made.context(), host="127.0.0.1") as ws:
        await ws.send(json.dumps(event(number)))
        return json.loads(await ws.recv())


@with_tls
def clients_of_all_kinds_come_in(secure):
    for number, words in enumerate(([], ["--http1.0"], ["--tlsv1.2", "--tls-max", "1.2"], ["--http2"], ["-H", "Expect: 100-continue"])):
        reply = curl(secure, "-d", json.dumps(event(number)), "-H", "Content-Type: application/json", *words)
        assert reply.endswith("202"), (words, reply)
    assert node_post(secure, 5) == "202"
    connection = http.client.HTTPSConnection("localhost", secure.port, context=secure.made.context(), timeout=20)
    for number in (6, 7):
        connection.request("POST", "/events", json.dumps(event(number)))
        reply = connection.getresponse()
        assert reply.status == 202 and reply.read()
    connection.close()
    acknowledged = asyncio.run(python_wss(secure, 8))
    assert acknowledged["accepted"] == 1, acknowledged
    os.environ["NODE_EXTRA_CA_CERTS"] = secure.made.path("ca.pem")
    try:
        result = ws_client("wss://localhost:%d/ws" % secure.port, [{"text": json.dumps(event(9))}], until=1)
    finally:
        del os.environ["NODE_EXTRA_CA_CERTS"]
    assert result["code"] == 1000 and result["acks"][-1]["accepted"] == 1, result
    secure.finish(10)


def renegotiate(secure):
    """What s_client says when it is told to, by an R."""
    client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "127.0.0.1:%d" % secure.port], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    while b"Verify return code" not in said:
        said += client.stdout.readline()
    client.stdin.write(b"R\n")
    client.stdin.flush()
    try:
        return client.communicate(timeout=3)[0].decode()
    except subprocess.TimeoutExpired:
        client.kill()
        return client.communicate()[0].decode()


@with_tls
def old_versions_and_weak_ciphers_are_refused(secure):
    refused = [["-tls1"], ["-tls1_1"], ["-ssl3"],
               ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],           # no forward secrecy
               ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],      # CBC
               ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
               ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
               ["-tls1_2", "-cipher", "AECDH-NULL-SHA:NULL-SHA256"],
               ["-alpn", "h2"]]
    for words in refused:
        weak = words if "-cipher" not in words else words[:-1] + [words[-1] + ":@SECLEVEL=0"]
        weak = weak if words[0] not in ("-tls1", "-tls1_1") else words + ["-cipher", "DEFAULT:@SECLEVEL=0"]
        assert "pong" not in secure.s_client(*weak), weak
    said = secure.s_client("-alpn", "h2")
    assert "no application protocol" in said, said[-2000:]
    for version, protocol in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        said = secure.s_client(version, "-alpn", "h2,http/1.1", "-verify_return_error", "-servername", "localhost")
        assert "pong" in said and protocol in said and "ALPN protocol: http/1.1" in said, said
        assert "Compression: NONE" in said and "Verify return code: 0 (ok)" in said, said
    assert "no renegotiation" in renegotiate(secure)
    results = {dict(k)["result"]: v for k, v in secure.gateway.metrics()["sluice_tls_handshakes_total"].items()}
    assert results["version"] >= 2 and results["cipher"] >= 4 and results["protocol"] == 2, results
    secure.finish(0)


@with_tls
def sessions_are_resumed_and_names_choose_certificates(secure):
    for version in ("-tls1_2", "-tls1_3"):
        ticket = secure.made.path("session" + version)
        first = secure.s_client(version, "-sess_out", ticket)
        assert "New, TLSv" in first and "pong" in first, first
        assert "Reused, TLSv" in secure.s_client(version, "-sess_in", ticket)
        assert "Reused" not in secure.s_client(version, "-sess_in", ticket, port=secure.optional)
    assert secure.gateway.sum("sluice_tls_handshakes_total", result="resumed") == 2
    for name, subject in (("one.example", "one"), ("two.example", "two"), ("a.wild.example", "two"), ("A.WILD.example", "two"),
                          ("a.b.wild.example", "one"), ("elsewhere", "one"), (None, "one")):
        words = ["-servername", name] if name else ["-noservername"]
        said = secure.s_client(*words)
        assert re.search(r"subject=.*CN = %s\n" % subject, said), (name, said[:800])
    secure.finish(0)


@with_tls
def clients_show_certificates_where_they_must(secure):
    secure.made.issue("old", "DNS:old", days=-1)
    other = Certificates(secure.made.path("other"))
    other.issue("client", "DNS:client.example")
    body = ["-d", json.dumps(event(1)), "-H", "Content-Type: application/json"]

    def shown(made, name):
        return ["--cert", made.path(name + ".pem"), "--key", made.path(name + ".key")]

    assert curl(secure, *body, *shown(secure.made, "client"), port=secure.required).endswith("202")
    assert curl(secure, *body, *shown(secure.made, "client"), port=secure.optional).endswith("200")  # a duplicate
    assert curl(secure, *body, port=secure.optional).endswith("200")
    for port, words in ((secure.required, []), (secure.required, shown(secure.made, "old")), (secure.required, shown(other, "client")),
                        (secure.optional, shown(secure.made, "old")), (secure.optional, shown(other, "client"))):
        reply = curl(secure, *body, *words, port=port)
        assert reply.endswith("000") and "alert" in reply, (words, reply)
    assert secure.gateway.sum("sluice_tls_handshakes_total", result="client_certificate") == 5
    secure.finish(1)


@with_tls
def the_wrong_protocol_gets_an_answer_that_says_so(secure):
    for head in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900000,
                 b"OPTIONS * HTTP/1.0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
            plain.sendall(head)
            reply = read_all(plain)
        assert reply.startswith(b"HTTP/1.1 400 ") and b"tls_required" in reply and b"use https://" in reply, reply
    with socket.create_connection(("127.0.0.1", secure.gateway.port), timeout=20) as plain:
        plain.sendall(b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03" + bytes(233))
        reply = read_all(plain)
    assert reply.startswith(b"HTTP/1.1 400 ") and b"tls_not_spoken" in reply, reply
    for garbage in (b"\x16\x03\x01\x02\x00" + os.urandom(512), b"\x80\x2e\x01\x03\x01" + bytes(44), bytes(100), b"\n\n\n"):
        with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
            plain.sendall(garbage)
            plain.shutdown(socket.SHUT_WR)
            reply = read_all(plain)
        assert b"HTTP" not in reply and len(reply) < 64, reply
    assert secure.gateway.sum("sluice_tls_handshakes_total", result="plain_http") == 3
    secure.finish(0)


class Sender(threading.Thread):
    """Sends events one after the other, over a new connection each `renew` requests; any failure is kept."""

    def __init__(self, secure, first, renew):
        super().__init__(daemon=True)
        self.secure, self.next, self.renew = secure, first, renew
        self.context = secure.made.context()
        self.failures, self.acked = [], 0
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            connection = http.client.HTTPSConnection("localhost", self.secure.port, context=self.context, timeout=20)
            try:
                for _ in range(self.renew):
                    if self.ending.is_set():
                        break
                    connection.request("POST", "/events", json.dumps(event(self.next)))
                    self.next += 1
                    reply = connection.getresponse()
                    reply.read()
                    assert reply.status == 202, reply.status
                    self.acked += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(repr(error))
            connection.close()


def serial_of(secure):
    with secure.connect() as connection:
        return connection.getpeercert()["serialNumber"]


@with_tls
def certificates_change_under_load_without_a_failed_request(secure):
    senders = [Sender(secure, 10**6 * i, renew) for i, renew in enumerate((1, 1, 50, 10**9))]
    for sender in senders:
        sender.start()
    serials = {serial_of(secure)}
    for _ in range(3):
        before = serial_of(secure)
        secure.made.issue("one", "DNS:localhost,DNS:one.example,IP:127.0.0.1")
        secure.gateway.wait_until("the new certificate is served", lambda: serial_of(secure) != before)
        serials.add(serial_of(secure))
    assert len(serials) == 4
    before = serial_of(secure)
    with open(secure.made.path("one.key"), "w") as key:  # one that does not fit
        with open(secure.made.path("client.key")) as other:
            key.write(other.read())
    gateway = secure.gateway
    gateway.wait_until("the failed read is counted", lambda: gateway.sum("sluice_tls_certificate_reads_failed_total") >= 3)
    assert "is not the key of the certificate" in gateway.get("/readyz?verbose")[1], gateway.get("/readyz?verbose")
    assert gateway.get("/readyz")[0] == 200 and serial_of(secure) == before
    secure.made.issue("one", "DNS:localhost,DNS:one.example,IP:127.0.0.1")
    gateway.wait_until("the new certificate is served", lambda: serial_of(secure) != before)
    gateway.wait_until("all is well", lambda: "is not the key" not in gateway.get("/readyz?verbose")[1])
    for sender in senders:
        sender.ending.set()
        sender.join(30)
    assert not [sender.failures for sender in senders if sender.failures], [sender.failures[:3] for sender in senders]
    with secure.connect() as connection:
        expires = int(ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"]))
    shown = gateway.metrics()["sluice_tls_certificate_expiry_timestamp_seconds"]
    assert [v for k, v in shown.items() if dict(k)["name"] == "localhost"] == [expires], shown  # of one address, three times
    secure.finish(sum(sender.acked for sender in senders))


def reload(secure, old, new, says):
    """With a configuration in which one text is another."""
    path = secure.gateway.config
    with open(path) as file:
        text = file.read()
    assert old in text
    with open(path, "w") as file:
        file.write(text.replace(old, new))
    offset = len(secure.gateway.log())
    secure.gateway.process.send_signal(signal.SIGHUP)
    secure.gateway.wait_until(says, lambda: says in secure.gateway.log()[offset:])


@with_tls
def a_reload_brings_other_certificates_and_drops_nobody(secure):
    own = 'certificate: "%s/one.pem", key: "%s/one.key", certificates' % (secure.made.folder, secure.made.folder)
    other = 'certificate: "%s/two.pem", certificates' % secure.made.folder
    with secure.connect() as kept:
        reload(secure, own, other, "reload: done")
        with secure.connect("two.example") as fresh:
            assert ("DNS", "two.example") in fresh.getpeercert()["subjectAltName"]
        try:
            secure.connect("localhost").close()
            raise AssertionError("the certificate before is still served")
        except ssl.SSLCertVerificationError:
            pass
        reload(secure, other, other.replace("two", "none"), "none.pem cannot be read")
        secure.connect("two.example").close()
        reload(secure, other.replace("two", "none"), own, "reload: done")
        secure.connect("localhost").close()
        kept.sendall(request(0))
        assert kept.recv(1000).startswith(b"HTTP/1.1 202")
    secure.finish(1)


@with_tls
def browsers_are_told_to_come_by_tls_alone_where_it_says_so(secure):
    def told(**where):
        with secure.connect(**where) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\nGET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            head = read_all(connection).lower()
        assert head.count(b"http/1.1 ") == 2, head
        return head.count(b"strict-transport-security: max-age=31536000\r\n"), head.count(b"strict-transport-security")

    entry = 'certificate: "%s/one.pem", key: "%s/one.key", certificates' % (secure.made.folder, secure.made.folder)
    assert told() == (0, 0)
    with secure.connect() as kept:
        reload(secure, entry, "hsts: 365d, " + entry, "reload: done")
        assert told() == (2, 2), "each reply, of an error too"
        kept.sendall(request(0))
        assert kept.recv(1000).startswith(b"HTTP/1.1 202"), "a connection from before goes on as it began"
    assert "strict-transport-security" not in secure.gateway.request("GET", "/ping")[1], "without TLS it is nobody's"
    reload(secure, "hsts: 365d, " + entry, entry, "reload: done")
    assert told() == (0, 0)
    secure.finish(1)


@with_tls
def bodies_and_replies_of_any_size_come_whole(secure):
    body = json.dumps([event(n, metadata={"n": n, "text": "x" * 230}) for n in range(40000)])
    assert 14 << 20 < len(body) < 16 << 20, len(body)
    connection = http.client.HTTPSConnection("localhost", secure.port, context=secure.made.context(), timeout=60)
    connection.request("POST", "/events/bulk?ids=1", body)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    assert reply.status == 202 and answer["accepted"] == 40000, (reply.status, str(answer)[:300])
    connection.close()
    with secure.connect() as pipelined:  # all at once, the replies read slowly
        pipelined.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        ask, many = b"GET /sluice.js HTTP/1.1\r\nHost: x\r\n\r\n", 100
        writer = threading.Thread(target=lambda: pipelined.sendall(ask * many), daemon=True)
        writer.start()
        pieces, size = [], 0
        while True:
            pieces.append(pipelined.recv(3000 if size < 300000 else 1 << 20))
            size += len(pieces[-1])
            if size >= 20000 * many and b"".join(pieces).count(b"HTTP/1.1 200 OK") == many:
                break
        writer.join(20)
        assert b"".join(pieces).count(b"HTTP/1.1 200 OK") == many
    with secure.connect() as slow:  # a byte at a time
        for byte in request(40000):
            slow.sendall(bytes([byte]))
        assert slow.recv(1000).startswith(b"HTTP/1.1 202")
    secure.finish(40001)


def half_closed(secure, bytes_sent):
    """All that comes back to a client that says close_notify behind its last byte, and reads on."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = secure.made.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
        def step(act):
            while True:
                try:
                    return act()
                except ssl.SSLZeroReturnError:
                    return b""
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    more = plain.recv(65536)
                    incoming.write(more) if more else incoming.write_eof()
        step(client.do_handshake)
        client.write(bytes_sent)
        try:
            client.unwrap()
        except ssl.SSLWantReadError:
            pass
        reply = b""
        while True:
            more = step(lambda: client.read(65536))
            if not more:
                return reply
            reply += more


@with_tls
def connections_end_in_all_ways(secure):
    with secure.connect() as gone:
        gone.sendall(request(0) + request(1))
        assert gone.recv(10)
    assert half_closed(secure, request(2) + request(3)).count(b"HTTP/1.1 202") == 2
    for number in (4, 5):  # a FIN below TLS, behind a whole request
        with secure.connect() as cut:
            cut.sendall(request(number))
            socket.socket.shutdown(cut, socket.SHUT_WR)
            try:
                assert cut.recv(1000).startswith(b"HTTP/1.1 202")
            except ssl.SSLError:
                pass
    for ending in range(40):  # resets, half requests, half records, half handshakes
        plain = socket.create_connection(("127.0.0.1", secure.port), timeout=20)
        if ending % 4 == 0:
            plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        else:
            connection = secure.made.context().wrap_socket(plain, server_hostname="localhost")
            plain = connection
            if ending % 4 == 1:
                connection.sendall(request(10**6 + ending)[:-5])
            elif ending % 4 == 2:
                socket.socket.send(connection, b"\x17\x03\x03\x40\x00half a record")
            else:
                socket.socket.send(connection, b"\x17\x03\x03\x00\x20" + bytes(32))  # a bad tag
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0") if ending % 8 < 4 else None
        plain.close()
    with secure.connect() as last:
        last.sendall(request(6, "Connection: close\r\n"))
        assert read_all(last).startswith(b"HTTP/1.1 202")  # and close_notify: no SSLEOFError
    secure.gateway.wait_until("all have left", lambda: secure.gateway.sum("sluice_connections") <= 1)
    secure.gateway.wait_stored()
    secure.gateway.check_identity()
    stored = secure.gateway.sum("sluice_events_accepted_total")
    secure.gateway.stop()
    kept = set(map(int, secure.gateway.sql("SELECT substring(user_id, 2) FROM events FINAL").split()))
    assert {0, 2, 3, 4, 5, 6} <= kept <= set(range(7)) and len(kept) == stored, (kept, stored)


def check_says_what_is_wrong(folder):
    made = Certificates(os.path.join(folder, "certificates"))
    made.issue("one", "DNS:one.example")
    made.issue("two", "DNS:two.example")
    made.issue("old", "DNS:old.example", days=-1)
    openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-keyout", made.path("weak.key"), "-out", made.path("weak.pem"))
    openssl("pkey", "-in", made.path("one.key"), "-aes128", "-passout", "pass:secret", "-out", made.path("locked.key"))
    config = os.path.join(folder, "check.yaml")
    for entry, code, says in (
            ("certificate: F/one.pem, key: F/one.key", 0, "good"),
            ("certificate: F/none.pem, key: F/one.key", 2, "none.pem cannot be read: No such file"),
            ("certificate: F/one.pem, key: F/two.key", 2, "two.key is not the key of the certificate in"),
            ("certificate: F/one.pem, key: F/locked.key", 2, "has a key with a passphrase; take it off with"),
            ("certificate: F/one.key, key: F/one.key", 2, "one.key holds no certificate in PEM"),
            ("certificate: F/weak.pem, key: F/weak.key", 2, "key too small; expected RSA of 2048 bits or more, or ECDSA"),
            ("key: F/one.key", 2, "a key is given, expected its certificate"),
            ("hsts: 365d", 2, "hsts is given, expected a certificate as well"),
            ("certificate: F/one.pem, key: F/one.key, hsts: 365d", 0, "good"),
            ("certificate: F/one.pem, key: F/one.key, client_ca: F/one.key", 2, "one.key holds no certificate in PEM"),
            ("certificate: F/one.pem, key: F/one.key, certificates: [ { certificate: F/two.pem } ]", 2, "two.pem holds no private key"),
            ("certificate: F/one.pem, key: F/one.key, ciphers: x", 2, "unknown key \"ciphers\""),
            ("certificate: F/old.pem, key: F/old.key", 0, "old.pem has expired, at ")):
        with open(config, "w") as file:
            file.write("http:\n  listeners:\n    - { listen: \":0\", tls: { %s } }\n" % entry.replace("F/", made.folder + "/"))
            file.write("streams:\n  - { name: s, table: t, fields: [ { name: a, type: String } ] }\n")
        done = subprocess.run([os.path.join(BUILD, "sluice"), "--config", config, "--check"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=ROOT, timeout=30)
        said = done.stdout.decode()
        assert done.returncode == code and says in said, (entry, done.returncode, said)
        assert says == "good" or "%s:3: http.listeners[0].tls" % config in said or "expired" in says, said


if __name__ == "__main__":
    main([clients_of_all_kinds_come_in, old_versions_and_weak_ciphers_are_refused, sessions_are_resumed_and_names_choose_certificates,
          clients_show_certificates_where_they_must, the_wrong_protocol_gets_an_answer_that_says_so,
          certificates_change_under_load_without_a_failed_request, a_reload_brings_other_certificates_and_drops_nobody,
          browsers_are_told_to_come_by_tls_alone_where_it_says_so, bodies_and_replies_of_any_size_come_whole,
          connections_end_in_all_ways, check_says_what_is_wrong])
