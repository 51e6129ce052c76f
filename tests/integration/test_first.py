"""The first ten minutes: what is printed, what README says, what the environment means, how the engine is fetched."""
import base64
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import threading
import time

from check import main
from gateway import BUILD, Gateway, ROOT, SAMPLE, with_gateway
from servers import start_clickhouse_18, start_redis

MINIMAL = os.path.join(ROOT, "config", "presets", "minimal.yaml")
DEBIAN = os.path.join(ROOT, "config", "presets", "clickhouse-18.yaml")


def shell(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
    assert done.returncode == 0, (command, done)
    return done.stdout.decode()


def stored_and_again(gateway, command):
    """The command stores an event; once more, it is a duplicate."""
    first = shell(command)
    assert '"status":"stored"' in first and "stable_id" not in first, first
    assert '"status":"duplicate"' in shell(command)
    gateway.wait_stored()
    gateway.check_identity()


def the_printed_commands_store_an_event_and_count_it(folder):
    gateway = Gateway(folder, arguments=["--example"])
    try:
        gateway.start()
        gateway.wait_until("the example is printed", lambda: "  curl" in gateway.log())
        post, count = re.findall(r"^  (curl .*)$", gateway.log(), re.M)
        stored_and_again(gateway, post)
        assert '"total_count":1' in shell(count)
        assert shell("curl -s http://127.0.0.1:%d/demo" % gateway.port).startswith("<!")
        gateway.stop()
        assert gateway.sql("SELECT count() FROM events FINAL") == "1"
    finally:
        gateway.cleanup()


def blocks(document, language):
    """The code of a document in that language, block by block."""
    with open(os.path.join(ROOT, document)) as file:
        return re.findall(r"^```%s\n(.*?)^```$" % language, file.read(), re.M | re.S)


def told(block):
    """The replies that a block promises, in comments: patterns in which … is anything."""
    return [re.escape(line).replace("…", ".*") for line in re.findall(r"^(?:#|//) (\{.*)$", block, re.M)]


def here(gateway, text):
    """The text for this gateway: its ports, its program, its data."""
    for theirs, ours in ((":8080", ":%d" % gateway.port), ("/8125", "/%d" % gateway.udp[0][1]),
                         ("build/sluice sql", "%s sql --config %s" % (os.path.join(BUILD, "sluice"), gateway.config))):
        text = text.replace(theirs, ours)
    return text


def check_block(gateway, folder, block, command=("bash", "-c")):
    done = subprocess.run([*command, here(gateway, block)], capture_output=True, timeout=60, cwd=folder, env=gateway.env)
    assert done.returncode == 0, (block, done)
    said = done.stdout.decode()
    for line in told(block):
        assert re.search("^%s" % line, said, re.M), (line, said)
    return said


def sends(block):
    return re.search("localhost:8080|/dev/udp|build/sluice sql", block)


@with_gateway
def readme_says_what_its_commands_do(gateway):
    post, count = [block for block in blocks("README.md", "sh") if sends(block)][0].split("\n\n")
    check_block(gateway, gateway.folder, post)
    assert '"status":"duplicate"' in shell(here(gateway, post))
    assert '"total_count":1' in check_block(gateway, gateway.folder, count)
    gateway.wait_stored()
    gateway.check_identity()


@with_gateway
def the_page_for_clients_says_what_its_commands_do(gateway):
    commands = blocks("docs/clients.md", "sh")
    assert len(commands) > 4 and all(sends(block) for block in commands), commands
    for block in commands:
        check_block(gateway, gateway.folder, block)
    assert '"status":"duplicate"' in shell(here(gateway, commands[0]))
    (python,) = blocks("docs/clients.md", "python")
    check_block(gateway, gateway.folder, python, command=("/usr/bin/python3", "-c"))
    gateway.wait_until("its datagrams are counted", lambda: gateway.sum("sluice_events_received_total", protocol="udp") == 3)
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    # purchase; the good event of two, by curl, in LZ4, over WebSocket and UDP; tick
    assert gateway.sql("SELECT count() FROM events FINAL") == "6"


@with_gateway
def events_without_their_dedup_key_are_told_so(gateway):
    event = {"event_name": "e", "channel": "web", "user_id": "u"}
    timed = dict(event, timestamp=int(time.time()))
    for _ in range(2):
        status, reply = gateway.post("/events", event)
        assert status == 202 and reply["stable_id"] is False, reply
    status, reply = gateway.post("/events", timed)
    assert status == 202 and "stable_id" not in reply, reply
    status, reply = gateway.post("/events/bulk", [event, timed, event, {}])
    assert (reply["accepted"], reply["duplicate"], reply["rejected"]) == (2, 1, 1) and reply["without_stable_id"] == 2, reply
    status, reply = gateway.post("/events/bulk", [timed])
    assert "without_stable_id" not in reply, reply
    status, reply = gateway.post("/events/bulk?ids=0", [event])
    assert "without_stable_id" not in reply and "ids" not in reply, reply
    gateway.wait_stored()
    gateway.check_identity()


def serving_line(folder, config, env):
    gateway = Gateway(folder, config=config, env=env)
    try:
        gateway.start()
        log = gateway.log()
        gateway.stop()
    finally:
        gateway.cleanup()
    return re.search(r"serving: (.*)", log).group(1), log


def the_environment_wins_over_files_that_do_not_mention_it(folder):
    redis = start_redis(folder)
    try:
        line, _ = serving_line(os.path.join(folder, "a"), MINIMAL, {"SLUICE_DEDUP": "redis", "REDIS_URL": redis.url,
                                                                    "SLUICE_DURABILITY": "os"})
    finally:
        redis.stop()
    assert re.search(r" dedup=redis\(\S+\) durability=os ", line) and " udp=127.0.0.1:" in line, line
    literal = os.path.join(folder, "literal.yaml")
    with open(MINIMAL) as file, open(literal, "w") as out:
        out.write("http: { listen: ':1' }\ndedup: { kind: memory }\nlog: { level: error }\n" + file.read())
    line, _ = serving_line(os.path.join(folder, "b"), literal, {"SLUICE_DEDUP": "none", "SLUICE_LOG_LEVEL": "info"})
    assert " dedup=none durability=fsync " in line, line


def the_start_line_says_where_everything_is_and_no_password(folder):
    line, log = serving_line(os.path.join(folder, "a"), SAMPLE, {
        "SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://u:sesame@127.0.0.1:1,http://127.0.0.1:2",
        "CLICKHOUSE_PASSWORD": "sesame", "SLUICE_DEDPU": "redis", "SLUICE_DRAIN_TIMEOUT": "0s"})
    assert re.search(r"url=http://127\.0\.0\.1:\d+/demo ", line), line
    assert " store=clickhouse(http://127.0.0.1:1,http://127.0.0.1:2) dedup=memory durability=fsync data=" + \
        os.path.realpath(os.path.join(folder, "a", "data")) in line, line
    assert "sesame" not in log
    assert "SLUICE_DEDPU means nothing here, perhaps SLUICE_DEDUP is meant" in log


def a_wrong_variable_is_told_by_name(folder):
    for name, value, says in (("SLUICE_DEDUP", "rediss", 'SLUICE_DEDUP: found "rediss", expected one of memory, redis, none'),
                              ("SLUICE_DRAIN_TIMEOUT", "5", 'SLUICE_DRAIN_TIMEOUT: found "5", expected a duration'),
                              ("SLUICE_STORE", "clickhose", 'SLUICE_STORE: found "clickhose", expected')):
        done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", MINIMAL], capture_output=True,
                              env=dict(os.environ, **{name: value}))
        assert done.returncode == 2 and says in done.stderr.decode(), done
    done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", MINIMAL], capture_output=True,
                          env=dict(os.environ, SLUICE_HTPP=":80"))
    assert done.returncode == 0 and "SLUICE_HTPP means nothing here, perhaps SLUICE_HTTP" in done.stderr.decode(), done


