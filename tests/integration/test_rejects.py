"""Rejected input that is kept: what lies on disk, what is cut of it, and what a retry makes of it. Embedded store."""
import json
import os
import re
import signal
import socket
import subprocess
import time

from check import main
from gateway import BUILD, Gateway
from websocket import Client

CONFIG = """
http: { listen: "${SLUICE_HTTP:-127.0.0.1:0}" }
udp: { listeners: [{ listen: "${SLUICE_UDP:-127.0.0.1:0}", stream: orders }] }
journal: { data: "${SLUICE_DATA}" }
store: { kind: embedded }
drain: { timeout: 30s }
rejects: { keep: %(keep)s, personal: %(personal)s, sample: %(sample)s }
streams:
  - name: orders
    dedup_key: [number]
    %(orders)s
    fields:
      - { name: number, type: UInt64, required: true }
      - { name: amount, type: UInt32, max: "%(most)s" }
      - { name: mail, type: String }
      - { name: note, type: String }
      - { name: from_ip, type: String, fill: client_ip }
      - { name: at, type: "DateTime64(3)", fill: received_at }
  - name: loose
    fields:
      - { name: amount, type: UInt32, required: true, max: "%(most)s" }
      - { name: note, type: String }
"""


def configure(folder, keep="100MiB", personal="keep", sample="1.0", most=255, orders=""):
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(CONFIG % {"keep": keep, "personal": personal, "sample": sample, "most": most, "orders": orders})
    return path


def start(folder, **options):
    return Gateway(folder, configure(folder, **options)).start()


def rejects_folder(gateway):
    return os.path.join(gateway.env["SLUICE_DATA"], "rejects")


