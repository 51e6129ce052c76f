"""kill -9 of the gateway under load on the embedded store: what was acknowledged is stored, once."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from check import main  # noqa: E402
from gateway import BUILD, Gateway, Poster, with_gateway  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))
SEED = int(os.environ.get("SEED", "1"))


def check_store(gateway, acked, sent):
    """Every acknowledged number is in the store, none twice (FINAL), and nothing that was never sent."""
    rows = gateway.sql("SELECT user_id, count() FROM events FINAL GROUP BY user_id").splitlines()
    stored = {}
    for row in rows:
        user, count = row.split("\t")
        stored[int(user[1:])] = int(count)
    lost = acked - stored.keys()
    twice = [n for n, count in stored.items() if count != 1]
    assert not lost, "%d acknowledged events are lost, e.g. %s" % (len(lost), sorted(lost)[:5])
    assert not twice, "%d events are stored twice, e.g. %s" % (len(twice), sorted(twice)[:5])
    assert stored.keys() <= sent, "events are stored that were never sent"


def kill_and_restart(gateway, rounds, kill):
    poster = Poster(gateway, retry=True)
    poster.start()
    for _ in range(rounds):
        kill(gateway)
        gateway.start()
    time.sleep(0.5)
    poster.finish()
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert len(poster.acked) > rounds * poster.bulk, "hardly anything was acknowledged"
    check_store(gateway, poster.acked, poster.sent)
    print("        %d rounds, %d events acknowledged, %d requests failed" % (rounds, len(poster.acked), poster.errors))


@with_gateway
def killed_under_load_twenty_times_nothing_is_lost_and_nothing_is_twice(gateway):
    chance = random.Random(SEED)

    def kill(gateway):
        time.sleep(chance.uniform(0.2, 2.0))
        gateway.kill()

    kill_and_restart(gateway, ROUNDS, kill)


def killed_between_the_token_and_the_part_nothing_is_lost_and_nothing_is_twice(folder):
    """The engine has noted the deduplication token and dies before the part has its name: the token alone would lie."""
    gateway = Gateway(folder)
    preload = os.path.join(BUILD, "libkill_at_rename.so")
    assert os.path.exists(preload), preload
    deaths = []

    def kill(gateway):
        deadline = time.time() + 30
        while gateway.running() and time.time() < deadline:
            time.sleep(0.05)
        deaths.append(not gateway.running())
        gateway.kill() if gateway.running() else gateway.process.wait()
        gateway.env.pop("LD_PRELOAD", None)

    gateway.env.update(LD_PRELOAD=preload, SLUICE_KILL_AT_RENAME="3", SLUICE_KILL_PATH="/store/")
    gateway.start()
    try:
        kill_and_restart(gateway, 1, kill)
    finally:
        gateway.cleanup()
    assert deaths == [True], "the engine never renamed a part: the test killed nothing"


if __name__ == "__main__":
    main([
        killed_under_load_twenty_times_nothing_is_lost_and_nothing_is_twice,
        killed_between_the_token_and_the_part_nothing_is_lost_and_nothing_is_twice,
    ])
