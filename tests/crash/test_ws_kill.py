"""kill -9 of the gateway under WebSocket load in LZ4: what was acknowledged is stored, once; what was not is sent again."""
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from check import main  # noqa: E402
from gateway import event, with_gateway  # noqa: E402
from test_kill import check_store  # noqa: E402
from websocket import TEXT, Client, Closed, lz4_block, lz4_frame  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "10"))
SEED = int(os.environ.get("SEED", "1"))
STREAMERS = 2
BATCH = 50
WINDOW = 20         # messages under way
APART = 10**9       # numbers of two streamers


class Streamer(threading.Thread):
    """Streams numbered events and remembers which were acknowledged; on the next connection it sends the others again."""

    def __init__(self, gateway, index):
        super().__init__(daemon=True)
        self.gateway = gateway
        self.next = index * APART
        self.owed = []      # the batches that are not acknowledged, in order
        self.acked = set()
        self.sent = set()
        self.sums = {"accepted": 0, "duplicate": 0, "rejected": 0}
        self.cuts = 0
        self.ending = threading.Event()
        self.failure = None

    def run(self):
        while self.failure is None and (self.owed or not self.ending.is_set()):
            try:
                with Client(self.gateway.port, timeout=20) as client:
                    self.stream(client)
            except (OSError, Closed):
                self.cuts += 1
                time.sleep(0.02)
            except AssertionError as failure:
                self.failure = failure

    def stream(self, client):
        pack = lz4_block if self.cuts % 2 else lz4_frame
        under_way = 0       # of self.owed, from the front
        while self.owed or not self.ending.is_set():
            while under_way < WINDOW and (under_way < len(self.owed) or not self.ending.is_set()):
                if under_way == len(self.owed):
                    self.owed.append(range(self.next, self.next + BATCH))
                    self.next += BATCH
                self.sent.update(self.owed[under_way])
                client.binary(pack(json.dumps([event(n) for n in self.owed[under_way]]).encode()))
                under_way += 1
            under_way -= self.take_ack(client)

    def take_ack(self, client):
        opcode, ack = client.read()
        assert opcode == TEXT, opcode
        count = ack["ack"] - client.acked
        assert count > 0 and ack["accepted"] + ack["duplicate"] == count * BATCH and ack["rejected"] == 0, (ack, client.acked)
        client.acked = ack["ack"]
        for name in self.sums:
            self.sums[name] += ack[name]
        for numbers in self.owed[:count]:
            self.acked.update(numbers)
        del self.owed[:count]
        return count

    def finish(self):
        self.ending.set()
        self.join(60)
        assert self.failure is None, self.failure
        assert not self.is_alive(), "%d batches were never acknowledged" % len(self.owed)


@with_gateway
def killed_ten_times_under_websocket_load_nothing_is_lost_and_nothing_is_twice(gateway):
    chance = random.Random(SEED)
    streamers = [Streamer(gateway, index) for index in range(STREAMERS)]
    for streamer in streamers:
        streamer.start()
    for _ in range(ROUNDS):
        time.sleep(chance.uniform(0.2, 1.0))
        gateway.kill()
        gateway.start()
    time.sleep(0.5)
    for streamer in streamers:
        streamer.finish()
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    acked = set().union(*(s.acked for s in streamers))
    assert all(s.cuts >= ROUNDS / 2 for s in streamers), [s.cuts for s in streamers]
    assert len(acked) > ROUNDS * STREAMERS * BATCH, "hardly anything was acknowledged"
    assert acked == set().union(*(s.sent for s in streamers)), "something was sent and never acknowledged"
    check_store(gateway, acked, acked)
    print("        %d rounds, %d events acknowledged, %d of them as duplicates, %d cuts" % (
        ROUNDS, len(acked), sum(s.sums["duplicate"] for s in streamers), sum(s.cuts for s in streamers)))


if __name__ == "__main__":
    main([killed_ten_times_under_websocket_load_nothing_is_lost_and_nothing_is_twice])
