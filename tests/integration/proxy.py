"""A TCP proxy between a client and a server (the gateway, or ClickHouse behind it), for the tests that cut connections."""
import contextlib
import select
import socket
import struct
import threading

RST = struct.pack("ii", 1, 0)  # SO_LINGER of zero: close() sends a reset
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Listens on a port of its own and passes everything on to `target.port`, wherever that is at the moment. While the
    target is down, connections are reset. While replies_held is set, what it sends stays on its way. With
    refuse_websockets, upgrades are answered 403, as some firewalls do."""

    def __init__(self, target, refuse_websockets=False):
        self.target = target
        self.refuse_websockets = refuse_websockets
        self.replies_held = False
        self.refused = 0
        self.upgrades = 0
        self.lock = threading.Lock()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self):
        """Resets every connection, on both sides, and with them what is held. How many there were."""
        with self.lock:
            for each in self.sockets:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
                with contextlib.suppress(OSError):  # closed by its other end
                    each.shutdown(socket.SHUT_RD)  # wakes its thread, which closes it
            return len(self.sockets) // 2

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target.port), timeout=10)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            client.close()
            return
        both = (client, server)
        with self.lock:
            self.sockets.update(both)
        try:
            while self._pass_on(client, server):
                pass
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        finally:
            with self.lock:
                self.sockets.difference_update(both)
            client.close()
            server.close()

    def _pass_on(self, client, server):
        """What waits on either side goes to the other; False at the end of either."""
        for source in select.select([client] if self.replies_held else [client, server], [], [], 0.05)[0]:
            bytes_ = source.recv(65536)
            if not bytes_:
                return False
            if source is client and b"\r\nupgrade: websocket" in bytes_.lower():
                self.upgrades += 1
                if self.refuse_websockets:
                    self.refused += 1
                    client.sendall(REFUSED)
                    return False
            (server if source is client else client).sendall(bytes_)
        return True
