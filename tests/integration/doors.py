"""Asks the three doors of a gateway whether they take an event of a stream, as clients see it."""
import json
import socket

from gateway import event
from websocket import Client, Closed


def over_http(gateway, stream, number):
    """200, 202, or (503, the problem's code, Retry-After)"""
    status, headers, body = gateway.request("POST", "/events?stream=" + stream, json.dumps(event(number)),
                                            {"Content-Type": "application/json"})
    return status if status < 300 else (status, json.loads(body)["code"], headers.get("retry-after"))


def over_websocket(gateway, stream, number):
    """"acknowledged", or the code that the connection was closed with."""
    with Client(gateway.port, "/ws?stream=" + stream, timeout=20) as client:
        client.text(event(number))
        try:
            client.acks(1)
        except Closed as closed:
            return closed.code
        return "acknowledged"


def over_udp(gateway, stream, number):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(json.dumps(event(number, stream=stream)).encode(), gateway.udp[0])


def all_refuse(gateway, stream, error, number):
    """HTTP with 503, WebSocket with 1013 after full_timeout, UDP by dropping; each counted as `error`. A datagram that is
    refused unparsed counts for its listener's stream."""
    def dropped(protocol):
        labels = {} if protocol == "udp" else {"stream": stream}
        return gateway.sum("sluice_events_dropped_total", protocol=protocol, reason=error, **labels)

    before = {protocol: dropped(protocol) for protocol in ("http", "ws", "udp")}
    answer = over_http(gateway, stream, number)
    assert answer == (503, error, "1"), answer
    answer = over_websocket(gateway, stream, number + 1)
    assert answer == 1013, answer
    over_udp(gateway, stream, number + 2)
    gateway.wait_until("the datagram is dropped", lambda: dropped("udp") == before["udp"] + 1, 10)
    assert (dropped("http"), dropped("ws")) == (before["http"] + 1, before["ws"] + 1)


def all_take(gateway, stream, number):
    answers = over_http(gateway, stream, number), over_websocket(gateway, stream, number + 1)
    assert answers == (202, "acknowledged"), answers
    before = gateway.sum("sluice_events_accepted_total", protocol="udp", stream=stream)
    over_udp(gateway, stream, number + 2)
    gateway.wait_until("the datagram is accepted", lambda: gateway.sum(
        "sluice_events_accepted_total", protocol="udp", stream=stream) == before + 1, 10)
