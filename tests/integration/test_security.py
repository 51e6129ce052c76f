"""What strangers and other users of the machine learn of a gateway, and what they cannot do: docs/security.md."""
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time

from check import main
from gateway import BUILD, Gateway, ROOT, SAMPLE, SANITIZED, event, with_gateway
from test_queries import AT, PEOPLE
from websocket import sample_with

NOBODY = 65534
QUERIES = os.path.join(ROOT, "tests", "integration", "queries.yaml")


def warnings(gateway, name):
    return re.findall(r" warn  %s: (.*)" % name, gateway.log())


def stored(gateway, count):
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sum("sluice_events_stored_total") == count
    gateway.stop()
    assert int(gateway.sql("SELECT count() FROM events FINAL")) == count


def who_starts_it_open_is_told_so_in_one_line_and_to_whom(folder):
    addresses = {"SLUICE_HTTP": "0.0.0.0:0", "SLUICE_UDP": "0.0.0.0:0"}
    keyed = os.path.join(folder, "keyed.yaml")
    with open(SAMPLE) as sample, open(keyed, "w") as file:
        text = sample.read().replace("admin:\n  listen: \"\"", "admin:\n  listen: \"${OPERATORS:-}\"")
        file.write(text.replace("stream: events }", "stream: events, allow: [192.0.2.0/24] }\n    - { listen: \"0.0.0.0:0\", hmac: [shop] }") +
                   "\nkeys: [{ name: shop, sha256: %s, scopes: [write] }]\n" % hashlib.sha256(b"key").hexdigest())
    rows = [(addresses, True, True), (dict(addresses, SLUICE_UDP="127.0.0.1:0"), True, False),
            (dict(addresses, SLUICE_HTTP="[::1]:0"), False, True), ({}, False, False), (addresses, False, False),
            (dict(addresses, OPERATORS="0.0.0.0:0"), True, False)]
    for number, (env, http, udp) in enumerate(rows):
        config = keyed if number > 3 else SAMPLE
        gateway = Gateway(os.path.join(folder, str(number)), config, env)
        try:
            gateway.start()
            gateway.stop()
            said = warnings(gateway, "open to all")
            assert len(said) == (http or udp), said
            if said:
                assert "keys" in said[0] and "tls" in said[0] and "127.0.0.1" in said[0], said
                assert ("http 0.0.0.0:0" in said[0], "udp 0.0.0.0:0" in said[0]) == (http, udp), said
                assert ("write events" in said[0]) == (number < 4) and ("metrics" in said[0]) == http, said
        finally:
            gateway.cleanup()


def a_reload_that_would_take_the_last_key_away_is_refused(folder):
    path = os.path.join(folder, "keyed.yaml")
    with open(SAMPLE) as sample:
        text = sample.read()
    with open(path, "w") as file:
        file.write(text + "\nkeys: [{ name: shop, sha256: %s, scopes: [write] }]\n" % hashlib.sha256(b"key").hexdigest())
    gateway = Gateway(folder, path, {"SLUICE_HTTP": "0.0.0.0:0"})
    try:
        gateway.start()
        assert gateway.post("/events", event(1))[0] == 401 and not warnings(gateway, "open to all")
        with open(path, "w") as file:
            file.write(text)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_until("it is told", lambda: "keys: found none" in gateway.log())
        assert gateway.post("/events", event(1))[0] == 401 and not warnings(gateway, "open to all")
        gateway.stop()
        gateway.start()
        assert gateway.post("/events", event(1))[0] == 202 and warnings(gateway, "open to all")
        stored(gateway, 1)
    finally:
        gateway.cleanup()


