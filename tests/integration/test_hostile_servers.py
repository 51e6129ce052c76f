"""A Redis that answers nonsense holds nobody up and gets nothing strange into log and pages; passwords come from files; the unit
for systemd leaves the service little to do harm with."""
import json
import os
import re
import socket
import subprocess
import threading
import time

from check import main
from gateway import Gateway, ROOT, SAMPLE, SANITIZED, SERVER_BUILD, event
from servers import start_chdb_server

HOSTILE = [b"*2147483647\r\n", b"*1\r\n" * 8 + b":1\r\n", b"$2000000000\r\n" + b"x" * 100000, b"+" + b"y" * 1000000,
           b"-ERR \x1b[2J \xc2\x9b31m \xff\xfe \xe2\x80\xae\r\n", b"*1\r\n:1\r\n:1\r\n:1\r\n", b"\x00\x00\x00"]


class HostileRedis(threading.Thread):
    """Says what Redis says to whoever connects, and to each look-up after that something else."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "redis://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.lies = 0
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        good = {b"MULTI": b"+OK\r\n", b"SADD": b"+QUEUED\r\n", b"EXPIRE": b"+QUEUED\r\n", b"EXEC": b"*2\r\n:1\r\n:1\r\n",
                b"SMISMEMBER": b"*1\r\n:1\r\n", b"TIME": b"*2\r\n$10\r\n%d\r\n$1\r\n0\r\n" % time.time()}
        greeted = 0
        file = peer.makefile("rb")
        try:
            while True:
                words = []
                for _ in range(int(file.readline()[1:])):
                    words.append(file.read(int(file.readline()[1:]) + 2)[:-2])
                greeted += 1
                if greeted <= 6:                        # the handshake
                    peer.sendall(good[words[0]])
                    continue
                if greeted == 7:                        # one lie a connection, each in its turn
                    self.lies += 1
                    peer.sendall(HOSTILE[(self.lies - 1) % len(HOSTILE)])
        except (OSError, ValueError, KeyError):
            peer.close()


def a_redis_that_answers_nonsense_holds_nobody_up(folder):
    redis = HostileRedis()
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))
    gateway = Gateway(folder, env={"SLUICE_DEDUP": "redis", "REDIS_URL": redis.url, "SLUICE_STORE": "clickhouse",
                                   "CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        sent, slowest = 0, 0.0
        deadline = time.time() + 90
        while redis.lies < len(HOSTILE) + 2 and time.time() < deadline:
            began = time.time()
            status, reply = gateway.post("/events", event(sent))
            slowest = max(slowest, time.time() - began)
            assert status == 202, reply
            sent += 1
            json.loads(gateway.request("GET", "/health")[2].decode("utf-8"))
            time.sleep(0.1)
        assert redis.lies > len(HOSTILE), redis.lies
        assert slowest < 5 or SANITIZED, slowest
        gateway.wait_stored()
        gateway.check_identity()
        assert gateway.sum("sluice_events_accepted_total") == sent
        assert int(server.query("SELECT count() FROM events FINAL")) == sent
        gateway.stop()
        with open(gateway.log_path, "rb") as log:
            text = log.read().decode("utf-8")           # strictly
        assert "it answered: ERR" in text and not {"\x1b", "\x9b", "\u202e"} & set(text), text
    finally:
        gateway.cleanup()
        server.stop()
        redis.listener.close()


def passwords_come_from_files(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"), user="writer", password="hush hush")
    secret = os.path.join(folder, "clickhouse")
    with open(secret, "w") as file:
        file.write("hush hush\n")
    config = os.path.join(folder, "secret.yaml")
    with open(SAMPLE) as sample, open(config, "w") as file:
        file.write(sample.read().replace("\nstore:", "\nstore:\n  password_file: \"${CREDENTIALS_DIRECTORY}/clickhouse\"", 1))
    gateway = Gateway(folder, config, {"CREDENTIALS_DIRECTORY": folder, "SLUICE_STORE": "clickhouse",
                                       "CLICKHOUSE_URL": server.url, "CLICKHOUSE_USER": "writer"})
    try:
        gateway.start()
        for number in range(10):
            assert gateway.post("/events", event(number))[0] == 202
        gateway.wait_stored()
        gateway.check_identity()
        assert int(server.query("SELECT count() FROM events")) == 10
        assert "hush" not in gateway.log() + gateway.get("/readyz?verbose")[1]
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def the_unit_exposes_little(folder):
    """Also with what docs/security.md adds for ports below 1024."""
    with open(os.path.join(ROOT, "config", "sluice.service")) as unit, open(os.path.join(ROOT, "docs", "security.md")) as page:
        texts = [unit.read()]
        texts.append(texts[0] + re.search("^```ini\n(.*?)^```$", page.read(), re.M | re.S).group(1))
    path = os.path.join(folder, "sluice.service")
    for text in texts:
        with open(path, "w") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout.decode()


if __name__ == "__main__":
    main([a_redis_that_answers_nonsense_holds_nobody_up, passwords_come_from_files, the_unit_exposes_little])