def the_preset_for_debians_server_stores_readmes_event(folder):
    os.makedirs(os.path.join(folder, "server"))
    server = start_clickhouse_18(os.path.join(folder, "server"), password="sesame")
    gateway = Gateway(folder, config=DEBIAN, env={"CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD": "sesame"})
    try:
        gateway.start()
        status, reply = gateway.post("/events?wait=stored", {
            "event_name": "purchase", "channel": "web", "user_id": "user123", "message_id": "1", "tags": ["mobile"],
            "metadata": {"amount": 99.99, "currency": "USD"}, "timestamp": int(time.time()),
            "event_params": [{"key": "k", "boolean_value": True, "int_value": 5}],
            "items": [{"id": "i", "price_in_usd": 0.5, "quantity": 2}]})
        assert (status, reply["status"]) == (200, "stored"), (status, reply)
        rows = server.query("SELECT event_name, amount, currency, tags, event_param_bools, item_prices FROM events FINAL")
        assert rows == "purchase\t99.99\tUSD\t['mobile']\t[1]\t[0.5]\n", rows
        report = gateway.load(events=20000, bulk=500, path="/events/bulk")
        assert report["failed"] == 0, report
        gateway.wait_stored()
        gateway.check_identity()
        assert int(server.query("SELECT count() FROM events FINAL")) == report["accepted"] + 1
        assert "degraded" not in gateway.get("/readyz?verbose")[1]
        gateway.stop()
    finally:
        gateway.cleanup()
        server.stop()


