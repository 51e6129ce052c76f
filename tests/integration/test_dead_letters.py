"""Rows that a table refuses: the others arrive, the refused lie in the dead letters with their reason, until they are
given back (`sluice dead-letters retry`), with the gateway running or stopped, or dropped."""
import glob
import json
import os
import random
import subprocess
import time

from check import main
from gateway import BUILD, Gateway, SAMPLE, SERVER_BUILD, event, with_gateway
from servers import start_chdb_server

RULE = "ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'"
NO_RULE = "ALTER TABLE events DROP CONSTRAINT not_refused"


def add_rule(gateway):
    """The default table gets a rule of its owner's that the gateway knows nothing of."""
    gateway.stop()
    gateway.sql(RULE, "")
    gateway.start()


def dead_letters(gateway):
    letters = []
    for path in glob.glob(os.path.join(gateway.env["SLUICE_DATA"], "dead", "*.ndjson")):
        with open(path) as file:
            letters += [json.loads(line) for line in file]
    return letters


def command(gateway, verb, *words, code=0):
    """`sluice dead-letters`; what it printed."""
    done = subprocess.run([os.path.join(BUILD, "sluice"), "dead-letters", verb, gateway.env["SLUICE_DATA"], *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.decode() + done.stderr.decode()


def files(gateway, folder):
    path = os.path.join(gateway.env["SLUICE_DATA"], folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def with_server(config=SAMPLE):
    """A test of a gateway and of the server behind it."""
    def decorate(test):
        def run(folder):
            path = os.path.join(folder, "server")
            os.makedirs(path)
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            gateway = Gateway(folder, config, {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url})
            try:
                test(gateway.start(), server)
                if gateway.running():
                    gateway.stop()
            finally:
                gateway.cleanup()
                server.stop()
        run.__name__ = test.__name__
        return run
    return decorate


def post_events(gateway, first, total, bulk, one_in):
    """`total` events, of which the table refuses one in so many."""
    for at in range(first, first + total, bulk):
        events = [event(n, campaign_id="refused" if n % one_in == one_in // 2 else "fine") for n in range(at, at + bulk)]
        status, reply = gateway.post("/events/bulk?ids=0", events)
        assert (status, reply["accepted"]) == (202, bulk), reply


@with_server()
def one_event_in_ten_thousand_is_refused_and_a_retry_beside_the_running_gateway_delivers_it(gateway, server):
    total = 200000
    server.query(RULE)
    post_events(gateway, 0, total, 2000, 10000)
    gateway.wait_stored(240)
    gateway.check_identity()
    assert gateway.sum("sluice_events_dead_lettered_total") == 20
    assert server.query("SELECT count() FROM events FINAL").strip() == str(total - 20)
    listed = command(gateway, "list")
    assert "20 segments, 20 rows" in listed and listed.count("not_refused") == 20, listed
    server.query(NO_RULE)
    assert "gave back 20 segments, 20 rows" in command(gateway, "retry")
    gateway.wait_until("the retried are stored", lambda: gateway.sum("sluice_events_recovered_total") == 20
                       and gateway.sum("sluice_journal_events") == 0)
    gateway.check_identity()
    assert gateway.sum("sluice_events_stored_total") == total
    found = server.query("SELECT count(), uniqExact(event_id), countIf(campaign_id = 'refused') FROM events FINAL")
    assert found.strip() == "%d\t%d\t20" % (total, total), found
    assert files(gateway, "dead") == files(gateway, "retry") == files(gateway, "journal") == []
    gateway.wait_until("the gauge has seen it", lambda: gateway.sum("sluice_dead_letter_bytes") == 0)
    assert command(gateway, "list") == "no dead letters\n"
    assert gateway.post("/events", event(5000, campaign_id="refused"))[0] == 200, "no duplicate any more"


@with_gateway
def one_event_in_ten_thousand_is_refused_and_a_retry_while_the_gateway_is_stopped_delivers_it(gateway):
    total = 40000
    add_rule(gateway)
    post_events(gateway, 0, total, 2000, 10000)
    gateway.wait_stored(240)
    assert gateway.sum("sluice_events_dead_lettered_total") == 4
    gateway.check_identity()
    gateway.stop()
    gateway.sql(NO_RULE, "")
    assert "gave back 4 segments, 4 rows" in command(gateway, "retry")
    gateway.start()
    assert gateway.sum("sluice_events_recovered_total") == 4
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_stored_total") == 4
    assert files(gateway, "dead") == files(gateway, "retry") == []
    gateway.stop()
    found = gateway.sql("SELECT count(), uniqExact(event_id), countIf(campaign_id = 'refused') FROM events FINAL")
    assert found == "%d\t%d\t4" % (total, total), found


@with_server()
def retries_and_gateways_that_are_killed_lose_no_dead_letter(gateway, server):
    """Refused again and again, while command and gateway are killed at random."""
    chance = random.Random(int(os.environ.get("SEED", "1")))
    rounds = int(os.environ.get("ROUNDS", "10"))
    total, refused = 3000, 30
    server.query(RULE)
    post_events(gateway, 0, total, 1000, 100)
    gateway.wait_until("all are buried", lambda: gateway.sum("sluice_events_dead_lettered_total") == refused, 120)
    for _ in range(rounds):
        retry = subprocess.Popen([os.path.join(BUILD, "sluice"), "dead-letters", "retry", gateway.env["SLUICE_DATA"]],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.03))
        retry.kill()
        retry.wait()
        time.sleep(chance.uniform(0, 1.5))
        gateway.kill()
        gateway.start()
    server.query(NO_RULE)
    gateway.wait_stored()
    command(gateway, "retry")
    gateway.wait_until("everything is delivered", lambda: files(gateway, "dead") == files(gateway, "retry") == []
                       and gateway.sum("sluice_journal_events") == 0)
    gateway.check_identity()
    found = server.query("SELECT count(), uniqExact(event_id), countIf(campaign_id = 'refused') FROM events FINAL")
    assert found.strip() == "%d\t%d\t%d" % (total, total, refused), found


TWO_STREAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "two_streams.yaml")


@with_server(TWO_STREAMS)
def full_dead_letters_hold_the_row_and_nothing_else_until_there_is_room(gateway, server):
    """The limit has room for one row: it is buried, the others wait, until letters are dropped, then until it is raised."""
    def buried():
        return gateway.sum("sluice_events_dead_lettered_total", stream="events")

    def held():
        return gateway.sum("sluice_batches_held", stream="events")

    def post(stream, first, count, refused=0):
        events = [{"name": "n%d" % n, "campaign_id": "refused" if n - first < refused else "fine"}
                  for n in range(first, first + count)]
        assert gateway.post("/events/bulk?ids=0&stream=" + stream, events)[0] == 202

    server.query(RULE)
    post("events", 0, 1000, refused=3)
    gateway.wait_until("one is buried, two wait", lambda: (buried(), held()) == (1, 2))
    status, text = gateway.get("/readyz")
    assert status == 200 and "journal.max_dead_letters" in text and "stream:events" in text, (status, text)
    post("others", 0, 1000)
    post("events", 1000, 1000)
    gateway.wait_until("what is not refused arrives", lambda: gateway.sum("sluice_events_stored_total", stream="others") == 1000
                       and gateway.sum("sluice_events_stored_total", stream="events") == 1997)
    assert (buried(), held()) == (1, 2)
    gateway.check_identity()

    assert "dropped 1 segments, 1 rows" in command(gateway, "drop", "--all")
    gateway.wait_until("the next is buried, one waits", lambda: (buried(), held()) == (2, 1))
    gateway.check_identity()

    gateway.stop()
    gateway.env["MAX_DEAD_LETTERS"] = "1MiB"
    gateway.start()
    gateway.wait_until("the last is buried", lambda: (buried(), held()) == (1, 0))
    gateway.wait_stored()
    gateway.check_identity()
    assert "max_dead_letters" not in gateway.get("/readyz")[1]

    server.query(NO_RULE)
    assert "gave back 2 segments, 2 rows" in command(gateway, "retry")
    gateway.wait_until("they are stored", lambda: gateway.sum("sluice_events_stored_total", stream="events") == 2)
    gateway.check_identity()
    assert files(gateway, "dead") == []
    assert server.query("SELECT count() FROM events FINAL").strip() == "1999" # without the one that was dropped
    assert server.query("SELECT count() FROM others FINAL").strip() == "1000"


@with_gateway
def one_event_in_a_thousand_that_the_table_refuses_is_a_dead_letter_and_the_others_arrive(gateway):
    add_rule(gateway)
    total = 50000
    for first in range(0, total, 1000):
        events = [event(n, campaign_id="refused" if n % 1000 == 500 else "fine") for n in range(first, first + 1000)]
        status, reply = gateway.post("/events/bulk?ids=0", events)
        assert (status, reply["accepted"]) == (202, 1000), reply
    gateway.wait_stored(240)
    gateway.check_identity()
    assert gateway.sum("sluice_events_dead_lettered_total") == 50
    letters = dead_letters(gateway)
    assert {letter["event"]["user_id"] for letter in letters} == {"u%012d" % n for n in range(500, total, 1000)}
    assert len(letters) == 50 and all("not_refused" in letter["reason"] for letter in letters), letters[:1]
    gateway.stop()
    assert gateway.sql("SELECT count(), uniqExact(user_id) FROM events") == "49950\t49950"


@with_gateway
def a_schema_that_refuses_everything_holds_the_batch_instead_of_burying_it(gateway):
    add_rule(gateway)
    status, _ = gateway.post("/events/bulk?ids=0", [event(n, campaign_id="refused") for n in range(2000)])
    assert status == 202
    gateway.wait_until("the batch is held", lambda: gateway.sum("sluice_batches_held") > 0)
    assert "events" in gateway.get("/readyz")[1]
    assert gateway.sum("sluice_events_dead_lettered_total") <= 20
    gateway.check_identity()
    gateway.stop()
    gateway.sql(NO_RULE, "")
    gateway.start()
    gateway.wait_stored()
    gateway.check_identity()
    buried = len(dead_letters(gateway))
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events") == str(2000 - buried)


if __name__ == "__main__":
    main([
        one_event_in_a_thousand_that_the_table_refuses_is_a_dead_letter_and_the_others_arrive,
        a_schema_that_refuses_everything_holds_the_batch_instead_of_burying_it,
        one_event_in_ten_thousand_is_refused_and_a_retry_beside_the_running_gateway_delivers_it,
        one_event_in_ten_thousand_is_refused_and_a_retry_while_the_gateway_is_stopped_delivers_it,
        retries_and_gateways_that_are_killed_lose_no_dead_letter,
        full_dead_letters_hold_the_row_and_nothing_else_until_there_is_room,
    ])
