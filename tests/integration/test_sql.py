"""`sluice sql` while the gateway runs: it is asked over a socket in the data folder, reads unless it may write, and goes on
storing events meanwhile."""
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

from check import main
from gateway import BUILD, Gateway, Poster, SANITIZED, event, with_gateway

LONG = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
READS = ["SELECT 1", "WITH 1 AS x SELECT x", "SHOW TABLES", "EXPLAIN SELECT 1", "DESCRIBE events", "EXISTS TABLE events",
         "/* x */ SELECT 1 -- y", "SELECT count() FROM events FINAL FORMAT JSON", "SELECT 1; SELECT 2"]
WRITES = ["DROP TABLE events", "INSERT INTO events (user_id) VALUES ('x')", "TRUNCATE TABLE events", "OPTIMIZE TABLE events",
          "ALTER TABLE events DELETE WHERE 1", "CREATE TABLE z (x UInt8) ENGINE Memory", "KILL QUERY WHERE 1",
          "RESTORE TABLE events AS e3 FROM File('none')", "SELECT 1; DROP TABLE events", "SYSTEM FLUSH LOGS",
          "BACKUP TABLE events TO File('x'); DROP TABLE events", "SET readonly = 0", "DROP DATABASE default",
          "SELECT 1 INTO OUTFILE '%(folder)s/outfile'", "/**/ -- x\n drop table events",
          "INSERT INTO FUNCTION file('%(folder)s/outfile', 'TSV', 'x UInt8') VALUES (1)"]


def command(gateway, statement, *words):
    return [os.path.join(BUILD, "sluice"), "sql", "--config", gateway.config, "--format", "TSV"] + list(words) + [statement]