def the_recipe_of_the_page_lets_in_who_has_the_key_and_nobody_else(folder):
    """As docs/security.md has it, but for ports, paths and the streams."""
    def make(*command):
        return subprocess.run(command, check=True, capture_output=True, cwd=folder).stdout.decode()
    make("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem")
    with open(os.path.join(ROOT, "docs", "security.md")) as page:
        text = page.read()
    recipe = re.search(r"^```yaml\n(http:.*?)^```$", text, re.M | re.S).group(1)
    command = re.search(r"sluice key new (--.*)", recipe).group(1).split()
    made = make(os.path.join(BUILD, "sluice"), "key", "new", *command)
    key = made.splitlines()[0]
    with open(os.path.join(folder, "keys.yaml"), "w") as file:
        file.write(made.split("\n", 1)[1])
    with open(SAMPLE) as sample:
        streams = re.search(r"^streams:.*", sample.read(), re.M | re.S).group(0)
    for old, new in [("/etc/sluice", folder), ('":443"', '"127.0.0.1:0"'), ("127.0.0.1:9100", "127.0.0.1:0")]:
        assert old in recipe, old
        recipe = recipe.replace(old, new)
    path = os.path.join(folder, "recipe.yaml")
    with open(path, "w") as file:
        file.write(recipe + "store: { library: \"${SLUICE_LIBCHDB}\" }\n" + streams)
    gateway = Gateway(folder, path, {"SLUICE_HTTP": "", "SLUICE_UDP": ""})
    try:
        gateway.start()
        gateway.pages_port = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
        base = ["curl", "-sS", "--cacert", os.path.join(folder, "cert.pem"), "-o", "/dev/null", "-w", "%{http_code}"]
        url = "https://127.0.0.1:%d" % gateway.port
        post = ["-d", json.dumps(event(1)), "-H", "Content-Type: application/json", url + "/events"]
        assert make(*base, *post) == "401"
        assert make(*base, "-H", "X-API-Key: " + key, *post) == "202"
        assert make(*base, "-H", "X-API-Key: " + key, url + "/events/metrics") == "403"
        assert make(*base, url + "/metrics") == make(*base, url + "/demo") == "404"
        assert not warnings(gateway, "open to all") and key not in gateway.log()
        stored(gateway, 1)
    finally:
        gateway.cleanup()


SCOPES = ["write", "read", "admin"]
OPEN = ["/livez", "/readyz", "/ping", "/sluice.js", "/mine", "/files/a.txt", "/short"]
NEEDS = {"read": ["/", "/demo", "/events/metrics", "/openapi.json", "/top"],
         "admin": ["/metrics", "/status", "/health", "/readyz?verbose"]}


def with_keys(folder):
    """A public listener that serves all, one of operators, and a key for each scope, whose text is its scope's name."""
    os.makedirs(os.path.join(folder, "files"))
    with open(os.path.join(folder, "files", "a.txt"), "w") as file:
        file.write("a")
    keys = "".join("  - { name: %s, sha256: %s, scopes: [%s] }\n" % (scope, hashlib.sha256(scope.encode()).hexdigest(), scope)
                   for scope in SCOPES)
    path = os.path.join(folder, "keys.yaml")
    with open(SAMPLE) as sample, open(path, "w") as file:
        file.write(sample.read().replace("admin:\n  listen: \"\"", "", 1).replace("  listen: ${SLUICE_HTTP:-0.0.0.0:8080}", """
  listeners:
    - { listen: "127.0.0.1:0", serves: [events, pages, admin] }
    - { listen: "127.0.0.1:0", serves: admin }
""", 1) + """
keys:
%spages: [{ path: /mine, json: '{"who": "we"}' }]
files: [{ path: "/files/{file...}", folder: %s }]
replies: { short: { ok: { status: 204, empty: true } } }
routes: [{ path: /short, methods: [GET], reply: short }]
queries: { top: { path: /top, select: { n: { shape: value, sql: "SELECT count() FROM {rows}" } } } }
""" % (keys, os.path.join(folder, "files")))
    gateway = Gateway(folder, path, {"SLUICE_HTTP": ""}).start()
    gateway.pages_port = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
    return gateway


def once_there_are_keys_each_page_asks_for_its_scope(folder):
    gateway = with_keys(folder)
    try:
        def ask(path, key=None):
            return gateway.request("GET", path, headers={"Authorization": "Bearer " + key} if key else {})
        for path in OPEN:
            for key in [None] + SCOPES:
                assert ask(path, key)[0] in (200, 204), (path, key)
        assert ask("/readyz")[2] in (b"ready\n", b"not ready\n")
        for scope, paths in NEEDS.items():
            for path in paths:
                status, fields, body = ask(path)
                assert status == 401 and "www-authenticate" in fields, (path, status, fields)
                assert not re.search(rb"127\.0\.0\.1|sluice_|journal|embedded", body), (path, body)
                for key in SCOPES:
                    assert ask(path, key)[0] == (200 if key == scope else 403), (path, key)
                assert ask(path, "another")[0] == 401, path
        assert b"journal: ok" in ask("/readyz?verbose", "admin")[2]
        for path in NEEDS["admin"]:     # the address is the operators' own
            assert gateway.request("GET", path, port=gateway.pages_port)[0] == 200, path
            assert gateway.request("GET", path, port=gateway.pages_port, headers={"X-API-Key": "another"})[0] == 200, path
        assert gateway.post("/events", event(1))[0] == 401
        assert gateway.post("/events", event(1), {"X-API-Key": "read"})[0] == 403
        assert gateway.post("/events", event(1), {"X-API-Key": "write"})[0] == 202
        stored(gateway, 1)
        for key in SCOPES[1:] + ["another"]:
            assert "Bearer " + key not in gateway.log()
    finally:
        gateway.cleanup()


