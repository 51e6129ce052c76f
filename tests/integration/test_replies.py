"""Replies of the configuration on a real gateway: statuses, bodies, headers, cookies and redirects, for small and for large
requests; what they hide is counted, and every event that they say is accepted is a row."""
import gzip
import json
import os
import re
import socket

from check import main
from gateway import Gateway

CONFIG = """
http: { trusted_proxies: [127.0.0.1] }
streams:
  - name: events
    dedup_key: [name]
    fields:
      - { name: name, type: String, required: true, max_length: 50 }
      - { name: url, type: String }
replies:
  one:
    accepted:  { status: 201, json: '{"id":{id},"new":{accepted}}' }
    stored:    { status: 200, json: '{"id":{id},"stored":true}' }
    duplicate: { status: 200, json: '{"id":{id},"new":{accepted}}' }
    rejected:  { status: 422, json: '{"detail":[{"type":"{code}","loc":["{source}","{field}"],"msg":"{detail}"}]}' }
    refused:   { status: 400, json: '{"detail":"{Detail}","total":{total}}' }
  many:
    accepted:  { status: 200, json: '{"total":{total},"new":{accepted},"same":{duplicate},"ids":{ids}{field?,"first":"{field}"}}' }
    partial:   { status: 207, json: '{"total":{total},"new":{accepted},"bad":{rejected},"errors":{errors}}' }
    rejected:  { status: 422, json: '{"bad":{rejected},"errors":{errors}}' }
  quiet:
    any: { status: 200, gif: true }
  go:
    any:
      redirect: "{query.url}"
      allow_hosts: [good.example, "*.shop.example"]
      else: https://home.example/
      headers: { X-Name: "{query.name}" }
      cookies: [ { name: last, value: "{query.name}", max_age: 400d, domain: registrable, same_site: lax, http_only: true } ]
  root:
    ok: { status: 301, redirect: /elsewhere/ }
routes:
  - { path: /one, items: one, reply: one }
  - { path: /one/stored, items: one, ack: stored, reply: one }
  - { path: /many, reply: many }
  - { path: /pixel, methods: [GET, POST], items: one, event: [ { query: [name] }, body ], reply: quiet }
  - { path: /go, methods: [GET], items: one, event: [ { query: "*" } ], reply: go }
  - { path: /root, methods: [GET], reply: root }
  - { path: "/of/{name}", methods: [GET, POST], items: one, event: [ { query: [url] }, { path: [name] } ], reply: one }
  - { path: /asked, methods: [GET], items: one, event: [ { query: "*" } ], reply: one }
"""


def start(folder):
    path = os.path.join(folder, "replies.yaml")
    with open(path, "w") as file:
        file.write(CONFIG)
    return Gateway(os.path.join(folder, "gateway"), config=path).start()


def rows_of(gateway):
    return int(gateway.sql("SELECT uniqExact(name) FROM events"))


def end(gateway, rows):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert rows_of(gateway) == rows, (rows_of(gateway), rows)


def answer(gateway, method, path, body=None, headers=None):
    status, fields, text = gateway.request(method, path, body, headers)
    return status, fields, text.decode("latin-1")


def post(gateway, path, value, headers=None):
    status, _, text = answer(gateway, "POST", path, json.dumps(value), headers)
    return status, json.loads(text)


def each_outcome_is_answered_as_the_configuration_says(folder):
    gateway = start(folder)
    try:
        status, body = post(gateway, "/one", {"name": "a"})
        assert status == 201 and re.match(r"[0-9a-f-]{36}$", body["id"]) and body["new"] == 1, (status, body)
        assert post(gateway, "/one", {"name": "a"}) == (200, {"id": body["id"], "new": 0})
        status, refused = post(gateway, "/one", {"url": "x"})
        assert status == 422, refused
        assert refused["detail"][0]["type"] == "missing_field" and refused["detail"][0]["loc"] == ["body", "name"], refused
        for path, source in (("/of/" + "x" * 60, "path"), ("/asked?url=y", "query")):
            status, _, text = answer(gateway, "GET", path)
            assert status == 422 and json.loads(text)["detail"][0]["loc"] == [source, "name"], text
        status, _, text = answer(gateway, "POST", "/one", '{"name":')
        body = json.loads(text)
        assert status == 400 and body["detail"][0].isupper() and body["total"] == 0, text
        status, body = post(gateway, "/one/stored", {"name": "b"})
        assert status == 200 and body["stored"] is True, body
        status, fields, _ = answer(gateway, "GET", "/root")
        assert status == 301 and fields["location"] == "/elsewhere/", fields
        assert answer(gateway, "POST", "/events", '{"name":"c"}')[0] == 202  # which has none, as ever
        end(gateway, 3)
    finally:
        gateway.cleanup()


