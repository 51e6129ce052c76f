"""HTTP on several addresses: what each serves is answered there and nowhere else, whatever form the configuration has."""
import base64
import http.client
import json
import os
import re
import socket

from check import main
from gateway import Gateway, event
from websocket import sample_with

PARTS = {  # a request of each route, by what a listener must serve for it
    "events": [("POST", "/events"), ("POST", "/events/bulk"), ("PUT", "/events/batch"), ("GET", "/ws"), ("GET", "/tr/v1/ws")],
    "pages": [("GET", "/events/metrics?event_name=purchase"), ("GET", "/demo"), ("GET", "/sluice.js")],
    "admin": [("GET", "/metrics"), ("GET", "/health"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/ping"), ("GET", "/status")],
}
ALL = set(PARTS)


class Asker:
    """Asks for any route at any listener; each POST is an event of its own."""

    def __init__(self):
        self.number = 0

    def ask(self, host, port, method, path):
        headers, body = {}, None
        if method in ("POST", "PUT"):
            headers["Content-Type"] = "application/json"
            body = json.dumps(event(self.number))
            body = body if path == "/events" else "[%s]" % body
            self.number += 1
        elif path.endswith("/ws"):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                       "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        connection = http.client.HTTPConnection(host, port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            return reply.status, b"" if reply.status == 101 else reply.read()
        finally:
            connection.close()

    def must_serve(self, host, port, serves):
        """How many events were taken."""
        taken = 0
        for part, routes in PARTS.items():
            for method, path in routes:
                status, body = self.ask(host, port, method, path)
                here = (host, port, method, path, status, body[:300])
                if part in serves:
                    assert status in (101, 200, 202), here
                    taken += method != "GET"
                else:
                    problem = json.loads(body)
                    assert status == 404 and problem["code"] == "not_served_here", here
                    assert "http.listeners" in problem["detail"], here
        status, body = self.ask(host, port, "GET", "/nothing")
        assert status == 404 and json.loads(body)["code"] == "not_found", body
        return taken


def started(folder, http_listen=None, **sections):
    """With http.listen as given, or without."""
    path = sample_with(folder, **sections)
    with open(path) as file:
        text = re.sub(r"^  listen: \$\{SLUICE_HTTP.*\n", "", file.read(), flags=re.M)
    with open(path, "w") as file:
        file.write(text)
    return Gateway(folder, path, env={"SLUICE_HTTP": http_listen or ""}).start()


def ended(gateway, taken):
    """All that was taken is counted once, and stored."""
    gateway.pages_port = [port for host, port, serves in gateway.http if host == "127.0.0.1" and "admin" in serves][0]
    gateway.check_identity()
    assert gateway.sum("sluice_events_accepted_total") == taken
    assert gateway.sum("sluice_events_received_total") == taken  # what is not served here is no event
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events") == str(taken)


def each_route_is_answered_where_it_is_served_and_404_elsewhere(folder):
    listeners = [{"listen": "127.0.0.1:0", "serves": ["events"]}, {"listen": "127.0.0.1:0", "serves": "pages"},
                 {"listen": "127.0.0.1:0", "serves": ["admin"]}, {"listen": "127.0.0.1:0", "serves": ["pages", "admin"]},
                 {"listen": "[::1]:0", "serves": ["events", "pages"]}, {"listen": ":0"}]
    gateway = started(folder, http={"listeners": json.dumps(listeners), "io_threads": 2})
    try:
        asker = Asker()
        served = [serves for _, _, serves in gateway.http]
        assert served == [{"events"}, {"pages"}, {"admin"}, {"pages", "admin"}, {"events", "pages"}, ALL], gateway.http
        assert len({port for _, port, _ in gateway.http}) == 6 and gateway.port == gateway.http[0][1]
        taken = 0
        for host, port, serves in gateway.http:
            for address in [host] if host else ["127.0.0.1", "::1"]:
                for _ in range(3):  # each I/O thread has a socket of each
                    taken += asker.must_serve(address, port, serves)
        ended(gateway, taken)
    finally:
        gateway.cleanup()


def the_short_forms_serve_what_they_did(folder):
    for name, sections, served in [("alone", {}, [ALL]),
                                   ("apart", {"admin": {"listen": "127.0.0.1:0"}}, [{"events", "pages"}, {"admin"}])]:
        path = os.path.join(folder, name)
        os.mkdir(path)
        gateway = started(path, "127.0.0.1:0", **sections)
        try:
            assert [serves for _, _, serves in gateway.http] == served and gateway.port == gateway.http[0][1]
            asker = Asker()
            ended(gateway, sum(asker.must_serve(*listener) for listener in gateway.http))
        finally:
            gateway.cleanup()


def short_forms_stand_beside_the_list(folder):
    listeners = [{"listen": "127.0.0.1:0"}, {"listen": "[::1]:0", "serves": "admin"}]
    gateway = started(folder, "127.0.0.1:0", http={"listeners": json.dumps(listeners)},
                      admin={"listen": "127.0.0.1:0"})
    try:
        assert [serves for _, _, serves in gateway.http] == [{"events", "pages"}, {"admin"}, {"events", "pages"}, {"admin"}]
        asker = Asker()
        ended(gateway, sum(asker.must_serve(*listener) for listener in gateway.http))
    finally:
        gateway.cleanup()


def an_address_that_is_taken_ends_the_start_and_is_named(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        listeners = [{"listen": "127.0.0.1:0"}, {"listen": "127.0.0.1:%d" % port, "serves": "admin"}]
        try:
            started(folder, http={"listeners": json.dumps(listeners)})
            raise AssertionError("it started")
        except AssertionError as told:
            assert "listen on 127.0.0.1:%d: address already in use" % port in str(told), told


def operators_are_answered_while_clients_fill_the_other_listeners(folder):
    listeners = [{"listen": "127.0.0.1:0", "serves": ["events", "pages"]}, {"listen": "127.0.0.1:0", "serves": "pages"},
                 {"listen": "127.0.0.1:0", "serves": "admin"}]
    gateway = started(folder, http={"listeners": json.dumps(listeners), "max_connections": 20})
    crowd = []
    try:
        events, pages, admin = [port for _, port, _ in gateway.http]
        for port in [events] * 15 + [pages] * 15:
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")  # never whole, never idle
            crowd.append(client)
        for _ in range(5):
            status, body = Asker().ask("127.0.0.1", admin, "GET", "/readyz")
            assert (status, body) == (200, b"ready\n"), (status, body)
        for client in crowd:
            client.close()
        crowd = []
        gateway.pages_port = admin
        gateway.wait_until("all is counted", lambda: gateway.sum("sluice_connections") <= 1)
        gateway.check_identity()
        gateway.stop()
    finally:
        for client in crowd:
            client.close()
        gateway.cleanup()


if __name__ == "__main__":
    main([
        each_route_is_answered_where_it_is_served_and_404_elsewhere,
        the_short_forms_serve_what_they_did,
        short_forms_stand_beside_the_list,
        an_address_that_is_taken_ends_the_start_and_is_named,
        operators_are_answered_while_clients_fill_the_other_listeners,
    ])
