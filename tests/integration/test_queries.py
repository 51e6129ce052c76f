"""Named queries: parameters on the embedded engine, on 26.7 behind HTTP, and on 18.16 (where they are literals); the cache, in process and in
Redis; stores that are slow; bounds."""
import json
import os
import subprocess
import threading
import time
import urllib.parse

from check import main
from gateway import BUILD, Gateway, ROOT, SERVER_BUILD
from servers import start_chdb_server, start_clickhouse_18, start_redis

CONFIG = os.path.join(ROOT, "tests", "integration", "queries.yaml")
UUID = "61f0c404-5cb3-11e7-907b-a6006ad3dba0"
AT = 1700000000
PEOPLE = [
    {"user_id": 0, "name": "secret", "at": AT, "score": 0.0, "big": 1, "page": "/a"},
    {"user_id": 7, "name": "it's me", "at": AT + 1, "score": 2.5, "request": UUID, "big": 18446744073709551615, "page": "/b/\"ü"},
    {"user_id": 4294967295, "name": "last", "at": AT + 2, "score": -1.0, "big": 3, "page": "/a"},
]

# What would read more, end the statement, or run another, if it became SQL.
ATTACKS = [
    "' OR 1=1 --", "' OR '1'='1", "\\' OR 1=1 --", "\\", "7 OR 1=1", "7) OR (1=1", "7; DROP TABLE people", "'; DROP TABLE people; --",
    "' UNION ALL SELECT 'secret', 0 --", "{name:String}", "{rows}", "') OR has(['", "'] OR 1=1 --", "0x0", "user_id", "1 -- ", "/*", "*/", "`",
    "\"", "$$", "\\N", "NULL", "now()", "secret' AND sleep(3) AND '1", "' INTO OUTFILE '/tmp/x", "%27", "\u2018 OR 1=1", "' FORMAT CSV --",
]
WORDS = ["/q/text?name=%s", "/q/null?name=%s", "/q/path/%s", "/q/name/%s", "/q/texts?names=%s", "/q/texts?names=x&names=%s", "/q/numbers?ids=%s",
         "/q/numbers?ids=8,%s", "/q/float?score=%s", "/q/long?n=%s", "/q/time?at=%s", "/q/uuid?id=%s", "/q/choice?by=%s"]


def get(gateway, path, headers=None):
    status, fields, body = gateway.request("GET", path, headers=headers)
    return status, fields, body.decode()


def ask(gateway, path, headers=None):
    status, _, body = get(gateway, path, headers)
    assert status == 200, (path, status, body)
    return json.loads(body)


def on_each_store(test):
    """Of each store a test: the embedded engine, 26.7 and 18.16 behind HTTP."""
    def one(start):
        def run(folder):
            server = start(folder) if start else None
            env = {} if server is None else {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url,
                                             "CLICKHOUSE_PASSWORD": server.password or ""}
            gateway = Gateway(folder, config=CONFIG, env=env)
            try:
                gateway.start()
                fill(gateway)
                test(gateway)
                gateway.check_identity()
                gateway.stop()
            finally:
                gateway.cleanup()
                if server:
                    server.stop()
        run.__name__ = test.__name__ + ("" if start is None else "_" + start.__name__)
        return run
    return [one(start) for start in (None, on_26, on_18)]


