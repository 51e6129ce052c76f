"""The commands that ask a gateway and its store: what people see, the exit codes, and what they say that they could not see."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from authority import Authority
from check import main
from gateway import BUILD, Gateway, SANITIZED, event, with_gateway
from servers import free_port, start_clickhouse_18
from test_keys import new_key

OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "old_server.yaml")
NOWHERE = "01936c5e-0000-7000-8000-000000000001"


def command(*words, env=None, timeout=60):
    """(exit code, stdout, stderr) of `sluice …`."""
    done = subprocess.run([os.path.join(BUILD, "sluice")] + list(words), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=timeout)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def configured(folder, text):
    """A gateway of a configuration of its own, whose store is a server that is away."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text + """
udp: { listeners: [] }
journal: { data: "%s/data" }
store: { kind: clickhouse, url: "http://127.0.0.1:9" }
drain: { timeout: 100ms }
streams: [ { name: events, table: events, fields: [ { name: name, type: String, required: true } ] } ]
""" % folder)
    gateway = Gateway(folder, path)
    for name in ("SLUICE_HTTP", "SLUICE_UDP", "SLUICE_DATA", "SLUICE_DRAIN_TIMEOUT"):
        gateway.env.pop(name, None)
    return gateway


def is_ready(answer):
    """Parts that are not well, such as the store that is away, stand behind it in the same line."""
    code, said, problem = answer
    return code == 0 and said.startswith("ready") and said.count("\n") == 1 and problem == ""


def health(gateway, *words, **variables):
    return command("healthcheck", "--config", gateway.config, *words, env=dict(gateway.env, **variables))


def a_healthcheck_asks_the_listener_of_the_configuration(folder):
    gateway = configured(folder, 'http: { listen: ":%d" }\nadmin: { listen: "127.0.0.1:%d" }' % (free_port(), free_port()))
    code, said, _ = health(gateway)
    assert code == 1 and said.startswith("not ready: http://127.0.0.1:") and said.count("\n") == 1, said
    try:
        gateway.start()
        assert is_ready(health(gateway))
        assert health(gateway, "--live")[:2] == (0, "ok\n")
        admin = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
        url = "http://127.0.0.1:%d" % admin
        for words in (["--url", url], ["--url", url + "/"], ["--url", "http://localhost:%d" % admin, "--timeout", "9"]):
            assert is_ready(command("healthcheck", *words)), words
        code, said, _ = command("healthcheck", "--url", "http://127.0.0.1:%d" % gateway.port)
        assert code == 1 and "answered 404" in said and "not_served_here" in said and said.count("\n") == 1, said
        gateway.stop()
        assert health(gateway, "--live")[0] == 1
    finally:
        gateway.cleanup()


def a_healthcheck_says_why_events_are_refused(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    with open(gateway.config) as file:
        text = file.read().replace("/data\" }", "/data\", min_free: 1000TiB }")
    with open(gateway.config, "w") as file:
        file.write(text)
    try:
        gateway.start()
        code, said, _ = health(gateway)
        assert code == 1 and said.startswith("not ready; events are refused: ") and said.count("\n") == 1, said
        assert health(gateway, "--live")[0] == 0
        gateway.stop()
    finally:
        gateway.cleanup()


def a_healthcheck_speaks_tls_and_shows_certificates(folder):
    authority = Authority(os.path.join(folder, "ca"))
    certificate, key = authority.sign("DNS:events.example")  # not the name by which it is asked on this machine
    own, own_key = authority.sign(subject="probe")
    gateway = configured(os.path.join(folder, "g"), 'http: { listen: "127.0.0.1:%d", tls: { certificate: %s, key: %s } }' % (
        free_port(), certificate, key))
    strict = configured(os.path.join(folder, "s"), 'http: { listen: "127.0.0.1:%d", tls: { certificate: %s, key: %s, client_ca: %s } }' % (
        free_port(), *authority.sign(), authority.file))
    try:
        gateway.start()
        strict.start()
        assert is_ready(health(gateway))
        url = "https://127.0.0.1:%d" % strict.port
        shown = ["--certificate", own, "--certificate-key", own_key]
        assert is_ready(health(strict, *shown))
        assert health(strict)[0] == 1
        assert is_ready(command("healthcheck", "--url", url, "--ca-file", authority.file, *shown))
        assert command("healthcheck", "--url", url, *shown)[0] == 1  # nobody known has signed it
        code, said, _ = command("healthcheck", "--url", "https://127.0.0.1:%d" % gateway.port, "--ca-file", authority.file)
        assert code == 1 and said.startswith("not ready: https://"), said  # another name
        gateway.stop()
        strict.stop()
    finally:
        gateway.cleanup()
        strict.cleanup()


def a_healthcheck_says_what_it_cannot_ask(folder):
    listens = 'http: { listen: "127.0.0.1:0" }'
    serves = 'http: { listeners: [ { listen: "127.0.0.1:8080", serves: events } ] }'
    for name, text, says in (("port", listens, "--url"), ("admin", serves, "no address of the configuration serves `admin`"),
                             ("broken", "nothing: 1", "sluice.yaml:1")):
        gateway = configured(os.path.join(folder, name), text)
        code, said, problem = health(gateway)
        assert code == 1 and said == "" and says in problem, (name, problem)
    for words in (["--url", "ftp://x"], ["--url", "http://u:p@x"], ["--timeout", "0"], ["--nothing"], ["more"],
                  ["--url", "http://127.0.0.1:9", "--key-file", os.path.join(folder, "none")]):
        code, said, problem = command("healthcheck", *words)
        assert code == 1 and said == "" and problem, (words, said, problem)


def ask(gateway, name, *words, **variables):
    """A command that is told the address: the tests' gateways have chosen their port."""
    url = ["--url", "http://127.0.0.1:%d" % (gateway.pages_port or gateway.port)]
    return command(name, "--config", gateway.config, *url, *words, env=dict(gateway.env, **variables), timeout=300)


