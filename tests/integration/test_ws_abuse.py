"""What a hostile, broken or vanished WebSocket client can do: each gets the right code, memory stays bounded, others are
served meanwhile, and the counts add up. The store is a process of its own, so that the memory measured is the gateway's."""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from check import main
from gateway import SANITIZED, SERVER_BUILD, Gateway, Poster
from servers import start_chdb_server
from websocket import (BINARY, CONTINUATION, PING, TEXT, Client, Closed, close_frame, frame, handshake, lz4_block,
                       lz4_frame, lz4_frame_header, sample_with)
from ws_events import answers, message, rss

SPACES = b" " * (255 << 20)


class Others(Poster):
    """Somebody else, who sends by HTTP all the time."""

    def check(self):
        self.finish()
        assert self.acked == self.sent and self.errors == 0, (len(self.acked), len(self.sent), self.errors)
        assert len(self.acked) > 0
        return len(self.acked)


def abused(**sections):
    """A test of a gateway with these options, on a server; others send to it meanwhile. Afterwards: what was accepted is
    stored exactly, and the gateway grew by at most `memory` MiB from what it had while it delivered what others send."""
    memory = sections.pop("memory", 100)

    def decorate(test):
        def run(folder):
            path = os.path.join(folder, "server")
            os.makedirs(path)
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            gateway = Gateway(folder, sample_with(folder, **sections),
                              {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "SLUICE_DURABILITY": "os"})
            try:
                gateway.start()
                others = Others(gateway, first=1000000, bulk=5)
                others.start()
                gateway.wait_until("batches of the others are delivered",
                                   lambda: gateway.sum("sluice_batches_stored_total") >= 3)
                before = rss(gateway)
                accepted = test(gateway) or 0
                count = others.check() + accepted
                grown = peak(gateway) - before
                print("        %.0f MiB before, at most %.0f more; %d events of others" % (before, grown, count - accepted))
                assert SANITIZED or grown <= memory, "%.0f MiB" % grown
                gateway.wait_stored()
                gateway.check_identity()
                stored = gateway.sum("sluice_events_accepted_total")
                assert stored == count, (stored, count, accepted)
                assert server.query("SELECT count() FROM events FINAL").strip() == str(count)
                gateway.stop()
            finally:
                gateway.cleanup()
                server.stop()
        run.__name__ = test.__name__
        return run
    return decorate


