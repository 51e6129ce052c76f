"""What is done to the gateway's process, and to the journal that it leaves behind."""
import glob
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway import SERVER_BUILD  # noqa: E402
from moments import under_load, wait_for  # noqa: E402
from segment_file import frames  # noqa: E402

KILL_AT_RENAME = os.path.join(SERVER_BUILD, "libkill_at_rename.so")


def kill_gateway(system):
    for _ in range(system.chance.randint(1, 2)):
        under_load(system)
        gateway = system.chance.choice(system.gateways)
        gateway.kill()
        gateway.start()


def kill_with_a_slow_store(system):
    """Batches gather behind an INSERT, go as one, and the gateway dies meanwhile; in one round of two its server as well."""
    gateway = system.gateway
    for _ in range(system.chance.randint(1, 2)):
        before = gateway.sum("sluice_insert_seconds_count")
        gateway.wait_until("batches gather", lambda: gateway.sum("sluice_batches_waiting") >= 6)
        gateway.wait_until("an INSERT is done", lambda: gateway.sum("sluice_insert_seconds_count") > before)
        time.sleep(system.chance.uniform(0, system.slow))
        gateway.kill()
        if system.chance.random() < 0.5:
            system.server.kill()
            system.server.start()
        gateway.start()
    gateway.wait_until("batches go together", lambda: gateway.sum("sluice_batches_stored_total")
                       > gateway.sum("sluice_insert_seconds_count"))


def kill_under_datagrams(system):
    under_load(system)
    assert system.gateway.sum("sluice_events_received_total", protocol="udp") > 0, "no datagram arrives"
    kill_gateway(system)


def stands_still(system, seconds):
    before = system.acked()
    time.sleep(seconds)
    return system.acked() == before


def stop_gateway(system):
    under_load(system)
    process = system.gateway.process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        wait_for("it stands still", lambda: open("/proc/%d/stat" % process).read().rsplit(")", 1)[1].split()[0] == "T")
        wait_for("no acknowledgement arrives any more", lambda: stands_still(system, 0.5))
        assert stands_still(system, system.chance.uniform(0.3, 1.5)), "a stopped gateway acknowledges"
    finally:
        os.kill(process, signal.SIGCONT)
    under_load(system)


def choose_durability(system):
    system.gateway.env["SLUICE_DURABILITY"] = system.chance.choice(["fsync", "os"])


def arm_point(point, most):
    def arm(system):
        choose_durability(system)
        system.gateway.env["SLUICE_CRASH_POINT"] = "%s:%d" % (point, system.chance.randint(1, most))
    return arm


def wait_for_death(gateway, timeout=30):
    wait_for("the gateway passes the point and dies", lambda: not gateway.running(), timeout)
    assert gateway.process.returncode == -signal.SIGKILL, gateway.process.returncode
    gateway.process = None
    gateway.check_log()


def die_at_point(system):
    """Dies at its point; in one round of three once more, while it recovers."""
    gateway = system.gateway
    wait_for_death(gateway)
    point = gateway.env.pop("SLUICE_CRASH_POINT").split(":")[0]
    if system.chance.random() < 1 / 3:
        gateway.env["SLUICE_CRASH_POINT"] = "%s:%d" % (point, system.chance.randint(1, 2))
        try:
            gateway.start()
        except AssertionError:
            assert gateway.process.poll() == -signal.SIGKILL, gateway.process.poll()
        del gateway.env["SLUICE_CRASH_POINT"]
        if not system.refusing:     # else nothing may be left to split
            wait_for_death(gateway)
        elif gateway.process is not None:
            gateway.kill()
    gateway.start()


def arm_rename(system):
    system.gateway.env.update(LD_PRELOAD=KILL_AT_RENAME, SLUICE_KILL_PATH="/store/",
                              SLUICE_KILL_AT_RENAME=str(system.chance.randint(1, 4)))


def die_between_token_and_part(system):
    """The embedded engine has noted the deduplication token; the part does not have its name yet."""
    wait_for_death(system.gateway)
    del system.gateway.env["LD_PRELOAD"]
    system.gateway.start()


def tear(system, path):
    """Behind the last whole frame of a segment: the front of another, as long as chance will have it."""
    with open(path, "r+b") as file:
        data = file.read()
        found = frames(data)
        if len(found) < 2:
            return None
        start, end = system.chance.choice(found[1:])
        length = max(1, system.chance.choice([system.chance.randint(1, 15), system.chance.randrange(1, end - start),
                                              end - start - system.chance.randint(1, 8)]))
        file.seek(found[-1][1])
        file.write(data[start:start + length])
        # A frame ends in zeros. Cut within them, the zeros that were written ahead would make it whole: it is not torn then.
        if system.chance.random() < 0.5 or not any(data[start + length:end]):
            file.truncate()
    return os.path.basename(path).split(".")[0]


def tear_tails(system):
    under_load(system)
    system.server.kill()    # segments wait
    under_load(system, 0.4, 0.9)
    system.gateway.kill()
    paths = sorted(glob.glob(os.path.join(system.data, "journal", "*.native.lz4")))
    torn = [name for name in (tear(system, path) for path in paths) if name]
    assert torn, "no segment to tear"
    at = len(system.gateway.log())
    system.gateway.start()
    log = system.gateway.log()[at:]
    missed = [name for name in torn if not re.search("torn tail.*" + name, log)]
    assert not missed, "torn, but not noticed: %s" % missed
    assert system.gateway.sum("sluice_events_damaged_total") == 0
    system.server.start()
