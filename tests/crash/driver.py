"""Numbered events over HTTP, WebSocket and UDP, each sent again until it is acknowledged; what became of them is remembered."""
import hashlib
import http.client
import json
import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway import event  # noqa: E402
from websocket import TEXT, Client, Closed, lz4_block, lz4_frame  # noqa: E402

WINDOW = 20         # WebSocket messages under way
APART = 10**9       # numbers of two drivers
REST_S = 0.005      # between two requests: the machine has other work to do


class Ledger:
    """The numbers of the events that were sent, by what the gateway said of them."""

    def __init__(self):
        self.sent = set()       # valid ones, acknowledged or not
        self.acked = set()
        self.refused = set()    # sent as invalid: answered 4xx or named in errors[]
        self.letters = set()    # valid, but the table refuses them: they belong into the dead letters

    def add(self, other):
        for name, numbers in vars(other).items():
            getattr(self, name).update(numbers)


class Message:
    """One payload. It is made once: what is sent again are the same bytes."""

    def __init__(self, numbers, bad, events, single=False, broken=False):
        self.numbers = numbers      # of the valid events
        self.bad = bad              # {index: number} of the others
        self.count = len(numbers) + len(bad)
        self.single = single        # an object, not an array
        self.broken = broken        # no JSON: refused whole, however good its events
        text = json.dumps(events[0] if single else events)
        self.body = (text[:-1] + ",}" if broken else text).encode()

    @property
    def refused_whole(self):
        return self.broken or not self.numbers


