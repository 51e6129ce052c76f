"""What a WebSocket is told: the answer to its handshake, acknowledgements, back-pressure, the drain."""
import json
import signal
import socket
import threading
import time

from check import main
from gateway import SANITIZED, Gateway, event, with_gateway
from websocket import BINARY, PING, PONG, TEXT, Client, close_frame, frame, handshake, lz4_block, lz4_frame, sample_with
from ws_events import answers, message, rss, stored_is

REFUSED = [  # why, handshake, status
    ("no upgrade", handshake(drop=("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version")), 426),
    ("no Upgrade field", handshake(drop=("Upgrade",)), 426),
    ("no Connection: Upgrade", handshake(headers={"Connection": "keep-alive"}), 426),
    ("an upgrade to h2c", handshake(headers={"Upgrade": "h2c"}), 426),
    ("version 8", handshake(headers={"Sec-WebSocket-Version": "8"}), 426),
    ("no version", handshake(drop=("Sec-WebSocket-Version",)), 426),
    ("no key", handshake(drop=("Sec-WebSocket-Key",)), 400),
    ("a short key", handshake(headers={"Sec-WebSocket-Key": "c2hvcnQ="}), 400),
    ("a key of 17 bytes", handshake(headers={"Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Njc="}), 400),
    ("a key that is not base64", handshake(headers={"Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!=="}), 400),
    ("two keys", handshake(extra=b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
    ("HTTP/1.0", handshake(version="HTTP/1.0"), 400),
    ("a body", handshake(extra=b"Content-Length: 2\r\n"), 400),
    ("POST", handshake(method="POST", extra=b"Content-Length: 0\r\n"), 405),
    ("an unknown stream", handshake("/ws?stream=nope"), 404),
    ("a bad ack", handshake("/ws?ack=maybe"), 400),
    ("another origin", handshake(headers={"Origin": "https://evil.example"}), 403),
    ("no origin that a page can have", handshake(headers={"Origin": "null"}), 403),
    ("another path", handshake("/wss"), 404),
]


@with_gateway
def a_bad_handshake_is_answered_in_http_after_the_requests_before_it(gateway):
    body = json.dumps(event(1)).encode()
    post = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    for why, (data, _), status in REFUSED:
        found, s, _ = answers(gateway, data)
        s.close()
        assert [f[0] for f in found] == [status], (why, found)
        if status == 426:
            assert found[0][1].get("upgrade") == "websocket", (why, found)
            assert found[0][1].get("sec-websocket-version") == "13", (why, found)
            assert "upgrade" in found[0][1].get("connection", ""), (why, found)
        if status not in (404, 405):
            assert "application/problem+json" in found[0][1]["content-type"], (why, found)
        found, s, _ = answers(gateway, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + post + data, 3)
        s.close()
        assert [f[0] for f in found] in ([200, 202, status], [200, 200, status]), (why, found)
    stored_is(gateway, 1)


@with_gateway
def good_handshakes_of_every_kind_are_taken(gateway):
    port = gateway.port
    for path, headers in (
            ("/ws", {}), ("/ws?stream=events", {}), ("/ws?ack=1", {}), ("/ws?stream=events&ack=1", {}),
            ("/ws", {"Origin": "http://127.0.0.1:%d" % port, "Host": "127.0.0.1:%d" % port}),
            ("/ws", {"Connection": "keep-alive, Upgrade"}), ("/ws", {"Upgrade": "WebSocket"}),
            ("/ws", {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}),
            ("/ws", {"User-Agent": "u" * 1000})):
        with Client(port, path, headers) as client:
            client.text(message())
            assert client.acks(1)["accepted"] == 1, (path, headers)
            client.goodbye()
    with Client(port, headers={"Sec-WebSocket-Protocol": "chat, sluice.v1"}) as client:
        assert client.headers["sec-websocket-protocol"] == "sluice.v1", client.headers
        client.goodbye()
    with Client(port, headers={"Sec-WebSocket-Protocol": "chat"}) as client:
        assert "sec-websocket-protocol" not in client.headers, client.headers
        client.goodbye()
    silent = 0
    for path in ("/ws?ack=0", "/tr/v1/ws", "/tr/v1/ws?stream=events"):
        with Client(port, path) as client:
            client.text(message()).text(b"nonsense").send(frame(PING, b"still here"))
            assert client.read() == (PONG, b"still here"), path
            client.send(close_frame(1000))
            assert client.closed() == (1000, [], []), path
            silent += 1
    stored_is(gateway, 9 + silent)


@with_gateway
def requests_handshake_and_frames_in_one_write_are_served_in_order(gateway):
    body = json.dumps(event(7)).encode()
    upgrade, _ = handshake()
    data = (b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\nPOST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            + upgrade + frame(TEXT, json.dumps(event(8)).encode()) + frame(PING, b"x") + frame(TEXT, json.dumps(event(7)).encode())
            + close_frame(1000))
    for piece in (0, 1, 13):
        s = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), piece or len(data)):
            s.sendall(data[at:at + (piece or len(data))])
        answer = b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            answer += more
        s.close()
        places = [answer.find(b"pong"), answer.find(b'"id"'), answer.find(b"HTTP/1.1 101 "), answer.rfind(b'{"ack":2'),
                  answer.rfind(b"\x88\x02\x03\xe8")]
        places = places[1:] if places[0] < 0 else places
        assert places == sorted(places) and min(places) >= 0, (piece, places, answer)
        assert answer.endswith(b"\x88\x02\x03\xe8") and b"\x8a\x01x" in answer, (piece, answer)
    stored_is(gateway, 2)


