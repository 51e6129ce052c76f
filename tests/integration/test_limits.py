"""A gateway that may open few files, or has little memory: what was acknowledged is stored, and nobody else is blamed."""
import glob
import os
import re
import shutil
import socket
import time

from check import main
from gateway import Gateway, Poster, SAMPLE, SANITIZED, SERVER_BUILD, event
from servers import start_chdb_server
from websocket import Client


def on_a_server(test):
    def run(folder):
        path = os.path.join(folder, "server")
        os.makedirs(path)
        server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
        gateway = Gateway(folder, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
        try:
            test(gateway, server)
        finally:
            gateway.cleanup()
            server.stop()
    run.__name__ = test.__name__
    return run


def limit_files(gateway, most):
    gateway.wrapper = ["prlimit", "--nofile=%d:%d" % (most, most)]


def idle_connections(port, count):
    """Those of `count` that stay open without a word, and how many were answered 503."""
    idle, refused = [], 0
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.setblocking(False)
        idle.append(connection)
    time.sleep(0.5)
    for connection in idle:
        try:
            refused += b"503" in connection.recv(4096)
        except BlockingIOError:
            pass
    return idle, refused


def descriptors(gateway):
    return len(os.listdir("/proc/%d/fd" % gateway.process.pid))


def stored(server):
    return int(server.query("SELECT uniqExact(user_id) FROM events"))


@on_a_server
def idle_connections_leave_the_journal_its_files(gateway, server):
    limit_files(gateway, 1024)
    gateway.start()
    assert "connections bounded by open files" in gateway.log()
    posters = [Poster(gateway, first=(i + 1) * 10**6, bulk=5) for i in range(2)]
    client = Client(gateway.port)           # these are there before
    idle, refused = idle_connections(gateway.port, 1200)
    try:
        assert 0 < refused < 1200, refused
        assert descriptors(gateway) < 1000, descriptors(gateway)
        for number in range(220):
            client.text([event(number)])
            ack = client.read()[1]
            assert ack["ack"] == number + 1 and ack["accepted"] == 1, ack
    finally:
        for connection in idle:
            connection.close()
    gateway.wait_until("connections are taken again", lambda: gateway.get("/livez")[0] == 200)
    for poster in posters:
        poster.start()
    time.sleep(0.5)
    for poster in posters:
        poster.finish()
        assert poster.acked and poster.errors == 0, poster.errors
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_dropped_total") == 0
    assert stored(server) == 220 + sum(len(poster.acked) for poster in posters)


@on_a_server
def files_are_left_for_what_waits_while_the_store_is_away(gateway, server):
    """Segments that wait keep files open, beside as many connections as are let in."""
    limit_files(gateway, 256)
    gateway.start()
    server.kill()
    client = Client(gateway.port)
    idle, refused = idle_connections(gateway.port, 300)
    assert refused > 0
    for number in range(100):
        client.text([event(number)])
        assert client.read()[1]["accepted"] == 1
        if number % 2:
            time.sleep(0.01)
    assert descriptors(gateway) < 256
    for connection in idle:
        connection.close()
    gateway.wait_until("connections are taken again", lambda: gateway.get("/livez")[0] == 200)
    server.start()
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_dropped_total") == 0
    assert stored(server) == 100


def counts_no_damage(gateway):
    """Where memory lasts for a start and for little more, a page may be answered 503, or its connection be closed."""
    try:
        status, page = gateway.get("/metrics")
    except ConnectionError:
        return True
    return status == 503 or not re.search(r"(?m)^sluice_events_damaged_total\S* (?!0$)", page)


def said_why_it_ended(gateway, at):
    code = gateway.process.wait(20)
    gateway.process = None
    return code > 0 and len(gateway.log()) > at


@on_a_server
def a_start_with_too_little_memory_damages_nothing(gateway, server):
    """With each limit of address space it stops and says so, or serves."""
    gateway.start()
    server.kill()
    for number in range(30):
        body = [event(number * 20 + i) for i in range(20)]
        assert gateway.post("/events/bulk", body)[0] == 202
    gateway.kill()
    served = stopped = 0
    for megabytes in list(range(24, 72, 4)) + [90, 110, 150, 200, 300, 600, 1000]:
        gateway.wrapper = ["prlimit", "--as=%d" % (megabytes << 20)]
        at = len(gateway.log())
        try:
            gateway.start(timeout=20)
        except AssertionError:
            assert said_why_it_ended(gateway, at), (megabytes, gateway.log()[at:])
            stopped += 1
        else:
            assert counts_no_damage(gateway), (megabytes, gateway.log()[at:])
            if gateway.process.poll() is None:
                gateway.kill()
            else:
                assert said_why_it_ended(gateway, at), (megabytes, gateway.log()[at:])
            served += 1
        assert not glob.glob(os.path.join(gateway.env["SLUICE_DATA"], "damaged", "*")), megabytes
    assert served and stopped, (served, stopped)
    gateway.wrapper = []
    server.start()
    gateway.start()
    gateway.wait_stored()
    gateway.check_identity()
    assert stored(server) == 600


def what_waits_in_deleted_files_is_said_to_end_with_the_process(folder):
    config = os.path.join(folder, "sluice.yaml")
    with open(SAMPLE) as file:
        text = re.sub(r"(?m)^(drain:[^\n]*\n(?:  .*\n)*?  timeout: )\S+", r"\g<1>1s", file.read())
    with open(config, "w") as file:
        file.write(text)
    gateway = Gateway(folder, config=config, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:1"})
    try:
        gateway.start()
        for number in range(8):
            assert gateway.post("/events", event(number))[0] == 202
        shutil.rmtree(os.path.join(gateway.env["SLUICE_DATA"], "journal"))
        gateway.stop()
        log = gateway.log()
        assert re.search("events lost with their files: [1-9][0-9]* of [1-9][0-9]* segments that wait are gone", log), log
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main(([] if SANITIZED else [a_start_with_too_little_memory_damages_nothing])     # which need terabytes of it
         + [what_waits_in_deleted_files_is_said_to_end_with_the_process, idle_connections_leave_the_journal_its_files,
            files_are_left_for_what_waits_while_the_store_is_away])
