"""What is done to a system while the drivers send: each fault is one row of FAULTS, at the end of the file.

A strike does the fault, proves that it happened (what never struck proves nothing) and undoes it. All that is random comes
from system.chance."""
import collections
import errno
import glob
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from driver import Datagrams, Poster, Streamer  # noqa: E402
from gateway import SERVER_BUILD  # noqa: E402
from segment_file import frames  # noqa: E402
from systems import mount_small_disk  # noqa: E402

KILL_AT_RENAME = os.path.join(SERVER_BUILD, "libkill_at_rename.so")
FIU = "/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def wait_for(what, condition, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not within %d s: %s" % (timeout, what)
        time.sleep(0.01)


def under_load(system, shortest=0.2, longest=1.0):
    """A random moment at which events are being acknowledged."""
    before = system.acked()
    time.sleep(system.chance.uniform(shortest, longest))
    wait_for("events are acknowledged", lambda: system.acked() > before)


# --- the gateway dies ---

def kill_gateway(system):
    for _ in range(system.chance.randint(1, 2)):
        under_load(system)
        gateway = system.chance.choice(system.gateways)
        gateway.kill()
        gateway.start()


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
        length = system.chance.choice([system.chance.randint(1, 15), system.chance.randrange(1, end - start),
                                       end - start - system.chance.randint(1, 8)])
        file.seek(found[-1][1])
        file.write(data[start:start + max(1, length)])
        if system.chance.random() < 0.5:
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


# --- the store dies, hangs, or cannot be reached ---

def kill_server(system):
    for _ in range(system.chance.randint(1, 2)):
        under_load(system)
        system.server.kill()
        time.sleep(system.chance.uniform(0, 0.8))
        system.server.start()


def stop_server(system):
    under_load(system)
    failures = system.gateway.sum("sluice_insert_failures_total")
    os.kill(system.server.process.pid, signal.SIGSTOP)
    try:
        time.sleep(system.chance.uniform(1.2, 2.0))
        system.gateway.wait_until("an INSERT fails", lambda: system.gateway.sum("sluice_insert_failures_total") > failures)
    finally:
        os.kill(system.server.process.pid, signal.SIGCONT)


def kill_server_between_token_and_part(system):
    """In its first second, and back in the next: its start seems not to have moved, and the token says "stored"."""
    server = system.server
    under_load(system)
    server.kill()
    system.gateway.wait_until("the gateway knows it", lambda: system.gateway.sum("sluice_insert_failures_total") >= 5)
    sound = dict(server.environment)
    server.environment.update(LD_PRELOAD=KILL_AT_RENAME, SLUICE_KILL_PATH="/store/",
                              SLUICE_KILL_AT_RENAME=str(system.chance.randint(1, 2)))
    try:
        server.start()
    except RuntimeError:
        pass    # it was dead before it was found alive
    wait_for("the server dies at a rename", lambda: server.process.poll() is not None)
    assert server.process.returncode == -signal.SIGKILL, server.process.returncode
    server.environment = sound
    server.start()


def cut_body(system):
    for _ in range(system.chance.randint(1, 4)):
        under_load(system, 0.1, 0.4)
        after = int(10 ** system.chance.uniform(0, 4))
        assert system.proxy.cut_next("body", after, system.chance.random() < 0.5), "no INSERT of over %d bytes" % after


def cut_before_reply(system):
    for _ in range(system.chance.randint(1, 4)):
        under_load(system, 0.1, 0.4)
        assert system.proxy.cut_next("reply"), "no INSERT was answered"


# --- the disk ---

def arm_small_disk(system):
    choose_durability(system)
    mount_small_disk(system, "8m")


def leave_room(ballast, room):
    left = os.statvfs(os.path.dirname(ballast))
    with open(ballast, "wb", buffering=0) as file:
        try:
            file.write(bytes(max(0, left.f_bavail * left.f_frsize - room)))
        except OSError as error:    # the gateway was faster
            assert error.errno == errno.ENOSPC, error