def ask(gateway, statement, *words):
    done = subprocess.run(command(gateway, statement, *words), env=gateway.env, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def start(gateway, statement, *words):
    """Ctrl-C ends it, whatever these tests were started from: a shell has its background jobs ignore it."""
    return subprocess.Popen(command(gateway, statement, *words), env=gateway.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def running(gateway):
    return int(gateway.sql("SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'"))


def memory(gateway):
    with open("/proc/%d/status" % gateway.process.pid) as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def only_reading_without_write(folder):
    gateway = Gateway(folder)
    try:
        gateway.start()
        gateway.post("/events?wait=stored", event(1))
        for state in ("running", "stopped"):
            for statement in READS:
                code, out, said = ask(gateway, statement)
                assert code == 0 and out, (state, statement, code, out, said)
            for statement in WRITES:
                code, out, said = ask(gateway, statement % {"folder": folder} if "%(" in statement else statement)
                assert code == 1 and "--write" in said and out in ("", "1\n"), (state, statement, code, out, said)
            assert ask(gateway, "SELEC 1")[2].startswith("sluice sql: Code: 62. DB::Exception: Syntax error")
            assert not os.path.exists(os.path.join(folder, "outfile"))
            assert gateway.sql("SELECT count() FROM events FINAL") == "1"
            assert ask(gateway, "CREATE TABLE %s (x UInt8) ENGINE MergeTree ORDER BY x" % state, "--write")[0] == 0
            assert ask(gateway, "INSERT INTO %s VALUES (1), (2)" % state, "--write")[0] == 0
            assert gateway.sql("SELECT sum(x) FROM " + state) == "3"
            if state == "running":
                gateway.check_identity()
                gateway.stop()
                assert not os.path.exists(os.path.join(folder, "data", "sql.sock"))
    finally:
        gateway.cleanup()


@with_gateway
def formats_are_whole_streamed_or_not(gateway):
    rows = 300000
    query = "SELECT number FROM numbers(%d)" % rows
    want = "".join("%d\n" % n for n in range(rows))
    assert ask(gateway, query)[1] == want
    assert ask(gateway, query, "--format", "TSVWithNames")[1] == "number\n" + want
    assert ask(gateway, query, "--format", "CSVWithNames")[1] == '"number"\n' + want
    assert ask(gateway, query, "--format", "JSON")[1].count('"meta"') == 1
    assert ask(gateway, query, "--format", "JSONEachRow")[1].count("\n") == rows
    assert ask(gateway, query + " FORMAT JSON", "--format", "PrettyCompact")[1].count('"rows": %d' % rows) == 1
    code, _, said = ask(gateway, query, "--format", "Nonsense")
    assert code == 1 and "Nonsense" in said
    code, out, said = ask(gateway, "SELECT throwIf(number = 200000) FROM numbers(%d)" % rows)
    assert code == 1 and "throwIf" in said, said


@with_gateway
def large_results_are_streamed_or_refused_and_cost_little(gateway):
    rows = 4000000
    before = memory(gateway)
    most = [0]
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            most[0] = max(most[0], memory(gateway))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process = start(gateway, "SELECT number, repeat('x', 100) FROM numbers(%d)" % rows)
    length = 0
    while True:
        piece = process.stdout.read(1 << 20)
        if not piece:
            break
        length += len(piece)
    done.set()
    watcher.join()
    assert process.wait() == 0 and length > 100 * rows, length
    assert SANITIZED or most[0] - before < 300 << 20, "%d MiB for a result that is streamed" % ((most[0] - before) >> 20)
    code, _, said = ask(gateway, "SELECT number, repeat('x', 100) FROM numbers(%d)" % rows, "--format", "JSON")
    assert code == 1 and "TSV" in said and "result" in said, said
    print("        %d MB streamed, %d MiB of memory" % (length // 10 ** 6, (most[0] - before) >> 20))


@with_gateway
def a_client_that_leaves_ends_its_statement(gateway):
    for number in (signal.SIGINT, signal.SIGKILL):
        process = start(gateway, LONG)
        gateway.wait_until("it runs", lambda: running(gateway) == 1, 10)
        process.send_signal(number)
        assert process.wait(10) == -number
        gateway.wait_until("it is cancelled", lambda: running(gateway) == 0, 10)
    process = start(gateway, "SELECT number FROM numbers(1000000000000)")
    assert process.stdout.read(4) == b"0\n1\n"
    process.stdout.close()
    assert process.wait(10) != 0
    gateway.wait_until("it is cancelled", lambda: running(gateway) == 0, 10)


@with_gateway
def long_statements_hold_nobody_up(gateway):
    """Four of them: a fifth is refused, events are stored, and the stop does not wait for their ends."""
    processes = []
    for number in range(3):
        processes.append(start(gateway, LONG))
        gateway.wait_until("it runs", lambda: running(gateway) == number + 1, 30)
    processes.append(start(gateway, LONG))
    gateway.wait_until("all four run", lambda: "four statements run already" in ask(gateway, "SELECT 1")[2], 30)
    poster = Poster(gateway)
    poster.start()
    time.sleep(2)
    poster.finish()
    assert len(poster.acked) > 1000, len(poster.acked)
    status, reply = gateway.post("/events?wait=stored", event(5000000))
    assert (status, reply["status"]) == (200, "stored"), (status, reply)
    gateway.wait_stored()
    gateway.check_identity()
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 10, "the stop took %.1f s" % (time.monotonic() - began)
    for process in processes:
        _, said = process.communicate(timeout=10)
        assert process.returncode == 1 and b"the gateway ended before the statement did" in said, said
    assert gateway.sql("SELECT count() FROM events FINAL") == str(len(poster.acked) + 1)


def backups_are_made_under_load_and_restored(folder):
    gateway = Gateway(folder)
    try:
        gateway.start()
        poster = Poster(gateway, retry=True)
        poster.start()
        time.sleep(1)
        counted, known = [], []
        for number in range(3):
            known.append(int(gateway.sql("SELECT count() FROM events FINAL")))
            code, _, said = ask(gateway, "BACKUP TABLE events TO File('%d')" % number)
            assert code == 0, said
            counted.append(int(gateway.sql("SELECT count() FROM events FINAL")))
        code, _, said = ask(gateway, "BACKUP TABLE events TO File('/tmp/elsewhere')")
        assert code == 1 and "not allowed" in said, said
        poster.finish()
        gateway.wait_stored()
        for number in range(3):
            code, _, said = ask(gateway, "RESTORE TABLE events AS old%d FROM File('%d')" % (number, number), "--write")
            assert code == 0, said
            rows = int(gateway.sql("SELECT count() FROM old%d FINAL" % number))
            assert known[number] <= rows <= counted[number], (known, rows, counted)
            wrong = gateway.sql("SELECT count() FROM old%d WHERE event_id NOT IN (SELECT event_id FROM events)" % number)
            assert wrong == "0"
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count() FROM events FINAL") == str(len(poster.acked))
        gateway.sql("DROP TABLE events SYNC")
        assert ask(gateway, "RESTORE TABLE events FROM File('2')", "--write")[0] == 0
        gateway.start()
        gateway.post("/events?wait=stored", event(9000000))
        assert int(gateway.sql("SELECT count() FROM events FINAL")) == rows + 1
        gateway.stop()
    finally:
        gateway.cleanup()


def a_socket_that_was_left_behind_is_in_nobodys_way(folder):
    gateway = Gateway(os.path.join(folder, "long" * 40))
    path = os.path.join(gateway.folder, "data", "sql.sock")
    lock = os.path.join(gateway.folder, "data", "LOCK")
    try:
        gateway.start()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert gateway.post("/events?wait=stored", event(1))[0] == 200
        process = start(gateway, LONG)
        gateway.wait_until("it runs", lambda: running(gateway) == 1, 10)
        gateway.kill()
        _, said = process.communicate(timeout=10)
        assert process.returncode == 1 and b"the gateway ended" in said, said
        assert os.path.exists(path)
        assert gateway.sql("SELECT count() FROM events FINAL") == "1", "the command opens the store itself"
        started = threading.Thread(target=gateway.start)
        started.start()
        while gateway.process is None or open(lock).read().strip() != str(gateway.process.pid):
            time.sleep(0.005)
        assert gateway.sql("SELECT count() FROM events FINAL") == "1", "a gateway that starts is waited for"
        started.join()
        assert gateway.sql("SELECT count() FROM events FINAL") == "1"
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


@with_gateway
def what_is_no_request_is_hung_up_on(gateway):
    path = os.path.join(gateway.folder, "data", "sql.sock")
    head = b"SLUICE1\n"
    number = lambda n: n.to_bytes(4, "little")
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(path)
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n" * 2, head + number(2) + number(3) + number(8) + b"TSVSELECT 1",
                    head + number(0) + number(65) + number(8) + b"x" * 73, head + number(0) + number(3) + number(1 << 31) + b"x",
                    head + number(0)):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(path)
            client.sendall(rubbish)
            client.shutdown(socket.SHUT_WR)
            try:
                assert client.recv(100) == b""
            except ConnectionResetError:
                pass
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(head + number(0) + number(3) + number(8) + b"TSVSELECT 1")
        assert client.makefile("rb").read(18) == number(1) + number(2) + b"1\n" + number(2) + number(0)
    assert gateway.sql("SELECT 1") == "1"
    silent.close()


main([
    only_reading_without_write,
    formats_are_whole_streamed_or_not,
    large_results_are_streamed_or_refused_and_cost_little,
    a_client_that_leaves_ends_its_statement,
    long_statements_hold_nobody_up,
    backups_are_made_under_load_and_restored,
    a_socket_that_was_left_behind_is_in_nobodys_way,
    what_is_no_request_is_hung_up_on,
])
