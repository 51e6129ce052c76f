"""A gateway whose users in ClickHouse and Redis have the rights that docs/security.md lists: it does all of its work, and the users
can do nothing else. The statements are read from that page."""
import hashlib
import os
import re
import time

from check import main
from gateway import Gateway, ROOT, SAMPLE, SERVER_BUILD, event
from servers import Server, free_port, library, start_clickhouse_18, start_redis
from test_new_fields import earlier_config
from websocket import sample_with

OLD_SERVER = os.path.join(ROOT, "config", "presets", "clickhouse-18.yaml")

USERS = """<clickhouse><profiles><default>{settings}</default></profiles><quotas><default/></quotas><users><default>
<password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>{rights}
</default></users></clickhouse>"""
ALL = "<access_management>1</access_management>"


def block(language, word):
    """The block of code of that language in docs/security.md that has the word."""
    with open(os.path.join(ROOT, "docs", "security.md")) as file:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.M | re.S)
    found = [text for of, text in blocks if of == language and word in text]
    assert len(found) == 1, (language, word, found)
    return found[0]


def grants(user):
    """As a users.xml has them."""
    lines = re.findall(r"^(GRANT .*) TO %s;$" % user, block("sql", "GRANT"), re.M)
    assert lines, user
    return "<grants>%s</grants>" % "".join("<query>%s</query>" % line for line in lines)


class Restricted(Server):
    """ClickHouse 26.7 whose only user has these rights. start_as(…) starts it anew with others."""

    def __init__(self, folder):
        self.users, config = os.path.join(folder, "users.xml"), os.path.join(folder, "config.xml")
        os.makedirs(os.path.join(folder, "engine"))
        with open(config, "w") as file:
            file.write("<clickhouse><users_config>%s</users_config></clickhouse>" % self.users)
        self.allow(ALL)
        port = free_port()
        command = [os.path.join(SERVER_BUILD, "chdb_server"), "--port", str(port), "--path", os.path.join(folder, "engine"),
                   "--config", config]
        super().__init__(command, port, folder, environment={"SLUICE_LIBCHDB": library()})

    def allow(self, rights, settings=""):
        with open(self.users, "w") as file:
            file.write(USERS.format(rights=rights, settings=settings))

    def start_as(self, rights, settings=""):
        self.stop()
        self.allow(rights, settings)
        self.start()


def refused(server, statements, words):
    for statement in statements:
        try:
            answer = server.query(statement)
        except RuntimeError as error:
            assert re.search(words, str(error)), (statement, error)
        else:
            raise AssertionError("%s was carried out: %s" % (statement, answer))


