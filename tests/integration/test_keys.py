"""Who may come in: keys over HTTP and WebSocket, each good way and each wrong one. What is refused has its status, its counter,
and stores nothing; a key is nowhere to be seen afterwards."""
import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

from check import main
from gateway import BUILD, ROOT, Gateway, with_gateway
from websocket import Client, Closed

ORIGIN = "https://shop.example"
STREAM = """
  - name: %s
    dedup_key: [id]
    batch: { max_delay: 100ms }
    unknown_fields: collect
    collect_into: rest
    fields:
      - { name: id, type: String, required: true }
      - { name: who, type: String, fill: key_name }
      - { name: rest, type: JSON }
"""


def new_key(name, scopes, *more):
    """A key that `sluice key new` makes, and its entry."""
    done = subprocess.run([os.path.join(BUILD, "sluice"), "key", "new", "--name", name, "--scopes", scopes, *more],
                          stdout=subprocess.PIPE, check=True)
    text = done.stdout.decode()
    return text.split("\n", 1)[0], "\n".join(line for line in text.splitlines()[1:] if not line.startswith("#")) + "\n"


class Keys:
    """Keys by name, and the file that makes them known."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "keys.yaml")
        self.text, self.entry = {}, {}
        self.add("shop", "write", "--streams", "events")
        self.add("all", "write")
        self.add("page", "write", "--origins", ORIGIN)
        self.add("reader", "read")
        self.add("operator", "admin,read")
        self.add("old", "write", "--expires", "2020-01-01")
        self.add("off", "write")
        self.entry["off"] += "  disabled: true\n"
        self.write()

    def add(self, name, scopes, *more):
        self.text[name], self.entry[name] = new_key(name, scopes, *more)

    def write(self):
        with open(self.path, "w") as file:
            file.write("".join(self.entry.values()))


class Guarded(Gateway):
    def __init__(self, folder, env=None):
        self.keys = Keys(folder)
        path = os.path.join(folder, "sluice.yaml")
        with open(path, "w") as file:
            file.write("http: { listen: 127.0.0.1:0, cors_origins: ['%s'] }\nadmin: { listen: 127.0.0.1:0 }\n"
                       "udp: { listeners: [] }\njournal: { data: '${SLUICE_DATA}' }\nkeys_file: keys.yaml\n"
                       "store: { kind: '${SLUICE_STORE:-embedded}', url: '${CLICKHOUSE_URL:-http://localhost:8123}' }\n"
                       "routes:\n"
                       "- { path: /pixel, methods: get, open: true, stream: events, event: [{ query: '*' }] }\n"
                       "- { path: /collect, methods: [get, post], stream: events, event: [{ query: '*' }] }\n"
                       "- { path: /by, items: one, stream: { by: kind, names: { e: events, o: orders } } }\n"
                       "files: [{ path: /open, folder: %s }]\n"
                       "streams:%s%s" % (ORIGIN, folder, STREAM % "events", STREAM % "orders"))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "index.html"), "w") as file:
            file.write("open")
        super().__init__(folder, config=path, env=dict(env or {}, SLUICE_HTTP=""))

    def start(self, timeout=60):
        super().start(timeout)
        self.pages_port = [port for _, port, serves in self.http if serves == {"admin"}][0]
        self.port = [port for _, port, serves in self.http if serves != {"admin"}][0]
        return self

    def ask(self, path, key=None, body=None, headers=None, method=None):
        """Status, code of the problem (or None), header fields."""
        fields = dict({"Content-Type": "application/json"} if body is not None else {}, **(headers or {}))
        if key is not None:
            fields["Authorization"] = "Bearer " + self.keys.text.get(key, key)
        status, head, text = self.request(method or ("POST" if body is not None else "GET"), path, body, fields)
        problem = json.loads(text) if head.get("content-type") == "application/problem+json" else {}
        return status, problem.get("code"), head

    def refusals(self):
        return {dict(k)["reason"]: v for k, v in self.metrics()["sluice_key_refusals_total"].items() if v}

    def of_key(self, name):
        return tuple(self.sum("sluice_key_" + what, key=name) for what in
                     ("events_received_total", "events_accepted_total", "events_rejected_total"))

    def rows(self, stream="events"):
        self.wait_stored()
        return int(self.sql("SELECT count() FROM %s" % stream))

    def finish(self):
        """The identity holds, and nobody has written a key down."""
        self.check_identity()
        self.stop()
        log = self.log()
        for text in self.keys.text.values():
            assert text not in log


def guarded(test):
    return with_gateway(test, Guarded, Guarded.finish)


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode((user + ":").encode()).decode()}


@guarded
def a_key_is_taken_in_each_of_its_places(gateway):
    key = gateway.keys.text["shop"]
    ways = [
        ("/events", {"Authorization": "Bearer " + key}),
        ("/events", {"authorization": "bearer  " + key}),
        ("/events", basic(key)),
        ("/events", {"Authorization": basic(key)["Authorization"], "X-API-Key": key}),      # the same is one
        ("/events", {"X-API-Key": key}),
        ("/events?key=" + key, {}),
        ("/events?stream=events&key=%s&ids=1" % key.replace("s", "%73", 1), {}),
        ("/events/events?key=" + key, {}),
        ("/events", {"X-API-Key": key, "Origin": "https://elsewhere.example"}),             # it has no origins
    ]
    for number, (path, fields) in enumerate(ways):
        status, code, _ = gateway.ask(path, None, json.dumps({"id": str(number)}), fields)
        assert status == 202, (path, fields, status, code)
    large = json.dumps([{"id": "large%d" % i, "text": "x" * 1000} for i in range(400)])     # to the thread beside
    assert gateway.ask("/events/bulk", "shop", large)[0] == 202
    assert gateway.ask("/by", "shop", '{"id": "by", "kind": "e"}')[0] == 202
    assert gateway.ask("/events", "page", '{"id": "page"}', {"Origin": ORIGIN})[0] == 202
    many = len(ways) + 400 + 1
    assert gateway.of_key("shop") == (many, many, 0), gateway.of_key("shop")
    assert gateway.of_key("page") == (1, 1, 0)
    assert gateway.sum("sluice_key_received_bytes_total", key="shop") > len(large)
    assert gateway.refusals() == {}
    assert gateway.rows() == many + 1
    assert gateway.sql("SELECT who, count() FROM events GROUP BY who ORDER BY who") == "page\t1\nshop\t%d" % many
    assert gateway.sql("SELECT count() FROM events WHERE toString(rest) LIKE '%slw\\\\_%'") == "0"


@guarded
def each_wrong_way_in_is_told_counted_and_stores_nothing(gateway):
    text = gateway.keys.text
    typo = text["shop"][:-1] + ("0" if text["shop"][-1] != "0" else "1")
    wrong = [
        ("/events", None, {}, 401, "key_missing"),
        ("/events?key=", None, {}, 401, "key_missing"),
        ("/events", None, {"Authorization": "Digest a=b"}, 401, "key_missing"),
        ("/events", typo, {}, 401, "key_malformed"),
        ("/events", text["shop"] + "0", {}, 401, "key_malformed"),
        ("/events?key=two%20words", None, {}, 401, "key_malformed"),
        ("/events", None, {"X-API-Key": "x" * 2000}, 401, "key_malformed"),
        ("/events", new_key("stranger", "write")[0], {}, 401, "key_unknown"),
        ("/events", hashlib.sha256(text["shop"].encode()).hexdigest(), {}, 401, "key_unknown"),
        ("/events", "old", {}, 401, "key_expired"),
        ("/events", "off", {}, 401, "key_disabled"),
        ("/events", "page", {}, 403, "key_origin"),
        ("/events", "page", {"Origin": "https://evil.example"}, 403, "key_origin"),
        ("/events", "reader", {}, 403, "scope_missing"),
        ("/events", "operator", {}, 403, "scope_missing"),
        ("/events/orders", "shop", {}, 403, "stream_forbidden"),
        ("/events/bulk?stream=orders", "shop", {}, 403, "stream_forbidden"),
        ("/events/batch?stream=orders&key=" + text["shop"], None, {}, 403, "stream_forbidden"),
    ]
    for path, key, fields, status, code in wrong:
        found = gateway.ask(path, key, '[{"id": "1"}]' if "b" in path.split("?")[0][8:] else '{"id": "1"}', fields)
        assert found[:2] == (status, code), (path, key, fields, found)
        assert (found[2].get("www-authenticate") == 'Bearer realm="sluice"') == (status == 401), found
    by_event = gateway.ask("/by", "shop", '{"id": "1", "kind": "o"}')                # known when it is read
    assert by_event[:2] == (403, "stream_forbidden"), by_event
    assert gateway.sum("sluice_events_rejected_total", stream="orders", reason="stream_forbidden") == 1
    for path, fields in [("/events?key=other", {"X-API-Key": text["shop"]}),
                         ("/events?key=%s&key=%s" % (text["shop"], text["all"]), {}),
                         ("/events", {"Authorization": "Basic !"}), ("/events?key=%zz", {})]:
        assert gateway.ask(path, None, '{"id": "1"}', fields)[:2] == (400, "bad_request"), (path, fields)
    counted = {}
    for _, _, _, _, code in wrong + [(0, 0, 0, 0, "stream_forbidden")]:
        counted[code] = counted.get(code, 0) + 1
    assert gateway.refusals() == counted, (gateway.refusals(), counted)
    assert gateway.of_key("shop") == (4, 0, 4), gateway.of_key("shop")
    assert gateway.rows() == 0 and gateway.rows("orders") == 0


@guarded
def a_refusal_at_the_head_reads_no_body_and_a_small_one_keeps_the_connection(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    for number, (key, status) in enumerate([(None, 401), ("all", 202), ("reader", 403), ("all", 202)]):
        fields = {"Authorization": "Bearer " + gateway.keys.text[key]} if key else {}
        connection.request("POST", "/events", json.dumps({"id": str(number)}), fields)
        reply = connection.getresponse()
        assert reply.status == status, (key, reply.status)
        reply.read()
    connection.close()
    # 100-continue is not said to whom no body is taken from.
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as raw:
        raw.sendall(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 401 "), "the body was asked for"


@guarded
def pages_ask_for_their_scope_and_probes_for_none(gateway):
    everything = {"operator": 200, "reader": 403, "shop": 403, None: 401}
    for path in ("/metrics", "/status", "/health", "/livez", "/readyz"):
        assert gateway.ask(path)[:2] == (404, "not_served_here"), path       # the admin listener's
        assert gateway.request("GET", path, port=gateway.pages_port)[0] == 200, path
    for path in ("/", "/openapi.json", "/demo", "/swagger/"):
        for key, status in {**everything, "reader": 200}.items():
            found = gateway.ask(path, key)
            assert found[0] == status, (path, key, found)
        assert 'Basic realm="' in gateway.ask(path)[2]["www-authenticate"]   # a browser asks its user
        assert gateway.request("GET", path, headers=basic(gateway.keys.text["reader"]))[0] == 200
    assert gateway.ask("/events/metrics?event_name=a&from=1&to=2", "shop")[:2] == (403, "scope_missing")
    assert gateway.ask("/events/metrics?event_name=a&from=1&to=2&key=" + gateway.keys.text["reader"])[:2] == \
        (401, "key_missing")                                                  # no page reads it from the query
    for path in ("/sluice.js", "/open/"):
        assert gateway.ask(path)[0] == 200, path
    assert gateway.ask("/nowhere")[0] == 404
    found = gateway.ask("/events", None, None, {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
                                                "Access-Control-Request-Headers": "authorization, x-api-key"}, "OPTIONS")
    assert found[0] == 204 and found[2]["access-control-allow-headers"] == "authorization, x-api-key", found
    status, _, head = gateway.ask("/events", None, "{}", {"Origin": ORIGIN})
    assert (status, head["access-control-allow-origin"]) == (401, ORIGIN)     # the page can read why


@guarded
def strangers_get_one_word_of_readiness(gateway):
    """Where all is served at one address."""
    gateway.stop()
    with open(gateway.config) as file:
        text = file.read()
    with open(gateway.config, "w") as file:
        file.write(text.replace("admin: { listen: 127.0.0.1:0 }\n", ""))
    Gateway.start(gateway)
    everything = {"operator": 200, "reader": 403, "shop": 403, None: 401}
    for path in ("/metrics", "/status", "/health", "/readyz?verbose=1"):
        for key, status in everything.items():
            assert gateway.ask(path, key)[0] == status, (path, key)
    for key in (None, "nonsense", "operator"):
        assert gateway.ask("/livez", key)[0] == 200 and gateway.ask("/ping", key)[0] == 200
        assert gateway.request("GET", "/readyz", headers={"X-API-Key": key} if key else {})[2] == b"ready\n"
    gateway.stop()


@guarded
def open_routes_ask_nobody_and_no_key_is_stored_from_a_query(gateway):
    key = gateway.keys.text["all"]
    assert gateway.ask("/pixel?id=1")[0] == 202
    assert gateway.ask("/pixel?id=2&key=nonsense")[0] == 202                  # cut, whatever it is
    assert gateway.ask("/pixel?key=%s&id=3&a=b" % key)[0] == 202
    assert gateway.ask("/collect?id=4")[:2] == (401, "key_missing")
    assert gateway.ask("/collect?id=5&c=d&key=" + key)[0] == 202
    assert gateway.rows() == 4
    stored = gateway.sql("SELECT id, who, toString(rest) FROM events ORDER BY id")
    assert "slw_" not in stored and "nonsense" not in stored and "key" not in stored, stored
    assert [line.split("\t")[:2] for line in stored.splitlines()] == [["1", ""], ["2", ""], ["3", "all"], ["5", "all"]], stored
    assert '"c":"d"' in stored, stored


def upgrade(gateway, path="/ws", **fields):
    """A client, or the status of the refusal."""
    try:
        return Client(gateway.port, path, {k.replace("_", "-"): v for k, v in fields.items()})
    except AssertionError as error:
        return int(re.search(r"HTTP/1.1 (\d+)", str(error)).group(1))


@guarded
def websockets_are_judged_before_they_open(gateway):
    text = gateway.keys.text
    for number, (path, fields) in enumerate([
            ("/ws", {"Authorization": "Bearer " + text["all"]}),
            ("/ws?key=" + text["all"], {}),
            ("/ws", {"Sec_WebSocket_Protocol": "sluice.v1, key." + text["all"]}),
            ("/ws?stream=events&key=" + text["shop"], {}),
            ("/ws?key=" + text["page"], {"Origin": ORIGIN})]):
        client = upgrade(gateway, path, **fields)
        assert isinstance(client, Client), (path, client)
        client.text([{"id": str(number)}])
        assert client.read()[1]["accepted"] == 1
        client.socket.close()
    wrong = [
        ("/ws", {}, 401), ("/ws?key=nonsense", {}, 401), ("/ws?key=slw_nonsense", {}, 401),
        ("/ws", {"Sec_WebSocket_Protocol": "sluice.v1, key." + text["old"]}, 401), ("/ws?key=" + text["off"], {}, 401),
        ("/ws?key=" + text["page"], {}, 403), ("/ws?key=" + text["reader"], {}, 403),
        ("/ws?stream=orders&key=" + text["shop"], {}, 403), ("/tr/v1/ws?stream=orders&key=" + text["shop"], {}, 403),
        ("/ws?key=" + text["all"], {"X_API_Key": text["shop"]}, 400),
    ]
    for path, fields, status in wrong:
        assert upgrade(gateway, path, **fields) == status, (path, fields)
    assert gateway.sum("sluice_websockets_refused_total") == len(wrong)
    assert sum(gateway.refusals().values()) == len(wrong) - 1
    assert gateway.of_key("all") == (3, 3, 0)
    assert gateway.rows() == 5


def reload(gateway):
    before = gateway.sum("sluice_config_reloads_total")
    gateway.keys.write()
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_until("the reload is done", lambda: gateway.sum("sluice_config_reloads_total") == before + 1)
    assert gateway.sum("sluice_config_last_reload_successful") == 1, gateway.log()[-2000:]


def closed_with(client):
    try:
        while True:
            client.read()
    except Closed as end:
        return end.code


@guarded
def keys_that_end_end_their_websockets_and_others_stay(gateway):
    keys = gateway.keys
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    keys.add("brief", "write", "--expires", soon)
    keys.add("fired", "write")
    keys.add("removed", "write")
    reload(gateway)
    clients = {name: upgrade(gateway, "/ws?key=" + keys.text[name]) for name in ("all", "brief", "fired", "removed")}
    for name, client in clients.items():
        client.text([{"id": name}])
        assert client.read()[1]["accepted"] == 1, name
    assert gateway.ask("/events", "removed", '{"id": "by http"}')[0] == 202
    assert gateway.of_key("removed") == (2, 2, 0)
    keys.entry["fired"] += "  disabled: true\n"
    del keys.entry["removed"]
    keys.add("young", "write")
    reload(gateway)
    clients["removed"].text([{"id": "too late"}])
    assert closed_with(clients["fired"]) == 1008 and closed_with(clients["removed"]) == 1008
    assert gateway.ask("/events", "removed", '{"id": "too late"}')[:2] == (401, "key_unknown")
    assert gateway.ask("/events", "young", '{"id": "young"}')[0] == 202
    assert gateway.of_key("young") == (1, 1, 0) and gateway.of_key("removed") == (0, 0, 0)
    assert closed_with(clients["brief"]) == 1008
    clients["all"].text([{"id": "still here"}])
    assert clients["all"].read()[1]["accepted"] == 1
    assert gateway.of_key("all") == (2, 2, 0)
    counted = gateway.refusals()
    assert counted["key_expired"] == 1 and counted["key_disabled"] == 1 and counted["key_unknown"] >= 2, counted
    clients["all"].socket.close()
    assert gateway.rows() == 7
    assert gateway.sql("SELECT count() FROM events WHERE id = 'too late'") == "0"


def the_command_makes_checks_and_lists_keys(folder):
    gateway = Guarded(folder)
    words = [os.path.join(BUILD, "sluice"), "key"]

    def run(*more, **options):
        done = subprocess.run(words + list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=gateway.env,
                              cwd=ROOT, **options)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    for name, code, says in [("shop", 0, "shop scopes=write streams=events origins=any expires=never"),
                             ("page", 0, "origins=" + ORIGIN), ("old", 1, "key_expired"), ("off", 1, "key_disabled")]:
        found = run("check", "--config", gateway.config, input=(gateway.keys.text[name] + "\n").encode())
        assert found[0] == code and says in found[1], (name, found)
    assert run("check", "--config", gateway.config, input=b"slw_typo\n")[1].startswith("key_malformed")
    assert run("check", "--config", gateway.config, input=b"")[0] == 1
    code, listed, _ = run("list", "--config", gateway.config)
    assert code == 0 and len(listed.splitlines()) == len(gateway.keys.text), listed
    for text in gateway.keys.text.values():
        assert text not in listed and hashlib.sha256(text.encode()).hexdigest() not in listed
    for wrong in (["new"], ["new", "--name", "a"], ["new", "--name", "a", "--scopes", "all"], ["destroy"], [],
                  ["new", "--name", "two words", "--scopes", "write"], ["check", "--config", "/nowhere"],
                  ["new", "--name", "a", "--scopes", "write", "--origins", "shop.example"],
                  ["new", "--name", "a", "--scopes", "write", "--expires", "soon"]):
        code, out, told = run(*wrong, input=b"a\n")
        assert code == 2 and out == "" and told != "", (wrong, code, out, told)
    gateway.keys.add("far", "write", "--origins", "https://far.example," + ORIGIN)
    gateway.keys.add("proven", "write", "--subject", "CN=proven")
    gateway.keys.write()
    done = subprocess.run([words[0], "--config", gateway.config, "--check"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=gateway.env, cwd=ROOT)
    said = done.stdout.decode()
    assert done.returncode == 0 and said.count("http.cors_origins lacks") == 1 and "https://far.example" in said, said
    assert "keys.proven.subject: no listener has tls.client_ca" in said, said
    with open(gateway.keys.path, "a") as file:
        file.write("- { name: shop, sha256: 12, scopes: write, streams: nowhere }\n")
    done = subprocess.run([words[0], "--config", gateway.config, "--check"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=gateway.env, cwd=ROOT)
    said = done.stdout.decode()
    assert done.returncode == 2 and "keys.yaml:" in said and "keys.shop.sha256" in said and "nowhere" in said, said


def check(gateway, *lines):
    """The exit code and the words of --check, with more lines in the file."""
    with open(gateway.config) as file:
        text = file.read()
    path = gateway.config + ".more.yaml"
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n" + text)
    done = subprocess.run([os.path.join(BUILD, "sluice"), "--config", path, "--check"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=gateway.env, cwd=ROOT, timeout=60)
    return done.returncode, done.stdout.decode()


def check_says_what_limits_nothing_and_which_keys_are_over(folder):
    gateway = Guarded(folder)
    code, said = check(gateway, "limits: { address: { burst: 5s }, all: { requests: 5, burst: 5s } }")
    assert code == 0 and said.count("it limits nothing") == 1, said
    assert "limits.address: found burst without requests, events, bytes or cpu" in said, said
    assert said.count("which is over: the key is refused") == 1 and "keys.old.expires: found " in said, said


def no_source_may_store_a_key(folder):
    gateway = Guarded(folder)
    route = "routes:\n- { path: /leak, methods: get, stream: events, event: [{ %s }] }\n"
    field = "fields:\n      - { name: leak, type: String, from: '@header.X-Api-Key' }\n"
    with open(gateway.config) as file:
        text = file.read()
    for old, new, says in (
            ("routes:\n", route % "headers: [Authorization]", "headers: found Authorization, expected no field that shows a key"),
            ("routes:\n", route % "headers: { X-API-Key: key }", "headers: found X-API-Key, expected no field that shows a key"),
            ("routes:\n", route % "header_json: authorization", "header_json: found authorization, expected no field that"),
            ("fields:\n", field, "leak.from: found @header.X-Api-Key, which shows a key")):
        with open(gateway.config, "w") as file:
            file.write(text.replace(old, new, 1))
        code, said = check(gateway)
        assert code == 2 and says in said, (new, code, said)


def who_may_write_one_stream_is_asked_at_each_path_of_a_connection(gateway):
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for number in range(3):
        for stream, expected in (("events", 202), ("orders", 403), ("nowhere", 404)):
            client.request("POST", "/events/" + stream, json.dumps({"id": str(number)}), {
                "Content-Type": "application/json", "Authorization": "Bearer " + gateway.keys.text["shop"]})
            reply = client.getresponse()
            assert (reply.status, reply.read() != b"") == (expected, True), (stream, reply.status)
    client.close()


if __name__ == "__main__":
    main([check_says_what_limits_nothing_and_which_keys_are_over,
          no_source_may_store_a_key,
          guarded(who_may_write_one_stream_is_asked_at_each_path_of_a_connection),
          a_key_is_taken_in_each_of_its_places,
          each_wrong_way_in_is_told_counted_and_stores_nothing,
          a_refusal_at_the_head_reads_no_body_and_a_small_one_keeps_the_connection,
          pages_ask_for_their_scope_and_probes_for_none,
          strangers_get_one_word_of_readiness,
          open_routes_ask_nobody_and_no_key_is_stored_from_a_query,
          websockets_are_judged_before_they_open,
          keys_that_end_end_their_websockets_and_others_stay,
          the_command_makes_checks_and_lists_keys])
