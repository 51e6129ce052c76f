"""WebSocket clients that are not ours against a real gateway: python3-websockets, npm's ws, Chromium; and the bytes of
the LZ4 packages that browsers and Node use. Each test ends with the identity and the exact count in the store."""
import asyncio
import http.server
import json
import threading

import websockets

from check import main
from gateway import event, with_gateway
from node import Browser, ws_client
from websocket import sample_with


def ws_url(gateway, path="/ws"):
    return "ws://127.0.0.1:%d%s" % (gateway.port, path)


def text(*numbers, **fields):
    return json.dumps([event(n, **fields) for n in numbers], ensure_ascii=False)


def check_store(gateway, count):
    """So many events are in the store, each once, and the identity holds. Ends the gateway."""
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    counts = gateway.sql("SELECT count(), uniqExact(user_id) FROM events FINAL").split("\t")
    assert counts == [str(count)] * 2, (counts, count)


def check_acks(acks, messages):
    """Cumulative, in order, the last one says all. The sums of their counts."""
    numbers = [ack["ack"] for ack in acks]
    assert numbers == sorted(set(numbers)) and numbers[-1] == messages, numbers[-20:]
    return tuple(sum(ack[part] for ack in acks) for part in ("accepted", "duplicate", "rejected"))


async def read_acks(socket, messages):
    acks = []
    while not acks or acks[-1]["ack"] < messages:
        acks.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
    return acks


# python3-websockets


@with_gateway
def python_sends_text_reads_its_acks_and_closes(gateway):
    async def client():
        async with websockets.connect(ws_url(gateway)) as socket:
            await socket.send(json.dumps(event(0)))
            assert check_acks(await read_acks(socket, 1), 1) == (1, 0, 0)
            await socket.send(text(0, 1, 2))
            first = (await read_acks(socket, 2))[0]
            assert first["ack"] == 2 and (first["accepted"], first["duplicate"], first["rejected"]) == (2, 1, 0), first
            await asyncio.wait_for(await socket.ping(b"are you there"), 10)
        assert socket.close_code == 1000, (socket.close_code, socket.close_reason)

    asyncio.run(client())
    check_store(gateway, 3)


@with_gateway
def python_gets_the_subprotocol_and_no_compression_and_is_understood(gateway):
    async def client():
        async with websockets.connect(ws_url(gateway), subprotocols=["sluice.v0", "sluice.v1"],
                                      compression="deflate") as socket:
            assert "permessage-deflate" in socket.request_headers["Sec-WebSocket-Extensions"]
            assert "Sec-WebSocket-Extensions" not in socket.response_headers, socket.response_headers
            assert socket.subprotocol == "sluice.v1", socket.subprotocol
            await socket.send(text(*range(10)))
            assert check_acks(await read_acks(socket, 1), 1) == (10, 0, 0)
        async with websockets.connect(ws_url(gateway), subprotocols=["chat"]) as socket:
            assert socket.subprotocol is None, socket.subprotocol
        async with websockets.connect(ws_url(gateway)) as socket:
            assert socket.subprotocol is None, socket.subprotocol

    asyncio.run(client())
    check_store(gateway, 10)


@with_gateway
def python_sends_a_message_of_100_kb_in_fragments_with_pings_between(gateway):
    whole = text(*range(500), campaign_id="ä" * 64)
    assert len(whole.encode()) > 100_000
    pieces = [whole[at:at + 1700] for at in range(0, len(whole), 1700)]

    async def client():
        async with websockets.connect(ws_url(gateway)) as socket:
            async def fragments():
                for piece in pieces:
                    yield piece
                    await socket.ping()

            await socket.send(fragments())
            await socket.send([b"\x04\0", b"\0\0spam", b"", b"spam"])  # more than 4 bytes come out
            assert check_acks(await read_acks(socket, 2), 2) == (500, 0, 1)

    asyncio.run(client())
    check_store(gateway, 500)


@with_gateway
def python_is_refused_with_a_status_before_the_upgrade(gateway):
    own = "http://127.0.0.1:%d" % gateway.port

    async def status(path, **options):
        try:
            async with websockets.connect(ws_url(gateway, path), **options):
                return 101
        except websockets.exceptions.InvalidStatusCode as refused:
            return refused.status_code

    async def client():
        assert await status("/ws?stream=events") == 101
        assert await status("/ws?stream=nobody") == 404
        assert await status("/ws", origin=own) == 101
        assert await status("/ws", origin="http://elsewhere.example") == 403
        assert await status("/events") in (404, 405, 426)

    asyncio.run(client())
    assert gateway.request("GET", "/ws")[0] == 426
    check_store(gateway, 0)


# npm's ws, and LZ4 by others


@with_gateway
def npm_ws_sends_text_and_lz4_made_by_three_others(gateway):
    many = text(*range(100, 400))
    result = ws_client(ws_url(gateway), [
        {"text": text(0)},
        {"as": "block", "text": text(1, 2)},
        {"as": "frame", "text": text(3, 4, 5)},
        {"as": "file", "text": text(6, 7, 8, 9)},
        {"as": "block", "text": many, "fragments": 7},
        {"as": "frame", "text": many},
        {"as": "file", "text": many, "fragments": 3},
        {"text": text(*range(10, 20), campaign_id="åß∂ƒ" * 20), "fragments": 1000},
    ], until=8, protocols=["sluice.v1"])
    assert check_acks(result["acks"], 8) == (20 + 300, 600, 0), result
    assert (result["code"], result["protocol"], result["extensions"]) == (1000, "sluice.v1", ""), result
    check_store(gateway, 320)


