"""A data folder whose disk is really full: 503, and back to work by itself when the store takes what waits. Mounts a small
tmpfs, so it needs root; without, nothing is tested and it says so."""
import errno
import glob
import os
import subprocess

import test_bulkheads
from check import main
from doors import all_refuse, all_take, over_http
from gateway import BUILD, Gateway, Poster, ROOT, event
from servers import start_chdb_server


def config_without_reserve(folder):
    """min_free keeps a reserve; somebody else may use it up. Here there is none from the start."""
    with open(os.path.join(ROOT, "config", "sluice.yaml")) as file:
        text = file.read()
    assert "min_free: 256MiB" in text and "backoff_max: 30s" in text
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text.replace("min_free: 256MiB", "min_free: 0").replace("backoff_max: 30s", "backoff_max: 1s"))
    return path


def fill_and_recover(folder, durability, kill=False):
    data = os.path.join(folder, "data")
    os.makedirs(os.path.join(folder, "server"))
    os.makedirs(data)
    server = start_chdb_server(os.path.join(folder, "server"), os.path.join(BUILD, "chdb_server"))
    gateway = Gateway(folder, config=config_without_reserve(folder),
                      env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "SLUICE_DURABILITY": durability})
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", data])
    try:
        gateway.start()
        assert gateway.post("/events?wait=stored", event(1))[0] == 200
        server.kill()
        poster = Poster(gateway, first=1000, retry=True, bulk=200)
        poster.start()
        gateway.wait_until("the disk is full", lambda: poster.errors > 50)
        poster.finish()
        assert gateway.sum("sluice_events_dropped_total", reason="disk_full") > 0
        if kill:
            gateway.kill()
            gateway.start()
        server.start()
        gateway.wait_stored(60)
        gateway.wait_until("events are taken again", lambda: gateway.post("/events?wait=stored", event(2))[0] == 200, 5)
        gateway.check_identity()
        rows = server.query("SELECT user_id, count() FROM events FINAL WHERE user_id >= 'u000000001000' GROUP BY user_id")
        stored = {int(row.split("\t")[0][1:]): int(row.split("\t")[1]) for row in rows.splitlines()}
        assert poster.acked <= stored.keys(), "%d lost" % len(poster.acked - stored.keys())
        assert set(stored.values()) == {1} and stored.keys() <= poster.sent
        gateway.stop()
    finally:
        gateway.cleanup()
        server.kill()
        subprocess.check_call(["umount", "-l", data])


def a_full_disk_is_refused_and_recovers_when_the_store_is_back(folder):
    fill_and_recover(folder, "fsync")


def a_full_disk_recovers_with_durability_os(folder):
    fill_and_recover(folder, "os")


def a_gateway_killed_on_a_full_disk_starts_again_and_recovers(folder):
    fill_and_recover(folder, "fsync", kill=True)


def fill(folder):
    """Not a byte is left. The file's path."""
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return path


def a_torn_tail_that_no_room_is_left_for_stays_as_it_is_until_its_segment_is_stored(folder):
    data = os.path.join(folder, "data")
    os.makedirs(os.path.join(folder, "server"))
    os.makedirs(data)
    server = start_chdb_server(os.path.join(folder, "server"), os.path.join(BUILD, "chdb_server"))
    gateway = Gateway(folder, config=config_without_reserve(folder),
                      env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "SLUICE_DURABILITY": "os"})
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", data])
    try:
        gateway.start()
        assert gateway.post("/events?wait=stored", event(0))[0] == 200
        server.kill()
        assert gateway.post("/events/bulk", [event(n) for n in range(1, 51)])[0] == 202
        gateway.kill()
        segment, = glob.glob(os.path.join(data, "journal", "*"))
        with open(segment, "ab") as file:
            file.write(b"perhaps rows " * 100)
        with open(segment, "rb") as file:
            before = file.read()
        ballast = fill(data)
        gateway.start()
        assert "torn tail not set aside" in gateway.log()
        with open(segment, "rb") as file:
            assert file.read() == before, "the tail was written over"
        os.unlink(ballast)
        server.start()
        gateway.wait_stored(60)
        gateway.check_identity()
        assert server.query("SELECT count(), uniqExact(user_id) FROM events FINAL").split() == ["51", "51"]
        gateway.stop()
    finally:
        gateway.cleanup()
        server.kill()
        subprocess.check_call(["umount", "-l", data])


def less_room_than_min_free_refuses_at_every_door_and_recovers(folder):
    data = os.path.join(folder, "data")
    ballast = os.path.join(data, "ballast")
    os.makedirs(data)
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", data])
    try:
        config = test_bulkheads.CONFIG.replace("min_free: 0", "min_free: 40MiB")
        with test_bulkheads.gateway_and_server(folder, config) as (gateway, server):
            all_take(gateway, "broken", 0)
            with open(ballast, "wb") as file:
                file.write(bytes(30 << 20))
            gateway.wait_until("the disk is short of room", lambda: over_http(gateway, "healthy", 10) not in (200, 202), 10)
            for stream in ("broken", "healthy"):
                all_refuse(gateway, stream, "disk_full", 100)
            status, text = gateway.get("/readyz")
            assert status == 503 and "min_free" in text, (status, text)
            os.unlink(ballast)
            gateway.wait_until("events are taken again", lambda: over_http(gateway, "healthy", 20) == 202, 10)
            for stream in ("broken", "healthy"):
                all_take(gateway, stream, 200)
            test_bulkheads.end_well(gateway, server)
    finally:
        subprocess.check_call(["umount", "-l", data])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: mounting a small disk needs root")
    else:
        main([
            a_full_disk_is_refused_and_recovers_when_the_store_is_back,
            a_full_disk_recovers_with_durability_os,
            a_gateway_killed_on_a_full_disk_starts_again_and_recovers,
            a_torn_tail_that_no_room_is_left_for_stays_as_it_is_until_its_segment_is_stored,
            less_room_than_min_free_refuses_at_every_door_and_recovers,
        ])
