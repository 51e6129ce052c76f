"""Batches that can never succeed as they are: too big for the store or a proxy, rows that an expression of the table fails
for, refused rows beside rows that are there already. The good rows arrive, the others are dead letters, nothing waits for ever."""
import os
import subprocess
import time

from check import main
from gateway import Gateway, SAMPLE, SERVER_BUILD, event
from servers import free_port, start_chdb_server
from test_dead_letters import command, dead_letters, with_server

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    client_max_body_size {body};
    server {{
        listen 127.0.0.1:{port};
        location / {{
            set $more "{arguments}";
            proxy_pass http://127.0.0.1:{server}$uri?$args$more;
            proxy_read_timeout {timeout};
            proxy_pass_request_headers on;
        }}
    }}
}}
"""

DIVIDES = "ALTER TABLE events ADD COLUMN per_item UInt32 MATERIALIZED intDiv(100, toUInt32OrZero(campaign_id))"
THROWS = "ALTER TABLE events ADD COLUMN checked UInt8 MATERIALIZED throwIf(campaign_id = 'bad', 'no such campaign')"
ONCE = "SELECT count(), uniqExact(event_id) FROM events FINAL"


def start_nginx(folder, server, body="100m", arguments="", timeout="60s"):
    """nginx in front of the server; `arguments` go to ClickHouse with each request."""
    port = free_port()
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w") as file:
        file.write(NGINX.format(dir=folder, user="user root;" if os.geteuid() == 0 else "", port=port, server=server.port, body=body, arguments=arguments, timeout=timeout))
    return port, subprocess.Popen(["nginx", "-p", folder, "-c", config], stderr=subprocess.DEVNULL)


def behind_nginx(**options):
    """A test of a gateway whose server stands behind nginx."""
    def decorate(test):
        def run(folder):
            path = os.path.join(folder, "server")
            os.makedirs(path)
            server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
            port, nginx = start_nginx(folder, server, **options)
            gateway = Gateway(folder, SAMPLE, {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:%d" % port})
            try:
                test(gateway.start(), server)
                if gateway.running():
                    gateway.stop()
            finally:
                gateway.cleanup()
                nginx.terminate()
                nginx.wait()
                server.stop()
        run.__name__ = test.__name__
        return run
    return decorate


def post(gateway, events):
    status, reply = gateway.post("/events/bulk?ids=0", events)
    assert (status, reply["accepted"] + reply["duplicate"]) == (202, len(events)), (status, reply)


def settle(gateway, server, total, buried=0):
    """All is stored or buried, once; the sums add up; the gauge and /readyz say what lies there."""
    gateway.wait_stored(120)
    gateway.check_identity()
    assert gateway.sum("sluice_events_dead_lettered_total") == buried, gateway.get("/readyz?verbose")
    assert server.query(ONCE).split() == [str(total - buried)] * 2, server.query(ONCE)
    assert gateway.sum("sluice_dead_letter_rows", stream="events") == buried
    status, text = gateway.get("/readyz")
    assert status == 200 and ("%d rows that their tables refused lie in dead/" % buried in text) == (buried != 0), text


@behind_nginx(arguments="&max_memory_usage=150000000")
def a_batch_that_needs_more_memory_than_a_query_may_is_stored_in_pieces(gateway, server):
    wide = [event(n, metadata={"k%d" % n: n}) for n in range(20000)]
    post(gateway, wide)
    gateway.wait_until("it is refused", lambda: gateway.sum("sluice_insert_failures_total") > 0)
    post(gateway, [event(n) for n in range(20000, 20100)])
    settle(gateway, server, 20100)
    assert gateway.sum("sluice_batch_splits_total") > 0 and "MEMORY_LIMIT_EXCEEDED" in gateway.log()


@behind_nginx(body="50k")
def a_batch_that_a_proxy_finds_too_big_is_stored_in_pieces_and_a_row_that_is_becomes_a_dead_letter(gateway, server):
    noise = os.urandom(60000).hex()
    post(gateway, [event(n, metadata={"text": noise[n * 40:n * 40 + 400]}) for n in range(1000)])
    gateway.wait_until("in pieces", lambda: gateway.sum("sluice_events_stored_total") == 1000)
    post(gateway, [event(1000)] + [event(1001, metadata={"noise": noise})] + [event(n) for n in range(1002, 1010)])
    gateway.wait_until("all but one", lambda: gateway.sum("sluice_events_stored_total") == 1009)
    post(gateway, [event(1010)])     # the table takes something
    settle(gateway, server, 1011, 1)
    assert "413" in dead_letters(gateway)[0]["reason"]


@with_server()
def rows_that_an_expression_of_the_table_fails_for_are_dead_letters(gateway, server):
    server.query(DIVIDES)
    server.query(THROWS)
    events = [event(n, campaign_id="0" if n in (7, 500) else "bad" if n == 993 else "5") for n in range(1000)]
    server.query("ALTER TABLE events MODIFY COLUMN per_item UInt32 MATERIALIZED intDiv(100, if(campaign_id = 'bad', 1, toUInt32OrZero(campaign_id)))")
    post(gateway, events)
    settle(gateway, server, 1000, 3)
    codes = sorted(letter["code"] for letter in dead_letters(gateway))
    assert codes == [153, 153, 395], codes
    assert gateway.log().count("insert failed") < 20 and gateway.log().count(" dead letter: ") == 1, gateway.log()
    command(gateway, "drop", "--all")
    gateway.wait_until("the gauge falls", lambda: gateway.sum("sluice_dead_letter_rows") == 0)
    assert "refused lie in dead" not in gateway.get("/readyz")[1]


@with_server()
def a_row_that_always_fails_delays_nobody_and_a_table_that_always_fails_buries_nothing(gateway, server):
    server.query(THROWS)
    post(gateway, [event(0, campaign_id="bad")])
    gateway.wait_until("it stands aside", lambda: gateway.sum("sluice_batches_held") == 1)
    assert "FUNCTION_THROW_IF" in gateway.get("/readyz")[1]
    post(gateway, [event(n) for n in range(1, 101)])
    gateway.wait_until("evidence", lambda: gateway.sum("sluice_events_dead_lettered_total") == 1)
    server.query("ALTER TABLE events ADD COLUMN broken UInt8 MATERIALIZED throwIf(1, 'all of them')")
    post(gateway, [event(n) for n in range(101, 300)])
    post(gateway, [event(n) for n in range(300, 301)])
    time.sleep(5)
    assert gateway.sum("sluice_events_dead_lettered_total") == 1
    server.query("ALTER TABLE events DROP COLUMN broken")
    settle(gateway, server, 301, 1)


@with_server()
def a_refused_row_beside_rows_that_are_there_already_holds_nobody(gateway, server):
    server.query("ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'")
    post(gateway, [event(n) for n in range(100)])
    gateway.wait_stored()
    gateway.kill()
    for name in os.listdir(gateway.env["SLUICE_DATA"]):
        if name.startswith("keys"):
            subprocess.check_call(["rm", "-rf", os.path.join(gateway.env["SLUICE_DATA"], name)])
    gateway.env["SLUICE_DEDUP"] = "none"
    gateway.start()
    post(gateway, [event(n, campaign_id="refused" if n == 150 else "") if n >= 100 else event(n) for n in range(99, 300)])
    settle(gateway, server, 300, 1)


@with_server()
def a_backfill_over_more_partitions_than_an_insert_may_have_arrives(gateway, server):
    day = 86400 * 1000
    post(gateway, [event(n, timestamp=event(n)["timestamp"] - n // 2 * 31 * day) for n in range(230)])
    settle(gateway, server, 230)
    assert gateway.sum("sluice_batch_splits_total") > 0


@with_server()
def twenty_bad_rows_in_a_batch_of_a_hundred_thousand_hold_nothing_behind_it(gateway, server):
    total = int(os.environ.get("ROWS", "5000"))
    server.query("ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'")
    post(gateway, [event(n, campaign_id="refused" if n % (total // 20) == 77 else "") for n in range(total)])
    gateway.wait_until("it is being taken apart", lambda: gateway.sum("sluice_batch_splits_total") > 0)
    started = time.time()
    slowest = 0
    for first in range(total, total + 1000, 100):
        stored = gateway.sum("sluice_events_stored_total")
        begun = time.time()
        post(gateway, [event(n) for n in range(first, first + 100)])
        gateway.wait_until("others are stored", lambda: gateway.sum("sluice_events_stored_total") >= stored + 100)
        slowest = max(slowest, time.time() - begun)
    print("    slowest of the others: %.1f s" % slowest)
    assert slowest < 15
    settle(gateway, server, total + 1000, 20)
    print("    all: %.1f s, %d halvings, %d log lines" % (time.time() - started, gateway.sum("sluice_batch_splits_total"),
                                                          gateway.log().count("\n")))
    assert gateway.log().count("\n") < 200 and "batch was taken apart" in gateway.log()


if __name__ == "__main__":
    main([
        a_batch_that_needs_more_memory_than_a_query_may_is_stored_in_pieces,
        a_batch_that_a_proxy_finds_too_big_is_stored_in_pieces_and_a_row_that_is_becomes_a_dead_letter,
        rows_that_an_expression_of_the_table_fails_for_are_dead_letters,
        a_row_that_always_fails_delays_nobody_and_a_table_that_always_fails_buries_nothing,
        a_refused_row_beside_rows_that_are_there_already_holds_nobody,
        a_backfill_over_more_partitions_than_an_insert_may_have_arrives,
        twenty_bad_rows_in_a_batch_of_a_hundred_thousand_hold_nothing_behind_it,
    ])