def many_events_small_and_large_have_the_same_reply(folder):
    gateway = start(folder)
    try:
        status, body = post(gateway, "/many", [{"name": "m1"}, {"name": "m2"}, {"name": "m1"}])
        assert status == 200 and (body["total"], body["new"], body["same"], len(body["ids"])) == (3, 2, 1, 3), body
        status, body = post(gateway, "/many", [{"name": "m3"}, {"url": "x"}])
        assert status == 207 and (body["new"], body["bad"], body["errors"][0]["index"]) == (1, 1, 1), body
        status, body = post(gateway, "/many", [{"name": 'say "no"' * 20}, {"url": "x"}])
        assert status == 422 and body["bad"] == 2 and len(body["errors"]) == 2, body
        events = [{"name": "large %d" % i, "url": "x" * 40} for i in range(20000)] + [{"url": "x"}]
        text = json.dumps(events).encode()  # above 256 KiB: submitted beside the I/O thread
        for headers, body in (({}, text), ({"Content-Encoding": "gzip"}, gzip.compress(text))):
            status, _, reply = answer(gateway, "POST", "/many", body, headers)
            reply = json.loads(reply)
            assert status == 207 and reply["total"] == 20001 and reply["bad"] == 1, reply
            assert reply["errors"][0]["index"] == 20000, reply["errors"]
        status, _, reply = answer(gateway, "POST", "/many", json.dumps(events[:20000]))
        reply = json.loads(reply)
        assert status == 200 and reply["same"] == 20000 and len(reply["ids"]) == 20000
        status, _, reply = answer(gateway, "POST", "/many", text[:-1])
        assert status == 400 and json.loads(reply)["code"] == "invalid_json", reply  # the usual one
        end(gateway, 3 + 20000)
    finally:
        gateway.cleanup()


def a_pixel_is_the_same_whatever_became_of_its_event_and_what_it_hides_is_counted(folder):
    gateway = start(folder)
    try:
        replies = [gateway.request(*request) for request in (
            ("GET", "/pixel?name=p1"), ("GET", "/pixel?name=p1"), ("GET", "/pixel?name=" + "x" * 100), ("GET", "/pixel"),
            ("POST", "/pixel", '{"name":'))]
        assert {status for status, _, _ in replies} == {200}, replies
        assert {text for _, _, text in replies} == {replies[0][2]} and replies[0][2][:6] == b"GIF89a" and len(replies[0][2]) == 43
        assert {fields["cache-control"] for _, fields, _ in replies} == {"no-store"}
        assert gateway.sum("sluice_refusals_hidden_total") == 3, gateway.metrics()["sluice_refusals_hidden_total"]
        assert gateway.sum("sluice_events_rejected_total") == 3
        status, fields, text = gateway.request("HEAD", "/pixel?name=p2")
        assert text == b""  # and no event
        end(gateway, 1)
    finally:
        gateway.cleanup()


HOSTILE = ["//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example", "%2509//evil.example",
           "%252f%252fevil.example", "/%252fevil.example", "https:evil.example", "https:/evil.example", "https:///evil.example",
           "https://evil.example", "https://EVIL.EXAMPLE", "https://good.example@evil.example", "https://evil.example\\@good.example",
           "https://good.example.evil.example", "https://evil.example%23.shop.example", "https://evil.example%3f.shop.example",
           "https://shop.example", "https://good.example:8443", "https://good.example.", "https://[::1]",
           "https://evil%E3%80%82example", "javascript:alert(1)", "data:text/html,x", "ftp://good.example", "evil.example", "",
           "https://good.example%0d%0aSet-Cookie:%20a=b", "https://good.example%00.evil.example"]


def no_visitor_is_led_to_a_host_that_is_not_named(folder):
    gateway = start(folder)
    try:
        for i, target in enumerate(HOSTILE):
            status, fields, _ = answer(gateway, "GET", "/go?name=h%d&url=%s" % (i, target))
            assert status == 302 and fields["location"] == "https://home.example/", (target, status, fields)
        for target, location in (("https://good.example/a%20b?c=d%26e", "https://good.example/a%20b?c=d&e"),
                                 ("HTTPS://WWW.Shop.Example/", "HTTPS://WWW.Shop.Example/"), ("/here?a", "/here?a")):
            status, fields, _ = answer(gateway, "GET", "/go?name=same&url=" + target)
            assert (status, fields["location"]) == (302, location), fields
        end(gateway, len(HOSTILE) + 1)
    finally:
        gateway.cleanup()


def no_value_makes_a_header_of_its_own(folder):
    gateway = start(folder)
    try:
        status, fields, _ = answer(gateway, "GET", "/go?name=a%0d%0aX-Evil:%201%0d%0a%0d%0a<script>;%20Domain=x&url=/a",
                                   headers={"Host": "www.a.example.co.uk:80", "X-Forwarded-Proto": "https"})
        assert status == 302 and "x-evil" not in fields and fields["x-name"] == "a", fields
        assert fields["set-cookie"] == ("last=a%0D%0AX-Evil%3A%201%0D%0A%0D%0A%3Cscript%3E%3B%20Domain%3Dx; Max-Age=34560000; "
                                        "Domain=example.co.uk; Path=/; SameSite=Lax; Secure; HttpOnly"), fields["set-cookie"]
        connection = socket.create_connection(("127.0.0.1", gateway.port))  # and the connection goes on
        request = b"GET /go?name=k%0d%0aContent-Length:0%0d%0a&url=/a HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.sendall(request * 2 + b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                break
            text += piece
        connection.close()
        assert re.findall(rb"HTTP/1.1 (\d+)", text) == [b"302", b"302", b"200"] and text.endswith(b"pong\n"), text
        end(gateway, 2)
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([each_outcome_is_answered_as_the_configuration_says, many_events_small_and_large_have_the_same_reply,
          a_pixel_is_the_same_whatever_became_of_its_event_and_what_it_hides_is_counted,
          no_visitor_is_led_to_a_host_that_is_not_named, no_value_makes_a_header_of_its_own])
