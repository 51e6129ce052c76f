"""Who may send over UDP: addresses and signatures. What is refused is counted by its reason, and not stored."""
import hashlib
import hmac
import os
import socket
import struct
import subprocess
import sys
import time

from check import main
from gateway import ROOT, event
from test_udp import LISTENER, check_says, lz4_block, lz4_frame, pack, send, settle, with_udp

BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build"))
SECONDS = 10 ** 9
PLANT, SHOP, OLD, OFF = "slw_plant", "slw_shop", "slw_old", "slw_off"


def hash_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


KEYS = """keys:
  plant: { sha256: %s, scopes: [write] }
  shop: { sha256: %s, scopes: [write], streams: [orders] }
  old: { sha256: %s, scopes: [write], expires: 2020-01-01 }
  off: { sha256: %s, scopes: [write], disabled: true }
  reader: { sha256: %s, scopes: [read] }
""" % tuple(map(hash_of, (PLANT, SHOP, OLD, OFF, "slr_reader")))
SIGNED = '- { listen: "127.0.0.1:0", hmac: [plant, shop, old, off] }\n    - { listen: "[::1]:0" }'


def signed(payload, key=PLANT, at=0, mac=lambda good: good):
    """As docs/protocol.md has it; `at` nanoseconds from now."""
    secret = hashlib.sha256(key.encode()).digest()
    covered = payload + struct.pack("<Q", time.time_ns() + at) + hashlib.sha256(secret).digest()[:8]
    return covered + mac(hmac.digest(secret, covered, "sha256")[:16]) + b"SluiceH\x01"


def refused(gateway, kind="rejected"):
    page = gateway.metrics()["sluice_events_%s_total" % kind]
    return {dict(key)["reason"]: int(count) for key, count in page.items()
            if dict(key)["protocol"] == "udp" and count != 0}


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
    assert refused(gateway) == {"address_not_allowed": 8}
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 3
    return {"SELECT count() FROM events FINAL": 3}


WITH_KEYS = ("\nstreams:", "\n" + KEYS + "\nstreams:"), ('listen: ""  ', 'listen: "127.0.0.1:0"  ')


def with_keys(test):
    return with_udp((LISTENER, SIGNED), *WITH_KEYS)(test)


@with_keys
def what_is_signed_comes_in_by_every_form(gateway):
    lines = b"\n".join(pack(event(n)) for n in range(10, 20))
    forms = [pack(event(0)), pack([event(1), event(2)]), pack({"events": [event(3)]}), lines, lz4_frame(lines),
             lz4_block(pack(event(4)))]
    settle(gateway, send(gateway, [signed(one) for one in forms]))
    assert refused(gateway) == {}
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 15
    assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == 10
    return {"SELECT count() FROM events FINAL": 15}


@with_keys
def each_wrong_way_in_is_counted_by_its_reason(gateway):
    good, again = pack(event(0)), signed(pack(event(1)))
    rows = [(good, "bad_signature"), (b"", "bad_signature"), (signed(b"")[1:], "bad_signature"),
            (signed(good)[:-1], "bad_signature"), (signed(good) + b"\x00", "bad_signature"),
            (b" " + signed(good), "bad_signature"), (signed(good, key="slw_nobody"), "bad_signature"),
            (signed(good, mac=lambda mac: mac[:15] + bytes([mac[15] ^ 1])), "bad_signature"),
            (signed(good, at=-61 * SECONDS), "signature_time"), (signed(good, at=61 * SECONDS), "signature_time"),
            (signed(good, at=-30 * SECONDS), "signature_time"),     # before the start
            (again, None), (again, "replayed"), (signed(good, key=OLD), "key_expired"),
            (signed(good, key=OFF), "key_disabled"), (signed(b""), "empty_payload"), (signed(b"{"), "invalid_json")]
    wanted = {}
    for number, (datagram, reason) in enumerate(rows):
        settle(gateway, number + send(gateway, [datagram]))
        if reason:
            wanted[reason] = wanted.get(reason, 0) + 1
        assert refused(gateway) == wanted, (number, reason, refused(gateway))
    sent = len(rows) + send(gateway, [signed(good)] * 3, listener=1)
    settle(gateway, sent)
    assert refused(gateway) == dict(wanted, signature_unexpected=3)
    settle(gateway, sent + send(gateway, [pack(event(2))], listener=1))
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 2
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "2\t2"}


