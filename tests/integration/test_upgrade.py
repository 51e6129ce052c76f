"""From HTTP to WebSocket and away: what comings and goings leave behind, the bounds on how many, and what SIGTERM does to
requests that are not whole."""
import json
import os
import signal
import socket
import struct

from check import main
from gateway import Gateway, event, with_gateway
from websocket import TEXT, Client, frame, handshake, sample_with


def descriptors(gateway):
    """How many are open: files and the store's own, which come and go by themselves, included."""
    return len(os.listdir("/proc/%d/fd" % gateway.process.pid))


def reply_to(gateway, request):
    """All that comes until the gateway ends the connection."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(request)
        got = b""
        while piece := client.recv(65536):
            got += piece
        return got


def come_and_go(gateway, number):
    """An upgrade, sometimes with a message, that ends by FIN or reset, before or after the 101 is read."""
    client = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    client.sendall(handshake()[0] + (frame(TEXT, json.dumps(event(number)).encode()) if number % 2 else b""))
    if number % 3:
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
    if number % 4 == 3:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@with_gateway
def a_thousand_comings_and_goings_leave_nothing_behind(gateway):
    def all_gone():
        return gateway.sum("sluice_websockets") == 0 and gateway.sum("sluice_connections") == 1  # that of the scrape

    for number in range(100):
        come_and_go(gateway, number)
    gateway.wait_until("the first WebSockets are gone", all_gone)
    before = descriptors(gateway)
    for number in range(1000):
        come_and_go(gateway, number)
    gateway.wait_until("all WebSockets are gone", all_gone)
    assert descriptors(gateway) <= before + 4, (before, descriptors(gateway))
    # A client that reset before its 101 was written opened none.
    assert 1000 <= gateway.sum("sluice_websockets_opened_total") <= 1100
    gateway.wait_stored()
    gateway.check_identity()
    accepted = gateway.sum("sluice_events_accepted_total")
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events FINAL") == str(accepted)


def websockets_are_bounded_in_all_and_per_address(folder):
    config = sample_with(folder, websocket={"max_connections": 3, "max_per_address": 2})
    gateway = Gateway(folder, config=config).start()
    try:
        def refused(source, status, code):
            client = socket.socket()
            client.settimeout(10)
            client.bind((source, 0))
            client.connect(("127.0.0.1", gateway.port))
            client.sendall(handshake(headers={"Connection": "close, Upgrade"})[0])
            got = b""
            while piece := client.recv(65536):
                got += piece
            client.close()
            assert got.startswith(b"HTTP/1.1 %d " % status) and b'"code":"%s"' % code in got, got
            assert b"Retry-After: 1\r\n" in got, got

        with Client(gateway.port, source="127.0.0.1"), Client(gateway.port, source="127.0.0.1"):
            refused("127.0.0.1", 429, b"too_many_of_address")
            with Client(gateway.port, source="127.0.0.2"):
                refused("127.0.0.3", 503, b"too_many_websockets")
        gateway.wait_until("they are gone", lambda: gateway.sum("sluice_websockets") == 0)
        with Client(gateway.port, source="127.0.0.1"), Client(gateway.port, source="127.0.0.3"):
            assert gateway.sum("sluice_websockets") == 2
        assert gateway.sum("sluice_websockets_refused_total", reason="too_many_of_address") == 1
        assert gateway.sum("sluice_websockets_refused_total", reason="too_many_websockets") == 1
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


@with_gateway
def requests_that_are_not_whole_at_sigterm_are_answered_503(gateway):
    halves = [
        b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /events/bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[",
        b"GET /livez HTTP/1.1\r\nHost:",
    ]
    clients = [socket.create_connection(("127.0.0.1", gateway.port), timeout=10) for _ in halves]
    for client, half in zip(clients, halves):
        client.sendall(half)
    gateway.check_identity()
    gateway.process.send_signal(signal.SIGTERM)
    for client, half in zip(clients, halves):
        got = b""
        while piece := client.recv(65536):
            got += piece
        assert got.startswith(b"HTTP/1.1 503 ") and b'"code":"draining"' in got, (half, got)
        assert b"Connection: close\r\n" in got, got
        client.close()
    assert gateway.process.wait(60) == 0
    gateway.process = None
    gateway.check_log()


@with_gateway
def what_is_no_upgrade_says_how_to(gateway):
    got = reply_to(gateway, b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 426 "), got
    for line in (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"):
        assert b"\r\n" + line + b"\r\n" in got, got
    got = reply_to(gateway, b"OPTIONS /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 204 ") and b"\r\nAllow: GET, OPTIONS\r\n" in got, got
    gateway.check_identity()


if __name__ == "__main__":
    main([
        a_thousand_comings_and_goings_leave_nothing_behind,
        websockets_are_bounded_in_all_and_per_address,
        requests_that_are_not_whole_at_sigterm_are_answered_503,
        what_is_no_upgrade_says_how_to,
    ])
