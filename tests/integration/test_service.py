"""Under a service manager that speaks systemd's protocol: when the gateway says that it is ready, alive, stopping."""
import os
import signal
import socket
import threading
import time

from check import main
from gateway import BUILD, Gateway, Poster, SERVER_BUILD, event
from servers import start_chdb_server


class Manager(threading.Thread):
    """The datagram socket that a service manager listens on; remembers when each message came."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []          # (monotonic, "READY=1")
        self.start()

    def run(self):
        while True:
            text = self.socket.recv(4096).decode()
            if text == "end":
                return
            self.messages += [(time.monotonic(), line) for line in text.splitlines()]

    def end(self):
        self.socket.sendto(b"end", self.path)
        self.join()
        self.socket.close()

    def times(self, start, since=0.0):
        return [at for at, line in list(self.messages) if line.startswith(start) and at >= since]

    def values(self, key):
        return [line[len(key) + 1:] for _, line in list(self.messages) if line.startswith(key + "=")]


def wait_until(what, condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not within %d s: %s" % (timeout, what)
        time.sleep(0.02)


def as_a_service(watchdog_s=None, env=None):
    """A test of a gateway that a manager will start, the manager, and the server behind the gateway."""
    def decorate(test):
        def run(folder):
            path = os.path.join(folder, "server")
            os.makedirs(path)
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            manager = Manager(folder)
            gateway = Gateway(folder, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url,
                                           "NOTIFY_SOCKET": manager.path})
            if watchdog_s:
                gateway.env["WATCHDOG_USEC"] = str(int(watchdog_s * 1000000))
            gateway.env.update({name: os.path.join(folder, value) for name, value in (env or {}).items()})
            try:
                test(gateway, manager, server)
                if gateway.running():
                    gateway.stop()
            finally:
                gateway.cleanup()
                manager.end()
                server.stop()
        run.__name__ = test.__name__
        return run
    return decorate


def check_store(gateway, server, numbers):
    """All of these events, each once; the accounts add up."""
    gateway.wait_stored()
    gateway.check_identity()
    rows = server.query("SELECT user_id, count() FROM events FINAL GROUP BY user_id").split()
    stored = dict(zip((int(user[1:]) for user in rows[0::2]), map(int, rows[1::2])))
    assert set(numbers) <= stored.keys(), "%d are lost" % len(set(numbers) - stored.keys())
    assert set(stored.values()) <= {1}, "some are stored twice"


@as_a_service()
def ready_comes_when_the_port_answers_and_stopping_when_it_drains(gateway, manager, server):
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    gateway.port = port.getsockname()[1]
    port.close()
    gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
    starting = threading.Thread(target=gateway.start)
    starting.start()
    wait_until("READY=1", lambda: manager.times("READY=1"))
    assert gateway.get("/readyz")[0] == 200
    assert gateway.post("/events", event(1))[0] == 202
    starting.join()
    assert "serving on 127.0.0.1:%d" % gateway.port in manager.values("STATUS")
    assert not manager.times("STOPPING") and not manager.times("WATCHDOG"), manager.messages
    check_store(gateway, server, [1])
    gateway.stop()
    wait_until("STOPPING=1", lambda: manager.times("STOPPING=1"))
    assert len(manager.times("READY=1")) == 1
    extended = int(manager.values("EXTEND_TIMEOUT_USEC")[0])
    assert extended >= 30 * 1000000, "less than drain.timeout"
    assert any(status.startswith("draining") for status in manager.values("STATUS"))


WATCHDOG = 4.0


def longest_gap(times, start, end):
    points = [start] + [at for at in times if start <= at <= end] + [end]
    return max(b - a for a, b in zip(points, points[1:]))


@as_a_service(watchdog_s=WATCHDOG)
def signs_of_life_keep_coming_at_rest_and_under_load(gateway, manager, server):
    gateway.start()
    start = time.monotonic()
    time.sleep(WATCHDOG * 1.5)
    rested = time.monotonic()
    report = gateway.load(path="/events/bulk?ids=0", bulk=500, connections=8, events=1000000)
    assert report["failed"] == 0, report
    time.sleep(max(0.0, rested + WATCHDOG - time.monotonic()))
    end = time.monotonic()
    signs = manager.times("WATCHDOG=1")
    rest, load = longest_gap(signs, start, rested), longest_gap(signs, rested, end)
    assert rest < WATCHDOG and load < WATCHDOG, "the watchdog would have killed it: %.1f s, %.1f s" % (rest, load)
    gateway.wait_stored(240)
    gateway.check_identity()
    count = server.query("SELECT count() FROM events FINAL").strip()
    assert count == str(report["accepted"]), (count, report["accepted"])
    print("        longest gap %.1f s at rest, %.1f s under load; a third is %.1f s" % (rest, load, WATCHDOG / 3))


def stuck(gateway, manager, flag, part, ask):
    """While the file `flag` is there a thread hangs, once `ask` has given it work: signs of life end, then come again."""
    limit = 1.5
    gateway.start()
    wait_until("a sign of life", lambda: manager.times("WATCHDOG=1"))
    open(flag, "w").close()
    asking = threading.Thread(target=ask)
    asking.start()
    wait_until("it says what is stuck", lambda: "stuck: " + part in manager.values("STATUS"))
    said = time.monotonic()
    time.sleep(2 * limit)
    assert not manager.times("WATCHDOG=1", since=said), "a sign of life while it is stuck"
    os.unlink(flag)
    wait_until("signs of life again", lambda: manager.times("WATCHDOG=1", since=said))
    asking.join(60)
    assert not asking.is_alive()


@as_a_service(watchdog_s=1.5, env={"SLUICE_STUCK_FDATASYNC": "disk-hangs"})
def signs_of_life_end_while_the_commit_thread_is_stuck(gateway, manager, server):
    gateway.env["LD_PRELOAD"] = os.path.join(BUILD, "libstuck.so")
    replies = []
    stuck(gateway, manager, gateway.env["SLUICE_STUCK_FDATASYNC"], "the commit thread",
          lambda: replies.append(gateway.post("/events", event(1))[0]))
    assert replies == [202]
    check_store(gateway, server, [1])


@as_a_service(watchdog_s=1.5, env={"SLUICE_STUCK_ACCEPT": "socket-hangs"})
def signs_of_life_end_while_an_io_thread_is_stuck(gateway, manager, server):
    gateway.env["LD_PRELOAD"] = os.path.join(BUILD, "libstuck.so")
    replies = []
    stuck(gateway, manager, gateway.env["SLUICE_STUCK_ACCEPT"], "an I/O thread",
          lambda: replies.append(gateway.post("/events", event(1))[0]))
    assert replies == [202]
    check_store(gateway, server, [1])


@as_a_service(watchdog_s=WATCHDOG)
def a_second_sigterm_ends_a_long_drain_at_once_and_loses_nothing(gateway, manager, server):
    gateway.start()
    poster = Poster(gateway)
    poster.start()
    wait_until("events are acknowledged", lambda: len(poster.acked) > 500)
    server.freeze()
    before = len(poster.acked)
    wait_until("events are acknowledged while the store hangs", lambda: len(poster.acked) > before + 500)
    gateway.process.send_signal(signal.SIGTERM)
    wait_until("STOPPING=1", lambda: manager.times("STOPPING=1"))
    assert int(manager.values("WATCHDOG_USEC")[0]) >= 30 * 1000000, "the watchdog would end a drain"
    before = len(poster.acked)
    wait_until("events are acknowledged while it waits", lambda: len(poster.acked) > before + 500)
    poster.finish()
    time.sleep(1)
    assert gateway.running(), "it did not wait for the store"
    asked = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    code = gateway.process.wait(10)
    took = time.monotonic() - asked
    assert code == 3 and took < 2, (code, took)
    gateway.process = None
    server.thaw()
    gateway.start()
    check_store(gateway, server, poster.acked)
    print("        %d events acknowledged, ended %.2f s after the second SIGTERM" % (len(poster.acked), took))


# Leads a session on a terminal and has the gateway as a job in the background, which it passes a hangup on to, as shells do.
SHELL = """
import fcntl, os, signal, sys, termios
os.setsid()
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.execvp(sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGHUP, lambda *_: os.kill(job, signal.SIGHUP))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
"""
# The gateway itself leads the session: the kernel tells it.
ALONE = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), termios.TIOCSCTTY, 0)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def on_a_terminal(gateway, script):
    """The other end of it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)    # the gateway inherits it; under nohup it would be another test
    master, slave = os.openpty()
    gateway.wrapper = ["/usr/bin/python3", "-c", script, os.ttyname(slave)]
    gateway.start()
    os.close(slave)
    return master