def lines(gateway, stream=None):
    """What lies on disk: each line is JSON. A last one that a kill tore is left out."""
    found = []
    folder = rejects_folder(gateway)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".ndjson"):
            continue
        with open(os.path.join(folder, name), "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    found.append(json.loads(line.decode("utf-8")))
    return [line for line in found if stream is None or line["stream"] == stream]


def size_of_files(gateway):
    """Files go while they are looked at."""
    size = 0
    folder = rejects_folder(gateway)
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        try:
            size += os.path.getsize(os.path.join(folder, name)) if name.endswith(".ndjson") else 0
        except FileNotFoundError:
            pass
    return size


def counted(gateway):
    """Events that were kept, and that were not."""
    return gateway.sum("sluice_rejects_kept_total"), gateway.sum("sluice_rejects_not_kept_total")


def wait_kept(gateway):
    """Each rejected event is kept, or counted as not kept."""
    gateway.wait_until("each reject counted", lambda: sum(counted(gateway)) == gateway.sum("sluice_events_rejected_total"))


def command(gateway, verb, *words, code=0):
    done = subprocess.run([os.path.join(BUILD, "sluice"), "rejects", verb, gateway.env["SLUICE_DATA"], *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.decode() + done.stderr.decode()


def restart(gateway, folder, **options):
    gateway.config = configure(folder, **options)
    gateway.stop()
    gateway.start()


def ended(gateway):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()


def a_reject_of_each_door_is_a_line_with_its_reason_and_its_bytes(folder):
    gateway = start(folder)
    try:
        assert gateway.post("/events?stream=orders", {"number": 1, "amount": 300, "note": "n\u0000\n\"é"})[0] == 400
        assert gateway.post("/events/bulk?stream=orders", [{"number": 2}, {"number": 3, "amount": "x"}])[0] == 202
        assert gateway.post("/events/bulk?stream=loose", b'{"amount":1}\n{"amount":tru}\n\xff\xfe{"')[0] in (202, 400)
        assert gateway.post("/events?stream=orders", b"no JSON\x00\n\x1b[31m")[0] == 400
        assert gateway.post("/events?stream=nothing", {"number": 4})[0] == 404
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'{"stream":"orders","number":5,"amount":-1}', gateway.udp[0])
        gateway.wait_until("the datagram", lambda: gateway.sum("sluice_events_rejected_total", protocol="udp") == 1)
        client = Client(gateway.port, "/ws?stream=orders")
        client.text({"number": 6, "amount": 256})
        gateway.wait_until("the message", lambda: gateway.sum("sluice_events_rejected_total", protocol="ws") == 1)
        wait_kept(gateway)
        found = lines(gateway)
        of_orders = {line["event"]["number"]: line for line in found if isinstance(line["event"], dict) and "number" in line["event"]}
        assert of_orders[1]["event"] == {"number": 1, "amount": 300, "note": "n\u0000\n\"é"}, found
        assert (of_orders[1]["code"], of_orders[1]["field"], of_orders[1]["protocol"]) == ("out_of_range", "amount", "http")
        assert "300" in of_orders[1]["message"]
        assert of_orders[3]["code"] in ("wrong_type", "invalid_value") and "2" not in of_orders
        assert of_orders[5]["protocol"] == "udp" and of_orders[6]["protocol"] == "ws"
        texts = [line for line in found if isinstance(line["event"], str)]
        assert any(line["event"] == "no JSON\x00\n\x1b[31m" and line["retry"] == "no" for line in texts), texts
        assert any("\ufffd" in line["event"] and line["invalid_bytes"] == 2 for line in texts), texts
        assert counted(gateway) == (len(found), 0)
        for name in os.listdir(rejects_folder(gateway)):
            assert os.stat(os.path.join(rejects_folder(gateway), name)).st_mode & 0o777 == 0o600
        assert os.stat(rejects_folder(gateway)).st_mode & 0o777 == 0o700
        listed = command(gateway, "list")
        assert re.search(r"orders +out_of_range +amount +3 +3 +0 ", listed), listed
        shown = command(gateway, "show", "--stream", "orders", "--code", "out_of_range")
        assert len(shown.splitlines()) == 3
        assert "rejects" in gateway.get("/readyz?verbose")[1]
        ended(gateway)
    finally:
        gateway.cleanup()


def personal_values_are_cut_by_default_and_never_retried_unasked(folder):
    gateway = start(folder, personal="cut")
    try:
        secret = {"number": 1, "amount": 999, "mail": "ann@example.org", "note": "call +49 170 1234567",
                  "user": {"name": "Ann", "id": 4711}, "unknown": "anything", "flag": True}
        assert gateway.post("/events?stream=orders", secret)[0] == 400
        assert gateway.post("/events?stream=loose", {"amount": 999, "note": "plain"})[0] == 400
        assert gateway.post("/events?stream=orders", b"{'mail':'ann@example.org'")[0] == 400
        assert gateway.post("/events?stream=orders", {"number": "ann@example.org"})[0] == 400
        wait_kept(gateway)
        text = "".join(command(gateway, "show"))
        for part in ("ann@", "example.org", "1234567", "Ann", "4711", "anything", "127.0.0.1"):
            assert part not in text, (part, text)
        by_code = {(line["stream"], line["code"]): line for line in lines(gateway)}
        cut = by_code["orders", "out_of_range"]
        assert cut["event"] == {"number": 1, "amount": 999, "flag": True}
        assert set(cut["cut"]) == {"mail", "note", "user", "unknown", "@client_ip"} and cut["retry"] == "cut"
        assert "999" in cut["message"]
        assert by_code["loose", "out_of_range"]["retry"] == "yes"
        restart(gateway, folder, personal="cut", most=4000000000)
        said = command(gateway, "retry", "--all")
        assert "sent 1 rejects again: 1 events accepted" in said and "2 stay: personal" in said, said
        assert "1 events accepted" in command(gateway, "retry", "--cut", "--stream", "orders", "--code", "out_of_range")
        gateway.wait_stored()
        gateway.check_identity()
        gateway.stop()
        assert gateway.sql("SELECT number, amount, mail, note FROM orders FINAL").split() == ["1", "999"]
    finally:
        gateway.cleanup()


def a_retry_stores_each_event_once_whatever_it_is_and_keeps_what_fails_again(folder):
    gateway = start(folder)
    try:
        events = [{"number": n, "amount": 1000 + n, "note": "é%d" % n} for n in range(500)]
        assert gateway.post("/events/bulk?stream=orders&ids=0", events)[1]["rejected"] == 500
        assert gateway.post("/events/bulk?stream=loose&ids=0", [{"amount": 1000 + n} for n in range(300)])[1]["rejected"] == 300
        assert gateway.post("/events/bulk?stream=loose&ids=0", [{"amount": 5000000000}] * 7)[1]["rejected"] == 7
        wait_kept(gateway)
        before = lines(gateway, "orders")[0]
        assert "807 stay" not in command(gateway, "retry", "--all")  # the schema is as it was: all are refused again
        assert len(lines(gateway)) == 807
        gateway.config = configure(folder, most=4000000000)
        gateway.stop()
        assert "the next start does it" in command(gateway, "retry", "--stream", "orders")
        gateway.start()
        gateway.wait_until("the order done", lambda: gateway.sum("sluice_events_accepted_total", stream="orders") == 500)
        assert gateway.sum("sluice_events_received_total", protocol="http", stream="orders") == 500
        said = command(gateway, "retry", "--all")
        assert "sent 307 rejects again: 300 events accepted, 0 duplicates, 7 refused again" in said, said
        wait_kept(gateway)
        left = lines(gateway)
        assert [line["event"] for line in left] == [{"amount": 5000000000}] * 7
        assert "255" not in left[0]["message"], left[0]  # why it is refused now
        # What a crash would do: files that were sent stay, and are sent again.
        path = os.path.join(rejects_folder(gateway), "loose-0000000000000001.ndjson")
        with open(path, "w") as file:
            for n in range(2):
                file.write(json.dumps(dict(left[0], retry="yes", event={"amount": 77}, id=left[0]["id"][:-1] + "f")) + "\n")
        assert gateway.post("/events?stream=loose", {"amount": 5000000001})[0] == 400
        gateway.stop()  # files are listed at the start
        gateway.start()
        said = command(gateway, "retry", "--all")
        assert "1 events accepted, 1 duplicates, 8 refused again" in said, said
        wait_kept(gateway)
        assert "dropped 8 rejects" in command(gateway, "drop", "--all")
        assert lines(gateway) == [] and command(gateway, "list") == "no rejects\n"
        ended(gateway)
        rows = gateway.sql("SELECT count(), uniqExact(number), min(at) < now() FROM orders FINAL").split()
        assert rows == ["500", "500", "1"], rows
        received = gateway.sql("SELECT count() FROM orders FINAL WHERE abs(toUnixTimestamp64Nano(toDateTime64(at, 9)) / 1e9 - "
                               "toUnixTimestamp(parseDateTimeBestEffort('%s'))) < 2" % before["received_at"])
        assert received == "500", received
        assert gateway.sql("SELECT count(), countIf(amount = 77) FROM loose FINAL").split() == ["301", "1"]
    finally:
        gateway.cleanup()


def a_flood_stays_within_its_bound_and_every_refusal_is_counted(folder):
    gateway = start(folder, keep="2MiB", personal="cut")
    try:
        bulk = json.dumps([{"number": n, "amount": 300, "note": "x" * 50} for n in range(5000)])
        for _ in range(40):
            assert gateway.post("/events/bulk?stream=orders&ids=0", bulk)[1]["rejected"] == 5000
            assert size_of_files(gateway) <= 3 << 20  # some is written anew between two looks
        assert gateway.post("/events?stream=orders", {"number": 1, "amount": 1})[0] == 202
        wait_kept(gateway)
        assert gateway.sum("sluice_events_rejected_total") == 200000
        assert gateway.sum("sluice_rejects_removed_total") > 0
        assert 0 < gateway.sum("sluice_reject_bytes") <= 2 << 20 == gateway.sum("sluice_reject_bytes_max")
        assert len(lines(gateway)) > 1000
        ended(gateway)
    finally:
        gateway.cleanup()


def a_reload_turns_it_on_and_off_and_a_stream_has_its_own_word(folder):
    gateway = start(folder, keep="0")

    def reload(**options):
        done = gateway.sum("sluice_config_reloads_total")
        configure(folder, **options)
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_until("the reload", lambda: gateway.sum("sluice_config_reloads_total") == done + 1)

    def refuse(stream, count=10):
        assert gateway.post("/events/bulk?stream=%s" % stream, [{"number": 1, "amount": 300}] * count)[1]["rejected"] == count

    try:
        refuse("orders")
        assert not os.path.exists(rejects_folder(gateway)) and counted(gateway) == (0, 0)
        reload(keep="1MiB", orders="rejects: cut")
        refuse("orders")
        refuse("loose")
        gateway.wait_until("kept", lambda: counted(gateway) == (20, 0))
        assert {line["stream"] for line in lines(gateway) if line.get("cut")} == {"orders", "loose"} - {"loose"}
        reload(keep="1MiB", orders="rejects: off", sample="0.1")
        refuse("orders")
        refuse("loose", 1000)
        gateway.wait_until("sampled", lambda: counted(gateway) == (120, 900))
        reload(keep="0")
        refuse("loose")
        reload(keep="1MiB")
        refuse("loose", 1)
        gateway.wait_until("kept again", lambda: counted(gateway) == (121, 900))
        ended(gateway)
    finally:
        gateway.cleanup()


def a_kill_leaves_whole_lines_and_the_next_start_keeps_on(folder):
    gateway = start(folder)
    try:
        bulk = json.dumps([{"number": n, "amount": 300} for n in range(1000)] + [{"number": 1, "amount": 1}])
        for _ in range(5):
            gateway.post("/events/bulk?stream=orders&ids=0", bulk)
        gateway.kill()
        kept = len(lines(gateway))
        command(gateway, "list")
        gateway.start()
        gateway.post("/events/bulk?stream=orders&ids=0", bulk)
        wait_kept(gateway)
        assert len(lines(gateway)) == kept + 1000
        ended(gateway)
        assert gateway.sql("SELECT count() FROM orders FINAL") == "1"
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([a_reject_of_each_door_is_a_line_with_its_reason_and_its_bytes,
          personal_values_are_cut_by_default_and_never_retried_unasked,
          a_retry_stores_each_event_once_whatever_it_is_and_keeps_what_fails_again,
          a_flood_stays_within_its_bound_and_every_refusal_is_counted,
          a_reload_turns_it_on_and_off_and_a_stream_has_its_own_word,
          a_kill_leaves_whole_lines_and_the_next_start_keeps_on])
