"""The stores alone: store_integration.c against the embedded engine, chdb_server (26.7) and clickhouse-server 18.16."""
import os
import signal
import subprocess
import time

from check import main
from gateway import BUILD, SERVER_BUILD
from servers import free_port, library, start_chdb_server, start_clickhouse_18

PROGRAM = os.path.join(BUILD, "store_integration")


def run(*arguments, timeout=300):
    environment = dict(os.environ, SLUICE_LIBCHDB=library() or "")
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout, env=environment)


def check(*arguments):
    """Passes, and stdout is ours alone."""
    result = run(*arguments)
    assert result.returncode == 0 and result.stdout == "ok\n", (result.returncode, result.stdout, result.stderr)


def embedded(folder):
    check("embedded", os.path.join(folder, "data"))


def chdb_server(folder):
    server = start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"), user="writer", password="p&ss w'ord")
    try:
        check("clickhouse", server.url, "writer", "p&ss w'ord")
        check_refusals(server, "writer", 516)
    finally:
        server.stop()


def clickhouse_18(folder):
    server = start_clickhouse_18(folder, password="sesame")
    try:
        check("clickhouse", server.url, "default", "sesame")
        check_refusals(server, "default", 193)
    finally:
        server.stop()


def check_refusals(server, user, code):
    result = run("clickhouse", server.url, user, "wrong")
    assert result.returncode == 1 and "Code: %d" % code in result.stderr, result.stderr
    assert "wrong" not in result.stderr, result.stderr
    result = run("clickhouse", "http://127.0.0.1:%d" % free_port(), user, "wrong")
    assert result.returncode == 1 and "connect" in result.stderr, result.stderr


def embedded_engine_survives_being_killed(folder):
    """kill -9 in the middle of INSERTs, five times: the folder opens again and every INSERT that was done is there."""
    data = os.path.join(folder, "data")
    environment = dict(os.environ, SLUICE_LIBCHDB=library() or "")
    done = 0
    for delay in (0.9, 1.0, 1.1, 1.3, 1.7):
        process = subprocess.Popen([PROGRAM, "crash", data], stdout=subprocess.PIPE, text=True, env=environment)
        time.sleep(delay)
        process.kill()
        lines = process.communicate()[0].split("\n")[:-1]
        done = max([done] + [int(line.split()[1]) for line in lines])
        count = run("count", data)
        assert count.returncode == 0, count.stderr
        assert int(count.stdout) in (done, done + 1000), (count.stdout, done)
        done = int(count.stdout)
    assert done > 0


def sigterm_is_not_taken_by_the_engine(folder):
    """A process without a handler dies of SIGTERM at once, as if there was no engine in it."""
    environment = dict(os.environ, SLUICE_LIBCHDB=library() or "")
    process = subprocess.Popen([PROGRAM, "crash", os.path.join(folder, "data")], stdout=subprocess.PIPE, text=True,
                               env=environment)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    assert process.wait(10) == -signal.SIGTERM


def missing_library_says_what_to_do(folder):
    result = subprocess.run([PROGRAM, "embedded", folder], capture_output=True, text=True,
                            env=dict(os.environ, SLUICE_LIBCHDB="/nonexistent/libchdb.so"))
    assert result.returncode == 1 and "sluice engine install" in result.stderr, result.stderr
    assert "store.kind: clickhouse" in result.stderr, result.stderr


if __name__ == "__main__":
    main([embedded, chdb_server, clickhouse_18, embedded_engine_survives_being_killed,
          sigterm_is_not_taken_by_the_engine, missing_library_says_what_to_do])
