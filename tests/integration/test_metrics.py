"""What operators scrape: /metrics as Prometheus and its tools take it, and what its numbers say of a real gateway."""
import gzip
import json
import os
import signal
import subprocess
import threading
import time

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from check import main
from gateway import Gateway, event, with_gateway


def promtool_is_silent(page):
    """`promtool check metrics` finds nothing to complain of: names, types, base units, help."""
    done = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0 and not done.stdout, done.stdout.decode()


def labels_of(page, name):
    return [dict(key) for key in page[name]]


@with_gateway
def the_page_passes_promtool_before_and_after_events(gateway):
    promtool_is_silent(gateway.get("/metrics")[1])
    for number in range(3):
        assert gateway.post("/events", event(number))[0] == 202
    assert gateway.post("/events", {"event_name": 7})[0] == 400
    gateway.load("ws", events=100, connections=1)
    gateway.wait_stored()
    promtool_is_silent(gateway.get("/metrics")[1])
    gateway.check_identity()


@with_gateway
def limits_stand_beside_what_they_bound(gateway):
    page = gateway.metrics()
    bounds = [name for name in page if name.endswith(("_max", "_min"))]
    assert len(bounds) >= 12, bounds
    for name in bounds:  # rejects are not kept unless somebody wants it
        assert name == "sluice_reject_bytes_max" or all(value > 0 for value in page[name].values()), (name, page[name])
    for name in ("sluice_connections", "sluice_websockets", "sluice_dead_letter_bytes", "sluice_commit_queue_events",
                 "sluice_commit_queue_bytes", "sluice_dedup_bytes", "sluice_receiving_bytes", "sluice_replying_bytes",
                 "sluice_limit_addresses"):
        assert page[name][()] <= page[name + "_max"][()], name
    for key, value in page["sluice_journal_bytes"].items():
        assert value <= page["sluice_journal_bytes_max"][key], key
    assert page["sluice_data_free_bytes"][()] > page["sluice_data_free_bytes_min"][()]
    gateway.check_identity()


def doors_of(page):
    """{(protocol, stream): (received, what came of them, in flight)}"""
    found = {}
    for key, received in page["sluice_events_received_total"].items():
        labels = dict(key)
        came = [sum(v for k, v in page.get("sluice_events_" + name, {}).items() if labels.items() <= dict(k).items())
                for name in ("accepted_total", "duplicate_total", "rejected_total", "dropped_total", "in_flight")]
        found[labels["protocol"], labels["stream"]] = (received, sum(came), came[-1])
    return found


def assert_adds_up(gateway):
    """One look at each of the pages that have the sums. What has come by then."""
    doors = doors_of(gateway.metrics())
    for door, (received, came, in_flight) in doors.items():
        assert received == came and in_flight >= 0, (door, received, came, in_flight)
    live = json.loads(gateway.get("/live/events?once=1")[1])
    for sums in json.loads(gateway.get("/status")[1])["events"] + live["streams"] + [live["total"]]:
        assert sums["received"] == sum(sums[name] for name in ("accepted", "duplicate", "rejected", "dropped", "in_flight")), sums
    return sum(received for received, _, _ in doors.values())


BAD = '{"event_name": 7, "number": "${number}"}'


def each_page_adds_up_under_load(folder):
    """Four I/O threads, each door, good events, repeated ones and bad ones: whatever the moment, no event is missed or seen twice."""
    template = os.path.join(str(folder), "bad.json")
    os.makedirs(str(folder), exist_ok=True)
    with open(template, "w") as file:
        file.write(BAD)
    gateway = Gateway(folder, env={"SLUICE_IO_THREADS": "4", "SLUICE_UDP_THREADS": "2"}).start()
    try:
        loads = [threading.Thread(target=gateway.load, args=(protocol,), kwargs=dict(options, seconds=4)) for protocol, options in (
            ("http", {"connections": 16, "bulk": 3}), ("ws", {"connections": 8}),
            ("udp", {"rate": 4000, "start": 2 * 10**9}), ("http", {"connections": 8, "start": 3 * 10**9}),
            ("udp", {"rate": 4000, "template": template}))]
        for load in loads:
            load.start()
        seen, rounds = set(), 0
        while any(load.is_alive() for load in loads) or rounds < 2:
            rounds += 1
            assert gateway.post("/events", event(7, user_id="comes again"))[0] in (200, 202)
            seen.add(assert_adds_up(gateway))
        for load in loads:
            load.join()
        assert len(seen) >= 2, seen
        gateway.wait_stored(300)
        gateway.check_identity()
        page = gateway.metrics()
        doors = doors_of(page)
        assert all(doors[protocol, "events"][0] > 0 for protocol in ("http", "ws", "udp")), doors
        for name in ("sluice_events_duplicate_total", "sluice_events_rejected_total"):
            assert sum(page[name].values()) > 0, (name, page[name], doors)
        accepted = sum(page["sluice_events_accepted_total"].values())
        assert int(gateway.sql("SELECT count() FROM events")) == accepted
        gateway.stop()
    finally:
        gateway.cleanup()


