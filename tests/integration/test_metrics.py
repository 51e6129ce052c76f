"""What operators scrape: /metrics as Prometheus and its tools take it, and what its numbers say of a real gateway."""
import os
import signal
import subprocess

from check import main
from gateway import event, with_gateway


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
    for name in bounds:
        assert all(value > 0 for value in page[name].values()), (name, page[name])
    for name in ("sluice_connections", "sluice_websockets", "sluice_dead_letter_bytes", "sluice_commit_queue_events",
                 "sluice_commit_queue_bytes", "sluice_dedup_bytes", "sluice_receiving_bytes", "sluice_replying_bytes",
                 "sluice_limit_addresses"):
        assert page[name][()] <= page[name + "_max"][()], name
    for key, value in page["sluice_journal_bytes"].items():
        assert value <= page["sluice_journal_bytes_max"][key], key
    assert page["sluice_data_free_bytes"][()] > page["sluice_data_free_bytes_min"][()]
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
      the_process_and_the_program_are_told, what_was_stored_is_told_in_rows_and_bytes,
      the_hash_of_the_configuration_changes_with_what_holds])
