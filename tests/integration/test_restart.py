"""One process after the other, as a supervisor does it: for how long clients are refused, what becomes of requests that
come meanwhile, and which signals end a gateway at all. SLUICE_RESTART_EVENTS is how many wait in a large journal."""
import errno
import json
import os
import signal
import socket
import threading
import time

from check import main
from gateway import BUILD, Gateway, Poster, SANITIZED, SERVER_BUILD, event
from servers import free_port, start_chdb_server

EVENTS = int(os.environ.get("SLUICE_RESTART_EVENTS", "200000"))
REFUSED_AT_MOST = 1.0               # seconds; docs/operations.md has what was measured on a machine at rest
if SANITIZED:
    REFUSED_AT_MOST = 10.0


class Knocker(threading.Thread):
    """Connects all the time, and remembers when it was refused."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.ending = threading.Event()
        self.knocks = []            # (when, was it let in)

    def run(self):
        while not self.ending.is_set():
            at = time.monotonic()
            try:
                socket.create_connection(("127.0.0.1", self.port), 10).close()
                self.knocks.append((at, True))
            except OSError as error:
                assert error.errno in (errno.ECONNREFUSED, errno.ECONNRESET), error
                self.knocks.append((at, False))
            time.sleep(0.002)

    def refused_for(self):
        """From the first refusal to the first time that it was let in again."""
        self.ending.set()
        self.join(30)
        refused = [at for at, let_in in self.knocks if not let_in]
        if not refused:
            return 0.0
        return min(at for at, let_in in self.knocks if let_in and at > refused[-1]) - refused[0]


def on_fixed_ports(folder, **env):
    return Gateway(folder, env=dict({"SLUICE_HTTP": "127.0.0.1:%d" % free_port(), "SLUICE_UDP": "off",
                                     "SLUICE_DRAIN_TIMEOUT": "1s"}, **env))


def restart(gateway, what):
    """SIGTERM, and the next start as soon as the process has ended; says how long what took."""
    knocker = Knocker(gateway.port)
    knocker.start()
    time.sleep(0.1)
    asked = time.monotonic()
    gateway.stop()
    ended = time.monotonic()
    starting = threading.Thread(target=gateway.start)
    starting.start()
    first = None
    while first is None:
        try:
            first = time.monotonic() if gateway.post("/events", event(10 ** 9))[0] in (200, 202) else None
        except OSError:
            time.sleep(0.002)
    starting.join()
    refused = knocker.refused_for()
    print("        %s: ended after %.2f s, refused for %.3f s, the first reply after %.2f s"
          % (what, ended - asked, refused, first - asked))
    assert refused < REFUSED_AT_MOST, "clients were refused for %.2f s" % refused


def fill(gateway, count):
    report = gateway.load(path="/events/bulk?ids=0", bulk=1000, connections=4, events=count)
    assert report["accepted"] + report["duplicate"] == count, report


def restart_under_load(gateway, what):
    """With few events in the journal, then with many of a bulk load; all that was acknowledged is accepted once."""
    poster = Poster(gateway, first=20000000, retry=True)
    poster.start()
    gateway.wait_until("events are acknowledged", lambda: len(poster.acked) > 500)
    restart(gateway, what + ", few events wait")
    fill(gateway, EVENTS)
    restart(gateway, "%s, after %d events at once" % (what, EVENTS))
    poster.finish()
    gateway.check_identity()
    return EVENTS + len(poster.acked) + 1


def the_embedded_store_is_let_go_before_the_port_and_taken_after(folder):
    gateway = on_fixed_ports(folder)
    try:
        count = restart_under_load(gateway.start(), "embedded")
        gateway.wait_stored(120 + EVENTS // 10000)
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count(), uniqExact(event_id) FROM events FINAL") == "%d\t%d" % (count, count)
    finally:
        gateway.cleanup()


def with_server(test):
    def run(folder):
        path = os.path.join(folder, "server")
        os.makedirs(path)
        server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
        gateway = on_fixed_ports(folder, SLUICE_STORE="clickhouse", CLICKHOUSE_URL=server.url)
        try:
            test(gateway, server)
        finally:
            gateway.cleanup()
            server.stop()
    run.__name__ = test.__name__
    return run


def check_rows(gateway, server, count):
    gateway.wait_stored(120 + EVENTS // 10000)
    gateway.check_identity()
    assert server.query("SELECT count(), uniqExact(event_id) FROM events FINAL").strip() == "%d\t%d" % (count, count)


@with_server
def a_server_is_not_waited_for_by_those_who_knock(gateway, server):
    check_rows(gateway, server, restart_under_load(gateway.start(), "server"))


@with_server
def a_server_that_is_away_delays_no_restart(gateway, server):
    gateway.start()
    assert gateway.post("/events", event(10 ** 9))[0] == 202
    gateway.wait_stored()
    server.kill()
    asked = time.monotonic()
    count = restart_under_load(gateway, "server away")
    gateway.stop()
    assert time.monotonic() - asked < 60
    server.start()
    check_rows(gateway.start(), server, count)


@with_server
def a_stop_stores_what_is_in_memory_alone(gateway, server):
    """Also what is acknowledged while it drains; once no store answers, the log says what is lost."""
    gateway.env.update({"SLUICE_DURABILITY": "memory", "SLUICE_DRAIN_TIMEOUT": "20s"})
    gateway.start()
    posters = [Poster(gateway, first=1000000 * (i + 1)) for i in range(3)]
    for poster in posters:
        poster.start()
    gateway.wait_until("events are acknowledged", lambda: all(len(poster.acked) > 500 for poster in posters))
    gateway.stop()
    for poster in posters:
        poster.finish()
    acked = sum(len(poster.acked) for poster in posters)
    assert "stopped: everything is stored" in gateway.log(), gateway.log()[-1000:]
    stored = int(server.query("SELECT uniqExact(event_id) FROM events FINAL"))
    assert stored >= acked, "%d of %d acknowledged events are lost" % (acked - stored, acked)
    gateway.start()
    server.kill()
    assert gateway.post("/events", event(1))[0] == 202
    gateway.stop()
    assert "stopped: 1 events that are not stored yet are lost (journal.durability is memory)" in gateway.log()


@with_server
def a_server_that_hangs_delays_the_end_but_refuses_nobody(gateway, server):
    gateway.start()
    server.freeze()
    waiting = [None]

    def wait():
        waiting[0] = gateway.post("/events?wait=stored", event(1))[0]

    waits = threading.Thread(target=wait)
    waits.start()
    gateway.wait_until("the event is on its way", lambda: gateway.sum("sluice_journal_events") == 1)
    asked = time.monotonic()
    restart(gateway, "server hangs")
    waits.join(10)
    assert waiting[0] == 202, "who waits for the store is told that the event is accepted: %s" % waiting[0]
    assert time.monotonic() - asked < 20, "it waits for the request's time-out"
    server.thaw()
    check_rows(gateway, server, 2)


@with_server
def while_it_starts_clients_wait_then_are_told_so_and_duplicates_are_found(gateway, server):
    flag = os.path.join(gateway.folder, "disk-hangs")
    gateway.start()
    server.freeze()
    assert gateway.post("/events/bulk?ids=0", [event(n) for n in range(100)])[0] == 202
    gateway.stop()
    open(flag, "w").close()
    gateway.env.update({"LD_PRELOAD": os.path.join(BUILD, "libstuck.so"), "SLUICE_STUCK_FSYNC": flag})
    replies = []
    threads = [threading.Thread(target=gateway.start)]
    threads[0].start()

    def wait_for_door():
        gateway.wait_until("the port is open", lambda: knock(gateway.port))

    def post(number):
        replies.append(gateway.post("/events", event(number)))

    wait_for_door()
    threads += [threading.Thread(target=post, args=(5,))]
    threads[1].start()
    time.sleep(1)
    assert not replies, "it answers before it knows the ids of what waits: %s" % replies
    threads[1].join(30)
    status, problem = replies.pop()
    assert status == 503 and problem["code"] == "starting", (status, problem)
    status, page = gateway.get("/readyz")
    assert status == 503 and "starting" in page, (status, page)
    assert gateway.get("/livez")[0] == 200
    assert json.loads(gateway.get("/status")[1])["events"][0]["dropped"] == 1
    os.unlink(flag)
    server.thaw()
    threads[0].join(60)
    status, reply = gateway.post("/events/bulk?ids=0", [event(n) for n in range(110)])
    assert status == 202 and reply["duplicate"] == 100 and reply["accepted"] == 10, reply
    assert gateway.sum("sluice_events_dropped_total", reason="starting") == 1
    check_rows(gateway, server, 110)


def knock(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def signals_of_no_meaning_do_not_end_it(folder):
    gateway = Gateway(folder).start()
    try:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF,
                       signal.SIGIO, signal.SIGXFSZ, signal.SIGPWR):
            gateway.process.send_signal(number)
            time.sleep(0.05)
            assert gateway.running(), "%s ended it" % number
        assert gateway.post("/events", event(1))[0] == 202
        gateway.wait_until("it says so", lambda: gateway.log().count("signal ignored") == 2)
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        the_embedded_store_is_let_go_before_the_port_and_taken_after,
        a_server_is_not_waited_for_by_those_who_knock,
        a_server_that_is_away_delays_no_restart,
        a_stop_stores_what_is_in_memory_alone,
        a_server_that_hangs_delays_the_end_but_refuses_nobody,
        while_it_starts_clients_wait_then_are_told_so_and_duplicates_are_found,
        signals_of_no_meaning_do_not_end_it,
    ])
