"""Routes of the configuration beside the gateway's own, against a running gateway and its store: paths, hosts, methods, slashes,
what comes first; and which requests make no event."""
import json
import os
import subprocess

from check import main
from gateway import BUILD, Gateway
from websocket import Client

SECTIONS = """
http: {{ listen: "127.0.0.1:0", cors_origins: ["https://shop.example"] }}
admin: {{ listen: "{admin}" }}
udp: {{ listeners: [ {{ listen: "127.0.0.1:0" }} ] }}
journal: {{ data: "{folder}/data" }}
store: {{ library: "{library}" }}
streams:
  - {{ name: events, fields: [ {{ name: a, type: String }} ] }}
  - {{ name: orders, fields: [ {{ name: a, type: String }} ] }}
  - {{ name: bulk, fields: [ {{ name: a, type: String }} ] }}
  - {{ name: metrics, fields: [ {{ name: a, type: String }} ] }}
"""
ROUTES = """
routes:
  - {{ path: /v1/events, methods: [POST, PATCH], stream: orders, items: one }}
  - {{ path: "/v1/{{kind}}", stream: {{ capture: kind }}, items: one }}
  - {{ path: "/v1/{{rest...}}", stream: bulk, items: one }}
  - {{ path: /exact, slash: exact, stream: orders, items: one }}
  - {{ path: /x, stream: events, items: one }}
  - {{ path: /x, stream: orders, items: one, host: [a.example, "*.b.example"] }}
  - {{ path: /only, stream: orders, items: one, host: a.example }}
  - {{ path: /seen, methods: [GET], stream: orders, items: one, event: [ {{ query: [a] }} ] }}
  - {{ path: /metrics, stream: orders, items: one }}
  - {{ path: /ping, methods: [GET], stream: orders, items: one, event: [ {{ query: [a] }} ] }}
  - {{ path: /batch, stream: orders, items: data, max_events: 2, max_body: 1KiB }}
  - {{ path: "/by/{{kind}}", items: one, stream: {{ by: kind, names: {{ page: events, order: orders }}, else: bulk }},
      event: [ {{ path: [kind] }}, body ] }}
  - {{ path: /by, items: one, stream: {{ by: kind, names: {{ page: events, order: orders }} }} }}
  - {{ path: "/socket/{{kind}}", websocket: true, stream: {{ capture: kind }} }}
  - {{ path: /silent, websocket: true, acks: false, stream: orders }}
  - {{ path: /stored, stream: orders, items: one, ack: stored }}
"""


def written(folder, sections, **values):
    path = os.path.join(folder, "routes.yaml")
    library = Gateway(folder).env["SLUICE_LIBCHDB"]
    with open(path, "w") as file:
        file.write(sections.format(folder=folder, library=library, **{"admin": "127.0.0.1:0", **values}))
    return path


def with_routes(test):
    def run(folder):
        gateway = Gateway(folder, written(folder, SECTIONS + ROUTES))
        try:
            gateway.start()
            gateway.pages_port = [port for _, port, serves in gateway.http if "events" not in serves][0]
            test(gateway)
            gateway.wait_stored()
            gateway.check_identity()
            gateway.stop()
        finally:
            gateway.cleanup()
    run.__name__ = test.__name__
    return run


def send(gateway, path, status=202, method="POST", body='{"a":"1"}', **headers):
    got, fields, text = gateway.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    assert got == status, (method, path, got, text)
    return fields, text.decode()


def counts(gateway):
    gateway.wait_stored()
    return {table: int(gateway.sql("SELECT count() FROM " + table)) for table in ("events", "orders", "bulk", "metrics")}


@with_routes
def the_most_exact_path_takes_an_event_and_each_is_stored_once(gateway):
    send(gateway, "/v1/events")               # the exact one: orders
    send(gateway, "/v1/events/")
    send(gateway, "/v1/metrics")              # a name
    send(gateway, "/v1/a/b/c")                # the rest
    send(gateway, "/v1/")
    send(gateway, "/%76%31/events", method="PATCH")
    send(gateway, "/v1/a%2Fb", 404)           # one segment, and no stream
    assert counts(gateway) == {"events": 0, "orders": 3, "bulk": 2, "metrics": 1}


@with_routes
def streams_are_named_by_the_path_and_no_stream_takes_anothers(gateway):
    send(gateway, "/events/orders")
    send(gateway, "/events/orders/bulk", body='{"a":"1"}\n{"a":"2"}')
    send(gateway, "/events/bulk")             # the gateway's own path, the first stream
    send(gateway, "/events/bulk/bulk")        # the stream of that name
    _, text = send(gateway, "/events/nothing", 404)
    assert json.loads(text)["code"] == "unknown_stream" and "events, orders, bulk, metrics" in text, text
    fields, _ = send(gateway, "/events/metrics", 405)
    assert "GET" in fields["allow"], fields
    send(gateway, "/events?stream=metrics")
    send(gateway, "/events/metrics/bulk")
    assert counts(gateway) == {"events": 1, "orders": 3, "bulk": 1, "metrics": 2}


