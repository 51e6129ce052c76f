"""The load generator itself: what it reports is what happened, or else no figure of the benchmark and no count of a test is worth
anything."""
import contextlib
import http.server
import os
import signal
import subprocess
import threading
import time

from check import main
from gateway import SERVER_BUILD, load_words, run_load, with_gateway

BULK = "/events/bulk"
os.environ["SLUICE_DURABILITY"] = "memory"      # the disk's moods are not what is tested here


@with_gateway
def an_open_loop_keeps_its_rate_and_counts_latency_from_the_due_time(gateway):
    """The gateway is stopped for half a second: of the requests that were due meanwhile, each waited for what was left of it."""
    rate, stop, seconds = 1000, 0.5, 3
    path = os.path.join(gateway.folder, "histogram")
    gateway.load(connections=4, seconds=0.5)        # it is warm

    def freeze():
        time.sleep(1)
        gateway.process.send_signal(signal.SIGSTOP)
        time.sleep(stop)
        gateway.process.send_signal(signal.SIGCONT)
    thread = threading.Thread(target=freeze)
    thread.start()
    report = gateway.load(connections=64, rate=rate, seconds=seconds, start=10**6, histogram=path)
    thread.join()
    assert report["offered_per_s"] == rate
    assert report["accepted"] == report["requests"] == rate * seconds and report["failed"] == 0, report
    assert abs(report["seconds"] - seconds) < 0.2, report
    assert 450 < report["max_ms"] < 900 and report["p99_ms"] > 350, report
    with open(path) as file:
        rows = [(float(value), int(count)) for value, count in (line.split() for line in file)]
    assert sum(count for _, count in rows) == report["requests"]
    slow = sum(count for value, count in rows if value > 100)
    assert rate * (stop - 0.1) * 0.9 < slow < rate * stop * 1.5, "%d waited for over 100 ms" % slow
    closed = gateway.load(connections=16, events=20000, start=2 * 10**6)
    assert closed["offered_per_s"] == 0 and closed["accepted"] == 20000, closed
    print("        p50 %.2f ms, p99 %.0f ms, max %.0f ms; %d of %d waited for over 100 ms" % (
        report["p50_ms"], report["p99_ms"], report["max_ms"], slow, report["requests"]))