def free_now(gateway):
    room = os.statvfs(gateway.env["SLUICE_DATA"])
    return room.f_bavail * room.f_frsize


def says_what_is_free(gateway, near=16 << 20):
    """Others use the disk, too: between what was free before and after the look, or nearly."""
    before = free_now(gateway)
    said = gateway.metrics()["sluice_data_free_bytes"][()]
    after = free_now(gateway)
    return min(before, after) - near <= said <= max(before, after) + near


@with_gateway
def an_idle_gateway_sees_how_full_its_disk_is(gateway):
    """No event comes: only room that somebody else takes and gives back."""
    assert gateway.metrics()["sluice_data_free_bytes"][()] > 0, "not known at the first look"
    gateway.wait_until("the room is told", lambda: says_what_is_free(gateway))
    path = os.path.join(gateway.folder, "takes_room")
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 128 << 20)
    gateway.wait_until("the room taken is seen", lambda: says_what_is_free(gateway))
    os.unlink(path)
    gateway.wait_until("the room given back is seen", lambda: says_what_is_free(gateway))
    gateway.check_identity()


@with_gateway
def the_process_and_the_program_are_told(gateway):
    page = gateway.metrics()
    assert page["sluice_ready"] == {(): 1}
    assert {key["part"] for key in labels_of(page, "sluice_part_ready")} >= {"gateway", "journal", "configuration"}
    gateway.wait_until("all parts ok", lambda: set(gateway.metrics()["sluice_part_ready"].values()) == {1.0})
    assert set(labels_of(page, "sluice_build_info")[0]) == {"version", "commit"}
    assert labels_of(page, "sluice_build_info")[0]["version"] in gateway.get("/status")[1]
    assert page["process_open_fds"][()] <= page["process_max_fds"][()]
    assert page["process_resident_memory_bytes"][()] <= page["process_virtual_memory_bytes"][()]
    assert page["process_threads"][()] > 4
    before = page["process_cpu_seconds_total"][()]
    gateway.load("http", events=2000, connections=2)
    assert gateway.metrics()["process_cpu_seconds_total"][()] > before
    gateway.check_identity()


@with_gateway
def what_was_stored_is_told_in_rows_and_bytes(gateway):
    gateway.load("http", events=1000, connections=2)
    gateway.wait_stored()
    page = gateway.metrics()

    def of(name):
        return sum(page[name].values())

    assert of("sluice_batch_rows_sum") == of("sluice_events_stored_total") == 1000
    assert of("sluice_batch_rows_count") == of("sluice_batch_bytes_count") >= 1
    assert of("sluice_batch_bytes_sum") == of("sluice_stored_bytes_total") > 1000 * 16
    assert set(page["sluice_store_up"].values()) == {1.0}
    gateway.check_identity()


PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
              "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")  # how Debian's Prometheus asks


def samples_of(families):
    return {(s.name, tuple(sorted(s.labels.items()))) for family in families for s in family.samples}


@with_gateway
def who_asks_for_openmetrics_and_gzip_gets_them(gateway):
    assert gateway.post("/events", event(1))[0] == 202
    assert gateway.post("/events", {"event_name": 7})[0] == 400  # a field's name and a reason are on the page
    gateway.wait_stored()
    for accept, kind in ((None, "text/plain; version=0.0.4"), ("*/*", "text/plain; version=0.0.4"), ("text/html", "text/plain; version=0.0.4"),
                         (PROMETHEUS, "application/openmetrics-text; version=1.0.0"),
                         ("application/openmetrics-text;q=0.3,text/plain;q=0.5", "text/plain; version=0.0.4"),
                         ("application/openmetrics-text;q=0", "text/plain; version=0.0.4")):
        for coding, packed in ((None, False), ("gzip", True), ("gzip;q=0", False), ("br, *;q=0.1", True), ("deflate", False)):
            fields = {name: value for name, value in (("Accept", accept), ("Accept-Encoding", coding)) if value}
            status, headers, body = gateway.request("GET", "/metrics", headers=fields, port=gateway.pages_port)
            assert status == 200 and headers["content-type"].startswith(kind), (accept, headers)
            assert (headers.get("content-encoding") == "gzip") == packed, (coding, headers)
            assert "Accept" in headers["vary"], headers
            text = (gzip.decompress(body) if packed else body).decode()
            assert text.endswith("# EOF\n") == ("openmetrics" in kind), text[-100:]
            if packed:
                assert len(body) < len(text) / 4, (len(body), len(text))
    _, _, plain = gateway.request("GET", "/metrics", port=gateway.pages_port)
    _, _, open_one = gateway.request("GET", "/metrics", headers={"Accept": PROMETHEUS}, port=gateway.pages_port)
    names = {name for name, _ in samples_of(text_format(plain.decode()))}
    assert names == {name for name, _ in samples_of(openmetrics(open_one.decode()))}
    assert "sluice_events_rejected_by_field_total" in names
    gateway.check_identity()