@with_routes
def a_member_of_the_event_or_a_part_of_the_path_chooses_the_stream(gateway):
    send(gateway, "/by", body='{"kind":"page","a":"1"}')
    send(gateway, "/by", body='{"a":"1","kind":"order"}')
    for body in ('{"a":"1"}', '{"a":"1","kind":"other"}', '{"a":"1","kind":7}'):
        _, text = send(gateway, "/by", 400, body=body)
        assert json.loads(text)["code"] == "not_allowed" and "expected one of: page, order" in text, text
    send(gateway, "/by/order")
    send(gateway, "/by/order", body='{"a":"1","kind":"page"}')   # the later source wins
    send(gateway, "/by/anything")
    assert counts(gateway) == {"events": 2, "orders": 2, "bulk": 1, "metrics": 0}


@with_routes
def a_host_has_its_own_routes_before_those_of_all(gateway):
    send(gateway, "/x")
    send(gateway, "/x", Host="c.example")
    send(gateway, "/x", Host="A.example:1")
    send(gateway, "/x", Host="z.b.example")
    send(gateway, "/only", 404)
    send(gateway, "/only", Host="a.example")
    assert counts(gateway) == {"events": 2, "orders": 3, "bulk": 0, "metrics": 0}


@with_routes
def methods_and_slashes_are_those_that_are_said(gateway):
    fields, _ = send(gateway, "/v1/events", 405, "PUT")
    assert fields["allow"] == "POST, OPTIONS, PATCH", fields
    send(gateway, "/exact")
    send(gateway, "/exact/", 404)
    send(gateway, "/nothing", 404)
    fields, _ = send(gateway, "/v1/events", 204, "OPTIONS", None, Origin="https://shop.example",
                     Access_Control_Request_Method="PATCH")
    assert fields["access-control-allow-origin"] == "https://shop.example" and "PATCH" in fields["access-control-allow-methods"]
    fields, _ = send(gateway, "/v1/events", Origin="https://shop.example")
    assert fields["access-control-allow-origin"] == "https://shop.example", fields
    assert counts(gateway)["orders"] == 2