def what_is_switched_off_is_nowhere(folder):
    config = sample_with(folder, http={"demo": "false"}, query={"event_metrics": "false"})
    gateway = Gateway(folder, config, arguments=["--example"])
    try:
        gateway.start()
        assert gateway.post("/events", event(1))[0] == 202
        for path in ("/demo", "/events/metrics", "/events/metrics?group_by=channel"):
            assert gateway.request("GET", path)[0] in (404, 405), path
        assert gateway.get("/metrics?event_name=purchase")[1].startswith("# HELP")  # no other way to the counts
        for path in ("/", "/openapi.json"):
            text = gateway.get(path)[1]
            assert "/demo" not in text and "/events/metrics" not in text, path
        assert gateway.request("GET", "/sluice.js")[0] == 200
        stored(gateway, 1)
        assert "/demo" not in gateway.log() and "events/metrics" not in gateway.log()
    finally:
        gateway.cleanup()


@with_gateway
def pages_are_shown_in_no_frame_and_taken_for_nothing_else(gateway):
    for path in ("/", "/demo", "/swagger/"):
        status, headers, _ = gateway.request("GET", path)
        if status == 200:
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer", path


def as_nobody(*command):
    """The words of a command as another user, if there is one to become."""
    if os.getuid() != 0:
        return list(command)
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"] + list(command)