@with_gateway
def an_open_loop_over_websockets_does_too(gateway):
    report = gateway.load("ws", connections=4, rate=20000, bulk=10, seconds=2)
    assert report["messages"] == 4000 and report["accepted"] == 40000 and report["wrong"] == 0, report
    assert 1.9 < report["seconds"] < 2.3 and 17000 < report["events_per_s"] < 21000, report


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers each POST with what the server's function `answer` says to its number: status, fields, body."""
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            number = self.server.posts
            self.server.posts += 1
        status, fields, body = self.server.answer(number)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def server(answer):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    s.posts, s.answer = 0, answer
    thread = threading.Thread(target=s.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield s
    finally:
        s.shutdown()
        thread.join()
        s.server_close()


def counts(accepted, duplicate=0, rejected=0, ids=0):
    return '{"accepted":%d,"duplicate":%d,"rejected":%d,"ids":[%s],"errors":[]}' % (
        accepted, duplicate, rejected, ",".join(['"01935c7e"'] * ids))


def replies_that_do_not_add_up_are_found(folder):
    one = '{"id":"01935c7e","status":"accepted"}'
    for options, body, wrong in (
            ({"bulk": 10}, counts(10, ids=10), False),
            ({"bulk": 10}, counts(6, 3, 1, ids=10), False),
            ({"bulk": 10}, counts(9, ids=10), True),
            ({"bulk": 10}, counts(10, 1, ids=10), True),
            ({"bulk": 10}, counts(10, ids=9), True),
            ({"bulk": 10}, counts(10), True),
            ({"bulk": 10, "path": "/events?ids=0"}, counts(10), False),
            ({"bulk": 10}, "", True),
            ({"bulk": 10, "expect": "2xx"}, "", False),
            ({}, one, False),
            ({}, '{"status":"accepted"}', True),
            ({"path": "/events?ids=0"}, '{"status":"accepted"}', False),
            ({}, "{}", True),
            ({"expect": "2xx"}, "{}", False)):
        with server(lambda number: (200, {}, body if number % 2 else options.get("bulk") and counts(10, ids=10) or one)) as liar:
            events = 20 * options.get("bulk", 1)
            code, report = run_load("http", liar.server_port, connections=2, events=events, **options)
        assert (code, report["wrong"]) == ((1, 10) if wrong else (0, 0)), (options, body, code, report)
        assert report["requests"] == 20 and report["failed"] == 0, report
        if not wrong:
            assert report["accepted"] + report["duplicate"] + report["rejected"] == events, report


def a_503_is_a_failure_or_with_retry_comes_again_after_the_time_that_was_said(folder):
    def answer(number):
        return (503, {"Retry-After": "1"}, "{}") if number % 4 == 0 else (202, {}, counts(10, ids=10))
    with server(answer) as s:
        code, report = run_load("http", s.server_port, connections=4, events=400, bulk=10)
        assert code == 0 and (report["failed"], report["status_5xx"], report["retried"]) == (100, 10, 0), report
    acked = os.path.join(folder, "acked")
    with server(answer) as s:
        code, report = run_load("http", s.server_port, connections=4, events=400, bulk=10, retry=True, acked=acked)
        assert code == 0 and report["failed"] == 0 and report["accepted"] == 400, report
        assert report["requests"] == 40 and report["retried"] == report["status_5xx"] == s.posts - 40 > 0, (report, s.posts)
        assert 1000 <= report["max_ms"] < 10000 and report["p50_ms"] < 1000, report
    with open(acked) as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    assert sorted(n for first, count in ranges for n in range(first, first + count)) == list(range(400))


def a_server_that_closes_after_its_reply_is_connected_to_again(folder):
    def answer(number):
        return 202, {"Connection": "close"} if number % 5 == 4 else {}, counts(10, ids=10)
    with server(answer) as s:
        code, report = run_load("http", s.server_port, connections=3, events=500, bulk=10)
    assert code == 0 and report["accepted"] == 500, report
    assert (report["lost_connections"], report["reconnects"]) == (0, 10), report


def a_lost_connection_is_an_error(folder):
    class Rude(Answers):
        def do_POST(self):
            self.close_connection = True
    with server(None) as s:
        s.RequestHandlerClass = Rude
        code, report = run_load("http", s.server_port, connections=3, events=500, bulk=10)
    assert code == 1 and report["lost_connections"] == 3 and report["failed"] == 30, report


TEMPLATE = """{
  "event_name": "${pick:click|views|carts}", "channel": "${pick:desktop|console}", "user_id": "u${number}-${random:5}",
  "timestamp": ${time}, "campaign_id": "c-${hex:8}"
}
"""


@with_gateway
def a_template_makes_the_rows(gateway):
    path = os.path.join(gateway.folder, "template")
    with open(path, "w") as file:
        file.write(TEMPLATE)
    options = {"template": path, "path": BULK, "bulk": 100, "connections": 2, "events": 3000}
    for shape, accepted in (("array", 3000), ("ndjson", 0), ("object", 0)):
        report = gateway.load(shape=shape, **options)
        assert (report["accepted"], report["duplicate"]) == (accepted, 3000 - accepted), (shape, report)
    gateway.load("udp", template=path, events=3000, bulk=5, rate=100000)
    gateway.wait_until("the datagrams are read",
                       lambda: gateway.sum("sluice_events_duplicate_total", protocol="udp") == 3000, 20)
    gateway.wait_stored()
    gateway.stop()
    row = gateway.sql("SELECT count(), uniqExact(substring(user_id, 2, 12)), countIf(match(user_id, '^u[0-9]{12}-[0-9]{5}$')),"
                      " countIf(match(campaign_id, '^c-[0-9a-f]{8}$')), min(toUInt32(substring(user_id, 2, 12))) FROM events")
    assert row == "3000\t3000\t3000\t3000\t0", row
    names = dict(line.split("\t") for line in
                 gateway.sql("SELECT event_name, count() FROM events GROUP BY event_name").splitlines())
    assert set(names) == {"click", "views", "carts"} and all(800 < int(n) < 1200 for n in names.values()), names
    assert int(gateway.sql("SELECT uniqExact(campaign_id) FROM events")) > 2990


@with_gateway
def every_compression_is_understood_at_every_door(gateway):
    start = 0
    for protocol, kinds in (("http", ("none", "lz4", "gzip", "zstd")), ("ws", ("none", "lz4")), ("udp", ("none", "lz4"))):
        for kind in kinds:
            options = {"udp": {"rate": 50000, "bulk": 20}, "http": {"path": BULK, "bulk": 100}}.get(protocol, {"bulk": 100})
            report = gateway.load(protocol, compress=kind, events=2000, start=start, **options)
            start += 2000
            assert protocol == "udp" or report["accepted"] == 2000, (protocol, kind, report)
            assert report["bytes"] > 2000 * 180 if kind == "none" else report["bytes"] < 2000 * 60, (protocol, kind, report)
    gateway.wait_until("the datagrams are read", lambda: gateway.sum("sluice_events_accepted_total") == start, 20)
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT count(), uniqExact(user_id) FROM events") == "%d\t%d" % (start, start)


@with_gateway
def repeats_are_duplicates_and_the_acknowledged_numbers_are_exact(gateway):
    acked = os.path.join(gateway.folder, "acked")
    report = gateway.load(path=BULK, bulk=100, connections=1, events=20000, repeat=10, start=500, acked=acked)
    assert (report["accepted"], report["duplicate"]) == (18200, 1800), report
    with open(acked) as file:
        numbers = [n for first, count in (map(int, line.split()) for line in file) for n in range(first, first + count)]
    assert len(numbers) == 20000 and len(set(numbers)) == 18200 and min(numbers) == 500 and max(numbers) == 20499


def wrong_options_are_refused_by_name(folder):
    template = os.path.join(folder, "template")
    with open(template, "w") as file:
        file.write('{"a":1}')
    for words, said in (
            (["tcp"], "usage: load http|ws|udp"),
            (["http", "--prot", "1"], "--prot: there is no such option"),
            (["http", "--port", "x"], "--port: expected a whole number from 1 to 65535, found x"),
            (["http", "--port"], "--port: expected N behind it"),
            (["http", "--window", "3"], "--window: http has none"),
            (["udp", "--compress", "zstd"], "--compress: udp has no zstd"),
            (["http", "--compress", "rar"], "--compress: there is no rar"),
            (["http", "--host", "nowhere.invalid"], "--host: nowhere.invalid: "),
            (["udp", "--bulk", "1000"], "--bulk: a datagram has room for 65507 bytes"),
            (["http", "--template", "/nowhere"], "--template: /nowhere cannot be read"),
            (["http", "--template", template], "--template: it has no ${number}")):
        done = subprocess.run([os.path.join(SERVER_BUILD, "load")] + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 2 and said in done.stderr.decode(), (words, done)
    done = subprocess.run([os.path.join(SERVER_BUILD, "load"), "--help"], stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"--rate" in done.stdout


@with_gateway
def it_tells_how_it_goes(gateway):
    done = subprocess.run(load_words("http", gateway.port, rate=1000, seconds=2, progress=0.5),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = done.stderr.decode().splitlines()
    assert 3 <= len(lines) <= 4 and all("events/s  p50" in line and "0 failed" in line for line in lines), lines


if __name__ == "__main__":
    main([
        an_open_loop_keeps_its_rate_and_counts_latency_from_the_due_time,
        an_open_loop_over_websockets_does_too,
        replies_that_do_not_add_up_are_found,
        a_503_is_a_failure_or_with_retry_comes_again_after_the_time_that_was_said,
        a_server_that_closes_after_its_reply_is_connected_to_again,
        a_lost_connection_is_an_error,
        a_template_makes_the_rows,
        every_compression_is_understood_at_every_door,
        repeats_are_duplicates_and_the_acknowledged_numbers_are_exact,
        wrong_options_are_refused_by_name,
        it_tells_how_it_goes,
    ])