def a_server_of_today_is_served_with_the_grants_of_the_page_and_no_others(folder):
    server = Restricted(folder)
    env = {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "CLICKHOUSE_DATABASE": "analytics"}
    gateway = Gateway(folder, earlier_config(folder, SAMPLE), env)
    try:
        server.query("CREATE DATABASE analytics")
        server.query("CREATE TABLE default.salaries (x Int64) ENGINE = MergeTree ORDER BY x")
        server.start_as(grants("sluice"))
        gateway.start()  # makes the table
        assert gateway.post("/events?wait=stored", event(0))[1]["status"] == "stored"
        server.freeze()
        assert gateway.post("/events/bulk", [event(n) for n in range(1, 50)])[0] == 202
        time.sleep(1.5)  # it is on its way when both go
        gateway.kill()
        server.thaw()
        gateway.config = SAMPLE  # adds columns
        gateway.start()
        gateway.wait_stored()
        gateway.check_identity()
        assert '"total_count":50' in gateway.request("GET", "/events/metrics?from=0")[2].decode()
        assert "ACCESS_DENIED" not in gateway.log(), gateway.log()
        gateway.stop()
        assert server.query("SELECT count() FROM analytics.events FINAL") == "50\n"
        forbidden = ["DROP TABLE analytics.events", "TRUNCATE TABLE analytics.events", "ALTER TABLE analytics.events DELETE WHERE 1",
                     "ALTER TABLE analytics.events DROP COLUMN city", "SELECT * FROM default.salaries",
                     "CREATE TABLE default.t (x Int64) ENGINE = Memory", "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'x String')",
                     "SELECT * FROM file('/etc/passwd', 'TSV', 'x String')", "CREATE USER other", "SYSTEM SHUTDOWN"]
        refused(server, forbidden, "ACCESS_DENIED")
        server.start_as(grants("reader"), "<readonly>2</readonly>")
        assert server.query("SELECT count() FROM analytics.events FINAL") == "50\n"
        refused(server, forbidden + ["INSERT INTO analytics.events (user_id) SELECT 'x'"], "ACCESS_DENIED|READONLY")
        gateway.start()
        assert '"total_count":50' in gateway.request("GET", "/events/metrics?from=0")[2].decode()
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def an_old_server_is_served_with_the_users_of_the_page(folder):
    server = start_clickhouse_18(folder)
    try:
        server.query("CREATE DATABASE analytics")
        server.query("CREATE TABLE salaries (x Int64) ENGINE = MergeTree ORDER BY x")
        server.stop()
        page = block("xml", "<allow_databases>").replace("10.0.0.0/8", "127.0.0.1")
        page = page.replace("…", hashlib.sha256(b"sesame").hexdigest())
        profiles, users = re.search("<profiles>(.*)</profiles>", page).group(1), re.search("<users>(.*)</users>", page, re.S).group(1)
        path = os.path.join(server.directory, "users.xml")
        with open(path) as file:
            text = file.read().replace("</profiles>", profiles + "</profiles>").replace("</users>", users + "</users>")
        with open(path, "w") as file:
            file.write(text)
        server.start()
        of_query = os.path.join(folder, "reads.yaml")
        with open(OLD_SERVER) as file, open(of_query, "w") as out:
            out.write(file.read() + "\nquery: { user: reader, password: sesame }\n")
        gateway = Gateway(folder, of_query, {"CLICKHOUSE_URL": server.url, "CLICKHOUSE_DATABASE": "analytics",
                                             "CLICKHOUSE_USER": "sluice", "CLICKHOUSE_PASSWORD": "sesame"})
        try:
            gateway.start()
            assert gateway.post("/events/bulk", [event(n) for n in range(50)])[0] == 202
            gateway.wait_stored()
            gateway.check_identity()
            assert '"total_count":50' in gateway.request("GET", "/events/metrics?from=0")[2].decode()
            gateway.stop()
        finally:
            gateway.cleanup()
        assert server.query("SELECT count() FROM analytics.events FINAL") == "50\n"
        server.password = "sesame"
        for server.user in ("sluice", "reader"):
            refused(server, ["SELECT * FROM default.salaries"], "Access denied to database default")
        refused(server, ["DROP TABLE analytics.events", "INSERT INTO analytics.events (user_id) VALUES ('x')"], "(?i)readonly")
    finally:
        server.stop()


def redis_is_served_with_the_rights_of_the_page(folder):
    redis = start_redis(os.path.join(folder, "redis"))
    words = block("", "SETUSER").replace(">PASSWORD", ">sesame").split()
    path = sample_with(folder)
    with open(path, "a") as file:
        file.write("\nlimits: { all: { requests: 1000 }, shared: true }\n")
    gateway = Gateway(folder, path, {"SLUICE_DEDUP": "redis",
                                     "REDIS_URL": redis.url.replace("redis://", "redis://sluice:sesame@")})
    try:
        assert redis.cli(*words) == "OK"
        assert redis.cli("ACL", "SETUSER", "default", "-@all", "+ping", "+info", "+acl|log") == "OK"
        gateway.start()
        assert gateway.post("/events", event(1))[1]["status"] == "accepted"
        assert gateway.post("/events", event(1))[1]["status"] == "duplicate"
        gateway.wait_until("limits are shared", lambda: gateway.sum("sluice_limits_shared") == 1 and redis.calls("append") > 1, 20)
        gateway.wait_stored()
        gateway.check_identity()
        assert "dedup: ok" in gateway.get("/readyz?verbose")[1]
        gateway.stop()
        assert "NOPERM" not in gateway.log() and redis.cli("ACL", "LOG") == ""
        for command in ("get", "append", "pexpire"):
            assert redis.calls(command) > 0, command
        assert gateway.sql("SELECT count() FROM events") == "1"
    finally:
        gateway.cleanup()
        redis.stop()


if __name__ == "__main__":
    main([a_server_of_today_is_served_with_the_grants_of_the_page_and_no_others,
          an_old_server_is_served_with_the_users_of_the_page, redis_is_served_with_the_rights_of_the_page])