def count_of(page, protocol, route):
    return sum(value for key, value in page.get("sluice_reply_seconds_count", {}).items()
               if dict(key) == {"protocol": protocol, "route": route})


@with_gateway
def replies_are_timed_by_protocol_and_route(gateway):
    for number in range(5):
        assert gateway.post("/events", event(number))[0] == 202
    assert gateway.post("/events/bulk", [event(5), event(6)])[0] == 202
    assert gateway.post("/events/nosuch", event(7))[0] == 404
    assert gateway.request("GET", "/no/such/path")[0] == 404
    assert gateway.get("/ping")[0] == 200
    report = gateway.load("ws", events=200, connections=2)
    page = gateway.metrics()
    assert count_of(page, "http", "/events") == 5
    assert count_of(page, "http", "/events/bulk") == 1
    assert count_of(page, "http", "/events/{stream}") == 1
    assert count_of(page, "http", "") == 1
    assert count_of(page, "http", "/ping") == 1
    assert count_of(page, "http", "/ws") == 2, report
    assert count_of(page, "ws", "/ws") == sum(page["sluice_websocket_messages_total"].values()) > 0
    for key, value in page["sluice_reply_seconds_sum"].items():
        assert 0 <= value < 60, (key, value)
    gateway.wait_stored()
    gateway.check_identity()


@with_gateway
def a_reply_that_waits_for_its_table_is_timed_until_then(gateway):
    status, _ = gateway.post("/events?wait=stored", event(1))
    assert status == 200
    page = gateway.metrics()
    waited = sum(v for k, v in page["sluice_reply_seconds_sum"].items() if dict(k)["route"] == "/events")
    stored = sum(page["sluice_stored_latency_seconds_sum"].values())
    assert waited > 0, waited
    assert stored > 0, stored
    gateway.check_identity()


@with_gateway
def each_stored_event_is_in_the_latency_until_it_was(gateway):
    began = time.time()
    gateway.load("http", events=3000, connections=4)
    gateway.wait_stored()
    page = gateway.metrics()
    for key, stored in page["sluice_events_stored_total"].items():
        count = page["sluice_stored_latency_seconds_count"].get(key, 0)
        assert count == stored, (key, count, stored)
        assert 0 <= page["sluice_stored_latency_seconds_sum"][key] <= stored * (time.time() - began)
    gateway.check_identity()


@with_gateway
def clocks_of_clients_are_told_apart_by_whether_they_are_ahead(gateway):
    def post(number, off):
        body = {"sent_at": time.time() + off, "events": [event(number)]}
        assert gateway.post("/events/bulk", body)[0] == 202, body

    post(1, 0)
    post(2, 7200)
    post(3, -86400)
    assert gateway.post("/events", dict(event(4), sent_at=time.time() + 30))[0] == 202
    assert gateway.post("/events", event(5))[0] == 202  # says nothing of its clock
    page = gateway.metrics()

    def of(name, side):
        return page["sluice_client_clock_skew_seconds_" + name][(("clock", side),)]

    assert of("count", "ahead") == 2 and of("count", "behind") == 2
    assert 7000 < of("sum", "ahead") < 7240 and 86390 < of("sum", "behind") < 87000
    gateway.wait_stored()
    gateway.check_identity()


def with_copy(gateway):
    """A configuration of the test's own, which it may change."""
    path = os.path.join(gateway.folder, "own.yaml")
    with open(gateway.config) as sample, open(path, "w") as own:
        own.write(sample.read())
    gateway.config = path
    gateway.start()
    return gateway


@with_gateway
def the_hash_of_the_configuration_changes_with_what_holds(gateway):
    gateway.stop()
    with_copy(gateway)

    def hash_now():
        labels, = labels_of(gateway.metrics(), "sluice_config_info")
        return labels["hash"]

    first = hash_now()
    for old, new, same in (("log:\n", "log: # of a comment\n", True), ("level: ${SLUICE_LOG_LEVEL:-info}", "level: warn", False)):
        with open(gateway.config) as own:
            whole = own.read()
        assert old in whole
        with open(gateway.config, "w") as own:
            own.write(whole.replace(old, new))
        reloads = gateway.sum("sluice_config_reloads_total")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_until("reloaded", lambda: gateway.sum("sluice_config_reloads_total") == reloads + 1)
        assert gateway.sum("sluice_config_last_reload_successful") == 1, gateway.log()
        assert (hash_now() == first) == same, new
    gateway.check_identity()


main([the_page_passes_promtool_before_and_after_events, limits_stand_beside_what_they_bound,
      who_asks_for_openmetrics_and_gzip_gets_them, replies_are_timed_by_protocol_and_route,
      a_reply_that_waits_for_its_table_is_timed_until_then, each_stored_event_is_in_the_latency_until_it_was,
      clocks_of_clients_are_told_apart_by_whether_they_are_ahead, the_process_and_the_program_are_told, what_was_stored_is_told_in_rows_and_bytes,
      the_hash_of_the_configuration_changes_with_what_holds, each_page_adds_up_under_load,
      an_idle_gateway_sees_how_full_its_disk_is])