def clean(text):
    """Nothing in it that a terminal would obey."""
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text), repr(text)
    return text


# --- status ---

@with_gateway
def status_says_what_flows_and_that_all_is_well(gateway):
    for number in range(3):
        assert gateway.post("/events?wait=stored", event(number))[0] == 200
    gateway.post("/events", event(0))
    gateway.post("/events", {"channel": "\x1b[2J"})
    gateway.wait_stored()
    code, said, problem = ask(gateway, "status")
    assert code == 0 and problem == "" and re.match("sluice .*at http://127.0.0.1:[0-9]+, up .*: healthy\n", clean(said)), said
    assert "REFUSED FOR" in said and "missing_field" in said and "\nevents " in said and "\njournal   0 events" in said, said
    code, said, _ = ask(gateway, "status", "--json")
    seen = json.loads(said)
    stream = [row for row in seen["streams"] if row["stream"] == "events"][0]
    assert code == 0 and seen["healthy"] and seen["ready"] and seen["state"] == "up" and seen["parts"], seen
    assert (stream["received"], stream["accepted"], stream["stored"], stream["duplicate"], stream["rejected"]) == (5, 3, 3, 1, 1), stream
    assert [row["protocol"] for row in seen["protocols"]] == ["http", "ws", "udp"]
    gateway.check_identity()


def status_says_what_is_wrong_by_its_exit_code(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    code, said, _ = command("status", "--config", gateway.config, env=gateway.env)
    assert code == 1 and said.startswith("not up: http://127.0.0.1:"), said
    try:
        gateway.start()
        gateway.wait_until("the store is missed", lambda: "degraded" in gateway.get("/readyz?verbose")[1])
        code, said, _ = ask(gateway, "status")
        assert code == 1 and "not healthy: it accepts events" in said and "stream:events is degraded since" in said, said
        assert json.loads(ask(gateway, "status", "--json")[1])["status"] == "degraded"
        gateway.stop()
        assert json.loads(ask(gateway, "status", "--json")[1])["state"] == "not up"
        assert command("status", "--nothing")[0] == 2
    finally:
        gateway.cleanup()


def status_needs_a_key_where_the_page_does(folder):
    key, entry = new_key("operator", "admin")
    other, other_entry = new_key("writer", "write")
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }\nkeys:\n%s%s' % (
        free_port(), *(re.sub("^", "  ", text, flags=re.M).rstrip(" ") for text in (entry, other_entry))))
    path = os.path.join(folder, "key")
    with open(path, "w") as file:
        file.write(key + "\n")
    try:
        gateway.start()
        code, said, _ = ask(gateway, "status")
        assert code == 3 and "answered 401" in said and "--key-file" in said, said
        assert ask(gateway, "status", SLUICE_KEY=other)[0] == 3
        for found in (ask(gateway, "status", SLUICE_KEY=key), ask(gateway, "status", "--key-file", path)):
            assert found[0] == 1 and "not healthy: it accepts events" in found[1], found
            assert key not in found[1] + found[2]
        code, _, problem = ask(gateway, "status", SLUICE_KEY="two\nlines")
        assert code == 2 and "SLUICE_KEY" in problem and "two" not in problem, problem
        assert is_ready(health(gateway)), health(gateway)  # one word, for which none is asked
        gateway.stop()
    finally:
        gateway.cleanup()