@with_gateway
def npm_ws_sends_1000_frames_in_a_row_and_gets_all_acknowledged_in_order(gateway):
    kinds = ("text", "block", "frame")
    messages = [{"as": kinds[n % 3], "text": text(2 * n, 2 * n + 1)} for n in range(1000)]
    result = ws_client(ws_url(gateway), messages, until=1000)
    assert check_acks(result["acks"], 1000) == (2000, 0, 0), result["acks"][-3:]
    assert result["code"] == 1000, result
    again = ws_client(ws_url(gateway), messages[:300], until=300)
    assert check_acks(again["acks"], 300) == (0, 600, 0), again["acks"][-3:]
    check_store(gateway, 2000)


@with_gateway
def npm_ws_that_wants_silence_gets_it_and_its_events_are_stored(gateway):
    for path, first in (("/ws?ack=0", 0), ("/tr/v1/ws", 100)):
        messages = [{"as": "block", "text": text(n)} for n in range(first, first + 100)] + [{"text": "{not JSON"}]
        result = ws_client(ws_url(gateway, path), messages, wait=300)
        assert result["acks"] == [] and result["code"] == 1000, result
    gateway.wait_until("200 accepted", lambda: gateway.sum("sluice_events_accepted_total", protocol="ws") == 200)
    assert gateway.sum("sluice_events_rejected_total", protocol="ws", reason="invalid_json") == 2
    check_store(gateway, 200)


@with_gateway
def npm_ws_is_told_which_event_of_which_message_was_bad_and_goes_on(gateway):
    bad = json.dumps([event(1), dict(event(2), channel="carrier pigeon"), event(3)])
    result = ws_client(ws_url(gateway), [
        {"text": text(0)},
        {"as": "block", "text": bad},
        {"text": "[1 2]"},
        {"as": "bytes", "text": "BAAAAHNwYW1zcGFt"},
        {"text": text(4)},
    ], until=5)
    assert result["code"] == 1000, result
    assert check_acks(result["acks"], 5) == (4, 0, 3), result
    errors = [error for ack in result["acks"] for error in ack["errors"]]
    found = [(e["frame"], e["index"], e["field"], e["code"]) for e in errors]
    assert found[0] == (2, 1, "channel", "not_allowed"), found
    assert (found[1][:2], found[1][3]) == ((3, None), "invalid_json"), found
    assert (found[2][:2], found[2][3]) == ((4, None), "bad_compression"), found
    assert len(found) == 3 and all(e["message"] for e in errors), errors
    check_store(gateway, 4)


# Chromium's own

OPEN_AND_SEND = """async ({ url, messages }) => {
  const socket = new WebSocket(url, "sluice.v1");
  const acks = [];
  return await new Promise((resolve) => {
    socket.onopen = () => messages.forEach((message) => socket.send(message));
    socket.onmessage = ({ data }) => {
      acks.push(JSON.parse(data));
      if (acks.at(-1).ack === messages.length) socket.close(1000, "done");
    };
    socket.onclose = ({ code, wasClean }) =>
      resolve({ acks, code, wasClean, protocol: socket.protocol, extensions: socket.extensions });
  });
}"""


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Another origin: an empty page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_):
        pass


def with_a_page_elsewhere(gateway, test):
    """Calls test(page of the gateway, page of another origin)."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        try:
            with Browser(gateway.folder) as browser:
                here = browser.open("http://127.0.0.1:%d/ping" % gateway.port)
                test(here, lambda: browser.open("http://127.0.0.1:%d/" % elsewhere.server_port), elsewhere.server_port)
        finally:
            elsewhere.shutdown()


@with_gateway
def chromium_may_from_the_gateways_own_origin_and_elsewhere_only_if_listed(gateway):
    task = {"url": ws_url(gateway), "messages": [text(n) for n in range(20)]}

    def check(here, open_elsewhere, port):
        result = here.evaluate(OPEN_AND_SEND, task)
        assert check_acks(result["acks"], 20) == (20, 0, 0), result
        assert (result["code"], result["wasClean"]) == (1000, True), result
        assert (result["protocol"], result["extensions"]) == ("sluice.v1", ""), result

        result = open_elsewhere().evaluate(OPEN_AND_SEND, task)
        assert result["acks"] == [] and result["code"] == 1006, result

        gateway.stop()
        gateway.config = sample_with(gateway.folder, http={"cors_origins": '["http://127.0.0.1:%d"]' % port})
        gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
        gateway.start()
        result = open_elsewhere().evaluate(OPEN_AND_SEND, dict(task, messages=[text(n) for n in range(10, 40)]))
        assert check_acks(result["acks"], 30) == (20, 10, 0), result
        assert result["code"] == 1000, result

    with_a_page_elsewhere(gateway, check)
    check_store(gateway, 40)


if __name__ == "__main__":
    main([
        python_sends_text_reads_its_acks_and_closes,
        python_gets_the_subprotocol_and_no_compression_and_is_understood,
        python_sends_a_message_of_100_kb_in_fragments_with_pings_between,
        python_is_refused_with_a_status_before_the_upgrade,
        npm_ws_sends_text_and_lz4_made_by_three_others,
        npm_ws_sends_1000_frames_in_a_row_and_gets_all_acknowledged_in_order,
        npm_ws_that_wants_silence_gets_it_and_its_events_are_stored,
        npm_ws_is_told_which_event_of_which_message_was_bad_and_goes_on,
        chromium_may_from_the_gateways_own_origin_and_elsewhere_only_if_listed,
    ])
