"""A client's own UUID as the identity of its event: known again by HTTP, WebSocket and datagram, after a crash, and in its
stream alone."""
import json
import os
import socket
import uuid

from check import main
from gateway import Gateway
from websocket import Client

CONFIG = """
http: { listen: "${SLUICE_HTTP}" }
udp: { listeners: [ { listen: "${SLUICE_UDP}", stream: events } ] }
journal: { data: "${SLUICE_DATA}", durability: %s }
store: { kind: embedded }
streams:
  - name: events
    fields:
      - { name: row_id, type: UUID, fill: event_id, from: [eid] }
      - { name: eid, type: String }
      - { name: n, type: UInt32 }
      - { name: at, type: DateTime, default: now }
  - name: sales
    dedup_key: [n]
    fields:
      - { name: row_id, type: UUID, fill: event_id, from: [eid] }
      - { name: n, type: UInt32 }
"""


def gateway_of(folder, durability="os"):
    path = os.path.join(folder, "ids.yaml")
    with open(path, "w") as file:
        file.write(CONFIG % durability)
    return Gateway(folder, config=path).start()


def of(n, kind="4"):
    """A UUID of that version, the same each time."""
    digits = uuid.UUID(int=n + (0xa1b2c3 << 100)).hex
    return str(uuid.UUID(digits[:12] + kind + digits[13:16] + "8" + digits[17:]))


def each_door_knows_a_client_s_ids_again(folder):
    gateway = gateway_of(folder)
    try:
        first = [{"eid": of(n, "7" if n % 2 else "4"), "n": n} for n in range(100)]
        status, reply = gateway.post("/events/bulk", first)
        assert status == 202 and reply["ids"] == [event["eid"] for event in first], reply
        assert "without_stable_id" not in reply, reply
        status, reply = gateway.post("/events", dict(first[1], n=7))
        assert (status, reply) == (200, {"id": first[1]["eid"], "status": "duplicate"}), reply
        with Client(gateway.port) as client:
            assert client.text(first[:50]).acks(1)["duplicate"] == 50
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(json.dumps(first[60]).encode(), gateway.udp[0])
        gateway.wait_until("the datagram came", lambda: gateway.sum("sluice_events_duplicate_total", protocol="udp") == 1)
        # The same ids in another stream are other events; what is no UUID is kept, told, and no identity.
        assert gateway.post("/events/bulk?stream=sales", first)[1]["accepted"] == 100
        assert gateway.post("/events/bulk?stream=sales", [{"n": 1000}, {"n": 1000}])[1]["duplicate"] == 1
        assert gateway.post("/events/bulk", [{"eid": "order-1"}, {"eid": "order-1"}, {}])[1]["accepted"] == 3
        assert gateway.sum("sluice_values_defaulted_total", stream="events", field="row_id") == 2
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count(), uniqExact(row_id), countIf(toString(row_id) = eid), countIf(eid = 'order-1') "
                           "FROM events").split() == ["103", "103", "100", "2"]
        assert gateway.sql("SELECT count(), uniqExact(row_id) FROM sales").split() == ["101", "101"]
    finally:
        gateway.cleanup()


def ids_are_known_again_after_a_crash(folder):
    """Those of what was stored, and of what was still in the journal."""
    gateway = gateway_of(folder, "fsync")
    try:
        first = [{"eid": of(n, "7" if n % 2 else "4"), "n": n} for n in range(200)]
        assert gateway.post("/events/bulk", first[:100])[1]["accepted"] == 100
        gateway.wait_stored()
        assert gateway.post("/events/bulk", first[100:])[1]["accepted"] == 100
        gateway.kill()
        gateway.start()
        assert gateway.post("/events/bulk", first)[1]["duplicate"] == 200
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        gateway.start()
        assert gateway.post("/events/bulk", first + [{"eid": of(1000)}])[1]["duplicate"] == 200
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT count(), uniqExact(row_id) FROM events FINAL").split() == ["201", "201"]
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        each_door_knows_a_client_s_ids_again,
        ids_are_known_again_after_a_crash,
    ])
