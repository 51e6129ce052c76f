"""The gateway in front of real ClickHouse servers over HTTP: 26.7 (chdb_server) and Debian's 18.16."""
import json
import os
import signal
import socket
import time

from check import main
from gateway import Gateway, Poster, ROOT, SERVER_BUILD, event
from servers import start_chdb_server, start_clickhouse_18
from websocket import sample_with

FEW_DESCRIPTORS = 100
OLD = os.path.join(ROOT, "tests", "integration", "old_server.yaml")


def chdb(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path, exist_ok=True)
    return start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))


def old(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path, exist_ok=True)
    return start_clickhouse_18(path, password="sesame")


def gateway_for(folder, server, **more):
    env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD": server.password or ""}
    env.update(more.pop("env", {}))
    return Gateway(folder, env=env, **more)


def bulk_events_are_stored_exactly(gateway, server, final):
    report = gateway.load(path="/events/bulk?ids=0", bulk=500, connections=4, events=100000, repeat=10)
    assert report["failed"] == 0 and report["accepted"] + report["duplicate"] == 100000, report
    gateway.wait_stored()
    gateway.check_identity()
    count = server.query("SELECT count(), uniqExact(user_id) FROM events " + final).strip()
    assert count == "%d\t%d" % (report["accepted"], report["accepted"]), (count, report)


def outage_loses_nothing(gateway, server, final, seconds):
    """The store is killed under load and started again: nothing lost, nothing twice, /readyz told the story."""
    poster = Poster(gateway, first=10000000, retry=True)
    poster.start()
    time.sleep(1)
    server.kill()
    time.sleep(seconds)
    status, text = gateway.get("/readyz")
    assert status == 200 and "store" in text, (status, text)
    before = len(poster.acked)
    time.sleep(0.5)
    assert len(poster.acked) > before, "events are not accepted while the store is down"
    server.start()
    time.sleep(1)
    poster.finish()
    gateway.wait_stored()
    gateway.check_identity()
    rows = server.query("SELECT user_id, count() FROM events %s WHERE user_id >= 'u000010000000' GROUP BY user_id" % final)
    stored = {}
    for row in rows.splitlines():
        user, count = row.split("\t")
        stored[int(user[1:])] = int(count)
    assert poster.acked <= stored.keys(), "%d lost" % len(poster.acked - stored.keys())
    assert set(stored.values()) == {1}, "some are stored twice"
    gateway.wait_until("/readyz has nothing to tell", lambda: "store" not in gateway.get("/readyz")[1], 30)
    print("        %d events acknowledged around an outage of %.0f s" % (len(poster.acked), seconds))


