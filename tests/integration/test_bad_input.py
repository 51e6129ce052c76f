"""Bad input from raw sockets: each gets its answer or its close, is counted by reason, and disturbs nobody else."""
import json
import socket
import struct
import time
import zlib

from check import main
from gateway import event, with_gateway

GOOD = json.dumps(event(1)).encode()


def raw(gateway, data, timeout=10, half_close=False):
    """Everything that comes back until the gateway closes or is silent."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout) as s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while True:
                s.settimeout(1.5 if answer else 5)
                piece = s.recv(65536)
                if not piece:
                    return answer
                answer += piece
        except (TimeoutError, socket.timeout, ConnectionResetError):
            return answer


def request(body, headers=b"", path=b"/events/bulk", length=None):
    return (b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(body) if length is None else length).encode() + b"\r\n" + headers + b"\r\n" + body)


def status_of(answer):
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else None


PAYLOADS = [  # body, status, reason counted, word in the answer
    (b"", 400, "empty_payload", b"empty"),
    (b"[]", 400, "empty_payload", b"event"),
    (b"[1 2]", 400, "invalid_json", b"byte"),
    (b'{"event_name":"a"', 400, "invalid_json", b"byte"),
    (b'[{"event_name":"a" \xff}]', 400, "invalid_json", b"byte"),
    (b'[{"event_name":"\\ud80"}]', 400, "invalid_json", b"byte"),
    (b'[{"event_name":"a","n":1e9e9}]', 400, "invalid_json", b"byte"),
    (b'[{"event_name":18446744073709551616,"channel":"web","user_id":"a","event_params":[{"int_value":1e999}]}]', 400, None, b"event_param"),
    (b"[" * 10000 + b"]" * 10000, 400, None, b"deep"),
    (b'[{"event_name":"a","n":01}]', 400, "invalid_json", b"byte"),
    (b"true", 400, "not_an_object", b"object"),
]


@with_gateway
def every_bad_payload_gets_its_answer_and_its_count(gateway):
    for body, status, reason, word in PAYLOADS:
        before = gateway.sum("sluice_events_rejected_total")
        answer = raw(gateway, request(body, b"Connection: close\r\n"))
        assert status_of(answer) == status, (body[:60], answer)
        assert b"application/problem+json" in answer and word in answer, (body[:60], answer)
        assert gateway.sum("sluice_events_rejected_total") == before + 1, (body[:60], answer)
        if reason:
            assert gateway.sum("sluice_events_rejected_total", reason=reason) > 0, (body[:60], reason)
    status, reply = gateway.post("/events/bulk", b'[{"event_name":"a\\u0000b","event_name":"last","channel":"web","user_id":"n"}]')
    assert status == 202 and reply["accepted"] == 1, reply
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT event_name FROM events") == "last"


BOMB = zlib.compress(b" " * (256 << 20), 9)

HEADS = [  # bytes, statuses allowed (None: closed without a reply)
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", {400}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", {400}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello", {400}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", {400, 413}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", {413}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", {501, 400}),
    (b"POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
    (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n", {431}),
    (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", {404}),
    (b"DELETE /events HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", {505, 400}),
    (b"GARBAGE\r\n\r\n", {400}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400, None}),
    (request(BOMB, b"Content-Encoding: deflate\r\n"), {413}),
    (request(b"\x04\x22\x4d\x18\x6c\x40" + struct.pack("<Q", 1 << 30) + b"\x00" * 8, b"Content-Encoding: lz4\r\n"), {413, 400}),
    (request(struct.pack("<I", 1 << 30) + b"\x00" * 8, b"Content-Encoding: lz4\r\n"), {400}),
    (request(zlib.compress(GOOD)[:-7], b"Content-Encoding: deflate\r\n"), {400}),
    (request(GOOD, path=b"/events?stream=nope"), {404}),
    (request(GOOD, b"Expect: 200-ok\r\n"), {417}),
]


@with_gateway
def every_bad_request_gets_its_status_as_a_problem_document(gateway):
    for data, allowed in HEADS:
        answer = raw(gateway, data)
        assert status_of(answer) in allowed, (data[:80], answer[:300])
        assert not answer or b"application/problem+json" in answer, (data[:80], answer[:300])
    assert gateway.post("/events", GOOD)[0] in (200, 202)
    gateway.check_identity()


@with_gateway
def a_body_cut_in_half_is_counted_and_nothing_of_it_kept(gateway):
    raw(gateway, request(GOOD[:50], length=len(GOOD), path=b"/events"), half_close=True)
    gateway.wait_until("the cut body is counted", lambda: gateway.sum("sluice_events_rejected_total") == 1, 15)
    assert gateway.sum("sluice_events_accepted_total") == 0
    gateway.check_identity()


@with_gateway
def a_thousand_connections_of_a_byte_a_second_disturb_nobody(gateway):
    sockets = []
    try:
        for _ in range(1000):
            s = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
            s.sendall(b"POST /events HT")
            sockets.append(s)
        worst = 0
        for tick in range(5):
            for s in sockets:
                s.send(b"T")
            started = time.time()
            assert gateway.post("/events", event(tick))[0] == 202
            worst = max(worst, time.time() - started)
            time.sleep(1)
        assert worst < 0.5, worst
        status, text = gateway.get("/livez")
        assert status == 200
        gateway.wait_until("the slow ones are closed", lambda: gateway.sum("sluice_connections") < 10, 30)
        assert b" 408 " in sockets[0].recv(4096)
        gateway.check_identity()
    finally:
        for s in sockets:
            s.close()


@with_gateway
def pipelined_and_byte_by_byte_requests_are_answered_in_order(gateway):
    bodies = [json.dumps(event(n)).encode() for n in range(50)]
    answer = raw(gateway, b"".join(request(b, path=b"/events") for b in bodies))
    assert answer.count(b"HTTP/1.1 202") == 50, answer[:500]
    with socket.create_connection(("127.0.0.1", gateway.port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(json.dumps(event(100)).encode(), path=b"/events"):
            s.send(bytes([byte]))
        s.settimeout(5)
        assert b"202" in s.recv(4096)
    chunked = (b"POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               + b"".join(b"1\r\n" + bytes([c]) + b"\r\n" for c in json.dumps(event(101)).encode()) + b"0\r\nTrailer: x\r\n\r\n")
    assert b"202" in raw(gateway, chunked + b"GET /ping HTTP/1.0\r\n\r\n")
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events") == "52"


@with_gateway
def a_large_reply_reaches_a_client_that_has_sent_its_fin_and_reads_slowly(gateway):
    events = 100000      # more than a socket takes at once
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(20)
        s.connect(("127.0.0.1", gateway.port))
        s.sendall(request(json.dumps([event(n) for n in range(events)]).encode(), path=b"/events/bulk?ids=1"))
        s.shutdown(socket.SHUT_WR)
        time.sleep(3)
        answer = b""
        while (part := s.recv(1 << 16)) != b"":
            answer += part
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert status_of(answer) == 202 and body["accepted"] == len(body["ids"]) == events
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()


if __name__ == "__main__":
    main([
        every_bad_payload_gets_its_answer_and_its_count,
        every_bad_request_gets_its_status_as_a_problem_document,
        a_body_cut_in_half_is_counted_and_nothing_of_it_kept,
        a_thousand_connections_of_a_byte_a_second_disturb_nobody,
        pipelined_and_byte_by_byte_requests_are_answered_in_order,
        a_large_reply_reaches_a_client_that_has_sent_its_fin_and_reads_slowly,
    ])
