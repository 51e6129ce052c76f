"""The real systems that the faults happen to: a gateway and its store, each with the options that make it quick to recover."""
import collections
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway import BUILD, Gateway, SAMPLE, SERVER_BUILD  # noqa: E402
from servers import start_chdb_server, start_clickhouse_18, start_redis  # noqa: E402
from lying_proxy import LyingProxy  # noqa: E402
from store_proxy import StoreProxy  # noqa: E402
from driver import Ledger, Poster, Streamer  # noqa: E402
from updates import add_stream  # noqa: E402
from views import View  # noqa: E402

SLEEP_SECONDS = 3   # that one sleep() of ClickHouse may take

OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "old_server.yaml")


def quick_config(folder, store, request_timeout="60s", min_free="64MiB", on_error="accept"):
    """Batches and retries of some hundred milliseconds: a round lasts a few seconds."""
    with open(OLD if store == "18.16" else SAMPLE) as file:
        text = file.read()
    if store == "18.16":
        changes = [("drain: {", "writer: { backoff_min: 50ms, backoff_max: 500ms }\ndrain: {"),
                   ('journal: { data: "${SLUICE_DATA:-./data}" }',
                    'journal: { data: "${SLUICE_DATA:-./data}", durability: "${SLUICE_DURABILITY:-fsync}", min_free: %s }' % min_free),
                   ("  kind: clickhouse\n", "  kind: clickhouse\n  request_timeout: %s\n" % request_timeout)]
    else:
        changes = [("backoff_min: 250ms", "backoff_min: 50ms"), ("backoff_max: 30s", "backoff_max: 500ms"),
                   ("max_delay: 1s", "max_delay: 300ms"), ("on_error: accept", "on_error: " + on_error),
                   ("min_free: 256MiB", "min_free: %s" % min_free),
                   ("  create_table: true\n", "  create_table: true\n  request_timeout: %s\n" % request_timeout)]
    for old, new in changes:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


# How a table refuses the campaign "refused": by a code that says so, or by one that may mean anything.
REFUSALS = {
    "constraint": "ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'",
    "division": "ALTER TABLE events ADD COLUMN poisoned UInt8 MATERIALIZED intDiv(1, campaign_id != 'refused')",
    "throw": "ALTER TABLE events ADD COLUMN poisoned UInt8 MATERIALIZED throwIf(campaign_id = 'refused')",
}


def chdb(folder):
    return start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"))


