"""What is done to ClickHouse and Redis, and to the connections to them."""
import os
import signal
import time

from gateway_faults import KILL_AT_RENAME, kill_gateway
from moments import under_load, wait_for


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
    system.gateway.wait_until("the gateway knows it", lambda: system.gateway.sum("sluice_store_breaker_open") == 1)
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
    system.redis.pause()
    try:
        redis_is_missed(system)
        time.sleep(system.chance.uniform(0, 0.5))
    finally:
        system.redis.resume()
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
    wait_for("Redis knows something", lambda: system.redis.cli("DBSIZE") != "0")
    system.redis.cli("FLUSHALL")
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
