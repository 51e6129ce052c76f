"""Columns that are filled with what a request says of itself: by HTTP, WebSocket and datagram, small and large."""
import json
import os
import socket

from check import main
from gateway import Gateway
from websocket import Client

CONFIG = """
http: { listen: "${SLUICE_HTTP}", trusted_proxies: ["%s"] }
udp: { listeners: [ { listen: "${SLUICE_UDP}", stream: visits } ] }
journal: { data: "${SLUICE_DATA}", durability: os }
store: { kind: embedded }
streams:
  - name: visits
    lenient: true
    dedup_key: [who, n]
    fields:
      - { name: who, type: String, required: true, trim: true, lower: true }
      - { name: n, type: UInt32 }
      - { name: yes, type: Bool }
      - { name: host, type: String, fill: host, url: [host_path] }
      - { name: referer, type: String, fill: referer, url: [strip_query, strip_scheme] }
      - { name: languages, type: String, fill: accept_language }
      - { name: made, type: UUID, fill: uuid }
"""
HEADERS = {"Host": "Inner:8080", "X-Forwarded-Host": "Shop.Example:443", "Referer": "https://a.example/b?secret=1",
           "Accept-Language": "de, en;q=0.5", "Content-Type": "application/json"}
ROWS = "SELECT who, n, yes, host, referer, languages FROM visits FINAL ORDER BY who, n"


def gateway_of(folder, trusted):
    path = os.path.join(folder, "fills.yaml")
    with open(path, "w") as file:
        file.write(CONFIG % trusted)
    return Gateway(folder, config=path).start()


def finish(gateway):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    return [row.split("\t") for row in gateway.sql(ROWS).split("\n")]


def each_door_fills_what_it_knows(folder):
    gateway = gateway_of(folder, "127.0.0.1")
    try:
        assert gateway.post("/events", {"who": " HTTP ", "n": "1", "yes": "on"}, HEADERS)[0] == 202
        large = [{"who": "large", "n": n, "text": "x" * 1000} for n in range(600)]
        assert gateway.post("/events/bulk?ids=0", large, HEADERS)[1]["accepted"] == 600
        with Client(gateway.port, headers={"Host": "Inner", "Referer": "https://c.example/", "Accept-Language": "fr"}) as client:
            client.text({"who": "ws", "n": 1}).acks(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(json.dumps({"who": "udp", "n": 1}).encode(), gateway.udp[0])
        gateway.wait_until("the datagram came", lambda: gateway.sum("sluice_events_accepted_total") == 603)
        # What does not fit is a default, and told by field; it is no identity either.
        assert gateway.post("/events/bulk", [{"who": "x", "n": "many"}, {"who": "x", "n": -1, "yes": {}}])[1]["accepted"] == 2
        assert gateway.sum("sluice_values_defaulted_total", stream="visits", field="n") == 2
        assert gateway.sum("sluice_values_defaulted_total", stream="visits", field="yes") == 1
        assert gateway.post("/events", {"n": 1})[0] == 400
        rows = finish(gateway)
        assert rows[0] == ["http", "1", "true", "shop.example", "a.example/b", "de, en;q=0.5"], rows[0]
        assert [row[3:] for row in rows if row[0] == "large"] == [["shop.example", "a.example/b", "de, en;q=0.5"]] * 600
        assert ["ws", "1", "false", "inner", "c.example/", "fr"] in rows, rows
        assert ["udp", "1", "false", "", "", ""] in rows, rows
        assert [row[1:4] for row in rows if row[0] == "x"] == [["0", "false", "127.0.0.1"]] * 2, rows[-3:]
        assert gateway.sql("SELECT count() = uniqExact(made), count() FROM visits FINAL").split() == ["1", "605"]
    finally:
        gateway.cleanup()


def a_peer_that_is_not_trusted_says_no_host(folder):
    gateway = gateway_of(folder, "192.0.2.1")
    try:
        assert gateway.post("/events", {"who": "a", "n": 1}, HEADERS)[0] == 202
        assert finish(gateway)[0][3] == "inner"
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        each_door_fills_what_it_knows,
        a_peer_that_is_not_trusted_says_no_host,
    ])