@with_keys
def a_key_writes_to_its_streams_alone_and_is_counted(gateway):
    """A datagram of another stream is refused whole; all is counted by key, too."""
    order = lambda n: {"stream": "orders", "number": n}
    sent = [signed(pack(order(1)), SHOP), signed(pack(event(1)), SHOP), signed(pack([event(2), event(3)]), SHOP),
            signed(pack({"stream": "orders", "events": [{"number": 2}, {"number": 3}, {}]}), SHOP),
            signed(pack(event(4))), signed(b"{", SHOP)]
    settle(gateway, send(gateway, sent))
    assert refused(gateway) == {"stream_forbidden": 2, "missing_field": 1, "invalid_json": 1}, refused(gateway)
    for key, counts in (("shop", (7, 3, 4)), ("plant", (1, 1, 0))):
        found = tuple(gateway.sum("sluice_key_events_%s_total" % kind, key=key)
                      for kind in ("received", "accepted", "rejected"))
        assert found == counts, (key, found)
    assert gateway.sum("sluice_key_received_bytes_total", key="shop") == sum(map(len, sent)) - len(sent[4])
    return {"SELECT count() FROM events FINAL": 1, "SELECT count() FROM orders FINAL": 3}


@with_udp((LISTENER, '- { listen: "127.0.0.1:0", hmac: plant }'), *WITH_KEYS,
          ("threads: 1    ", "threads: 2    "), ("receive_buffer: 64MiB", "receive_buffer: 64MiB\n  hmac_remembered: 1000"))
def no_datagram_is_taken_twice_whichever_thread_reads_it(gateway):
    """Captured ones come again from many ports, while more than are remembered is signed."""
    taken = [signed(pack(event(n))) for n in range(3000)]
    sent = 0
    for first in range(0, len(taken), 500):
        sent += send(gateway, taken[first:first + 500])
        for _ in range(8):
            sent += send(gateway, taken[max(0, first - 400):first:5])
        settle(gateway, sent)
    counts = refused(gateway)
    assert set(counts) == {"replayed", "signature_time"} or set(counts) == {"replayed"}, counts
    assert sum(counts.values()) == sent - 3000
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 3000
    assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == 0
    assert gateway.sum("sluice_udp_signatures_forgotten_total") == 2000
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "3000\t3000"}


@with_keys
def the_senders_of_the_documents_are_understood(gateway):
    host, port = gateway.udp[0]
    folder = os.path.join(ROOT, "docs", "examples")
    senders = ([sys.executable, os.path.join(folder, "send_signed.py")], [os.path.join(BUILD, "send_signed")])
    for number, sender in enumerate(senders):
        events = b"".join(pack(event(n)) + b"\n" for n in range(number * 50, number * 50 + 50))
        subprocess.run(sender + [host, str(port)], input=events, check=True, env=dict(os.environ, SLUICE_KEY=PLANT))
        settle(gateway, number * 50 + 50)
        assert refused(gateway) == {}, (sender, refused(gateway))
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "100\t100"}


def a_bad_key_is_refused_with_its_line(folder):
    for name, words in (("nobody", "none of the keys"), ("reader", "without the scope write")):
        code, said = check_says(folder, '- { listen: ":8125", hmac: %s }' % name, *WITH_KEYS)
        assert code == 2 and "udp.listeners[].hmac" in said and words in said, (name, code, said)


if __name__ == "__main__":
    main([only_listed_addresses_may_send,
          what_is_signed_comes_in_by_every_form,
          each_wrong_way_in_is_counted_by_its_reason,
          a_key_writes_to_its_streams_alone_and_is_counted,
          no_datagram_is_taken_twice_whichever_thread_reads_it,
          the_senders_of_the_documents_are_understood,
          a_bad_key_is_refused_with_its_line])
