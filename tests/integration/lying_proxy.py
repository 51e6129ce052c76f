"""An HTTP proxy between a gateway and its ClickHouse servers that answers for them, sends twice, and balances."""
import http.client
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = {  # status, headers, body
    "empty 200": (200, {}, b""),
    "page": (200, {"Content-Type": "text/html"}, b"<html>We are back soon.</html>"),
    "302": (302, {"Location": "/maintenance"}, b""),
    "502": (502, {}, b""),
}


class LyingProxy:
    """Passes each request on to the next of its servers. While `how` is set, INSERTs are lied to, so many times (None: all):
    answered with a page instead of being passed on; or passed on, and answered 504 ("504 after"). With retry_s, a request
    whose connection to a server fails is sent again for so long, as haproxy's retry-on and Envoy do; `retried` counts."""

    def __init__(self, *servers, retry_s=0):
        self.servers = itertools.cycle(servers)
        self.retry_s = retry_s
        self.how, self.left, self.lies, self.retried = None, None, 0, 0
        self.lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                proxy._serve(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def lie(self, how, times=None):
        with self.lock:
            self.how, self.left, self.lies = how, times, 0

    def _lie_to(self, path):
        with self.lock:
            if self.how is None or "insert_deduplicate=" not in path or self.left == 0:
                return None
            self.left = None if self.left is None else self.left - 1
            self.lies += 1
            return self.how

    def _serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        how = self._lie_to(handler.path)
        if how in PAGES:
            return self._answer(handler, *PAGES[how])
        try:
            answer = self._pass_on(handler, body)
        except (OSError, http.client.HTTPException):
            answer = PAGES["502"]
        self._answer(handler, *((504, {}, b"") if how == "504 after" else answer))

    def _pass_on(self, handler, body):
        deadline = time.monotonic() + self.retry_s
        while True:
            with self.lock:
                server = next(self.servers)
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            try:
                connection.request(handler.command, handler.path, body, dict(handler.headers))
                reply = connection.getresponse()
                keep = {k: v for k, v in reply.getheaders() if k.lower().startswith(("x-clickhouse", "content-type"))}
                return reply.status, keep, reply.read()
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                self.retried += "insert_deduplicate=" in handler.path
                time.sleep(0.05)
            finally:
                connection.close()

    def _answer(self, handler, status, headers, body):
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True  # the gateway is gone
