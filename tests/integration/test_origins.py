"""Pages of other origins in a real Chromium: which of them http.cors_origins lets in, by fetch (with the header fields that
tracing adds) and by WebSocket alike."""
import http.server
import json
import os
import threading

from check import main
from gateway import Gateway, event
from node import Browser
from websocket import sample_with

# As pages do whose fetch is instrumented for tracing. → the status, or that the browser did not let it through.
POST = """async ({ url, body, fields }) => {
  const headers = { "Content-Type": "application/json", ...fields };
  try {
    return (await fetch(url, { method: "POST", body, headers })).status;
  } catch (error) {
    return error.name;
  }
}"""
OPEN = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => { socket.close(); resolve(true); };
  socket.onerror = () => resolve(false);
})"""
TRACING = [
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"},
    {"sentry-trace": "12345678901234567890123456789012-1234567890123456-1", "baggage": "sentry-release=1"},
    {"x-datadog-trace-id": "1", "x-datadog-parent-id": "2", "x-datadog-origin": "rum"},
    {"b3": "0", "X-Whatever_Else.1": "yes"},
]


class Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_):
        pass


def try_from(browser, url, gateway, numbers):
    """Posts an event with each set of fields, then opens a WebSocket. The statuses, and whether it opened."""
    page = browser.open(url)
    address = "127.0.0.1:%d" % gateway.port
    statuses = {page.evaluate(POST, {"url": "http://%s/events" % address, "body": json.dumps(event(next(numbers))), "fields": fields})
                for fields in TRACING}
    return statuses, page.evaluate(OPEN, "ws://%s/ws" % address)


LET_IN = ({202}, True)
KEPT_OUT = ({"TypeError"}, False)


def traced_requests_and_websockets_pass_from_listed_origins_and_from_no_other(folder):
    path = os.path.join(folder, "page.html")
    with open(path, "w") as file:
        file.write("<!doctype html><title>a file</title>")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        origins = '["http://*.shop.localhost:%d", "http://127.0.0.1:*", "null"]' % port
        gateway = Gateway(folder, config=sample_with(folder, http={"cors_origins": origins}))
        pages = [
            ("http://www.shop.localhost:%d/" % port, LET_IN),
            ("http://a.b.shop.localhost:%d/" % port, LET_IN),
            ("http://shop.localhost:%d/" % port, KEPT_OUT),
            ("http://evilshop.localhost:%d/" % port, KEPT_OUT),
            ("http://localhost:%d/" % port, KEPT_OUT),
            ("http://127.0.0.1:%d/" % port, LET_IN),
            ("file://" + path, LET_IN),
        ]
        try:
            gateway.start()
            numbers = iter(range(1000))
            with Browser(folder) as browser:
                for url, expected in pages:
                    found = try_from(browser, url, gateway, numbers)
                    assert found == expected, (url, found, open(browser.log_path).read()[-800:])
            gateway.wait_stored()
            gateway.check_identity()
            gateway.stop()
            events = len(TRACING) * sum(expected == LET_IN for _, expected in pages)
            found = gateway.sql("SELECT count(), uniqExact(user_id) FROM events FINAL")
            assert found == "%d\t%d" % (events, events), found
        finally:
            gateway.cleanup()
            server.shutdown()


def a_page_whose_name_was_made_to_lead_here_gets_nothing(folder):
    """DNS rebinding: the browser takes the gateway for the page's own origin."""
    gateway = Gateway(folder, config=sample_with(folder, http={"hosts": '[events.example, "*.in.example"]'}))
    try:
        gateway.start()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}

        def statuses(host):
            port = gateway.port
            fields = {"Host": "%s:%d" % (host, port), "Origin": "http://%s:%d" % (host, port)}
            return [gateway.request("GET", "/ping", headers=fields)[0], gateway.request("GET", "/metrics", headers=fields)[0],
                    gateway.request("GET", "/ws", headers={**fields, **upgrade})[0],
                    gateway.request("POST", "/events", json.dumps(event(ord(host[0]))), fields)[0]]
        for host in ("evil.example", "in.example", "127.0.0.1.evil.example"):
            assert statuses(host) == [421, 421, 421, 421], host
        for host in ("events.example", "a.in.example", "127.0.0.1", "localhost"):
            assert statuses(host) == [200, 200, 101, 202], host
        assert gateway.sum("sluice_events_rejected_total", reason="host_not_allowed") == 3
        assert gateway.sum("sluice_websockets_refused_total", reason="host_not_allowed") == 3
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count() FROM events FINAL") == "4"
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        traced_requests_and_websockets_pass_from_listed_origins_and_from_no_other,
        a_page_whose_name_was_made_to_lead_here_gets_nothing,
    ])
