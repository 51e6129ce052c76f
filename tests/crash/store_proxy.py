"""A TCP proxy between the gateway and its ClickHouse server that cuts the connection of an INSERT, where it is told to."""
import os
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from proxy import RST, Proxy  # noqa: E402


class StoreProxy(Proxy):
    """Passes everything on until the next INSERT is to be cut: after so many bytes of its body, or before its reply."""

    def __init__(self, server):
        self.body_bytes = {}        # passed on, by the client's socket of an INSERT under way
        self.wanted = None          # ("body", after how many bytes, by a reset?) or ("reply",)
        self.struck = threading.Event()
        super().__init__(server)

    def cut_next(self, *wanted):
        """Cuts the next INSERT so; waits until it happened. False: there was none within 20 s."""
        self.struck.clear()
        self.wanted = wanted
        return self.struck.wait(20)

    def _pass_on(self, client, server):
        wanted = self.wanted
        if wanted is None:
            return super()._pass_on(client, server)
        for source in select.select([client, server], [], [], 0.02)[0]:
            if not (self._pass_request if source is client else self._pass_reply)(client, server, wanted):
                return False
        return True

    def _pass_request(self, client, server, wanted):
        data = client.recv(65536)
        if not data:
            return False
        if data.startswith(b"POST "):
            head, _, body = data.partition(b"\r\n\r\n")
            self.body_bytes.pop(client, None)
            if b"insert_deduplicate=" in head.split(b"\r\n", 1)[0]:
                self.body_bytes[client] = 0
        else:
            body = data
        if client not in self.body_bytes or wanted[0] != "body":
            server.sendall(data)
            return True
        left = wanted[1] - self.body_bytes[client]
        self.body_bytes[client] += len(body)
        if self.body_bytes[client] <= wanted[1]:
            server.sendall(data)
            return True
        server.sendall(data[:len(data) - len(body) + left])
        if wanted[2]:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        return self._cut(client)

    def _pass_reply(self, client, server, wanted):
        data = server.recv(65536)
        if data and wanted[0] == "reply" and client in self.body_bytes:
            return self._cut(client)
        if not data:
            return False
        client.sendall(data)
        return True

    def _cut(self, client):
        self.body_bytes.pop(client, None)
        self.wanted = None
        self.struck.set()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        return False