class Source:
    """Makes the messages of one driver. About one in twenty events was acknowledged before, one in forty is invalid."""

    def __init__(self, first, chance, size=40, padding=0, letters=0, odds=1.0):
        self.next = first
        self.chance = chance
        self.size = size
        self.padding = padding      # characters that do not compress
        self.letters = letters      # how many events the table shall refuse...
        self.odds = odds            # ...each with this chance: the smaller, the later they come
        self.ledger = Ledger()
        self.known = []             # acknowledged numbers, to be sent again

    def event(self, number):
        made = event(number)
        if self.padding:
            digits = "".join(hashlib.sha512(b"%d %d" % (number, i)).hexdigest() for i in range(self.padding // 128 + 1))
            made["metadata"] = {"n": number, "pad": digits[:self.padding]}
        if number in self.ledger.letters:
            made["campaign_id"] = "refused"
        return made

    def number(self):
        self.next += 1
        return self.next

    def message(self, may_be_single):
        kind = self.chance.random()
        if may_be_single and kind < 0.1:
            return self.single(valid=kind < 0.07)
        numbers, bad, events = [], {}, []
        for index in range(self.chance.randint(1, 2 * self.size - 1)):
            dice = self.chance.random()
            if dice < 0.025 and index != 0:
                bad[index] = self.number()
                events.append(dict(self.event(bad[index]), channel="fax"))
                continue
            again = self.known and dice < 0.075
            numbers.append(self.chance.choice(self.known) if again else self.number())
            if not again and len(self.ledger.letters) < self.letters and (self.odds == 1 or self.chance.random() < self.odds):
                self.ledger.letters.add(numbers[-1])
            events.append(self.event(numbers[-1]))
        return self.note(Message(numbers, bad, events, broken=kind > 0.97 and not self.ledger.letters))

    def single(self, valid):
        number = self.number()
        if valid:
            return self.note(Message([number], {}, [self.event(number)], single=True))
        return self.note(Message([], {0: number}, [dict(self.event(number), channel="fax")], single=True))

    def note(self, message):
        """A broken message may repeat what was acknowledged: that stays so."""
        self.ledger.refused.update(message.bad.values())
        if message.broken:
            self.ledger.refused.update(set(message.numbers) - self.ledger.sent)
        else:
            self.ledger.sent.update(message.numbers)
        return message

    def acknowledge(self, message):
        if not message.refused_whole:
            self.ledger.acked.update(message.numbers)
            self.known += [n for n in message.numbers if n not in self.ledger.letters]


class Driver(threading.Thread):
    """Sends until told to finish, then goes on until all is acknowledged. Of several gateways any may get the next try."""

    def __init__(self, gateways, index, seed, **source):
        super().__init__(daemon=True)
        self.chance = random.Random("%s driver %d" % (seed, index))
        self.gateways = gateways
        self.source = Source(index * APART, self.chance, **source)
        self.errors = 0             # tries that failed
        self.unavailable = 0        # 503 among them
        self.ending = threading.Event()
        self.failure = None

    def run(self):
        try:
            self.drive()
        except Exception as failure:  # shown by finish()
            self.failure = failure

    def gateway(self):
        return self.chance.choice(self.gateways)

    def failed(self):
        self.errors += 1
        time.sleep(0.02)

    def finish(self, timeout=60):
        self.ending.set()
        self.join(timeout)
        if self.failure is not None:
            raise AssertionError("a driver failed: %r" % self.failure) from self.failure
        assert not self.is_alive(), "after %d s there is still something unacknowledged" % timeout

    @property
    def acked(self):
        return len(self.source.ledger.acked)


class Poster(Driver):
    """HTTP on a connection that is kept as long as it holds."""

    connection = None

    def drive(self):
        message = None
        while message is not None or not self.ending.is_set():
            message = message or self.source.message(may_be_single=True)
            try:
                status, reply = self.post(message)
            except (OSError, http.client.HTTPException, ValueError):
                self.disconnect()
                self.failed()
                continue
            if status == 503:
                self.unavailable += 1
                self.failed()
                continue
            self.check(message, status, reply)
            self.source.acknowledge(message)
            message = None
            if len(self.gateways) > 1 and self.chance.random() < 0.1:
                self.disconnect()
            time.sleep(REST_S)
        self.disconnect()

    def post(self, message):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.gateway().port, timeout=20)
        self.connection.request("POST", "/events" if message.single else "/events/bulk?ids=0", message.body,
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    @staticmethod
    def check(message, status, reply):
        if message.refused_whole:
            assert status == 400, (status, reply)
        elif message.single:
            assert status in (200, 202), (status, reply)
        else:
            assert status in (200, 202), (status, reply)
            assert reply["accepted"] + reply["duplicate"] == len(message.numbers), (reply, message.count)
            assert [e["index"] for e in reply.get("errors", [])] == sorted(message.bad), (reply, message.bad)


class Streamer(Driver):
    """WebSocket in LZ4, many messages under way; on the next connection it sends again what is not acknowledged."""

    def drive(self):
        self.owed = []      # messages, in order
        while self.owed or not self.ending.is_set():
            try:
                client = Client(self.gateway().port, timeout=20)
            except (OSError, AssertionError):   # not there, dead within the handshake, or full
                self.failed()
                continue
            try:
                with client:
                    self.stream(client)
            except (OSError, Closed):
                self.failed()

    def stream(self, client):
        pack = lz4_block if self.errors % 2 else lz4_frame
        under_way = 0       # of self.owed, from the front
        while self.owed or not self.ending.is_set():
            while under_way < WINDOW and (under_way < len(self.owed) or not self.ending.is_set()):
                if under_way == len(self.owed):
                    self.owed.append(self.source.message(may_be_single=False))
                client.binary(pack(self.owed[under_way].body))
                under_way += 1
            under_way -= self.take_ack(client)
            time.sleep(REST_S)

    def take_ack(self, client):
        opcode, ack = client.read()
        assert opcode == TEXT, opcode
        done = self.owed[:ack["ack"] - client.acked]
        self.check(done, ack, client.acked + 1)
        client.acked = ack["ack"]
        for message in done:
            self.source.acknowledge(message)
        del self.owed[:len(done)]
        return len(done)

    @staticmethod
    def check(done, ack, first):
        assert done, ack
        expected = [(first + i, index) for i, message in enumerate(done)
                    for index in ([None] if message.broken else sorted(message.bad))]
        assert ack["rejected"] == len(expected), (ack, expected)
        assert ack["accepted"] + ack["duplicate"] == sum(len(m.numbers) for m in done if not m.broken), ack
        assert [(e["frame"], e["index"]) for e in ack["errors"]] == expected, (ack["errors"], expected)


class Datagrams(Driver):
    """UDP: nothing is ever acknowledged, so nothing is owed; what arrives is counted by the gateway."""

    def drive(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            while not self.ending.is_set():
                message = self.source.message(may_be_single=False)
                try:
                    s.sendto(message.body, self.gateway().udp[0])
                except OSError:
                    self.failed()
                time.sleep(2 * REST_S)