@with_gateway
def acks_are_cumulative_in_order_and_name_what_was_refused(gateway):
    with Client(gateway.port) as client:
        batch = [[event(n) for n in range(10)], [event(5), event(10), {"channel": "web", "user_id": "x"}],
                 b"not json", [event(11, channel="fax")], {"events": [event(12), event(13)]}]
        client.send(b"".join(frame(TEXT, m if isinstance(m, bytes) else json.dumps(m).encode()) for m in batch))
        got = client.acks(5)
        assert (got["accepted"], got["duplicate"], got["rejected"]) == (13, 1, 3), got
        assert [(e["frame"], e["index"], e["field"], e["code"]) for e in got["errors"]] == [
            (2, 2, "event_name", "missing_field"), (3, None, "", "invalid_json"), (4, 0, "channel", "not_allowed")], got
        client.send(b"".join(frame(TEXT, json.dumps(event(100 + n)).encode()) for n in range(5000)))
        got = client.acks(5005)
        assert got["accepted"] == 5000 and not got["errors"], got
        assert got["count"] < 5000, "no acknowledgement covers two messages"
        client.goodbye()
    lines = b"\n".join(json.dumps(event(n)).encode() for n in range(10, 20))
    with Client(gateway.port) as client:  # many forms, and a lone bad one keeps its place
        client.text(lines).binary(lz4_block(lines)).binary(lz4_frame(lines)).text(b"").text(lines)
        got = client.acks(5)
        assert (got["accepted"], got["duplicate"], got["rejected"]) == (7, 33, 1), got
        client.goodbye()
    stored_is(gateway, 13 + 5000 + 7)