def what_the_store_says_goes_to_the_log_and_to_no_stranger(folder):
    gateway = Gateway(folder, env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": "http://127.0.0.1:9", "SLUICE_DRAIN_TIMEOUT": "10ms"})
    try:
        gateway.start()
        status, _, body = gateway.request("GET", "/events/metrics?event_name=purchase")
        assert status == 503 and b"127.0.0.1" not in body and b"connect" not in body.lower(), body
        assert "127.0.0.1:9" in "".join(warnings(gateway, "query failed")), gateway.log()
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def a_folder_that_somebody_wrote_to_starts_and_nothing_outside_is_touched(folder):
    data, victim = os.path.join(folder, "data"), os.path.join(folder, "victim")
    gateway = Gateway(folder, config=SAMPLE)
    try:
        gateway.start()
        assert gateway.post("/events?wait=stored", event(1))[0] == 200
        gateway.stop()
        with open(victim, "w") as file:
            file.write("mine")
        name = "events-01890a5d-ac96-774b-bcce-b302099a8057"
        for sub in ("journal", "retry", "keys", "dead"):
            path = os.path.join(data, sub)
            os.makedirs(path, exist_ok=True)
            with open(os.path.join(path, name + ".segment"), "wb") as file:
                file.truncate(1 << 40)     # a TiB of holes
            os.symlink(victim, os.path.join(path, name.replace("8057", "8058") + ".segment"))
            os.mkfifo(os.path.join(path, name.replace("8057", "8059") + ".segment"))
        began = time.monotonic()
        gateway.start()
        assert time.monotonic() - began < 20
        assert gateway.post("/events?wait=stored", event(2))[0] == 200
        gateway.check_identity()
        gateway.stop()
        os.remove(os.path.join(data, "LOCK"))
        os.symlink(victim, os.path.join(data, "LOCK"))
        try:
            gateway.start()
        except AssertionError as error:
            assert "LOCK" in str(error) and "is a link" in str(error), error
        else:
            raise AssertionError("it started on a link")
        with open(victim) as file:
            assert file.read() == "mine"
    finally:
        gateway.cleanup()


def can_look_into(pid):
    done = subprocess.run(as_nobody("head", "-c", "1", "/proc/%d/environ" % pid), capture_output=True)
    assert b"Permission denied" in done.stderr or len(done.stdout) == 1, done
    return len(done.stdout) == 1


def files_and_memory_are_of_the_gateway_alone(folder):
    os.chmod(folder, 0o711)
    home = os.path.join(folder, "home")
    gateway = Gateway(home, wrapper=as_nobody("env", "HOME=" + home))
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    old = os.umask(0)
    try:
        gateway.start()
        os.umask(old)
        assert gateway.post("/events?wait=stored", event(1))[0] == 200
        seen = 0
        for path, folders, files in os.walk(os.path.join(home, "data")):
            for name in [path] + [os.path.join(path, name) for name in folders + files]:
                mode = os.lstat(name).st_mode
                assert stat.S_ISLNK(mode) or mode & 0o077 == 0, (name, oct(mode))
                seen += 1
        assert seen > 10
        pid = gateway.process.pid
        with open("/proc/%d/limits" % pid) as file:
            assert re.search(r"^Max core file size\s+0\s", file.read(), re.M)
        assert not can_look_into(pid)  # not even the same user
        assert not warnings(gateway, "data folder is open")
        gateway.check_identity()
        gateway.stop()
        os.chmod(os.path.join(home, "data"), 0o755)  # as somebody else made it
        gateway.config = sample_with(folder, log={"core_dumps": "true"})
        gateway.start()
        assert can_look_into(gateway.process.pid)
        assert len(warnings(gateway, "data folder is open")) == 1
        gateway.stop()
    finally:
        os.umask(old)
        gateway.cleanup()


def with_queries(folder, options, **changes):
    """A gateway of tests/integration/queries.yaml with other options of `query`, and texts changed."""
    with open(QUERIES) as file:
        text = re.sub(r"^query: .*$", "query: { %s }" % options, file.read(), flags=re.M)
    for old, new in changes.values():
        assert old in text, old
        text = text.replace(old, new)
    path = os.path.join(folder, "queries.yaml")
    with open(path, "w") as file:
        file.write(text)
    gateway = Gateway(folder, path).start()
    assert gateway.post("/events/bulk?wait=stored", PEOPLE)[0] == 200
    return gateway


def a_flood_of_questions_from_one_address_makes_no_other_wait_in_line(folder):
    gateway = with_queries(folder, "threads: 1, queue: 64, timeout: 10s", slow=("sleep(2.5)", "sleep(0.2)"), time=("timeout: 1s", ""))
    over, seen = threading.Event(), []

    def flood():
        while not over.is_set():
            seen.append(gateway.request("GET", "/q/slow", headers={"X-Forwarded-For": "198.51.100.1"})[0])
    threads = [threading.Thread(target=flood) for _ in range(40)]
    try:
        for thread in threads:
            thread.start()
        gateway.wait_until("the line is full", lambda: 503 in seen)  # as the query says of `full`
        waited = []
        for _ in range(5):
            began = time.monotonic()
            status, _, body = gateway.request("GET", "/q/path/7", headers={"X-Forwarded-For": "198.51.100.2"})
            waited.append(time.monotonic() - began)
            assert status == 200, body
        assert max(waited) < (20 if SANITIZED else 2), waited  # of a line of 16 that take 0.2 s each: it is the next
        over.set()
        for thread in threads:
            thread.join()
        assert set(seen) <= {200, 503}, set(seen)
        gateway.check_identity()
        gateway.stop()
    finally:
        over.set()
        gateway.cleanup()


def a_question_may_cost_so_much_and_no_more(folder):
    costly = ("SELECT sleep(2.5) + {n:UInt32}", "SELECT length(groupArray(number)) + {n:UInt32} FROM numbers(100000000)")
    gateway = with_queries(folder, "max_range: 10d, max_rows_to_read: 2, max_memory: 64MiB", slow=costly, time=("timeout: 1s", ""))
    try:
        status, _, body = gateway.request("GET", "/events/metrics?from=0")
        assert status == 400 and b"query.max_range" in body, body
        window = "from=%d&to=%d" % (AT - 86400, AT + 86400)
        status, _, body = gateway.request("GET", "/events/metrics?" + window)  # three rows
        assert status == 502 and b"TOO_MANY_ROWS" in body and b"127.0.0.1" not in body, body
        status, _, body = gateway.request("GET", "/q/slow?n=1")
        assert status == 500 and b"TOO_MANY_ROWS" in body or b"MEMORY_LIMIT" in body, body
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([a_flood_of_questions_from_one_address_makes_no_other_wait_in_line, a_question_may_cost_so_much_and_no_more,
          who_starts_it_open_is_told_so_in_one_line_and_to_whom, the_recipe_of_the_page_lets_in_who_has_the_key_and_nobody_else,
          a_reload_that_would_take_the_last_key_away_is_refused,
          once_there_are_keys_each_page_asks_for_its_scope, what_is_switched_off_is_nowhere,
          what_the_store_says_goes_to_the_log_and_to_no_stranger,
          a_folder_that_somebody_wrote_to_starts_and_nothing_outside_is_touched,
          pages_are_shown_in_no_frame_and_taken_for_nothing_else, files_and_memory_are_of_the_gateway_alone])
