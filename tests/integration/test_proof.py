"""When is a batch stored? Behind proxies that shorten, retry and balance, with real nginx and haproxy."""
import os
import time

from balancers import start_haproxy, start_nginx
from check import main
from gateway import Gateway, SERVER_BUILD, event
from servers import start_chdb_server, start_clickhouse_18

HEAD = """
http: { listen: "${SLUICE_HTTP}", io_threads: 1 }
journal: { data: "${SLUICE_DATA}" }
store: { kind: clickhouse, url: "${CLICKHOUSE_URL}", user: "${CLICKHOUSE_USER:-default}", password: "" }
writer: { backoff_min: 50ms, backoff_max: 500ms }
drain: { timeout: 2s }
streams:
  - name: events
    table: events
    dedup_key: [event_name, user_id, timestamp]
    batch: { strategy: hybrid, max_rows: 1000, max_delay: 50ms }
    fields:
      - { name: event_name, type: String, required: true }
      - { name: user_id, type: String, required: true }
      - { name: timestamp, type: DateTime, default: now }
"""


class System:
    """A gateway in front of a store of one server or two, and what stands between them."""

    def __init__(self, folder, start, columns=0, servers=1):
        self.folder = folder
        self.undo = []
        self.servers = []
        for number in range(servers):
            path = os.path.join(folder, "server-%d" % number)
            os.makedirs(path)
            self.servers.append(start(path))
            self.undo.append(self.servers[-1].kill)
        self.server = self.servers[0]
        self.config = os.path.join(folder, "proof.yaml")
        with open(self.config, "w") as file:
            file.write(HEAD + "".join("      - { name: a_column_of_a_wide_table_%03d, type: Int64 }\n" % i for i in range(columns)))
        self.gateway = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for undo in reversed(self.undo):
            undo()

    def behind(self, balancer):
        self.undo.append(balancer.stop)
        return balancer

    def start(self, url, **env):
        self.gateway = Gateway(self.folder, self.config, dict(env, CLICKHOUSE_URL=url))
        self.undo.append(self.gateway.cleanup)
        self.gateway.start()
        return self.gateway

    def send(self, first, count):
        status, reply = self.gateway.post("/events/bulk?ids=0", [event(n) for n in range(first, first + count)])
        assert status == 202 and reply["accepted"] == count, reply

    def settle(self, expected, final="FINAL"):
        """All that was sent is there once, and the sums add up."""
        self.gateway.wait_stored(60)
        self.gateway.check_identity()
        found = sum(int(server.query("SELECT count() FROM events " + final)) for server in self.servers)
        assert found == expected, (found, expected, self.gateway.log()[-3000:])


def chdb(folder):
    return start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"))


def wide_tables_are_stored(folder, start, columns):
    """The INSERT names each column, 36 bytes of it: 18.16 takes 16 KB of URL, nginx 8 KB."""
    with System(folder, start, columns=columns) as system:
        proxy = system.behind(start_nginx(os.path.join(folder, "nginx"), system.server.port))
        gateway = system.start(proxy.url)
        system.send(0, 5)
        system.settle(5)
        gateway.stop()


def server_18_behind_nginx_stores_tables_of_600_columns(folder):
    wide_tables_are_stored(folder, start_clickhouse_18, 600)


def server_26_behind_nginx_stores_tables_of_600_columns(folder):
    wide_tables_are_stored(folder, chdb, 600)


if __name__ == "__main__":
    main([
        server_18_behind_nginx_stores_tables_of_600_columns,
        server_26_behind_nginx_stores_tables_of_600_columns,
    ])