# --- find ---

def find(gateway, id, *words):
    return ask(gateway, "find", *words, id)


def found_places(gateway, id):
    """(exit code, where it was found)."""
    code, said, problem = find(gateway, id, "--json")
    seen = json.loads(said)
    assert seen["verdict"] == {0: "found", 1: "not found", 3: "not known"}[code], seen
    assert (len(seen["not_looked"]) != 0) == (problem != ""), (seen, problem)
    return code, [place["place"] for place in seen["found"]]


@with_gateway
def find_says_where_an_event_is_beside_a_gateway_and_without(gateway):
    status, reply = gateway.post("/events?wait=stored", event(1, user_id="\x1b[2J\u009b2J"))
    stored = reply["id"]
    assert status == 200
    gateway.sql("ALTER TABLE events ADD CONSTRAINT not_refused CHECK campaign_id != 'refused'", "")
    refused = gateway.post("/events", event(2, campaign_id="refused"))[1]["id"]
    gateway.wait_until("it is a dead letter", lambda: gateway.sum("sluice_dead_letter_rows") == 1)
    for state in ("running", "stopped"):
        code, said, problem = find(gateway, stored)
        assert code == 0 and problem == "" and said.startswith("in the table events: ") and stored in clean(said), (state, said, problem)
        code, said, problem = find(gateway, refused.upper())
        assert code == 0 and problem == "" and said.startswith("among the dead letters: events, segment events-"), (state, said)
        assert "code 469: " in said and "not_refused" in said and refused in clean(said), said
        code, said, problem = find(gateway, NOWHERE)
        assert code == 1 and said.startswith("not found: ") and "the table events" in said and problem == "", (state, said, problem)
        if state == "running":
            assert found_places(gateway, stored) == (0, ["table"]) and found_places(gateway, refused) == (0, ["dead"])
            assert find(gateway, stored, "--stream", "events")[0] == 0
            gateway.check_identity()
            gateway.stop()
    for words in ([stored, "--stream", "none"], ["nonsense"], [], ["00000000-0000-0000-0000-000000000000"]):
        assert ask(gateway, "find", *words)[0] == 2, words


