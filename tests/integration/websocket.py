"""A WebSocket client (RFC 6455) on a bare socket, for what libraries refuse to send: any bits, any lengths, any split.

It checks what the server sends: no mask, no reserved bits, whole control frames, text in UTF-8."""
import base64
import ctypes
import hashlib
import json
import os
import re
import socket
import struct

from gateway import SAMPLE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", length=None, width=None):
    """The bytes of a frame. `length`: what the header says, if not the truth; `width`: bytes of an extended length, if not
    the shortest (0, 2, 8); mask None: none."""
    length = len(payload) if length is None else length
    width = (0 if length < 126 else 2 if length < 65536 else 8) if width is None else width
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode,
                  (0x80 if mask is not None else 0) | {0: length & 0x7F, 2: 126, 8: 127}[width]])
    head += length.to_bytes(8, "big")[8 - width:] if width else b""
    if mask is None:
        return head + payload
    stream = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ stream).to_bytes(len(payload), "big")


def close_frame(code=None, reason=b"", **more):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason, **more)


def handshake(path="/ws", headers=None, drop=(), method="GET", version="HTTP/1.1", extra=b""):
    """The bytes of an opening handshake and its key; `headers` replaces or adds, `drop` leaves out."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": key, **(headers or {})}
    text = "%s %s %s\r\n" % (method, path, version)
    text += "".join("%s: %s\r\n" % item for item in lines.items() if item[0] not in drop)
    return text.encode() + extra + b"\r\n", lines["Sec-WebSocket-Key"]


class Closed(Exception):
    """The server ended the connection: .code is None without a close frame, .reason its text."""

    def __init__(self, code, reason=""):
        super().__init__("closed with %s %s" % (code, reason))
        self.code, self.reason = code, reason


class Client:
    """One connection, open after the handshake. Pings are answered unless `pongs` is False."""

    def __init__(self, port, path="/ws", headers=None, source=None, receive_buffer=None, pongs=True, timeout=60):
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.pongs = pongs
        self.acked = 0
        request, key = handshake(path, headers)
        self.socket.sendall(request)
        self.read_answer(key)

    def read_answer(self, key):
        """The reply to a handshake: 101 with the right key, or AssertionError with what came."""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.socket.recv(65536)
            assert piece, b"the handshake got " + self.buffer
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        self.headers = {name.lower(): value for name, value in lines.items()}
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        assert self.headers["sec-websocket-accept"] == accept, head
        assert self.headers["upgrade"].lower() == "websocket" and self.headers["connection"].lower() == "upgrade", head
        assert "sec-websocket-extensions" not in self.headers, head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, piece=0):
        """Raw bytes; in writes of `piece` bytes each if that is not 0. What the server no longer takes is no error."""
        try:
            for at in range(0, len(data), piece or len(data) or 1):
                self.socket.sendall(data[at:at + piece] if piece else data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return self

    def text(self, value, **more):
        payload = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        return self.send(frame(TEXT, payload, **more))

    def binary(self, payload, **more):
        return self.send(frame(BINARY, payload, **more))

    def need(self, count):
        while len(self.buffer) < count:
            try:
                piece = self.socket.recv(1 << 18)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Closed(None)
            self.buffer += piece

    def read_frame(self):
        """(opcode, payload) of the next frame; Closed at the end of the stream."""
        self.need(2)
        first, second = self.buffer[0], self.buffer[1]
        width = {126: 2, 127: 8}.get(second, 0)
        assert first & 0x70 == 0 and second < 0x80, "reserved bits or a mask from the server: %r" % self.buffer[:2]
        self.need(2 + width)
        length = int.from_bytes(self.buffer[2:2 + width], "big") if width else second
        opcode = first & 0x0F
        assert opcode in (TEXT, CLOSE, PING, PONG) and first & 0x80, "an unexpected frame: %r" % self.buffer[:10]
        assert opcode == TEXT or length <= 125, "a control frame of %d bytes" % length
        self.need(2 + width + length)
        payload = self.buffer[2 + width:2 + width + length]
        self.buffer = self.buffer[2 + width + length:]
        return opcode, payload

    def read(self):
        """The next acknowledgement or pong, as (opcode, dict or bytes); Closed at a close frame, which is answered."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == TEXT:
                return TEXT, json.loads(payload.decode())
            if opcode == PONG:
                return PONG, payload
            if opcode == CLOSE:
                assert len(payload) != 1
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            if self.pongs:
                self.send(frame(PONG, payload))

    def acks(self, upto):
        """Reads acknowledgements until message `upto` of the connection is decided: their sums, their errors, how many
        came. They must be cumulative and in order."""
        sums = {"accepted": 0, "duplicate": 0, "rejected": 0, "errors": [], "count": 0}
        while self.acked < upto:
            opcode, ack = self.read()
            assert opcode == TEXT, (opcode, ack)
            assert self.acked < ack["ack"] <= upto, (self.acked, upto, ack)
            assert all(self.acked < error["frame"] <= ack["ack"] for error in ack["errors"]), (self.acked, ack)
            self.acked = ack["ack"]
            sums["count"] += 1
            for name in ("accepted", "duplicate", "rejected", "errors"):
                sums[name] += ack[name]
        return sums

    def closed(self, patient=False):
        """Reads until the server ends the connection: (code, acknowledgements, pongs) on the way. After a close frame
        nothing but the end of the stream may come; a patient client leaves the closing to the server."""
        acks, pongs = [], []
        try:
            while True:
                opcode, value = self.read()
                (acks if opcode == TEXT else pongs).append(value)
        except Closed as end:
            if end.code is not None:
                self.send(close_frame(end.code if end.code != 1005 else None))
                self.half_close(not patient)
                try:
                    opcode, value = self.read_frame()
                    raise AssertionError("a frame after the close frame: %r %r" % (opcode, value))
                except Closed:
                    pass
            return end.code, acks, pongs

    def half_close(self, really=True):
        try:
            if really:
                self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def goodbye(self, code=1000):
        self.send(close_frame(code))
        got, acks, _ = self.closed(patient=True)
        assert (got, acks) == (code, []), (got, acks)
        self.socket.close()

    def reset(self):
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