def fill_disk(system):
    """Somebody else takes what is left but for some KiB, so that a write ends anywhere."""
    under_load(system)
    store_is_down = system.chance.random() < 0.5
    if store_is_down:
        system.server.kill()
    ballast = os.path.join(system.data, "ballast")
    leave_room(ballast, system.chance.choice([0, 4096, 20480, 65536]))
    system.gateway.wait_until("the disk is full", lambda: system.gateway.sum("sluice_events_dropped_total", reason="disk_full"))
    time.sleep(system.chance.uniform(0, 0.5))
    if system.chance.random() < 0.5:
        system.gateway.kill()
        system.gateway.start()
    os.remove(ballast)
    if store_is_down:
        system.server.start()


def arm_fiu(system):
    choose_durability(system)
    arm_fiu_fsync(system)


def arm_fiu_fsync(system):
    system.gateway.env.update(LD_PRELOAD=FIU, FIU_CTRL_FIFO=os.path.join(system.folder, "fiu"))


def disk_error(sign, *commands):
    """`commands` of libfiu, for some hundred milliseconds; the gateway's log then says `sign`."""
    def control(system, action, rest):
        words = ["fiu-ctrl", "-f", system.gateway.env["FIU_CTRL_FIFO"]]
        for command in commands:
            words += ["-c", "%s name=%s" % (action, command + rest if rest else command)]
        subprocess.run(words + [str(system.gateway.process.pid)], check=True, timeout=20, stdout=subprocess.DEVNULL)

    def strike(system):
        for _ in range(system.chance.randint(1, 2)):
            under_load(system)
            seen = system.gateway.log().count(sign)
            control(system, "enable_random", ",probability=%.2f,failinfo=5" % system.chance.uniform(0.2, 0.9))
            wait_for("the gateway says %s" % sign, lambda: system.gateway.log().count(sign) > seen)
            time.sleep(system.chance.uniform(0, 0.4))
            control(system, "disable", "")
            if system.chance.random() < 0.3:
                system.gateway.kill()
                system.gateway.start()
    return strike


# --- the clock ---

def write_clock(system, seconds):
    with open(os.path.join(system.folder, "clock.new"), "w") as file:
        file.write("%+d" % seconds)
    os.rename(os.path.join(system.folder, "clock.new"), os.path.join(system.folder, "clock"))


def arm_clock(system):
    write_clock(system, 0)
    system.gateway.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=os.path.join(system.folder, "clock"),
                              FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")


def step_clock(system):
    """Forward and back by hours; the window of duplicates is one."""
    steps = [system.chance.choice([3600, 3 * 3600, 90 * 60]), -system.chance.choice([3600, 5 * 3600, 60])]
    for seconds in steps if system.chance.random() < 0.5 else reversed(steps):
        under_load(system, 0.3, 0.6)
        write_clock(system, seconds)
        if system.chance.random() < 0.3:
            system.gateway.kill()
            system.gateway.start()
    apart = "SELECT max(received_at) - min(received_at) > 3000 FROM events"
    wait_for("events of an hour apart", lambda: system.server.query(apart).strip() == "1")


# --- Redis ---

def kill_redis(system):
    under_load(system)
    assert system.redis.calls("sadd") > 0, "Redis is not used"
    system.redis.kill()
    redis_is_missed(system)
    time.sleep(system.chance.uniform(0, 0.5))
    system.redis.start()
    redis_is_back(system)


def pause_redis(system):
    under_load(system)
    assert system.redis.calls("sadd") > 0, "Redis is not used"
    os.kill(system.redis.process.pid, signal.SIGSTOP)
    try:
        redis_is_missed(system)
        time.sleep(system.chance.uniform(0, 0.5))
    finally:
        os.kill(system.redis.process.pid, signal.SIGCONT)
    redis_is_back(system)


def redis_is_missed(system):
    """Events go on without a look-up, or are refused: as on_error says."""
    before = sum(driver.unavailable for driver in system.drivers)
    if system.options["on_error"] == "accept":
        system.gateway.wait_until("the filter is passed by", lambda: system.gateway.sum("sluice_dedup_bypassed_total"))
    else:
        wait_for("events are refused", lambda: sum(driver.unavailable for driver in system.drivers) > before)


def redis_is_back(system):
    before = system.redis.calls("sadd")
    wait_for("Redis is used again", lambda: system.redis.calls("sadd") > before)


