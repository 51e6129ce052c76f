"""Connections that end: a request is answered, or it is not taken. Nothing is stored whose client was reset."""
import json
import os
import select
import socket
import threading
import time

from check import main
from gateway import Gateway, SAMPLE, SANITIZED, event

CLIENTS = 100
ROUNDS = 3


def with_idle_timeout(folder, timeout):
    path = os.path.join(folder, "idle.yaml")
    with open(SAMPLE) as sample, open(path, "w") as config:
        text = sample.read()
        assert text.count("  wait_timeout:") == 1
        config.write(text.replace("  wait_timeout:", "  idle_timeout: %s\n  wait_timeout:" % timeout))
    return Gateway(folder, config=path)


def post(number):
    body = json.dumps(event(number)).encode()
    return b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def connect(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=10)


def reply_of(connection):
    """The head of a reply, or b"" if the connection ended without one."""
    reply = b""
    try:
        while b"\r\n\r\n" not in reply:
            more = connection.recv(65536)
            if not more:
                return b""
            reply += more
    except OSError:
        return b""
    return reply


def await_tick(gateway):
    """The moment at which the gateway looks at its idle connections, once a second."""
    connection = connect(gateway)
    time.sleep(0.3)
    assert connection.recv(1) == b""
    return time.monotonic()


def busy_while_the_timer_fires(gateway):
    """A payload that keeps the I/O thread at work for some while."""
    body = b"[" + b",".join([json.dumps(event(10**9)).encode()] * 20000) + b"]"
    connection = connect(gateway)
    connection.sendall(b"POST /events/bulk?ids=0 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return connection


def check_that_the_answered_alone_are_stored(gateway, answered, others):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    stored = set(map(int, gateway.sql("SELECT substring(user_id, 2) FROM events").split()))
    assert stored == set(answered) | set(others), (sorted(stored - set(answered))[:10], sorted(set(answered) - stored)[:10])


def a_request_that_meets_the_idle_timer_is_answered_or_not_taken(folder):
    gateway = with_idle_timeout(folder, "200ms").start()
    try:
        answered, sent, met = [], 0, 0
        for _ in range(ROUNDS):
            tick = await_tick(gateway)
            connections = [connect(gateway) for _ in range(CLIENTS)]
            time.sleep(max(0.0, tick + 0.97 - time.monotonic()))
            bulk = busy_while_the_timer_fires(gateway)
            for i, connection in enumerate(connections):
                time.sleep(0.0005)
                try:
                    connection.sendall(post(sent + i))
                except OSError:
                    pass
            met += time.monotonic() > tick + 1
            for i, connection in enumerate(connections):
                if b" 202 " in reply_of(connection):
                    answered.append(sent + i)
            sent += CLIENTS
            assert b" 202 " in reply_of(bulk) or sent > CLIENTS
        assert met, "no round met the timer"
        print("        %d of %d answered" % (len(answered), sent), flush=True)
        check_that_the_answered_alone_are_stored(gateway, answered, [10**9])
    finally:
        gateway.cleanup()


class Client(threading.Thread):
    """Sends one event after the other on one connection until that ends, and notes what was answered."""

    def __init__(self, gateway, first):
        super().__init__(daemon=True)
        self.connection = connect(gateway)
        self.next = first
        self.answered = []

    def run(self):
        while True:
            try:
                self.connection.sendall(post(self.next))
            except OSError:
                return
            reply = reply_of(self.connection)
            if b" 202 " in reply:
                self.answered.append(self.next)
            if not reply or b"Connection: close" in reply:
                return
            self.next += 1
            time.sleep(0.001)


def a_request_that_meets_the_shutdown_is_answered_or_not_taken(folder):
    gateway = Gateway(folder).start()
    try:
        answered = []
        for round_ in range(2):
            clients = [Client(gateway, (round_ * 100 + i) * 10**6) for i in range(20)]
            for client in clients:
                client.start()
            time.sleep(0.5)
            gateway.stop()
            for client in clients:
                client.join(10)
                assert not client.is_alive()
                answered += client.answered
            gateway.start()
        assert len(answered) > 100, len(answered)
        check_that_the_answered_alone_are_stored(gateway, answered, [])
    finally:
        gateway.cleanup()


def a_client_that_keeps_to_keep_alive_is_never_cut_off(folder):
    gateway = with_idle_timeout(folder, "3s").start()
    try:
        connections = []
        for i in range(50):
            connections.append(connect(gateway))
            time.sleep(0.02)            # so that they meet the timer at all its phases
        answered = []
        for round_ in range(2):
            for i, connection in enumerate(connections):
                number = round_ * 1000 + i
                connection.sendall(post(number))
                reply = reply_of(connection)
                assert b" 202 " in reply and b"\r\nKeep-Alive: timeout=2\r\n" in reply, reply
                answered.append(number)
            if round_ == 0:
                time.sleep(2 - 0.2)     # the first of them has waited for two seconds then
        readable, _, _ = select.select(connections, [], [], 0 if SANITIZED else 0.5)
        assert not readable
        check_that_the_answered_alone_are_stored(gateway, answered, [])
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([a_request_that_meets_the_idle_timer_is_answered_or_not_taken,
          a_request_that_meets_the_shutdown_is_answered_or_not_taken,
          a_client_that_keeps_to_keep_alive_is_never_cut_off])
