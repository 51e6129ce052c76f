"""What the tests of WebSocket share: events never sent before, raw replies, the gateway's memory, the count at the end."""
import json
import socket

from gateway import NOON_MS

numbers = iter(range(1, 1 << 40))


def message(size=None, **fields):
    """The JSON of an event never sent before, as bytes; padded with spaces to `size`."""
    text = json.dumps({"event_name": "e", "channel": "web", "user_id": "n%d" % next(numbers), "timestamp": NOON_MS, **fields},
                      ensure_ascii=False, separators=(",", ":")).encode()
    assert size is None or len(text) <= size, len(text)
    return text if size is None else text + b" " * (size - len(text))


def stored_is(gateway, expected):
    """Ends the gateway; the identity holds and the table has so many events."""
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_stored_total") == expected, (gateway.sum("sluice_events_stored_total"), expected)
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events FINAL") == str(expected)


def answers(gateway, data, count=1):
    """(status, head, body) of each reply to raw bytes, and the socket with what is left over."""
    s = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
    s.sendall(data)
    found, buffer = [], b""
    while len(found) < count:
        piece = s.recv(65536)
        if not piece:
            break
        buffer += piece
        while b"\r\n\r\n" in buffer and len(found) < count:
            head, rest = buffer.split(b"\r\n\r\n", 1)
            lines = {}
            for name, value in (line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:]):
                lines[name] = lines[name] + ", " + value if name in lines else value   # one list (RFC 9110, 5.3)
            length = int(lines.get("content-length", 0))
            if len(rest) < length:
                break
            found.append((int(head[9:12]), lines, rest[:length]))
            buffer = rest[length:]
    return found, s, buffer


def rss(gateway):
    with open("/proc/%d/status" % gateway.process.pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024