def flush_redis(system):
    """Everything is forgotten, in one round of two by the gateway as well."""
    under_load(system)
    wait_for("Redis knows something", lambda: system.redis.tell("DBSIZE") != "0")
    system.redis.tell("FLUSHALL")
    if system.chance.random() < 0.5:
        system.gateway.kill()
        system.gateway.start()
    redis_is_back(system)


def kill_one_of_two(system):
    under_load(system)
    for gateway in system.gateways:
        gateway.wait_until("both are used", lambda: gateway.sum("sluice_events_accepted_total") > 0)
    kill_gateway(system)
    assert system.redis.calls("smismember") > 0 and system.redis.calls("sadd") > 0, "Redis is not used"


def kill_under_datagrams(system):
    under_load(system)
    assert system.gateway.sum("sluice_events_received_total", protocol="udp") > 0, "no datagram arrives"
    kill_gateway(system)


# --- the table ---

Fault = collections.namedtuple("Fault", "name stores strike arm options drivers source")


def fault(name, stores, strike, arm=None, drivers=(Poster, Poster, Streamer), source=None, **options):
    """`stores` take turns. `options`: of System; `source`: of what the drivers send."""
    return Fault(name, stores.split(), strike, arm, options, drivers, source or {})


def dies_at(point, most, stores="26.7", **more):
    return fault("gateway dies at " + point, stores, die_at_point, arm_point(point, most), **more)


def dies_splitting(point, most):
    """The table refuses some rows: batches are taken apart, the refused are dead letters."""
    return dies_at(point, most, refusing=True, source={"size": 15, "letters": 2})


FAULTS = [
    fault("gateway killed", "embedded 26.7 18.16", kill_gateway, choose_durability),
    dies_at("after_segment_created", 4),
    dies_at("after_journal_write", 60, "26.7 embedded"),
    dies_at("after_fsync", 60, "26.7 18.16"),
    dies_at("before_mark", 60),
    dies_at("after_mark", 60),
    dies_at("after_insert", 4, "26.7 18.16 embedded"),
    dies_at("before_unlink", 4, "26.7 18.16"),
    dies_at("after_unlink", 4),
    dies_splitting("between_halves", 12),
    dies_splitting("after_halves", 6),
    dies_splitting("after_burial", 3),
    fault("torn tails", "26.7", tear_tails, choose_durability),
    fault("ClickHouse killed", "26.7 18.16", kill_server),
    fault("ClickHouse stopped and continued", "26.7 18.16", stop_server, request_timeout="1s"),
    fault("engine killed between token and part", "embedded", die_between_token_and_part, arm_rename),
    fault("ClickHouse killed between token and part", "26.7", kill_server_between_token_and_part),
    fault("INSERT cut in its body", "26.7 18.16", cut_body, proxy=True),
    fault("INSERT cut before its reply", "26.7 18.16", cut_before_reply, proxy=True),
    fault("disk full", "26.7", fill_disk, arm_small_disk, min_free="0", source={"padding": 600}),
    fault("write errors", "26.7", disk_error("journal write failed", "posix/io/rw/pwrite"), arm_fiu),
    fault("short writes", "26.7", disk_error("journal write failed", "posix/io/rw/pwrite/reduce"), arm_fiu),
    fault("failed fsync", "26.7", disk_error("journal write failed", "posix/io/sync/fdatasync"), arm_fiu_fsync),
    fault("write errors, and the cut fails", "26.7",
          disk_error("journal cut failed", "posix/io/rw/pwrite", "posix/io/rw/ftruncate"), arm_fiu),
    fault("unlink fails", "26.7", disk_error("segment not removed", "posix/io/dir/unlink"), arm_fiu),
    fault("clock steps", "26.7", step_clock, arm_clock),
    fault("Redis killed", "26.7", kill_redis, redis=True),
    fault("Redis flushed", "26.7", flush_redis, redis=True),
    fault("Redis paused", "26.7", pause_redis, redis=True),
    fault("two gateways, one killed", "26.7", kill_one_of_two, redis=True, gateways=2),
    fault("gateway killed, UDP alongside", "26.7", kill_under_datagrams, drivers=(Poster, Streamer, Datagrams)),
]