def reloads(gateway):
    return gateway.sum("sluice_config_reloads_total")


@as_a_service()
def a_job_of_a_shell_reloads_and_drains_when_the_terminal_closes(gateway, manager, server):
    terminal = on_a_terminal(gateway, SHELL)
    pid = gateway.process.pid
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        job = int(children.read())
    os.kill(job, signal.SIGHUP)
    wait_until("a reload", lambda: reloads(gateway) == 1)
    os.kill(pid, signal.SIGHUP)     # passed on, but the terminal is there
    wait_until("another one", lambda: reloads(gateway) == 2)
    assert gateway.post("/events", event(1))[0] == 202 and not manager.times("STOPPING=1")
    os.close(terminal)
    assert gateway.process.wait(60) == 0
    gateway.process = None
    gateway.check_log()
    assert server.query("SELECT count() FROM events").strip() == "1"


@as_a_service()
def a_reload_is_told_to_the_manager(gateway, manager, server):
    gateway.start()
    gateway.process.send_signal(signal.SIGHUP)
    wait_until("it is ready again", lambda: len(manager.times("READY=1")) == 2)
    assert len(manager.times("RELOADING=1")) == 1 and len(manager.times("MONOTONIC_USEC=")) == 1
    assert manager.times("RELOADING=1")[0] <= manager.times("READY=1")[1]
    assert reloads(gateway) == 1
    assert not manager.times("STOPPING=1")


