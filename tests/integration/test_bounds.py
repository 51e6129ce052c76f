"""What is kept for clients has a bound: bodies and messages half received, replies that nobody takes, connections of one
address. While an attacker is at each of them, another client is served as ever, and the memory comes back afterwards."""
import gzip
import json
import multiprocessing
import os
import select
import socket
import sys
import threading
import time

from check import main
from gateway import Gateway, SAMPLE, SANITIZED, SERVER_BUILD, event
from servers import start_chdb_server
from websocket import Client, Closed, TEXT, frame, handshake

MIB = 1 << 20
SLACK = 96 * MIB        # what a gateway takes beside: payloads that are parsed, blocks that malloc keeps
CONNECTIONS = 120


def bounded(changes):
    """A test of one gateway, with lines put into the sample's http section, on a server of its own."""
    def wrap(test):
        def run(folder):
            path = os.path.join(folder, "server")
            os.makedirs(path)
            config = os.path.join(folder, "sluice.yaml")
            with open(SAMPLE) as sample, open(config, "w") as out:
                out.write(sample.read().replace("http:\n", "http:\n" + "".join("  %s\n" % c for c in changes), 1))
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            gateway = Gateway(folder, config, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
            try:
                test(gateway.start(), server)
                if gateway.running():
                    gateway.stop()
            finally:
                gateway.cleanup()
                server.stop()
        run.__name__ = test.__name__
        return run
    return wrap


def resident(gateway):
    with open("/proc/%d/statm" % gateway.process.pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Bystander(threading.Thread):
    """Another client: one event after the other, and how long each took; and it watches the gateway's memory. The time for
    which a thread on the way was ready to run and had no processor does not count: the machine may be busy with others."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway, self.times, self.peak, self.sent, self.ended = gateway, [], 0, 0, False

    def unserved(self):
        task = "/proc/%d/task/" % self.gateway.process.pid
        ours = [task + t for t in os.listdir(task) if open(task + t + "/comm").read().strip() in ("io-0", "commit")]
        return sum(int(open(t + "/schedstat").read().split()[1]) for t in ours + ["/proc/thread-self"]) / 1e9

    def run(self):
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=30) as s:
            while not self.ended:
                body = json.dumps(event(10**9 + self.sent)).encode()
                began = time.monotonic() - self.unserved()
                s.sendall(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                reply = s.recv(4096)
                self.times.append(max(time.monotonic() - self.unserved() - began, 0))
                assert reply.startswith(b"HTTP/1.1 202"), reply
                self.sent += 1
                self.peak = max(self.peak, resident(self.gateway))
                time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended = True
        self.join()

    def p99(self):
        return sorted(self.times)[int(len(self.times) * 0.99)]


def push_all(port, first, rest_of, count):
    """Sends `rest_of` behind `first` on so many connections, as fast as they are read, and then stays; its own process."""
    sockets, left = [], {}
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(first)
        s.setblocking(False)
        sockets.append(s)
        left[s] = memoryview(rest_of)
    while True:
        ready = select.select([], [s for s in sockets if len(left[s])], [], 0.2)[1]
        for s in ready:
            try:
                left[s] = left[s][s.send(left[s][:MIB]):]
            except BlockingIOError:
                pass
            except OSError:     # it had to give way
                left[s] = left[s][:0]
        if not ready:
            time.sleep(0.05)


def under_attack(gateway, until, target, *arguments):
    """Runs the attack in a process of its own beside a bystander: until the gateway did what
    is waited for: (its events, the peak of the memory)."""
    attack = multiprocessing.Process(target=target, args=(gateway.port,) + arguments)
    with Bystander(gateway) as bystander:
        attack.start()
        gateway.wait_until("somebody gives way", until, 60)
        time.sleep(2)
        attack.terminate()
        attack.join()
    print("    p99 %.1f ms, memory %d MiB at most" % (bystander.p99() * 1000, bystander.peak // MIB), file=sys.stderr)
    if not SANITIZED:
        assert bystander.p99() < 0.1, bystander.p99()
    return bystander.sent, bystander.peak


def check_peak(before, peak, bound):
    assert SANITIZED or peak < before + bound + SLACK, (before, peak)


def comes_back(gateway, before):
    gateway.wait_until("the memory is given back", lambda: SANITIZED or resident(gateway) < before + SLACK, 30)


def one_byte_short(gateway_length):
    head = b"POST /events/bulk HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % gateway_length
    return head, b" " * (gateway_length - 1)


def check_rest(gateway, server, sent, before):
    gateway.wait_until("nobody is served any more", lambda: gateway.sum("sluice_connections") == 1)
    comes_back(gateway, before)
    gateway.wait_stored()
    gateway.check_identity()
    assert int(server.query("SELECT count() FROM events FINAL")) == sent


@bounded(["max_receiving: 96MiB", "body_timeout: 1m"])
def bodies_half_received_take_no_more_than_they_may(gateway, server):
    before = resident(gateway)
    head, rest = one_byte_short(16 * MIB)
    sent, peak = under_attack(gateway, lambda: gateway.sum("sluice_events_dropped_total", reason="receiving_full") > 3,
                              push_all, head, rest, CONNECTIONS)
    check_peak(before, peak, 96 * MIB)
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_receiving_bytes") < MIB)
    assert gateway.sum("sluice_receiving_bytes_max") == 96 * MIB
    check_rest(gateway, server, sent, before)


@bounded(["max_receiving: 64MiB"])
def messages_half_received_take_no_more_than_they_may(gateway, server):
    before = resident(gateway)
    length = 4 * MIB
    opening = handshake()[0] + frame(TEXT, b"", mask=b"\0\0\0\0", length=length, width=8)
    sent, peak = under_attack(gateway, lambda: gateway.sum("sluice_websockets_closed_total", reason="receiving_full") > 3,
                              push_all, opening, b" " * (length - 1), CONNECTIONS)
    check_peak(before, peak, 64 * MIB)
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_receiving_bytes") < MIB)
    assert gateway.sum("sluice_events_dropped_total", protocol="ws", reason="receiving_full") > 0
    check_rest(gateway, server, sent, before)


def ask_and_not_read(port, request, count):
    sockets = []
    for _ in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        s.settimeout(10)
        s.connect(("127.0.0.1", port))
        try:
            s.sendall(request)
        except OSError:     # refused while it sends
            pass
        sockets.append(s)
    time.sleep(120)


@bounded(["max_replying: 16MiB"])
def replies_that_nobody_takes_take_no_more_than_they_may(gateway, server):
    body = b"[" + b",".join([b"{}"] * 100000) + b"]"        # each is refused, and its id is null in the reply
    packed = gzip.compress(body)
    request = (b"POST /events/bulk?ids=1 HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
               % len(packed) + packed)
    before = resident(gateway)
    sent, peak = under_attack(gateway, lambda: gateway.sum("sluice_connections_closed_total", reason="replying_full") > 3,
                              ask_and_not_read, request, 60)
    check_peak(before, peak, 16 * MIB)
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_replying_bytes") < MIB)
    assert gateway.sum("sluice_replying_bytes_max") == 16 * MIB
    check_rest(gateway, server, sent, before)


def ends(s, seconds):
    """What comes before the gateway ends the connection, and when."""
    began, got = time.monotonic(), b""
    s.settimeout(seconds)
    try:
        while (part := s.recv(65536)) != b"":
            got += part
    except ConnectionResetError:
        pass
    return got, time.monotonic() - began


@bounded(["header_timeout: 1s"])
def who_is_too_slow_goes_and_who_is_only_slow_stays(gateway, server):
    def connect(first=b"", buffer=None):
        s = socket.socket()
        if buffer is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.connect(("127.0.0.1", gateway.port))
        s.sendall(first)
        return s

    body = json.dumps([event(10**6 + n) for n in range(400)]).encode()
    head = b"POST /events/bulk?ids=1 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    silent = connect()
    trickle = connect(head % 5000 + b"[")
    many = json.dumps([event(n) for n in range(100000)]).encode()
    deaf = connect(head % len(many) + many, 2304)
    slow = connect(head % len(body))
    message = Client(gateway.port)
    message.socket.sendall(frame(TEXT, b"[", length=1000, width=2))
    got, seconds = ends(silent, 5)
    assert got == b"" and seconds < 3, (got, seconds)
    began = time.monotonic()
    for at in range(0, len(body), 5000):        # 10 kB/s
        slow.sendall(body[at:at + 5000])
        trickle.sendall(b" ")
        time.sleep(0.5)
    reply = slow.recv(4096)
    assert b" 202 " in reply, reply
    assert b" 408 " in ends(trickle, 20)[0] and time.monotonic() - began < 15
    try:
        message.read()
        raise AssertionError("an answer to half a message")
    except Closed as closed:
        assert closed.code == 1008, closed
    gateway.wait_until("who takes nothing goes",
                       lambda: gateway.sum("sluice_connections_closed_total", reason="timeout") == 1, 15)
    deaf.close()
    gateway.wait_stored()
    gateway.check_identity()
    assert int(server.query("SELECT count() FROM events FINAL")) == 100400


@bounded(["max_per_address: 20"])
def one_address_has_its_share_of_connections_and_no_more(gateway, server):
    def connect(source):
        s = socket.socket()
        s.bind((source, 0))
        s.settimeout(10)
        s.connect(("127.0.0.1", gateway.port))
        return s

    def answer(s):
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        return s.recv(4096)[9:12]

    held = [connect("127.0.0.2") for _ in range(20)]
    assert {answer(s) for s in held} == {b"200"}
    refused = connect("127.0.0.2").recv(4096)
    assert refused.startswith(b"HTTP/1.1 429 ") and b"too_many_of_address" in refused, refused
    assert gateway.sum("sluice_connections_refused_by_address_total") == 1
    proxy = [connect("127.0.0.1") for _ in range(40)]       # trusted
    assert {answer(s) for s in proxy + [connect("127.0.0.3")]} == {b"200"}
    held.pop().close()
    gateway.wait_until("there is room again", lambda: answer(connect("127.0.0.2")) == b"200", 10)
    gateway.check_identity()


if __name__ == "__main__":
    main([bodies_half_received_take_no_more_than_they_may,
          messages_half_received_take_no_more_than_they_may,
          replies_that_nobody_takes_take_no_more_than_they_may,
          who_is_too_slow_goes_and_who_is_only_slow_stays,
          one_address_has_its_share_of_connections_and_no_more])