class System:
    """One gateway, or two, in front of `store`: "embedded", "26.7" or "18.16". All in `folder`.

    proxy: between gateway and server; between: one that lies, retries, or balances over two. refusing: how the table refuses
    events of the campaign "refused". slow: an INSERT into it takes so many seconds. redis: filters the duplicates; on_error is
    left to chance. updates: a stream of them beside the events. number: of the round. patience: seconds until everything must be stored."""

    def __init__(self, folder, store, chance, seed, number, proxy=False, between=None, refusing=None, slow=0, redis=False,
                 gateways=1, patience=60, updates=False, **options):
        self.folder, self.chance, self.seed, self.refusing, self.slow, self.options = folder, chance, seed, refusing, slow, options
        self.patience = patience
        self.updates = updates
        self.server = self.second = self.proxy = self.redis = None
        self.gateways, self.drivers = [], []
        self.store, self.number = store, number
        self.view = View(store, seed)
        self.deaths = 0             # of ClickHouse, since there is load
        self.table = None           # of another engine than Sluice's, see tables.py
        self.undo = []              # called at the end of the round, the last first
        env = {}
        try:
            if store != "embedded":
                self.server = self.started(start_clickhouse_18 if store == "18.16" else chdb, "server")
                env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": self.server.url}
            if proxy:
                self.proxy = StoreProxy(self.server)
                self.undo.append(lambda: self.proxy.__exit__())
                env["CLICKHOUSE_URL"] = "http://127.0.0.1:%d" % self.proxy.port
            if between:
                self.put_between(between)
                env["CLICKHOUSE_URL"] = self.proxy.url
            if redis:
                self.redis = self.started(start_redis, "redis")
                options["on_error"] = chance.choice(["accept", "reject"])
                env.update(SLUICE_DEDUP="redis", REDIS_URL=self.redis.url)
            self.config = quick_config(folder, store, **options)
            if updates:
                add_stream(self.config, store)
            for number in range(gateways):
                self.gateways.append(Gateway(self.subfolder("gateway-%d" % number), config=self.config, env=env))
                self.undo.append(self.gateways[-1].cleanup)
            self.count_starts(self.server or self.gateway)
        except BaseException:
            self.end()
            raise

    def put_between(self, how):
        """A proxy that "lies", that "retries", or that balances over "two" servers."""
        if how == "two":
            os.environ["CHDB_SERVER_NAME"] = "second"
            self.second = self.started(chdb, "second")
            del os.environ["CHDB_SERVER_NAME"]
        self.proxy = LyingProxy(*[s for s in (self.server, self.second) if s], retry_s=30 if how == "retries" else 0)
        self.undo.append(self.proxy.stop)

    def join_servers(self):
        """What the second server has is moved to the first. No event may be on both."""
        seen = [set(server.query("SELECT DISTINCT user_id FROM events").split()) for server in (self.server, self.second)]
        assert all(seen) and not seen[0] & seen[1], ("on both", len(seen[0] & seen[1]), len(seen[0]), len(seen[1]))
        rows = self.second.query("SELECT * FROM events FORMAT TSV")
        self.server.query("INSERT INTO events FORMAT TSV\n" + rows, insert_deduplicate=0)

    def subfolder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    def started(self, start, name):
        server = start(self.subfolder(name))
        self.undo.append(server.kill)
        return server

    def count_starts(self, process):
        """`process` has ClickHouse in it: under load, each start follows a death."""
        start = process.start

        def counted(*arguments):
            self.deaths += 1
            return start(*arguments)
        process.start = counted

    @property
    def gateway(self):
        return self.gateways[0]

    @property
    def data(self):
        return self.gateway.env["SLUICE_DATA"]

    def schema(self):
        """The CREATE TABLE as Sluice prints it."""
        done = subprocess.run([os.path.join(BUILD, "sluice"), "schema", "print", "--config", self.config, "events"], env=self.gateway.env,
                              text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip().rstrip(";")

    def make_tables(self):
        """Before anything is armed. The folder of an embedded engine is a gateway's to make."""
        if self.server is None:
            self.gateway.start().stop()
            for statement in self.view.alterations():
                self.gateway.sql(statement, form="")
            return
        self.create_table = self.schema()
        for statement in self.view.statements(self.create_table):
            self.server.query(statement)

    def start(self, drivers=(Poster, Poster, Streamer), **source):
        for gateway in self.gateways:
            gateway.start()
        if self.refusing:
            self.server.query(REFUSALS[self.refusing])
        for number in range(0, self.slow, SLEEP_SECONDS):
            self.server.query("ALTER TABLE events ADD COLUMN slow%d UInt8 MATERIALIZED sleep(%d)"
                              % (number, min(SLEEP_SECONDS, self.slow - number)))
        self.deaths = 0
        self.drivers = [kind(self.gateways, index, self.seed, **source) for index, kind in enumerate(drivers)]
        for driver in self.drivers:
            driver.start()

    def acked(self):
        return sum(driver.acked for driver in self.drivers)

    def settle(self):
        """Everything sent is acknowledged, everything acknowledged stored; the sums of every gateway add up."""
        for driver in self.drivers:
            driver.finish()
        for gateway in self.gateways:
            gateway.wait_stored(self.patience)
        for gateway in self.gateways:
            gateway.check_identity()
        if self.second:
            self.join_servers()

    def ledger(self):
        whole = Ledger()
        for driver in self.drivers:
            whole.add(driver.source.ledger)
        return whole

    def select(self, sql):
        """Of the embedded store only while the gateway is stopped."""
        return self.server.query(sql).strip() if self.server else self.gateway.sql(sql)

    def end_gateways(self):
        for gateway in self.gateways:
            if gateway.running():
                gateway.stop()

    def stored(self):
        """({number: rows under FINAL}, all rows). The gateways have ended."""
        words = self.select("SELECT user_id, count() FROM events FINAL GROUP BY user_id UNION ALL "
                            "SELECT 'all', count() FROM events").split()
        rows = dict(zip(words[::2], map(int, words[1::2])))
        whole = rows.pop("all")
        return {int(user[1:]): count for user, count in rows.items()}, whole

    def buried(self):
        """{number: letters}"""
        found = collections.Counter()
        for path in glob.glob(os.path.join(self.data, "dead", "*.ndjson")):
            with open(path) as file:
                found.update(int(json.loads(line)["event"]["user_id"][1:]) for line in file)
        return found

    def end(self):
        for driver in self.drivers:
            driver.ending.set()
        for undo in reversed(self.undo):
            undo()


def mount_small_disk(system, size):
    """The data folder becomes a file system of its own. Root only."""
    os.makedirs(system.data)
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", system.data])
    system.undo.insert(0, lambda: subprocess.check_call(["umount", "-l", system.data]))