class Registry(http.server.BaseHTTPRequestHandler):
    """Gives any path the same bytes; remembers paths and tokens."""
    seen = []
    body = b"not what was published"

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


def the_engine_is_fetched_as_npm_is_configured_and_checked(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "127.0.0.1:%d" % server.server_port
    script = os.path.join(folder, "project", "scripts", "fetch-libchdb")
    os.makedirs(os.path.dirname(script))
    for name in ("fetch-libchdb", "npm-tarball"):
        shutil.copy(os.path.join(ROOT, "scripts", name), os.path.join(folder, "project", "scripts"))
    home = os.path.join(folder, "home")
    os.makedirs(home)
    clean = {"PATH": os.environ["PATH"], "HOME": home}
    tarball = "/@chdb/lib-linux-x64-gnu/-/lib-linux-x64-gnu-"
    ways = [  # environment, the user's .npmrc, what is asked for, the token
        ({"npm_config_registry": "http://%s/" % url}, "", tarball, None),
        ({"NPM_CONFIG_REGISTRY": "http://%s/npm/x" % url}, "registry=http://127.0.0.1:1/\n", "/npm/x" + tarball, None),
        ({}, "registry = http://%s/a/\n" % url, "/a" + tarball, None),
        ({"SECRET": "s3"}, "registry=http://127.0.0.1:1/\n@chdb:registry=http://%s/b/\n//%s/b/:_authToken=${SECRET}\n" % (url, url),
         "/b" + tarball, "Bearer s3"),
    ]
    try:
        for env, npmrc, path, token in ways:
            with open(os.path.join(home, ".npmrc"), "w") as file:
                file.write(npmrc)
            Registry.seen.clear()
            done = subprocess.run([script], env=dict(clean, **env), capture_output=True, timeout=60)
            assert done.returncode == 1 and b"nothing was kept" in done.stderr, (env, done)
            assert len(Registry.seen) == 1 and Registry.seen[0][0].startswith(path), Registry.seen
            assert Registry.seen[0][1] == token, Registry.seen
            assert b"s3" not in done.stdout + done.stderr
            assert os.listdir(os.path.join(folder, "project", "vendor")) == []
        digest = base64.b64encode(hashlib.sha512(Registry.body).digest()).decode()
        with open(script) as file:
            text = re.sub(r"^integrity=.*$", "integrity=" + digest, file.read(), flags=re.M)
        with open(script, "w") as file:
            file.write(text)
        done = subprocess.run([script], env=dict(clean, **ways[0][0]), capture_output=True, timeout=60)
        assert b"nothing was kept" not in done.stderr and b"unpacking" in done.stdout and done.returncode != 0, done
    finally:
        server.shutdown()
        server.server_close()


main([
    the_printed_commands_store_an_event_and_count_it,
    readme_says_what_its_commands_do,
    the_page_for_clients_says_what_its_commands_do,
    events_without_their_dedup_key_are_told_so,
    the_environment_wins_over_files_that_do_not_mention_it,
    the_start_line_says_where_everything_is_and_no_password,
    a_wrong_variable_is_told_by_name,
    the_preset_for_debians_server_stores_readmes_event,
    the_engine_is_fetched_as_npm_is_configured_and_checked,
])