LZ4 = ctypes.CDLL("liblz4.so.1")


def lz4_block(data, claim=None):
    """As lz4-wasm packs: a 4-byte little-endian size (`claim`, if not the truth), then a block."""
    out = ctypes.create_string_buffer(LZ4.LZ4_compressBound(len(data)))
    size = LZ4.LZ4_compress_default(data, out, len(data), len(out))
    return struct.pack("<I", len(data) if claim is None else claim) + out.raw[:size]


class Preferences(ctypes.Structure):
    """LZ4F_preferences_t"""
    _fields_ = [("block_size", ctypes.c_uint), ("block_mode", ctypes.c_uint), ("content_checksum", ctypes.c_uint),
                ("frame_type", ctypes.c_uint), ("content_size", ctypes.c_ulonglong), ("dictionary", ctypes.c_uint),
                ("block_checksum", ctypes.c_uint), ("level", ctypes.c_int), ("auto_flush", ctypes.c_uint),
                ("favor_speed", ctypes.c_uint), ("reserved", ctypes.c_uint * 3)]


LZ4.LZ4F_compressFrameBound.restype = LZ4.LZ4F_compressFrame.restype = LZ4.LZ4F_compressBegin.restype = ctypes.c_size_t
LZ4.LZ4F_compressFrameBound.argtypes = [ctypes.c_size_t, ctypes.c_void_p]
LZ4.LZ4F_compressFrame.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
LZ4.LZ4F_compressBegin.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]


def lz4_frame(data, block_size=7, checksum=1):
    wanted = Preferences(block_size=block_size, content_checksum=checksum)
    out = ctypes.create_string_buffer(LZ4.LZ4F_compressFrameBound(len(data), ctypes.byref(wanted)))
    size = LZ4.LZ4F_compressFrame(out, len(out), data, len(data), ctypes.byref(wanted))
    return out.raw[:size]


def lz4_frame_header(content_size):
    """A frame's valid header that claims so many bytes, and nothing behind it."""
    context = ctypes.c_void_p()
    LZ4.LZ4F_createCompressionContext(ctypes.byref(context), 100)
    out = ctypes.create_string_buffer(64)
    size = LZ4.LZ4F_compressBegin(context, out, len(out), ctypes.byref(Preferences(content_size=content_size)))
    LZ4.LZ4F_freeCompressionContext(context)
    return out.raw[:size]


def sample_with(folder, **sections):
    """A copy of the sample configuration in `folder` with options set: sample_with(f, websocket={"max_message": "1MiB"})."""
    with open(SAMPLE) as file:
        text = file.read()
    for section, options in sections.items():
        for name, value in options.items():
            start = re.search(r"^%s:.*\n" % section, text, re.M).end()
            end = re.compile(r"^\S", re.M).search(text, start).start()
            body = re.sub(r"^  %s:.*\n" % name, "", text[start:end], flags=re.M)
            text = "%s  %s: %s\n%s%s" % (text[:start], name, value, body, text[end:])
    path = os.path.join(folder, "with.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path
