#!/usr/bin/python3
"""Measures what a flood of one address does to the latency of others, with limits: loadtests/limits_fairness.py [TURNS].

By turns: a quiet client alone, then beside a flood of an address that may send 1,000 requests a second and tries 2,000, 10,000,
or as many as one connection carries. Medians of the turns' medians. The generator shares the machine with the gateway, so half
of what shows is its own use of the CPU."""
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "integration"))
from gateway import Gateway, event  # noqa: E402
from websocket import sample_with  # noqa: E402

REQUESTS = 300
LIMIT = 1000            # requests a second of an address
PAUSE = 0.004


def flood(port, ready, rate):
    """`rate` requests a second of one address, never more than 64 unanswered."""
    body = json.dumps(event(10 ** 9))
    request = ("POST /events HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.66\r\nContent-Length: %d\r\n\r\n%s"
               % (len(body), body)).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        ready.set()
        while True:
            began = time.time()
            connection.sendall(request * 64)
            answers = 0
            while answers < 64:
                answers += connection.recv(1 << 18).count(b"HTTP/1.1 ")
            time.sleep(max(0, 64 / rate - (time.time() - began)))


def median_ms(port, first):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    for number in range(first, first + REQUESTS):
        time.sleep(PAUSE)
        began = time.perf_counter()
        connection.request("POST", "/events", json.dumps(event(number)), {"X-Forwarded-For": "198.51.100.7"})
        reply = connection.getresponse()
        reply.read()
        took.append(1000 * (time.perf_counter() - began))
        assert reply.status == 202, reply.status
    connection.close()
    return statistics.median(took)


def measure(turns, rate):
    with tempfile.TemporaryDirectory(prefix="sluice-fairness-") as folder:
        path = sample_with(folder, http={"listeners": '[{ listen: "127.0.0.1:0", serves: [admin] }]'})
        with open(path, "a") as file:
            file.write("\nlimits:\n  address: { requests: %d, burst: 1s }\n" % LIMIT)
        gateway = Gateway(folder, config=path, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:9"})
        gateway.start()
        try:
            alone, beside = [], []
            median_ms(gateway.port, 0)
            for turn in range(turns):
                alone.append(median_ms(gateway.port, (2 * turn + 1) * REQUESTS))
                ready = multiprocessing.Event()
                other = multiprocessing.Process(target=flood, args=(gateway.port, ready, rate), daemon=True)
                other.start()
                ready.wait()
                time.sleep(1.2)         # its burst is spent
                beside.append(median_ms(gateway.port, (2 * turn + 2) * REQUESTS))
                other.kill()
                other.join()
            return statistics.median(alone), statistics.median(beside)
        finally:
            gateway.cleanup()


if __name__ == "__main__":
    for flood_rate in (2000, 10000, 10 ** 9):
        quiet, loud = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 7, flood_rate)
        print("flood of %s requests a second: alone %.3f ms, beside it %.3f ms: %+.0f %%"
              % (flood_rate if flood_rate < 10 ** 9 else "as many as go", quiet, loud, 100 * (loud / quiet - 1)), flush=True)
