"""Who may send over UDP: addresses and signatures. What is refused is counted by its reason, and not stored."""
import json
import socket
import time

from check import main
from gateway import event
from test_udp import LISTENER, datagrams_seen, send, settle, with_udp


def pack(value):
    return json.dumps(value).encode()


def rejected(gateway, reason):
    return gateway.sum("sluice_events_rejected_total", protocol="udp", reason=reason)


def send_from(gateway, address, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 0))
        for datagram in datagrams:
            s.sendto(datagram, ("127.0.0.1", gateway.udp[0][1]))
    return len(datagrams)


@with_udp((LISTENER, '- { listen: "127.0.0.1:0", allow: [127.0.0.8/30, "fd00::/8"] }'))
def only_listed_addresses_may_send(gateway):
    sent = send_from(gateway, "127.0.0.1", [pack(event(n)) for n in range(5)] + [b"{", b""])
    sent += send_from(gateway, "127.0.0.9", [pack(event(100 + n)) for n in range(3)])
    sent += send_from(gateway, "127.0.0.12", [pack(event(200))])
    settle(gateway, sent)
    assert rejected(gateway, "address_not_allowed") == 8
    assert gateway.sum("sluice_events_rejected_total", protocol="udp") == 8
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 3
    return {"SELECT count() FROM events FINAL": 3}


if __name__ == "__main__":
    main([only_listed_addresses_may_send])
