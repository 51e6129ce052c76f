"""A stream whose events replace the row of their key (upsert), beside the stream of events: of each key the state that was
acknowledged last is read with FINAL, once, whatever happens and whatever is sent again.

A key belongs to one driver, which sends one message after another. States come back (a, b, a), keys come twice in a message."""
import http.client
import json
import time

from driver import REST_S, Driver

STREAM = """  - name: states
    upsert: { key: [id], version: %s }
    batch: { strategy: hybrid, max_rows: 1000, max_delay: 200ms }
    fields:
      - { name: id, type: String, required: true }
      - { name: state, type: String }
      - { name: number, type: UInt64 }
"""
OLD_VERSION = "      - { name: version, type: UInt64, fill: received_at }\n"     # 18.16 has no DateTime64
KEYS = 12


def add_stream(config, store):
    with open(config, "a") as file:
        file.write(STREAM % "version" + OLD_VERSION if store == "18.16" else STREAM % "updated_at")


class Updater(Driver):
    """Bulks of updates, each sent again until it is acknowledged."""

    connection = None

    def __init__(self, gateways, index, seed, **source):
        super().__init__(gateways, index, seed, **source)
        self.index = index
        self.count = 0
        self.states = {}            # of each key, the last that was acknowledged
        self.updates = 0            # acknowledged

    @property
    def acked(self):
        return self.updates

    def message(self):
        events = []
        for _ in range(self.chance.randint(1, 8)):
            self.count += 1
            event = {"id": "%d-%d" % (self.index, self.chance.randrange(KEYS)), "state": self.chance.choice("ab")}
            if self.chance.random() < 0.5:
                event["number"] = self.count
            events.append(event)
        return events

    def drive(self):
        events = None
        while events is not None or not self.ending.is_set():
            events = events or self.message()
            try:
                status, reply = self.post(events)
            except (OSError, http.client.HTTPException, ValueError):
                self.disconnect()
                self.failed()
                continue
            if status == 503:
                self.unavailable += 1
                self.failed()
                continue
            assert status in (200, 202) and reply["accepted"] + reply["duplicate"] == len(events), (status, reply)
            self.states.update((event["id"], (event["state"], event.get("number", 0))) for event in events)
            self.updates += len(events)
            events = None
            if len(self.gateways) > 1 and self.chance.random() < 0.1:
                self.disconnect()
            time.sleep(REST_S)
        self.disconnect()

    def post(self, events):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.gateway().port, timeout=20)
        self.connection.request("POST", "/events/bulk?stream=states&ids=0", json.dumps(events))
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def compare_updates(system, outcome):
    """The gateways have ended."""
    expected = {}
    for driver in system.drivers:
        if isinstance(driver, Updater):
            expected.update(driver.states)
            outcome.events += driver.updates
    words = system.select("SELECT id, count(), any(state), any(number) FROM states FINAL GROUP BY id").split()
    rows = {words[i]: (int(words[i + 1]), words[i + 2], int(words[i + 3])) for i in range(0, len(words), 4)}
    lost = {key for key, state in expected.items() if rows.get(key, (0,))[1:] != state}
    twice = {key for key, row in rows.items() if row[0] != 1}
    strange = rows.keys() - expected.keys()
    outcome.lost, outcome.twice, outcome.refused = outcome.lost + len(lost), outcome.twice + len(twice), outcome.refused + len(strange)
    for what, keys in (("states lost", lost), ("states twice", twice), ("states never sent", strange)):
        if keys:
            print("    %d %s: %s" % (len(keys), what, [(key, expected.get(key), rows.get(key)) for key in sorted(keys)[:10]]),
                  flush=True)
    assert expected, "nothing was updated"
    return not (lost or twice or strange)