@with_gateway
def a_client_that_never_reads_is_held_back_in_bounded_memory(gateway):
    """200,000 events, each followed by a bad one whose error fills the way back, from a client that reads nothing until
    the gateway stops reading it."""
    count = 200000
    with Client(gateway.port) as client:
        client.text(b"[%s]" % b",".join(message() for _ in range(20000)))
        assert client.acks(1)["accepted"] == 20000
        client.goodbye()
    gateway.wait_stored()
    before = rss(gateway)
    sent = [0]
    with Client(gateway.port, receive_buffer=4096, timeout=60) as client:
        def send():
            for _ in range(count // 100):
                client.send(b"".join(frame(TEXT, message()) + frame(TEXT, b'{"channel":"fax"}') for _ in range(100)))
                sent[0] += 100
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        seen = -1
        while sent[0] != seen:
            seen = sent[0]
            time.sleep(1)
        held = rss(gateway) - before
        assert seen < count, "it was never held back"
        assert gateway.post("/events", event(1))[0] == 202
        got = client.acks(count * 2)
        sender.join(60)
        assert sent[0] == count and (got["accepted"], got["rejected"]) == (count, count), (sent, got)
        client.goodbye()
    print("        %d of %d sent when it was held back; %.0f MiB more" % (seen, count, held))
    assert held < 200, "%.0f MiB" % held  # the embedded engine takes its share
    stored_is(gateway, count + 20001)


def a_full_gateway_lets_everybody_have_a_turn(folder):
    """Four connections fill a queue that is far too small; a fifth that sends now and then is served all the same."""
    gateway = Gateway(folder, config=sample_with(folder, commit={"queue_events": "1000"}, http={"io_threads": "2"},
                                                 drain={"timeout": "1s"}))  # there may be no store
    ending = threading.Event()
    fates, waits = [], []

    def flood(client, bulk):
        try:
            while not ending.is_set():
                client.socket.sendall(bulk)
        except OSError as error:
            fates.append(error)

    def hear(client):
        try:
            client.closed()
        except OSError:
            pass

    try:
        gateway.start()
        floods = [Client(gateway.port) for _ in range(4)]
        threads = []
        for client in floods:
            bulk = frame(BINARY, lz4_block(b"[%s]" % b",".join(message() for _ in range(500))))
            threads += [threading.Thread(target=flood, args=(client, bulk), daemon=True),
                        threading.Thread(target=hear, args=(client,), daemon=True)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        with Client(gateway.port, timeout=30) as client:
            for n in range(40):
                begun = time.time()
                client.text(message())
                assert client.acks(n + 1)["accepted"] == 1
                waits.append(time.time() - begun)
                time.sleep(0.02)
            client.goodbye()
        assert not fates, fates
        ending.set()
        for client in floods:
            client.socket.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(30)
        gateway.wait_until("everybody has left", lambda: gateway.sum("sluice_websockets") == 0)
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()
    print("        the longest wait was %.0f ms" % (max(waits) * 1000))
    assert SANITIZED or max(waits) < 0.9, max(waits)  # no turn is left to the tick of a second
    assert sorted(waits)[len(waits) // 2] < 0.5, waits


def ended_by_itself(gateway):
    """After a SIGTERM (a second one would end it at once)."""
    code = gateway.process.wait(90)
    gateway.process = None
    gateway.check_log()
    assert code == 0, code


@with_gateway
def a_drain_acknowledges_what_was_sent_and_says_1012(gateway):
    clients = [Client(gateway.port, timeout=30) for _ in range(4)]
    ending = threading.Event()
    results = []

    def stream(client):
        sent = 0
        try:
            while not ending.is_set():
                client.send(frame(TEXT, b"[%s]" % b",".join(message() for _ in range(20))))
                sent += 1
                time.sleep(0.001)
        except OSError:
            pass
        results.append((client, sent))

    threads = [threading.Thread(target=stream, args=(c,), daemon=True) for c in clients]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    gateway.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    ending.set()
    for thread in threads:
        thread.join(30)
    acked = 0
    for client, sent in results:
        code, acks, _ = client.closed()
        assert code == 1012, code
        assert acks and acks[-1]["ack"] <= sent
        acked += sum(ack["accepted"] for ack in acks)
        client.socket.close()
    assert acked > 1000, acked
    ended_by_itself(gateway)
    gateway.start()         # what came while it drained waits in the journal
    gateway.wait_stored()
    gateway.stop()
    count = int(gateway.sql("SELECT count() FROM events FINAL"))
    assert acked == count, (acked, count)


@with_gateway
def an_idle_connection_is_told_of_the_drain(gateway):
    with Client(gateway.port) as client:
        client.text(message())
        assert client.acks(1)["accepted"] == 1
        gateway.process.send_signal(signal.SIGTERM)
        assert client.closed() == (1012, [], [])
    ended_by_itself(gateway)
    assert gateway.sql("SELECT count() FROM events") == "1"


@with_gateway
def a_drain_waits_for_nobody_who_does_not_read(gateway):
    client = Client(gateway.port, receive_buffer=4096, timeout=2)
    try:
        while True:
            client.socket.sendall(frame(TEXT, b'{"channel":"fax"}') * 200)
    except socket.timeout:
        pass
    begun = time.time()
    gateway.process.send_signal(signal.SIGTERM)
    ended_by_itself(gateway)
    client.socket.close()
    assert time.time() - begun < 10, time.time() - begun


@with_gateway
def libraries_speak_with_it(gateway):
    """python3-websockets: masks, fragments, pings and closes of somebody else's making."""
    import asyncio
    import websockets

    async def talk():
        async with websockets.connect("ws://127.0.0.1:%d/ws" % gateway.port, subprotocols=["sluice.v1"]) as socket:
            assert socket.subprotocol == "sluice.v1"
            await socket.send(message().decode())
            assert json.loads(await socket.recv())["accepted"] == 1
            await socket.send(lz4_block(message()))
            assert json.loads(await socket.recv())["accepted"] == 1
            text = message().decode()
            await socket.send([text[:10], text[10:20], text[20:]])
            assert json.loads(await socket.recv())["ack"] == 3
            await asyncio.wait_for(await socket.ping(b"are you there"), 5)
        assert socket.close_code == 1000, socket.close_code

    asyncio.run(talk())
    stored_is(gateway, 3)


if __name__ == "__main__":
    main([
        a_bad_handshake_is_answered_in_http_after_the_requests_before_it,
        good_handshakes_of_every_kind_are_taken,
        requests_handshake_and_frames_in_one_write_are_served_in_order,
        acks_are_cumulative_in_order_and_name_what_was_refused,
        a_client_that_never_reads_is_held_back_in_bounded_memory,
        a_full_gateway_lets_everybody_have_a_turn,
        a_drain_acknowledges_what_was_sent_and_says_1012,
        a_drain_waits_for_nobody_who_does_not_read,
        an_idle_connection_is_told_of_the_drain,
        libraries_speak_with_it,
    ])