def peak(gateway):
    """MiB: the most that the process ever had."""
    with open("/proc/%d/status" % gateway.process.pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def ends(gateway, data, code):
    """`data` behind a good event ends the connection with this code; the event is acknowledged."""
    with Client(gateway.port, timeout=30) as client:
        client.text(message()).send(data)
        got, acks, _ = client.closed()
        assert got == code, (data[:20], got, code)
        assert sum(a["accepted"] for a in acks) == 1, acks


@abused(memory=120)
def decompression_bombs_end_with_1009_or_a_rejection(gateway):
    """255 MiB in 1 MiB, against the bound of 4 MiB."""
    block, packed = lz4_block(SPACES), lz4_frame(SPACES)
    assert len(block) < 1100000 and len(packed) < 1100000
    ends(gateway, frame(BINARY, block), 1009)
    ends(gateway, frame(BINARY, packed), 1009)
    with Client(gateway.port) as client:  # the prefix lies: what comes out is more, or less, than it claims
        lies = [struct.pack("<I", claim) + block[4:] for claim in (1, 1 << 20, 4 << 20)]
        for lie in lies + [lz4_block(message(1000), claim=1001), lz4_block(message(1000), claim=1 << 20)]:
            client.binary(lie)
        got = client.acks(5)
        assert (got["accepted"], got["rejected"]) == (0, 5), got
        assert {e["code"] for e in got["errors"]} == {"bad_compression"}, got
        client.text(message())
        assert client.acks(6)["accepted"] == 1
        client.goodbye()
    return 3


@abused(memory=30)
def sizes_that_are_only_claimed_cost_nothing(gateway):
    good = 0
    with Client(gateway.port) as client:
        claims = (1 << 31, (1 << 31) - 1, (1 << 32) - 1, (64 << 20) + 1)
        for claim in claims:        # 16 bytes hold no such thing
            client.binary(struct.pack("<I", claim) + b"\x00" * 16)
        got = client.acks(len(claims))
        assert {e["code"] for e in got["errors"]} == {"bad_compression"} and got["rejected"] == len(claims), got
        client.goodbye()
    for claim in (1 << 40, 1 << 62, (64 << 20) + 1):
        ends(gateway, frame(BINARY, lz4_frame_header(claim) + b"\x00" * 16), 1009)
        good += 1
    for claim in (1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1):
        ends(gateway, frame(BINARY, b"\x01", length=claim), 1009)
        ends(gateway, frame(BINARY, b"\x01", fin=False) + frame(CONTINUATION, b"\x01", length=claim), 1009)
        good += 2
    clients = [Client(gateway.port) for _ in range(50)]  # and one that may be, but never comes
    for client in clients:
        client.send(frame(BINARY, b"", length=16 << 20))
    time.sleep(0.5)
    for client in clients:
        client.reset()
    return good


@abused(memory=60)
def a_million_frames_of_one_byte_are_one_message(gateway):
    payload = message(1000000)
    zero = b"\x00" * 4
    parts = [frame(TEXT, payload[:1], fin=False, mask=zero)]
    parts += [b"\x00\x81\x00\x00\x00\x00" + payload[at:at + 1] for at in range(1, len(payload) - 1)]
    parts += [frame(CONTINUATION, payload[-1:], mask=zero)]
    data = b"".join(parts)
    with Client(gateway.port, timeout=60) as client:
        started = time.time()
        client.send(data)
        assert client.acks(1)["accepted"] == 1
        took = time.time() - started
        client.send(data)
        assert client.acks(2)["duplicate"] == 1
        assert SANITIZED or took < 5, took
        client.send(b"".join([frame(TEXT, b"", fin=False)] + [frame(CONTINUATION, b"", fin=False)] * 1000000))
        client.send(frame(CONTINUATION, payload))
        assert client.acks(3)["duplicate"] == 1
        client.send(frame(PING) * 300000 + frame(TEXT, message()))
        while True:  # of a flood of pings at least one is answered, and not one each is kept
            opcode, value = client.read()
            if opcode == TEXT:
                break
        assert value["accepted"] == 1
        print("        %.1f s" % took)
    return 2


@abused(memory=100)
def fragments_without_end_are_cut_off_at_the_limit(gateway):
    for size in (64 << 10, 100):
        with Client(gateway.port, timeout=30) as client:
            client.send(frame(TEXT, b"[", fin=False))
            piece = frame(CONTINUATION, b" " * size, fin=False) * ((1 << 20) // size)
            for _ in range(20):
                client.send(piece)
            code, acks, _ = client.closed()
            assert (code, acks) == (1009, []), (size, code, acks)


@abused(http={"header_timeout": "1s"}, websocket={"message_timeout": "1s"}, memory=30)
def slow_handshakes_get_408_and_slow_messages_1008(gateway):
    data, _ = handshake()
    slow = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(200)]
    clients = [Client(gateway.port) for _ in range(3)]
    text = message()
    pieces = [frame(TEXT, text)[:20], frame(TEXT, text[:5], fin=False), frame(TEXT, text)[:1]]
    for client, piece in zip(clients, pieces):
        client.text(message()).send(piece)
    for at in range(30):
        for s in slow:
            try:
                s.send(data[at:at + 1])
            except OSError:
                pass
        for client, more in zip(clients[:2], (b" ", frame(CONTINUATION, b"", fin=False))):
            client.send(more)
        time.sleep(0.1)
    assert b" 408 " in slow[0].recv(4096)
    for s in slow:
        s.close()
    for client in clients:
        code, acks, _ = client.closed()
        assert code == 1008 and sum(a["accepted"] for a in acks) == 1, (code, acks)
    gateway.wait_until("the slow ones are gone", lambda: gateway.sum("sluice_connections") < 5, 10)
    return 3


HOLDER = """
import socket, sys, time
sys.path.insert(0, sys.argv[1])
from websocket import Client
clients = [Client(int(sys.argv[2])) for _ in range(20)]
print("open", flush=True)
time.sleep(60)
"""


@abused(websocket={"ping_interval": "1s", "pong_timeout": "1s"}, memory=30)
def peers_that_vanished_are_noticed_and_those_that_answer_stay(gateway):
    here = os.path.dirname(os.path.abspath(__file__))
    child = subprocess.Popen([sys.executable, "-c", HOLDER, here, str(gateway.port)], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"open\n"
        child.send_signal(signal.SIGSTOP)
        with Client(gateway.port) as alive, Client(gateway.port, pongs=False) as mute:
            assert gateway.sum("sluice_websockets") == 22
            alive.socket.settimeout(0.1)
            pings, ended_after, started = 0, None, time.time()
            while time.time() < started + 5:
                try:
                    opcode, payload = alive.read_frame()
                    alive.send(frame(0xA, payload))
                    pings += 1
                except socket.timeout:
                    pass
                if ended_after is None and gateway.sum("sluice_websockets") == 1:
                    ended_after = time.time() - started
            assert pings >= 2, pings
            assert ended_after and 1.9 < ended_after < 4.5, ended_after
            alive.socket.settimeout(5)
            alive.text(message())
            assert alive.acks(1)["accepted"] == 1
            code, acks, _ = mute.closed()
            assert code in (None, 1008), code
            assert gateway.sum("sluice_websockets_closed_total", reason="timeout") == 21
            alive.goodbye()
    finally:
        child.kill()
        child.wait()
    return 1


def ended(client):
    """Whether the server has ended the stream, or broken it off."""
    client.socket.settimeout(0.01)
    try:
        return client.socket.recv(65536) == b""
    except socket.timeout:
        return False
    except OSError:
        return True


def seconds_to_the_end(client, goes_on):
    """(close code, seconds until the server has ended the stream): of a client that does not answer the close."""
    started = time.time()
    try:
        while True:
            client.read()
    except Closed as end:
        while not ended(client):
            if goes_on:
                client.send(frame(TEXT, message()))
        return end.code, time.time() - started


@abused(memory=30)
def clients_that_ignore_the_close_are_dropped(gateway):
    cases = [(frame(3), 1002), (close_frame(999), 1002), (frame(TEXT, b"\xff"), 1007), (frame(BINARY, b"{}"), 1003)]
    with ThreadPoolExecutor(2 * len(cases)) as pool:
        waiting = []
        for data, code in cases:
            for goes_on in (False, True):
                client = Client(gateway.port).send(data)
                waiting.append((data, code, pool.submit(seconds_to_the_end, client, goes_on)))
        for data, code, result in waiting:
            got, took = result.result()
            assert got == code and (SANITIZED or took < 5), (data, got, took)


@abused(websocket={"max_per_address": "3000"}, memory=60)
def two_thousand_connections_aborted_by_rst_leave_nothing(gateway):
    data, _ = handshake()
    good = 0
    for number in range(2000):
        kind = number % 5
        if kind == 0:  # in the middle of the handshake
            s = socket.create_connection(("127.0.0.1", gateway.port))
            s.sendall(data[:40])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            continue
        client = Client(gateway.port)
        if kind == 1:
            pass
        elif kind == 2:
            client.send(frame(TEXT, message())[:-3])
        elif kind == 3:
            client.send(frame(TEXT, b"[", fin=False) + frame(CONTINUATION, b" " * 5000, fin=False))
        else:  # an event, whole, whose acknowledgement nobody will read
            client.text(message())
            assert client.acks(1)["accepted"] == 1
            client.text(b"{}").send(close_frame(1000) * 3)
            good += 1
        client.reset()
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_websockets") == 0, 10)
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_connections") < 5, 10)
    with Client(gateway.port) as client:
        client.text(message())
        assert client.acks(1)["accepted"] == 1
    return good + 1


@abused(websocket={"max_connections": "20", "max_per_address": "8"}, memory=30)
def too_many_connections_are_told_to_come_back(gateway):
    def refused(status, source=None):
        data, _ = handshake()
        s = socket.socket()
        s.settimeout(5)
        s.bind((source or "127.0.0.1", 0))
        s.connect(("127.0.0.1", gateway.port))
        s.sendall(data)
        answer = s.recv(4096)
        s.close()
        assert answer.startswith(b"HTTP/1.1 %d " % status) and b"\r\nretry-after: " in answer.lower(), answer
        return answer

    clients = [Client(gateway.port) for _ in range(8)]
    assert b"too_many_of_address" in refused(429)
    clients += [Client(gateway.port, source="127.0.0.2") for _ in range(8)]
    refused(429, "127.0.0.2")
    clients += [Client(gateway.port, source="127.0.0.3") for _ in range(4)]
    assert b"too_many_websockets" in refused(503, "127.0.0.3")
    clients.pop().goodbye()
    gateway.wait_until("one is free", lambda: gateway.sum("sluice_websockets") == 19, 10)
    clients.append(Client(gateway.port, source="127.0.0.4"))
    refused(503, "127.0.0.5")
    clients.pop(0).reset()
    gateway.wait_until("one is free", lambda: gateway.sum("sluice_websockets") == 19, 10)
    with Client(gateway.port) as client:  # whom a trusted proxy names counts by that name
        client.goodbye()
    gateway.wait_until("one is free", lambda: gateway.sum("sluice_websockets") == 19, 10)
    for client in clients:
        client.text(message())
        assert client.acks(1)["accepted"] == 1
        client.goodbye()
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_websockets") == 0, 10)
    behind = [Client(gateway.port, headers={"X-Forwarded-For": "10.0.0.%d" % (n % 2)}) for n in range(16)]
    for client in behind:
        client.goodbye()
    assert gateway.sum("sluice_websockets_refused_total") == 4, gateway.metrics()["sluice_websockets_refused_total"]
    return 19


@abused(memory=30)
def noise_of_every_kind_disturbs_nobody(gateway):
    """Seeded: random bytes, and good frames with random damage, behind a handshake."""
    dice = random.Random(4)
    base = frame(TEXT, message(300)) + frame(PING, b"x") + frame(BINARY, lz4_block(b'{"channel":"fax"}'))
    for _ in range(1000):
        data = bytearray(base if dice.random() < 0.7 else dice.randbytes(dice.randrange(1, 400)))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        client = Client(gateway.port)
        client.send(bytes(data), dice.choice((0, 0, 0, 17)))
        client.half_close()
        client.closed()
        client.socket.close()
    found, s, _ = answers(gateway, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    s.close()
    assert found[0][0] == 200
    gateway.wait_until("all are gone", lambda: gateway.sum("sluice_websockets") == 0, 10)
    gateway.wait_until("nothing in flight", lambda: gateway.sum("sluice_events_in_flight", protocol="ws") == 0, 10)
    return gateway.sum("sluice_events_accepted_total", protocol="ws")  # some were good in spite of it


if __name__ == "__main__":
    main([
        decompression_bombs_end_with_1009_or_a_rejection,
        sizes_that_are_only_claimed_cost_nothing,
        a_million_frames_of_one_byte_are_one_message,
        fragments_without_end_are_cut_off_at_the_limit,
        slow_handshakes_get_408_and_slow_messages_1008,
        peers_that_vanished_are_noticed_and_those_that_answer_stay,
        clients_that_ignore_the_close_are_dropped,
        two_thousand_connections_aborted_by_rst_leave_nothing,
        too_many_connections_are_told_to_come_back,
        noise_of_every_kind_disturbs_nobody,
    ])