def an_outage_of_more_segments_than_descriptors_loses_nothing(folder):
    """Each group that waits for the store is a segment of its own; the gateway goes on, and so does one that is started on all of them."""
    server = chdb(folder)
    gateway = gateway_for(folder, server, wrapper=("prlimit", "--nofile=%d" % FEW_DESCRIPTORS))
    try:
        gateway.start()
        server.kill()
        numbers = iter(range(10 ** 6))
        doors = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(4)]
        while gateway.sum("sluice_journal_segments") < 2 * FEW_DESCRIPTORS:
            number = next(numbers)
            body = json.dumps(event(number)).encode()
            doors[number % len(doors)].sendall(
                b"POST /events?wait=stored HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            time.sleep(0.01)
            assert number < 4 * FEW_DESCRIPTORS
        assert gateway.get("/livez")[0] == 200
        assert gateway.post("/events", event(next(numbers)))[0] == 202
        sent = next(numbers)
        gateway.wait_until("all are accepted", lambda: gateway.sum("sluice_journal_events") == sent)
        gateway.kill()
        gateway.start()
        assert gateway.sum("sluice_events_recovered_total") == sent
        server.start()
        gateway.wait_stored()
        gateway.check_identity()
        count = server.query("SELECT count(), uniqExact(user_id) FROM events FINAL").strip()
        assert count == "%d\t%d" % (sent, sent), count
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def run(folder, start, config=None):
    server = start(folder)
    gateway = gateway_for(folder, server, **({"config": config} if config else {}))
    try:
        gateway.start()
        yield gateway, server
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


SECONDS = float(os.environ.get("OUTAGE_SECONDS", "5"))


def server_26_stores_a_bulk_load_exactly(folder):
    for gateway, server in run(folder, chdb):
        bulk_events_are_stored_exactly(gateway, server, "FINAL")


def server_26_killed_under_load_loses_nothing(folder):
    for gateway, server in run(folder, chdb):
        outage_loses_nothing(gateway, server, "FINAL", SECONDS)


def server_18_stores_a_bulk_load_exactly(folder):
    for gateway, server in run(folder, old, OLD):
        bulk_events_are_stored_exactly(gateway, server, "FINAL")


def server_18_takes_every_type_it_has(folder):
    for gateway, server in run(folder, old, OLD):
        values = {"amount": 1.5, "n": -7, "request": "61f0c404-5cb3-11e7-907b-a6006ad3dba0"}
        status, reply = gateway.post("/events/bulk?wait=stored", [event(1, metadata=values)])
        assert status == 200, (status, reply)
        row = server.query("SELECT user_id, tags, amount, n, request FROM events").strip()
        assert row == "u000000000001\t['a','b']\t1.5\t-7\t61f0c404-5cb3-11e7-907b-a6006ad3dba0", row


def server_18_killed_under_load_loses_nothing(folder):
    for gateway, server in run(folder, old, OLD):
        outage_loses_nothing(gateway, server, "FINAL", SECONDS)


def a_store_that_is_down_at_start_is_no_error(folder):
    server = chdb(folder)
    server.kill()
    gateway = gateway_for(folder, server)
    try:
        gateway.start()
        assert gateway.post("/events", event(1))[0] == 202
        status, text = gateway.get("/readyz?verbose")
        assert status == 200 and "not checked" in text, text
        server.start()
        gateway.wait_stored()
        gateway.check_identity()
        assert server.query("SELECT count() FROM events FINAL").strip() == "1"
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def a_store_that_hangs_at_start_holds_it_up_for_one_probe(folder):
    server = chdb(folder)
    gateway = gateway_for(folder, server, config=sample_with(folder, store={"connect_timeout": "500ms"}))
    server.process.send_signal(signal.SIGSTOP)
    try:
        started = time.time()
        gateway.start()
        assert time.time() - started < 20, "it waited for the time-out of an INSERT"
        assert gateway.post("/events", event(1))[0] == 202
        server.process.send_signal(signal.SIGCONT)
        gateway.wait_stored()
        gateway.check_identity()
        assert server.query("SELECT count() FROM events FINAL").strip() == "1"
        gateway.stop()
    finally:
        server.process.send_signal(signal.SIGCONT)
        gateway.cleanup()
        server.stop()


def a_wrong_password_holds_the_stream_and_says_so(folder):
    server = old(folder)
    gateway = gateway_for(folder, server, config=OLD, env={"CLICKHOUSE_PASSWORD": "wrong"})
    try:
        gateway.start()
        assert gateway.post("/events", event(1))[0] == 202
        gateway.wait_until("the password is complained of", lambda: "assword" in gateway.get("/readyz")[1], 30)
        assert gateway.sum("sluice_journal_events") == 1
        gateway.stop()
        gateway.env["CLICKHOUSE_PASSWORD"] = "sesame"
        gateway.start()
        gateway.wait_stored()
        gateway.check_identity()
        assert server.query("SELECT count() FROM events").strip() == "1"
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


if __name__ == "__main__":
    main([
        server_26_stores_a_bulk_load_exactly,
        server_26_killed_under_load_loses_nothing,
        an_outage_of_more_segments_than_descriptors_loses_nothing,
        server_18_stores_a_bulk_load_exactly,
        server_18_takes_every_type_it_has,
        server_18_killed_under_load_loses_nothing,
        a_store_that_is_down_at_start_is_no_error,
        a_store_that_hangs_at_start_holds_it_up_for_one_probe,
        a_wrong_password_holds_the_stream_and_says_so,
    ])