@as_a_service()
def closing_the_terminal_drains_however_many_hangups_it_sends(gateway, manager, server):
    terminal = on_a_terminal(gateway, ALONE)
    poster = Poster(gateway)
    poster.start()
    wait_until("events are acknowledged", lambda: len(poster.acked) > 500)
    server.freeze()
    poster.finish()
    os.close(terminal)
    wait_until("STOPPING=1", lambda: manager.times("STOPPING=1"))
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert gateway.running(), "the second SIGHUP ended it"
    server.thaw()
    code = gateway.process.wait(60)
    assert code == 0, code
    gateway.process = None
    gateway.check_log()
    stored = server.query("SELECT user_id FROM events").split()
    assert {"u%012d" % number for number in poster.acked} <= set(stored), "it ended before all was stored"


@as_a_service()
def under_nohup_closing_the_terminal_changes_nothing_and_a_reload_is_one(gateway, manager, server):
    terminal = on_a_terminal(gateway, ALONE.replace("sys.argv[2], sys.argv[2:]", "'nohup', ['nohup'] + sys.argv[2:]"))
    os.close(terminal)
    time.sleep(1)
    assert gateway.running() and not manager.times("STOPPING=1") and reloads(gateway) == 0
    gateway.process.send_signal(signal.SIGHUP)
    wait_until("a reload", lambda: reloads(gateway) == 1)
    assert gateway.running() and not manager.times("STOPPING=1")
    assert gateway.post("/events", event(1))[0] == 202


if __name__ == "__main__":
    main([
        ready_comes_when_the_port_answers_and_stopping_when_it_drains,
        signs_of_life_keep_coming_at_rest_and_under_load,
        signs_of_life_end_while_the_commit_thread_is_stuck,
        signs_of_life_end_while_an_io_thread_is_stuck,
        a_second_sigterm_ends_a_long_drain_at_once_and_loses_nothing,
        closing_the_terminal_drains_however_many_hangups_it_sends,
        under_nohup_closing_the_terminal_changes_nothing_and_a_reload_is_one,
        a_job_of_a_shell_reloads_and_drains_when_the_terminal_closes,
        a_reload_is_told_to_the_manager,
    ])