def on_26(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    return start_chdb_server(path, os.path.join(SERVER_BUILD, "chdb_server"))


def on_18(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    return start_clickhouse_18(path, password="sesame")


def fill(gateway):
    """Each event twice in the table: rows that {rows} reads once."""
    status, reply = gateway.post("/events/bulk?wait=stored", PEOPLE)
    assert status == 200 and reply["accepted"] == 3, (status, reply)


def answers(gateway):
    assert ask(gateway, "/q/text?name=it%27s+me") == [{"user_id": 7, "name": "it's me"}]
    assert ask(gateway, "/q/null") == [{"user_id": 0}, {"user_id": 7}, {"user_id": 4294967295}]
    assert ask(gateway, "/q/null?name=last") == [{"user_id": 4294967295}]
    assert ask(gateway, "/q/null?name=%5CN") == []      # the text \N, which is not the null that it looks like
    assert ask(gateway, "/q/path/7") == [{"name": "it's me"}]
    assert ask(gateway, "/q/name/it's%20me") == [{"user_id": 7}]
    assert ask(gateway, "/q/header", {"X-Name": "last"}) == [{"user_id": 4294967295}]
    assert ask(gateway, "/q/texts?names=last&names=it%27s+me&names=%5C") == [{"user_id": 7}, {"user_id": 4294967295}]
    assert ask(gateway, "/q/numbers?ids=0,7&ids=4294967295") == [{"user_id": 0}, {"user_id": 7}, {"user_id": 4294967295}]
    assert ask(gateway, "/q/float?score=2.5e0") == [{"user_id": 7}]
    assert ask(gateway, "/q/time?at=%d" % (AT + 1)) == [{"user_id": 7}]
    assert ask(gateway, "/q/time?at=2023-11-14T22:13:20Z") == [{"user_id": 0}]
    assert ask(gateway, "/q/uuid?id=" + UUID.upper()) == [{"user_id": 7}]
    assert ask(gateway, "/q/choice?by=name")[0] == {"k": "it's me", "n": 1}
    shapes = get(gateway, "/q/shapes")[2]
    assert '"rows":[{"user_id":7,"big":18446744073709551615}]' in shapes, shapes
    found = json.loads(shapes)
    assert found["row"] == {"user_id": 7, "page": "/b/\"ü"} and found["none"] is None, found
    assert found["map"] == {"/a": 3, "/b/\"ü": 18446744073709551615} and found["value"] == 18446744073709551615, found
    assert found["table"] == {"columns": ["user_id", "n"], "rows": [[0, "secret"], [7, "it's me"], [4294967295, "last"]]}, found
    assert found["json"] == {"a": [1, 2.5]}, found
    assert get(gateway, "/q/missing?id=8")[::2] == (404, '{"no":8}')
    assert get(gateway, "/q/missing?id=7")[::2] == (200, '[{"name":"it\'s me"}]')


def attacks_match_nothing_or_are_refused(gateway):
    for attack in ATTACKS:
        for word in WORDS:
            path = word % urllib.parse.quote(attack, safe="")
            status, _, body = get(gateway, path)
            assert status == 400 or (status == 200 and body == "[]") or (attack == "/*" and status == 404), (path, status, body)
            assert status == 200 or json.loads(body)["detail"], body
        status, _, body = get(gateway, "/q/header", {"X-Name": attack.encode()})
        assert status == 400 or (status == 200 and body == "[]"), (attack, status, body)
    assert len(ask(gateway, "/q/null")) == len(PEOPLE)
    assert gateway.sum("sluice_queries_rejected_total") > len(ATTACKS) * 5


def numbers_that_do_not_fit_are_refused(gateway):
    for path in ("/q/path/4294967296", "/q/path/-1", "/q/path/18446744073709551616", "/q/path/4294967303", "/q/path/7.0", "/q/path/nan", "/q/path/0x7",
                 "/q/numbers?ids=4294967296", "/q/numbers?ids=7&ids=-1", "/q/long?n=9223372036854775808", "/q/long?n=-9223372036854775809",
                 "/q/long?n=18446744073709551616", "/q/float?score=nan", "/q/float?score=inf", "/q/float?score=1e999",
                 "/q/text?name=a%0Ab", "/q/text?name=a%00", "/q/text?name=%FF", "/q/text?name=" + "x" * 2000, "/q/text", "/q/path/",
                 "/q/texts?" + "&".join("names=%d" % n for n in range(101))):
        status, _, body = get(gateway, path)
        assert status in (400, 404 if path.endswith("/") else 400), (path, status, body)


def bounds_hold(gateway):
    for path, code in (("/q/many", "TOO_MANY_ROWS_OR_BYTES"), ("/q/large", ""), ("/q/broken", "")):
        status, _, body = get(gateway, path)
        assert status in (502, 503) and code in body and "nothing" not in body, (path, status, body)
    assert "nothing" in gateway.log(), "the log says which name is unknown"
    began = time.time()
    status, _, body = get(gateway, "/q/slow")
    assert status == 500 and "failed" in json.loads(body) and time.time() - began < 4, (status, body)
    assert gateway.sum("sluice_queries_failed_total") == 4
    assert ask(gateway, "/q/path/7") == [{"name": "it's me"}]


def side_by_side(gateway, paths):
    replies = [None] * len(paths)

    def one(number):
        replies[number] = get(gateway, paths[number])
    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def a_hundred_equal_questions_are_one_query(folder):
    gateway = Gateway(folder, config=CONFIG)
    try:
        gateway.start()
        fill(gateway)
        replies = side_by_side(gateway, ["/q/cached"] * 100)
        assert {(status, body) for status, _, body in replies} == {(200, '"1"')}, replies[0]
        assert gateway.sum("sluice_queries_total") == 1
        assert gateway.sum("sluice_queries_cached_total") == 99
        _, fields, _ = replies[0]
        assert 50 < int(fields["cache-control"].partition("max-age=")[2]) <= 60, fields
        status, again, body = get(gateway, "/q/cached?id=07", {"If-None-Match": fields["etag"]})
        assert (status, body, again["etag"]) == (304, "", fields["etag"]), (status, body)
        assert get(gateway, "/q/cached?id=0")[2] == '"1"' and gateway.sum("sluice_queries_total") == 2
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def a_full_queue_is_told_and_the_rest_are_answered(folder):
    gateway = Gateway(folder, config=CONFIG)
    try:
        gateway.start()
        fill(gateway)
        replies = side_by_side(gateway, ["/q/slow?n=%d" % n for n in range(20)])
        full = [body for status, _, body in replies if status == 503]
        assert {status for status, _, _ in replies} == {500, 503} and len(full) >= 10, [r[::2] for r in replies]
        assert "query.queue" in full[0] or "query.timeout" in full[0], full
        assert gateway.sum("sluice_queries_refused_total") >= 10
        assert gateway.post("/events", dict(PEOPLE[0], name="still accepted"))[0] == 202
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def gateways_share_answers_in_redis_and_do_without_it(folder):
    redis = start_redis(os.path.join(folder, "redis"))
    env = {"REDIS_URL": "redis://127.0.0.1:%d" % redis.port}
    one = Gateway(os.path.join(folder, "one"), config=CONFIG, env=env)
    two = Gateway(os.path.join(folder, "two"), config=CONFIG, env=env)
    try:
        one.start()
        two.start()
        fill(one)       # two's own store is empty
        assert ask(one, "/q/shared") == 3
        assert ask(two, "/q/shared") == 3, "the answer of the other"
        assert two.sum("sluice_queries_cached_total") == 1
        one.stop()
        redis.kill()
        one.start()
        began = time.time()
        assert ask(one, "/q/shared") == 3 and time.time() - began < 3
        assert "answers are not shared" in one.log()
        one.check_identity()
        one.stop()
        two.stop()
    finally:
        one.cleanup()
        two.cleanup()
        redis.kill()


READER = """
        <reader>
            <password>only</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>reading</profile><quota>default</quota>
        </reader>
    </users>"""


def a_server_is_asked_as_a_user_of_its_own_who_may_only_read(folder):
    """readonly 1: a profile that takes no setting at all, which is the strictest."""
    server = on_18(folder)
    users = os.path.join(server.directory, "users.xml")
    with open(users) as file:
        text = file.read()
    text = text.replace("</profiles>", "<reading><readonly>1</readonly></reading></profiles>").replace("\n    </users>", READER)
    with open(users, "w") as file:
        file.write(text)
    server.stop()
    server.start()
    gateway = Gateway(folder, config=CONFIG, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD": "sesame",
                                                  "QUERY_USER": "reader", "QUERY_PASSWORD": "only"})
    try:
        gateway.start()
        fill(gateway)
        assert ask(gateway, "/q/path/7") == [{"name": "it's me"}]
        assert ask(gateway, "/q/texts?names=last") == [{"user_id": 4294967295}]
        assert ask(gateway, "/events/metrics?from=0")["total_count"] == 3
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


def check_names_the_place_of_what_cannot_be(folder):
    path = os.path.join(folder, "bad.yaml")
    with open(CONFIG) as file:
        text = file.read().replace("SELECT nothing FROM {rows}", "SELECT 1; SELECT 2")
    with open(path, "w") as file:
        file.write(text)
    done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode != 0 and b"bad.yaml:" in done.stdout and b"queries.broken.select.n: found ';'" in done.stdout, done.stdout


if __name__ == "__main__":
    main(on_each_store(answers) + on_each_store(attacks_match_nothing_or_are_refused) + on_each_store(numbers_that_do_not_fit_are_refused) +
         on_each_store(bounds_hold) + [
        a_hundred_equal_questions_are_one_query,
        a_full_queue_is_told_and_the_rest_are_answered,
        gateways_share_answers_in_redis_and_do_without_it,
        a_server_is_asked_as_a_user_of_its_own_who_may_only_read,
        check_names_the_place_of_what_cannot_be,
    ])
