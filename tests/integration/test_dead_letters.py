"""Rows that a table refuses: the others arrive, the refused lie in the dead letters with their reason."""
import glob
import json
import os

from check import main
from gateway import event, with_gateway


def add_rule(gateway):
    """The default table gets a rule of its owner's that the gateway knows nothing of."""
    gateway.stop()
    gateway.sql("ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'", "")
    gateway.start()


def dead_letters(gateway):
    letters = []
    for path in glob.glob(os.path.join(gateway.env["SLUICE_DATA"], "dead", "*.ndjson")):
        with open(path) as file:
            letters += [json.loads(line) for line in file]
    return letters


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
    gateway.sql("ALTER TABLE events DROP CONSTRAINT not_refused", "")
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
    ])
