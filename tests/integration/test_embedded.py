"""The whole gateway on the embedded store: what its first user does, and what the promise says of a million events."""
import gzip
import json
import os
import subprocess

from check import main
from gateway import BUILD, Gateway, NOON_MS, event, with_gateway

EVENTS = int(os.environ.get("EVENTS", "1000000"))


@with_gateway
def an_event_is_read_back_by_the_read_api_and_by_sql(gateway):
    status, reply = gateway.post("/events?wait=stored", event(1))
    assert (status, reply["status"]) == (200, "stored"), (status, reply)
    status, again = gateway.post("/events", event(1))
    assert (status, again["status"], again["id"]) == (200, "duplicate", reply["id"]), (status, again)
    status, text = gateway.get("/events/metrics?event_name=purchase&group_by=channel&from=%d" % (NOON_MS - 86400000))
    counts = json.loads(text)
    assert status == 200 and counts["total_count"] == 1 and counts["unique_user_count"] == 1, text
    assert counts["grouped_metrics"] == [{"group_key": "web", "total_count": 1, "unique_user_count": 1}], text
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT user_id, toString(event_id) FROM events FINAL") == "u000000000001\t" + reply["id"]


@with_gateway
def both_shapes_of_the_default_stream_are_taken_as_they_are(gateway):
    one = {"event_name": "purchase", "channel": "web", "campaign_id": "summer_sale_2025", "user_id": "user123",
           "timestamp": NOON_MS // 1000, "tags": ["mobile", "premium"], "metadata": {"amount": 99.99, "currency": "USD"}}
    two = {"name": "page_view", "channel_type": "web", "user_id": "user-123",
           "device": {"operating_system": "Windows", "browser_name": "Chrome"},
           "event_params": [{"key": "page_title", "string_value": "Home"}, {"key": "n", "int_value": 3}]}
    status, reply = gateway.post("/events/bulk?wait=stored", [one, two])
    assert status == 200 and reply["accepted"] == 2, (status, reply)
    gateway.stop()
    assert gateway.sql("SELECT campaign_id, tags, metadata.amount, metadata.currency FROM events WHERE event_name = 'purchase'") \
        == "summer_sale_2025\t['mobile','premium']\t99.99\tUSD"
    rows = gateway.sql("SELECT * FROM events WHERE event_name = 'page_view'", "JSONEachRow")
    row = json.loads(rows)
    assert "Chrome" in row.values() and "Windows" in row.values(), row
    assert ["page_title", "n"] in row.values() and ["Home", ""] in row.values(), row


@with_gateway
def a_bulk_request_with_bad_events_keeps_the_good_ones(gateway):
    events = [event(n) for n in range(10)]
    events[3] = {"channel": "web", "user_id": "x"}
    events[7] = event(7, channel="fax")
    status, reply = gateway.post("/events/bulk", events)
    assert status == 202 and (reply["accepted"], reply["rejected"]) == (8, 2), (status, reply)
    assert [(e["index"], e["field"], e["code"]) for e in reply["errors"]] == \
        [(3, "event_name", "missing_field"), (7, "channel", "not_allowed")], reply
    assert [i for i, text in enumerate(reply["ids"]) if text is None] == [3, 7]
    gateway.wait_stored()
    gateway.check_identity()


@with_gateway
def a_million_events_with_repeats_are_counted_exactly_before_and_after_a_restart(gateway):
    report = gateway.load(path="/events/bulk?ids=0", bulk=1000, connections=8, events=EVENTS, repeat=10)
    assert report["failed"] == 0 and report["accepted"] + report["duplicate"] == EVENTS, report
    assert report["duplicate"] > EVENTS * 0.08, report
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_stored_total") == report["accepted"]
    gateway.stop()
    count = "SELECT count(), uniqExact(user_id), (SELECT count() FROM events FINAL) FROM events"
    expected = "\t".join([str(report["accepted"])] * 3)
    assert gateway.sql(count) == expected, (gateway.sql(count), expected)

    gateway.start()
    again = gateway.load(path="/events/bulk?ids=0", bulk=1000, connections=8, events=EVENTS, repeat=10)
    assert (again["accepted"], again["duplicate"]) == (0, EVENTS), again
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql(count) == expected


@with_gateway
def every_encoding_and_framing_carries_the_same_events(gateway):
    lines = "\n".join(json.dumps(event(n)) for n in range(4)).encode()
    number = 0

    def post(body, headers):
        nonlocal number
        status, reply = gateway.post("/events/bulk", body, headers)
        assert status in (200, 202) and reply["accepted"] + reply["duplicate"] == 4, (headers, status, reply)
        number += 4

    post(lines, {})
    post(lines, {"Content-Type": "application/x-ndjson"})
    post(gzip.compress(lines), {"Content-Encoding": "gzip"})
    for tool, encoding in (("lz4", "lz4"), ("zstd", "zstd")):
        packed = subprocess.run([tool, "-c", "-q"], input=lines, stdout=subprocess.PIPE, check=True).stdout
        post(packed, {"Content-Encoding": encoding})
    assert gateway.post("/events/bulk", {"events": [event(n) for n in range(4)]})[0] == 200
    status, problem = gateway.post("/events/bulk", lines, {"Content-Encoding": "br"})
    assert status == 415 and problem["code"] == "unsupported_encoding", problem
    assert gateway.sum("sluice_events_accepted_total") == 4
    gateway.check_identity()


@with_gateway
def the_metrics_page_passes_promtool(gateway):
    gateway.post("/events", event(1))
    gateway.post("/events", {})
    gateway.wait_stored()
    _, text = gateway.get("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout.decode()


@with_gateway
def a_second_gateway_on_the_same_folder_says_why_it_cannot_start(gateway):
    second = Gateway(gateway.folder)
    second.log_path += ".second"
    try:
        second.start()
    except AssertionError as error:
        assert "another" in str(error) or "lock" in str(error).lower(), error
    else:
        second.kill()
        raise AssertionError("two gateways share a data folder")
    second.check_log()
    assert gateway.post("/events", event(1))[0] == 202


@with_gateway
def the_journal_commands_read_a_live_folder(gateway):
    gateway.post("/events?wait=stored", event(1))
    for verb in ("ls", "cat", "verify"):
        done = subprocess.run([os.path.join(BUILD, "sluice"), "journal", verb, gateway.env["SLUICE_DATA"]],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, (verb, done.stdout.decode())


if __name__ == "__main__":
    main([
        an_event_is_read_back_by_the_read_api_and_by_sql,
        both_shapes_of_the_default_stream_are_taken_as_they_are,
        a_bulk_request_with_bad_events_keeps_the_good_ones,
        a_million_events_with_repeats_are_counted_exactly_before_and_after_a_restart,
        every_encoding_and_framing_carries_the_same_events,
        the_metrics_page_passes_promtool,
        a_second_gateway_on_the_same_folder_says_why_it_cannot_start,
        the_journal_commands_read_a_live_folder,
    ])
