"""Random sequences in a real Chromium: SEED=…, SEQUENCES=… (8), FIRST=… (0) to begin with another or to replay one. `make
browser-sequences` runs 500."""
import collections
import os
import random
import time

from browser_sequence import PageServer, Told, World, sequence
from check import main
from gateway import SERVER_BUILD, Gateway
from node import Browser
from proxy import Proxy
from servers import start_chdb_server
from websocket import sample_with

SEED = os.environ.get("SEED") or str(random.SystemRandom().randrange(1 << 32))
SEQUENCES = int(os.environ.get("SEQUENCES", "8"))
FIRST = int(os.environ.get("FIRST", "0"))
VERBOSE = "VERBOSE" in os.environ


def play(world, number):
    steps = sequence(SEED, number)
    for name, said in steps:
        if VERBOSE:
            print("        %s %s" % (name, said), flush=True)
        world.run(name, said)
    left, ledger = world.settle()
    return left, Told(ledger), world.gone


def stored_of(server, number):
    rows = server.query("SELECT event_name, count() FROM events FINAL WHERE startsWith(event_name, '%d.') GROUP BY 1" % number)
    return {name: int(count) for name, count in (line.split("\t") for line in rows.splitlines())}


def check(gateway, server, played):
    """The store agrees with what each was told."""
    gateway.wait_stored()
    gateway.check_identity()
    ways = collections.Counter()
    for number, (left, told, gone) in played.items():
        stored = stored_of(server, number)
        problems = told.problems(stored, left, gone)
        ways.update(told.count(stored, gone))
        if problems:
            steps = "\n".join("    %s %s" % step for step in sequence(SEED, number))
            raise AssertionError("sequence %d of seed %s (SEED=%s FIRST=%d SEQUENCES=1 replays it): %d events, %d problems, "
                                 "such as\n  %s\nerrors told: %s\n%s" % (number, SEED, SEED, number, len(told.tracked),
                                 len(problems), "\n  ".join(problems[:8]), dict(told.errors), steps))
    return ways


def every_tracked_event_is_stored_or_told(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
    played, ways = {}, collections.Counter()
    print("        seed %s" % SEED, flush=True)
    with PageServer() as pages:
        config = sample_with(folder, http={"cors_origins": '["%s"]' % pages.origin})
        gateway = Gateway(folder, config=config, env={"CLICKHOUSE_URL": server.url, "SLUICE_STORE": "clickhouse"})
        try:
            gateway.start()
            gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
            with Proxy(gateway) as proxy, Browser(folder) as browser:
                for number in range(FIRST, FIRST + SEQUENCES):
                    started = time.time()
                    played[number] = play(World(gateway, proxy, browser, pages, number), number)
                    if VERBOSE:
                        print("        sequence %d: %d events, %.1f s" % (number, len(played[number][1].tracked), time.time() - started), flush=True)
                    if len(played) == 20:
                        ways.update(check(gateway, server, played))
                        played.clear()
                ways.update(check(gateway, server, played))
            gateway.stop()
        finally:
            gateway.cleanup()
            server.stop()
    print("        %d sequences, seed %s: %d events: %s" % (SEQUENCES, SEED, sum(ways.values()), ", ".join(
        "%d %s" % (count, way) for way, count in ways.most_common())), flush=True)


if __name__ == "__main__":
    main([every_tracked_event_is_stored_or_told])