@with_routes
def nobody_behind_a_get_makes_no_event(gateway):
    send(gateway, "/seen?a=1", 202, "GET", None)
    fields, text = send(gateway, "/seen?a=1", 202, "HEAD", None)
    assert not text and fields["cache-control"] == "no-store", (fields, text)
    for name, value in (("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("User-Agent", "Slackbot 1.0"),
                        ("User-Agent", "facebookexternalhit/1.1")):
        fields, _ = send(gateway, "/seen?a=2", 202, "GET", None, **{name: value})
        assert fields["cache-control"] == "no-store", fields
    assert gateway.sum("sluice_http_visits_without_event_total") == 5
    assert gateway.sum("sluice_events_received_total") == 1
    assert counts(gateway)["orders"] == 1


@with_routes
def pages_of_operators_stay_on_their_own_address(gateway):
    send(gateway, "/ping?a=1", 202, "GET", None)
    got = gateway.request("GET", "/ping", port=gateway.pages_port)
    assert got[2] == b"pong\n", got
    send(gateway, "/metrics")
    assert b"sluice_events_received_total" in gateway.request("GET", "/metrics", port=gateway.pages_port)[2]
    assert counts(gateway)["orders"] == 2


@with_routes
def websockets_open_where_a_route_says_and_go_to_its_stream(gateway):
    with Client(gateway.port, "/socket/metrics?stream=orders") as client:   # the query is the client's own
        client.text('{"a":"1"}')
        client.acks(1)
    with Client(gateway.port, "/silent?ack=1") as client:
        client.text('{"a":"1"}')
        client.goodbye()
    send(gateway, "/socket/nothing", 404, "GET", None, Connection="upgrade", Upgrade="websocket",
         Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", Sec_WebSocket_Version="13")
    send(gateway, "/silent", 426, "GET", None)
    send(gateway, "/silent", 405, "POST")
    gateway.wait_until("both counted", lambda: gateway.sum("sluice_events_accepted_total") == 2)
    assert counts(gateway) == {"events": 0, "orders": 1, "bulk": 0, "metrics": 1}


@with_routes
def the_bounds_of_a_route_are_its_own(gateway):
    send(gateway, "/batch", body='{"data":[{"a":"1"},{"a":"2"}]}')
    send(gateway, "/batch", 413, body='{"data":[{"a":"1"},{"a":"2"},{"a":"3"}]}')
    _, text = send(gateway, "/batch", 413, body=json.dumps({"data": [{"a": "x" * 2000}]}))
    assert json.loads(text)["code"] == "body_too_large", text
    _, text = send(gateway, "/stored", 200)
    assert json.loads(text)["status"] == "stored", text
    assert counts(gateway)["orders"] == 3


def what_is_secret_is_in_no_log(folder):
    routes = ("routes:\n  - {{ path: '/s/{{key}}', stream: orders, items: one, secret: [key], event: [ {{ path: {{ key: a }} }}, body ] }}\n"
              "  - {{ path: '/t/{{key}}', stream: orders, items: one, event: [ {{ path: {{ key: a }} }}, body ] }}\n")
    sections = SECTIONS.replace("- {{ name: orders, fields: [ {{ name: a, type: String }} ] }}",
                                "- {{ name: orders, fields: [ {{ name: a, type: UInt8 }} ] }}")
    gateway = Gateway(folder, written(folder, sections + routes), {"SLUICE_LOG_LEVEL": "debug"})
    try:
        gateway.start()
        gateway.pages_port = [port for _, port, serves in gateway.http if "events" not in serves][0]
        send(gateway, "/s/hush123", 400, body="{}")
        send(gateway, "/t/loud123", 400, body="{}")
        gateway.wait_until("the refusals logged", lambda: gateway.log().count("stream=orders") >= 2)
        gateway.check_identity()
        gateway.stop()
        assert "hush123" not in gateway.log() and "loud123" in gateway.log(), gateway.log()
    finally:
        gateway.cleanup()


def check(folder, routes, **values):
    path = written(folder, SECTIONS + "routes:\n" + routes, **values)
    result = subprocess.run([os.path.join(BUILD, "sluice"), "--config", path, "--check"], capture_output=True, text=True)
    return result.returncode, (result.stdout + result.stderr).replace(path, "routes.yaml")


def an_address_may_have_the_routes_alone(folder):
    """None of the gateway's own paths, under any name; what the configuration adds is there as elsewhere."""
    sections = SECTIONS.replace('listen: "127.0.0.1:0", cors_origins: ["https://shop.example"]',
                                'listeners: [ {{ listen: "127.0.0.1:0", serves: routes }} ]')
    routes = ("routes:\n  - {{ path: /v1/track, stream: orders, items: one }}\n"
              "  - {{ path: /, methods: [GET], reply: home }}\nreplies: {{ home: {{ any: {{ status: 302, redirect: /v1/count }} }} }}\n"
              "queries:\n  count: {{ path: /v1/count, select: {{ n: 'SELECT count() AS n FROM {{rows:orders}}' }} }}\n")
    gateway = Gateway(folder, written(folder, sections + routes), {"SLUICE_HTTP": ""})
    try:
        gateway.start()
        gateway.pages_port = [port for _, port, serves in gateway.http if serves == {"admin"}][0]
        assert [serves for _, _, serves in gateway.http if serves != {"admin"}] == [{"routes"}], gateway.http
        send(gateway, "/v1/track", 202)
        gateway.wait_stored()
        status, _, body = gateway.request("GET", "/v1/count")
        assert status == 200 and b'"n":1' in body, (status, body)
        assert gateway.request("GET", "/")[0] == 302
        for method, path in (("POST", "/events"), ("POST", "/events/bulk"), ("POST", "/events/orders"), ("GET", "/ws"), ("GET", "/demo"),
                             ("GET", "/events/metrics"), ("GET", "/openapi.json"), ("GET", "/metrics"), ("GET", "/livez")):
            status, _, body = gateway.request(method, path, b"{}" if method == "POST" else None)
            assert status == 404, (method, path, status, body)
        assert counts(gateway)["orders"] == 1
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


def clashes_and_pages_without_a_place_are_told_before_the_start(folder):
    line = SECTIONS.count("\n") + 2
    code, text = check(folder, "  - {{ path: '/a/{{x}}' }}\n  - {{ path: '/a/{{y}}/' }}\n")
    assert code != 0 and "routes.yaml:%d: found POST /a/{y}, which routes.yaml:%d serves already" % (line + 1, line) in text, text
    code, text = check(folder, "  - {{ path: /ping, methods: [GET], event: [ {{ query: [a] }} ] }}\n", admin="")
    assert code != 0 and "routes.yaml:%d: found /ping, which is a page of operators; expected admin.listen" % line in text, text
    code, text = check(folder, "  - {{ path: /a, stream: nothing }}\n")
    assert code != 0 and 'routes.yaml:%d: routes: /a: stream: there is no stream "nothing"; there are: events' % line in text, text
    code, text = check(folder, "  - {{ path: [/events, /events/bulk, /], stream: orders }}\n", admin="")
    assert code == 0, text


if __name__ == "__main__":
    main([
        the_most_exact_path_takes_an_event_and_each_is_stored_once,
        streams_are_named_by_the_path_and_no_stream_takes_anothers,
        a_member_of_the_event_or_a_part_of_the_path_chooses_the_stream,
        a_host_has_its_own_routes_before_those_of_all,
        methods_and_slashes_are_those_that_are_said,
        nobody_behind_a_get_makes_no_event,
        pages_of_operators_stay_on_their_own_address,
        websockets_open_where_a_route_says_and_go_to_its_stream,
        the_bounds_of_a_route_are_its_own,
        what_is_secret_is_in_no_log,
        an_address_may_have_the_routes_alone,
        clashes_and_pages_without_a_place_are_told_before_the_start,
    ])