def find_never_takes_what_it_could_not_see_for_nothing(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    try:
        code, said, problem = find(gateway, NOWHERE)
        assert code == 3 and said.startswith("not known: ") and "could not look at" in problem, (said, problem)  # no data folder
        gateway.start()
        waits = gateway.post("/events", {"name": "waits"})[1]["id"]
        assert found_places(gateway, waits) == (0, ["journal"])  # the store is away
        assert found_places(gateway, NOWHERE) == (3, [])
        gateway.kill()
        code, said, problem = find(gateway, waits)
        assert code == 0 and said.startswith("in the journal, not yet known to be stored: events, segment events-"), said
        assert "could not look at the table events" in problem, problem
        data = os.path.join(folder, "data")
        name = os.listdir(os.path.join(data, "journal"))[0]
        os.makedirs(os.path.join(data, "retry"), exist_ok=True)
        os.rename(os.path.join(data, "journal", name), os.path.join(data, "retry", name))
        assert found_places(gateway, waits) == (0, ["retry"])
        with open(os.path.join(data, "retry", name), "r+b") as file:
            file.write(b"\0" * os.path.getsize(file.name))
        code, _, problem = find(gateway, waits)
        assert code == 3 and "/retry/" + name + ": its header is damaged" in problem, problem
        os.makedirs(os.path.join(data, "rejects"))
        with open(os.path.join(data, "rejects", "events-1.ndjson"), "w") as file:
            file.write('{"id":"x"}\n{"code":"wrong_type","event":{"id":"%s"}}\n{"torn":"%s' % (NOWHERE.upper(), NOWHERE))
        assert found_places(gateway, NOWHERE) == (0, ["rejects", "rejects"])
        assert "among what was refused: events, file events-1.ndjson" in find(gateway, NOWHERE)[1]
    finally:
        gateway.cleanup()


def find_asks_the_gateway_for_a_journal_in_memory(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    with open(gateway.config) as file:
        text = file.read().replace("/data\" }", "/data\", durability: memory }")
    with open(gateway.config, "w") as file:
        file.write(text)
    try:
        gateway.start()
        code, _, problem = find(gateway, NOWHERE)
        assert code == 3 and "durability: memory" not in problem, problem  # nothing waits; the store is away all the same
        gateway.post("/events", {"name": "waits"})
        code, _, problem = find(gateway, NOWHERE)
        assert code == 3 and "durability: memory" in problem, problem
        gateway.kill()
        assert "durability: memory" not in find(gateway, NOWHERE)[2]
    finally:
        gateway.cleanup()


# --- report, and all on the oldest server ---

def must_report(gateway, lacking):
    """What is not known is said; the rest is there."""
    code, said, problem = ask(gateway, "report", "--json")
    seen = json.loads(said)
    assert problem == "" and len(seen["servers"]) == 1, (seen, problem)
    server = seen["servers"][0]
    assert {name for name, section in server.items() if isinstance(section, dict)} == lacking, server
    assert [row["table"] for row in server["tables"]] == ["events"] and server["tables"][0]["rows"] == 1, server
    assert server["parts"][0]["parts"] >= 1 and server["merges"] == [] and server["mutations"] == [], server
    code, said, problem = ask(gateway, "report")
    for title in ("Tables, the largest first", "Slow queries", "Replication", "no table is replicated", "its lag and its journal"):
        assert title in clean(said), said
    return seen, code, said


@with_gateway
def report_of_the_embedded_store_and_what_it_lacks(gateway):
    assert gateway.post("/events?wait=stored", event(1))[0] == 200
    seen, code, said = must_report(gateway, {"slow_queries"})
    assert code == 0 and seen["gateway"]["streams"] and "give it a <query_log>" in said, said
    gateway.check_identity()
    gateway.stop()
    code, said, _ = ask(gateway, "report")
    assert code == 3 and "\n  events " in said and "not up: " in said, said


def the_commands_on_18_16(folder):
    path = os.path.join(folder, "server")
    os.makedirs(path)
    server = start_clickhouse_18(path)
    gateway = Gateway(folder, OLD, {"CLICKHOUSE_URL": server.url})
    try:
        gateway.start()
        status, reply = gateway.post("/events?wait=stored", {"event_name": "a", "channel": "web", "user_id": "u"})
        assert status == 200, reply
        assert found_places(gateway, reply["id"]) == (0, ["table"])
        assert found_places(gateway, NOWHERE) == (1, [])
        seen, code, said = must_report(gateway, {"slow_queries", "disks", "errors"})
        assert code == 0 and seen["servers"][0]["server"][0]["version"].startswith("18."), seen
        assert ask(gateway, "status")[0] == 0
        server.query("DROP TABLE events")
        assert found_places(gateway, reply["id"]) == (1, [])  # there is no table
        server.freeze()
        server.kill()
        assert found_places(gateway, reply["id"])[0] == 3
        code, said, _ = ask(gateway, "report")
        assert code == 3 and "could not be looked at: " in said, said
        gateway.kill()
    finally:
        gateway.cleanup()
        server.stop()


# --- top ---

class Terminal:
    """A command on a terminal of its own; `text` is all that it has drawn."""

    def __init__(self, words, env=None, columns=100, rows=30, term="xterm"):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen([os.path.join(BUILD, "sluice")] + words, stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(env or os.environ, TERM=term), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave, self.text, self.bytes = slave, "", b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, wait):
        """False: nothing came."""
        if not select.select([self.master], [], [], wait)[0]:
            return False
        self.bytes += os.read(self.master, 1 << 16)
        self.text = self.bytes.decode(errors="ignore")  # the end of a character may be on the way
        return True

    def until(self, what, timeout=60):
        """Reads until it was drawn, from now on."""
        self.text, self.bytes = "", b""
        deadline = time.time() + timeout
        while not re.search(what, self.text, re.S):
            assert time.time() < deadline, (what, self.text)
            self.read(0.1)
        return self.text

    def end(self):
        """Its exit code, once the terminal is as it was."""
        deadline = time.time() + 60
        while self.process.poll() is None:      # it cannot end before what it has drawn is read
            assert time.time() < deadline, repr(self.text[-300:])
            self.read(0.05)
        while self.read(0):
            pass
        code = self.process.returncode
        assert self.text.endswith("\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l") or code == 2, repr(self.text[-300:])
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        os.close(self.master)
        return code


def lines_of(frame):
    return [re.sub("\x1b\\[[0-9;?]*[A-Za-z]|\r", "", line) for line in frame.split("\r\n")]


def top_draws_follows_the_size_and_leaves_the_terminal_as_it_was(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    words = ["top", "--config", gateway.config]
    try:
        gateway.start()
        terminal = Terminal(words, env=gateway.env)
        text = terminal.until("REFUSED|clients  .*PROTOCOL.*udp")
        assert text.startswith("\x1b[?1049h") and "q quits" in text and "events " in text, repr(text)
        gateway.post("/events", {"nothing": "\x1b[31mred"})
        terminal.until("REFUSED FOR.*missing_field")
        terminal.resize(40, 8)
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.until("STREAM .*\x1b\\[H")
        frame = terminal.until("\x1b\\[H.*\x1b\\[H").split("\x1b[H")[1]
        assert len(lines_of(frame)) <= 8 and all(len(line) <= 40 for line in lines_of(frame)), lines_of(frame)
        gateway.kill()
        terminal.until("not up")
        gateway.start()
        terminal.until("STREAM ")
        os.write(terminal.master, b"xq")
        assert terminal.end() == 0
        for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGSEGV, -11)):
            if SANITIZED and number == signal.SIGSEGV:
                continue
            terminal = Terminal(words, env=gateway.env)
            terminal.until("STREAM ")
            terminal.process.send_signal(number)
            assert terminal.end() == code, number
        gateway.stop()
    finally:
        gateway.cleanup()


def top_without_a_terminal_that_can_prints_once(folder):
    gateway = configured(folder, 'http: { listen: "127.0.0.1:%d" }' % free_port())
    try:
        gateway.start()
        code, said, _ = command("top", "--config", gateway.config, env=gateway.env)
        assert code in (0, 1) and "STREAM " in clean(said), said
        terminal = Terminal(["top", "--config", gateway.config], env=gateway.env, term="dumb")
        assert "\x1b" not in terminal.until("clients ")
        assert terminal.process.wait(60) in (0, 1)
        gateway.stop()
    finally:
        gateway.cleanup()


# --- tail ---

@with_gateway
def tail_follows_what_is_refused_and_what_is_accepted(gateway):
    words = [os.path.join(BUILD, "sluice"), "tail", "--url", "http://127.0.0.1:%d" % gateway.port, "--count", "4"]

    def follow(*more):
        return subprocess.Popen(words + list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    tails = [follow(), follow("--rejected"), follow("--accepted", "--stream", "events", "--json")]
    gateway.wait_until("they watch", lambda: gateway.sum("sluice_live_viewers") == len(tails))
    number, deadline = 0, time.time() + 120
    while any(tail.poll() is None for tail in tails):
        assert time.time() < deadline, [tail.poll() for tail in tails]
        gateway.post("/events", event(number))
        gateway.post("/events", event(number, channel="\x1b[2J\u009b"))
        number += 1
        time.sleep(0.05)
    both, refused, accepted = [clean(tail.communicate()[0].decode()).splitlines() for tail in tails]
    assert [tail.returncode for tail in tails] == [0, 0, 0]
    assert [len(lines) for lines in (both, refused, accepted)] == [4, 4, 4]
    kinds = r"[0-9:.]{12} (rejected http events not_allowed: channel: |accepted http events \{)"
    assert all(re.match(kinds, line) for line in both), both
    assert all(" rejected " in line for line in refused), refused
    for line in accepted:
        seen = json.loads(line)
        assert seen["kind"] == "accepted" and seen["event"]["stream"] == "events" and "user_id" in seen["event"]["hidden"], seen
    assert ask(gateway, "tail", "--stream", "none")[0] == 3
    assert ask(gateway, "tail", "--stream", "no name")[0] == 2
    gateway.wait_until("nobody watches", lambda: gateway.sum("sluice_live_viewers") == 0)
    last = follow()
    patience = threading.Timer(120, last.kill)
    patience.start()
    gateway.wait_until("it watches", lambda: gateway.sum("sluice_live_viewers") == 1)
    gateway.check_identity()
    gateway.stop()
    assert any(b"is asked again" in line for line in last.stderr) and last.poll() is None
    patience.cancel()
    last.kill()
    last.communicate()
    assert command("tail", *words[2:])[0] == 1  # nobody answers


if __name__ == "__main__":
    main([
        a_healthcheck_asks_the_listener_of_the_configuration,
        a_healthcheck_says_why_events_are_refused,
        a_healthcheck_speaks_tls_and_shows_certificates,
        a_healthcheck_says_what_it_cannot_ask,
        status_says_what_flows_and_that_all_is_well,
        status_says_what_is_wrong_by_its_exit_code,
        status_needs_a_key_where_the_page_does,
        find_says_where_an_event_is_beside_a_gateway_and_without,
        find_never_takes_what_it_could_not_see_for_nothing,
        find_asks_the_gateway_for_a_journal_in_memory,
        report_of_the_embedded_store_and_what_it_lacks,
        the_commands_on_18_16,
        top_draws_follows_the_size_and_leaves_the_terminal_as_it_was,
        top_without_a_terminal_that_can_prints_once,
        tail_follows_what_is_refused_and_what_is_accepted,
    ])
