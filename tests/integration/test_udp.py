"""UDP: what comes is stored once, and whatever is lost is a number: for each cause, the count equals what was sent."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

from check import main
from gateway import Gateway, ROOT, SAMPLE, SERVER_BUILD, event
from servers import start_chdb_server

LISTENER = '- { listen: "${SLUICE_UDP:-0.0.0.0:8125}", stream: events }'
ORDERS = """
  - name: orders
    table: orders
    dedup_key: [number]
    batch: { strategy: hybrid, max_rows: 100000, max_bytes: 64MiB, max_delay: 1s }
    fields:
      - { name: number, type: UInt64, required: true }
      - { name: at, type: DateTime64(3), default: now }
      - { name: sender, type: String, fill: client_ip }
"""


def write_config(folder, *changes):
    """The sample with a second stream, and with each (old, new) replaced."""
    with open(os.path.join(ROOT, "config", "sluice.yaml")) as file:
        text = file.read().rstrip() + ORDERS
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


def with_udp(*changes, env=None):
    """A test of one gateway; it may return SQL and its answer, asked of the store after the gateway has stopped."""
    def wrap(test):
        def run(folder):
            server, more = None, dict(env or {})
            if os.environ.get("SLUICE_STORE") == "clickhouse":
                path = os.path.join(folder, "server")
                os.makedirs(path)
                server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
                more.setdefault("CLICKHOUSE_URL", server.url)
            gateway = Gateway(folder, config=write_config(folder, *changes), env=more)
            try:
                gateway.start()
                gateway.pages_port = next((port for _, port, serves in gateway.http if serves == {"admin"}), 0)
                expected = test(gateway) or {}
                if gateway.running():
                    gateway.stop()
                for statement, answer in expected.items():
                    found = gateway.sql(statement)
                    assert found == str(answer), (statement, found, answer)
            finally:
                gateway.cleanup()
                if server:
                    server.stop()
        run.__name__ = test.__name__
        return run
    return wrap


def send(gateway, datagrams, listener=0):
    """Returns how many were sent."""
    host, port = gateway.udp[listener]
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((host, port))
        for number, datagram in enumerate(datagrams):
            s.send(datagram)
            if number % 100 == 99:
                time.sleep(0.002)
    return len(datagrams)


def datagrams_seen(gateway):
    return gateway.sum("sluice_udp_datagrams_total") + gateway.sum("sluice_udp_kernel_drops_total")


def settle(gateway, datagrams):
    """Every datagram is counted somewhere, every event decided."""
    gateway.wait_until("%d datagrams counted" % datagrams, lambda: datagrams_seen(gateway) == datagrams, 20)
    gateway.check_identity()


def pack(value):
    return json.dumps(value).encode()


def lines(numbers):
    return b"\n".join(pack(event(n)) for n in numbers)


def lz4_frame(data):
    return subprocess.run(["lz4", "-c", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout


def lz4_block(data, claimed=None):
    """Literals only, behind the 4-byte size."""
    length = bytes([len(data) << 4]) if len(data) < 15 else (
        b"\xf0" + b"\xff" * ((len(data) - 15) // 255) + bytes([(len(data) - 15) % 255]))
    return struct.pack("<I", len(data) if claimed is None else claimed) + length + data


@with_udp()
def every_form_of_a_payload_is_stored(gateway):
    forms = [pack(event(0)), pack([event(1), event(2)]), pack({"events": [event(3), event(4)]}), lines(range(5, 12)),
             lz4_frame(lines(range(12, 40))), lz4_block(lines(range(40, 60))), lz4_block(pack(event(60)))]
    settle(gateway, send(gateway, forms + forms[:2]))
    assert gateway.sum("sluice_events_accepted_total", protocol="udp", stream="events") == 61
    assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == 3
    assert gateway.sum("sluice_received_bytes_total") == sum(map(len, forms + forms[:2]))
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "61\t61"}


@with_udp()
def the_payload_may_name_its_stream(gateway):
    sent = send(gateway, [pack({"stream": "orders", "number": 1}),
                          pack({"stream": "orders", "events": [{"number": 2}, {"number": 3}]}),
                          pack(dict(event(1), stream="events")), pack(event(2)),
                          lz4_block(pack({"stream": "orders", "number": 4})),
                          pack({"stream": "nowhere", "number": 5})])
    settle(gateway, sent)
    assert gateway.sum("sluice_events_accepted_total", protocol="udp", stream="orders") == 4
    assert gateway.sum("sluice_events_accepted_total", protocol="udp", stream="events") == 2
    assert gateway.sum("sluice_events_rejected_total", protocol="udp", reason="unknown_stream") == 1
    return {"SELECT count(), min(sender), max(sender) FROM orders FINAL": "4\t127.0.0.1\t127.0.0.1",
            "SELECT count() FROM events FINAL": 2}


def bad_datagrams():
    """[(datagram, reason, events rejected, events accepted)]"""
    frame = lz4_frame(lines(range(20)))
    return [
        (b"", "empty_payload", 1, 0),
        (b"  \n ", "empty_payload", 1, 0),
        (b"[]", "empty_payload", 1, 0),
        (b"{", "invalid_json", 1, 0),
        (b"\x00", "empty_payload", 1, 0),
        (b"\x00" * 64, "empty_payload", 1, 0),
        (b"{}\x00\x00\x00", "missing_field", 1, 0),
        (pack(event(106)) + b"\x00", "invalid_json", 0, 1),
        (lines([107]) + b"\x00\n" + lines([108]) + b"\x00" * 8, "invalid_json", 0, 2),
        (b"hello, world", "invalid_json", 1, 0),
        (lines([100]) + b"\n{broken\n" + lines([101]), "invalid_json", 1, 2),
        (pack([1, "a", None]), "not_an_object", 3, 0),
        (pack([event(102), {"channel": "web"}]), "missing_field", 1, 1),
        (pack(event(103, channel="pigeon")), "not_allowed", 1, 0),
        (pack(event(104, timestamp="yesterday")), "invalid_value", 1, 0),
        (frame[:-6], "bad_compression", 1, 0),
        (frame[:20] + bytes([frame[20] ^ 0x5a]) + frame[21:], "bad_compression", 1, 0),
        (lz4_block(lines([105]), claimed=17), "bad_compression", 1, 0),
        (struct.pack("<I", 17), "bad_compression", 1, 0),
        (lz4_block(b"{}", claimed=0xffffff), "bad_compression", 1, 0),
        (lz4_block(b" " * 9000, claimed=2 << 20), "decompressed_too_large", 1, 0),
        (lz4_block(lines([109]))[4:], "bad_compression", 1, 0),     # a block without its size
        (lz4_frame(b" " * (2 << 20)), "decompressed_too_large", 1, 0),
        (lz4_block(b"{}", claimed=2 << 30), "invalid_json", 1, 0),  # its fourth byte is not zero: no LZ4
    ]


@with_udp()
def every_bad_datagram_is_counted_by_its_reason(gateway):
    rows, wanted, accepted = bad_datagrams(), {}, 0
    for datagram, reason, rejected, good in rows:
        before = gateway.sum("sluice_events_rejected_total", protocol="udp", reason=reason)
        done = datagrams_seen(gateway)
        settle(gateway, done + send(gateway, [datagram]))
        now = gateway.sum("sluice_events_rejected_total", protocol="udp", reason=reason)
        assert now - before == rejected, (datagram[:40], reason, before, now)
        wanted[reason] = wanted.get(reason, 0) + rejected
        accepted += good
    repeats = 50
    settle(gateway, len(rows) + send(gateway, [row[0] for row in rows] * repeats))
    for reason, count in wanted.items():
        found = gateway.sum("sluice_events_rejected_total", protocol="udp", reason=reason)
        assert found == count * (repeats + 1), (reason, found, count)
    assert gateway.sum("sluice_events_rejected_total", protocol="udp") == sum(wanted.values()) * (repeats + 1)
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == accepted
    assert gateway.sum("sluice_events_duplicate_total", protocol="udp") == accepted * repeats
    assert gateway.sum("sluice_udp_kernel_drops_total") == 0
    return {"SELECT count() FROM events FINAL": accepted}


@with_udp()
def the_largest_datagram_arrives_whole(gateway):
    note = pack(event(1, metadata={"n": ""}))
    settle(gateway, send(gateway, [pack(event(1, metadata={"n": "x" * (65507 - len(note))}))]))
    assert gateway.sum("sluice_received_bytes_total") == 65507
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == 1
    return {"SELECT count() FROM events FINAL": 1}


@with_udp(("receive_buffer: 64MiB", "receive_buffer: 64KiB"))
def what_the_kernel_drops_is_counted_exactly(gateway):
    gateway.process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    sent = send(gateway, [pack(event(n)) for n in range(3000)])
    gateway.process.send_signal(signal.SIGCONT)
    settle(gateway, sent)
    sent += send(gateway, [pack(event(3000))])      # brings the news to the log
    settle(gateway, sent)
    assert "datagrams dropped by the kernel" in gateway.log()
    dropped = gateway.sum("sluice_udp_kernel_drops_total", listener="127.0.0.1:0")
    assert 0 < dropped < sent
    assert gateway.sum("sluice_events_received_total", protocol="udp") + dropped == sent
    assert gateway.sum("sluice_udp_receive_buffer_bytes") == 64 << 10
    return {"SELECT count() FROM events FINAL": sent - dropped}


@with_udp(("max_bytes: 10GiB", "max_bytes: 16MiB"), ("max_body: 16MiB", "max_body: 1MiB"),
          env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:1", "SLUICE_DURABILITY": "os"})
def what_a_full_journal_refuses_is_counted_exactly(gateway):
    """No store: the journal fills. Each event has a pad of its own: groups of any size compress as little."""
    sent = 0
    deadline = time.time() + 30
    while gateway.sum("sluice_events_dropped_total", protocol="udp", reason="journal_full") == 0:
        assert time.time() < deadline
        sent += send(gateway, [pack(event(n, metadata={"n": n, "pad": os.urandom(15000).hex()}))
                               for n in range(sent, sent + 100)])
    settle(gateway, sent)
    dropped = gateway.sum("sluice_events_dropped_total", protocol="udp", reason="journal_full")
    lost = gateway.sum("sluice_udp_kernel_drops_total")
    assert gateway.sum("sluice_events_accepted_total", protocol="udp") == sent - dropped - lost
    gateway.kill()


@with_udp(("queue_events: 1000000", "queue_events: 1000"))
def what_a_full_queue_refuses_is_counted_exactly(gateway):
    sent = 0
    deadline = time.time() + 30
    while gateway.sum("sluice_events_dropped_total", protocol="udp", reason="queue_full") == 0:
        assert time.time() < deadline
        sent += send(gateway, [lines(range(first, first + 250)) for first in range(sent * 250, sent * 250 + 25000, 250)])
    settle(gateway, sent)
    # A datagram that is refused unread counts as one.
    dropped = gateway.sum("sluice_events_dropped_total", protocol="udp", reason="queue_full")
    accepted = gateway.sum("sluice_events_accepted_total", protocol="udp")
    lost = gateway.sum("sluice_udp_kernel_drops_total")
    assert accepted == (sent - dropped - lost) * 250, (sent, accepted, dropped, lost)
    return {"SELECT count() FROM events FINAL": accepted}


@with_udp((LISTENER, '- { listen: "127.0.0.1:0" }\n    - { listen: "off", stream: events }\n'
                     '    - { listen: "[::1]:0", stream: orders }'), ("threads: 1    ", "threads: 2    "))
def each_listener_has_its_stream_and_its_counts(gateway):
    assert [host for host, _ in gateway.udp] == ["127.0.0.1", "::1"]
    sent = sum(send(gateway, [pack(event(n))]) for n in range(60))      # many senders: both threads get some
    sent += sum(send(gateway, [pack({"number": n})], listener=1) for n in range(30))
    settle(gateway, sent)
    for listener, stream, count in (("127.0.0.1:0", "events", 60), ("[::1]:0", "orders", 30)):
        assert gateway.sum("sluice_udp_datagrams_total", listener=listener) == count
        assert gateway.sum("sluice_events_accepted_total", protocol="udp", stream=stream) == count
    assert gateway.sum("sluice_udp_datagrams_total", listener="off") == 0
    return {"SELECT count() FROM events FINAL": 60,
            "SELECT count(), min(sender), max(sender) FROM orders FINAL": "30\t::1\t::1"}


@with_udp(env={"SLUICE_UDP": "off"})
def off_is_off(gateway):
    assert gateway.udp == [] and "sluice_udp_datagrams_total" not in gateway.metrics()
    assert not [name for task in os.listdir("/proc/%d/task" % gateway.process.pid)
                for name in [open("/proc/%d/task/%s/comm" % (gateway.process.pid, task)).read()] if name.startswith("udp-")]
    assert gateway.post("/events", event(1))[0] == 202


@with_udp()
def a_port_of_another_gateway_is_refused(gateway):
    folder = os.path.join(gateway.folder, "second")
    os.makedirs(folder)
    second = Gateway(folder, env={"SLUICE_UDP": "127.0.0.1:%d" % gateway.udp[0][1],
                                  "SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:1"})
    try:
        second.start()
        assert False, "two gateways share a port"
    except AssertionError as error:
        assert "listen on 127.0.0.1:%d (UDP): address already in use" % gateway.udp[0][1] in str(error), error
    finally:
        second.cleanup()


@with_udp()
def who_is_told_nothing_finds_the_reason_in_the_log_and_by_field(gateway):
    page = gateway.metrics()
    for reason in ("queue_full", "journal_full", "disk_full", "journal_failed", "dedup_failed", "draining", "starting"):
        key = (("protocol", "udp"), ("stream", "events"), ("reason", reason))
        assert page["sluice_events_dropped_total"][key] == 0, "increase() would miss the first incident"
    bad = [event(n, channel="ann@example.org") for n in range(50)] + [{"channel": "web"}] * 7
    send(gateway, [json.dumps(one).encode() for one in bad] + [b"{"])
    settle(gateway, len(bad) + 1)
    gateway.wait_until("a line says so", lambda: "events refused: " in gateway.log())
    time.sleep(1.2)
    told = re.findall(r"info  events refused: events=(\d+) the first: protocol=(\w+) stream=(\w+) field=(\w*) reason=(\w+)",
                      gateway.log())
    assert sum(int(line[0]) for line in told) == len(bad) + 1, told
    assert told[0][1:] == ("udp", "events", "channel", "not_allowed"), told
    assert "example.org" not in gateway.log()
    assert gateway.sum("sluice_events_rejected_by_field_total", stream="events", field="channel", reason="not_allowed") == 50
    assert gateway.sum("sluice_events_rejected_by_field_total", reason="missing_field") == 7
    assert gateway.sum("sluice_events_rejected_total", protocol="udp") == len(bad) + 1
    gateway.check_identity()
    return {"SELECT count() FROM events": 0}


@with_udp()
def draining_reads_what_the_kernel_holds(gateway):
    """Stopped, it gets datagrams and the order to end: it reads them before it does."""
    gateway.process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    send(gateway, [pack(event(n)) for n in range(2000)])
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.send_signal(signal.SIGCONT)
    assert gateway.process.wait(60) == 0
    gateway.process = None
    gateway.check_log()
    gateway.start().wait_stored()
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "2000\t2000"}


@with_udp()
def events_of_a_fast_sender_are_counted_to_the_last(gateway):
    """As fast as the generator can: what arrived and what the kernel dropped is what was sent."""
    sent = gateway.load("udp", events=200000, repeat=10)
    assert sent["events"] == sent["datagrams"] == 200000
    settle(gateway, sent["datagrams"])
    dropped = gateway.sum("sluice_udp_kernel_drops_total")
    good = gateway.sum("sluice_events_accepted_total", protocol="udp")
    again = gateway.sum("sluice_events_duplicate_total", protocol="udp")
    assert good + again + dropped == 200000 and again > 0
    return {"SELECT count(), uniqExact(user_id) FROM events FINAL": "%d\t%d" % (good, good)}


def check_says(folder, listeners, *changes):
    """--check's exit code and words."""
    config = write_config(folder, (LISTENER, listeners), *changes)
    gateway = Gateway(folder, config=config)
    done = subprocess.run([os.path.join(os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build")), "sluice"), "--check",
                           "--config", config], env={k: v for k, v in gateway.env.items() if k != "SLUICE_UDP"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def a_bad_listener_is_refused_with_its_line(folder):
    with open(SAMPLE) as sample:
        first = 1 + next(i for i, line in enumerate(sample) if line.startswith("    - { listen:"))
    for listeners, line, words in (
            ('- { listen: ":8125", stream: nowhere }', first, 'found stream "nowhere"'),
            ('- { listen: "8125" }', first, "expected host:port"),
            ('- { listen: ":8125" }\n    - { listen: ":8125" }', first + 1, "by the listener of line %d already" % first)):
        code, said = check_says(folder, listeners)
        assert code == 2 and ":%d: udp.listeners:" % line in said and words in said, (listeners, code, said)
    assert check_says(folder, '- { listen: "off" }')[0] == 0


if __name__ == "__main__":
    main([every_form_of_a_payload_is_stored,
          the_payload_may_name_its_stream,
          every_bad_datagram_is_counted_by_its_reason,
          the_largest_datagram_arrives_whole,
          what_the_kernel_drops_is_counted_exactly,
          what_a_full_journal_refuses_is_counted_exactly,
          what_a_full_queue_refuses_is_counted_exactly,
          each_listener_has_its_stream_and_its_counts,
          off_is_off,
          a_port_of_another_gateway_is_refused,
          who_is_told_nothing_finds_the_reason_in_the_log_and_by_field,
          draining_reads_what_the_kernel_holds,
          events_of_a_fast_sender_are_counted_to_the_last,
          a_bad_listener_is_refused_with_its_line])
