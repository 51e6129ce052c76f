"""Values of a request as values of its events: parts of the path, pairs, queries, cookies, header fields, forms, envelopes,
constants. Through a gateway into its store, and each event counted once."""
import base64
import gzip
import json
import os
import uuid

from check import main
from gateway import Gateway

CONFIG = """
http: {{ listen: "127.0.0.1:0", max_header: 128KiB }}
udp: {{ listeners: [ {{ listen: "127.0.0.1:0" }} ] }}
journal: {{ data: "{folder}/data" }}
store: {{ library: "{library}" }}
streams:
  - name: traffic
    dedup_key: [request_id, user_id, page_url]
    fields:
      - {{ name: request_id, type: UInt64, required: true }}
      - {{ name: user_id, type: UInt32, required: true }}
      - {{ name: page_url, type: String }}
  - name: tracks
    unknown_fields: collect
    collect_into: params
    fields:
      - {{ name: ename, type: String }}
      - {{ name: etyp, type: String }}
      - {{ name: vid, type: String }}
      - {{ name: uid, type: String }}
      - {{ name: cflags, type: Int64 }}
      - {{ name: revenue, type: Float64 }}
      - {{ name: tags, type: Array(String) }}
      - {{ name: browser, type: String, from: device.browser }}
      - {{ name: page, type: String, from: [page, "@header.referer"] }}
      - {{ name: params, type: JSON }}
  - name: ga4
    unknown_fields: reject
    fields:
      - {{ name: name, type: String, required: true }}
      - {{ name: client_id, type: String, required: true }}
      - {{ name: measurement_id, type: String, from: "@query.measurement_id" }}
      - {{ name: sent, type: UInt64, from: "envelope.timestamp_micros" }}
      - {{ name: params, type: JSON }}
  - name: cloud
    fields: [ {{ name: id, type: String, required: true }}, {{ name: source, type: String }}, {{ name: data, type: JSON }} ]
routes:
  - {{ path: "/api/traffic/{{request_id}}", methods: [POST, PUT, PATCH], stream: traffic, items: one, event: [ body, {{ path: [request_id] }} ] }}
  - path: "/tr/v1/tr/{{rest...}}"
    methods: [GET, POST]
    stream: tracks
    items: one
    event: [ {{ header_json: User }}, {{ cookies: {{ vid: vid, CookieConsent: cflags }} }}, {{ pairs: rest, lower_keys: true }},
             {{ query: "*", strip_prefix: utm_, lower_keys: true, unless: igqp }}, body ]
  - {{ path: /form, methods: [POST], stream: tracks, items: one, event: [ {{ constant: {{ etyp: form }} }}, form, multipart ] }}
  - {{ path: /pixel, methods: [GET], stream: tracks, items: one, event: [ {{ made: {{ vid: uuid }} }}, {{ query: data, base64_json: true }} ] }}
  - {{ path: /mp/collect, methods: [POST], stream: ga4, items: events, envelope: [client_id], max_events: 3, atomic: true, allow_empty: true }}
  - {{ path: /cloudevents, methods: [POST], stream: cloud, items: auto,
      event: [ {{ header_prefix: ce- }}, {{ body_into: data, unless_content_type: application/cloudevents }} ] }}
"""


def with_routes(test):
    def run(folder):
        path = os.path.join(folder, "routes.yaml")
        gateway = Gateway(folder, path)
        with open(path, "w") as file:
            file.write(CONFIG.format(folder=folder, library=gateway.env["SLUICE_LIBCHDB"]))
        try:
            test(gateway.start())
            gateway.wait_stored()
            gateway.check_identity()
            gateway.stop()
        finally:
            gateway.cleanup()
    run.__name__ = test.__name__
    return run


def send(gateway, method, path, body=None, status=202, **headers):
    got, _, text = gateway.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    assert got == status, (got, text)
    return json.loads(text)


def rows(gateway, statement):
    gateway.wait_stored()
    return [json.loads(line) for line in gateway.sql(statement, "JSONEachRow").splitlines()]


@with_routes
def a_part_of_the_path_is_required_typed_and_part_of_the_id(gateway):
    body = json.dumps({"user_id": 7, "page_url": "/a", "request_id": 1})
    first = send(gateway, "POST", "/api/traffic/18446744073709551615", body)
    again = send(gateway, "PUT", "/api/traffic/18446744073709551615", body, status=200)
    assert first["id"] == again["id"] and again["status"] == "duplicate", (first, again)
    assert send(gateway, "PATCH", "/api/traffic/12", body)["id"] != first["id"]
    for bad in ("abc", "-1", "1.5", "18446744073709551616", "%27"):
        refused = send(gateway, "POST", "/api/traffic/" + bad, body, status=400)
        assert refused["errors"][0]["field"] == "request_id", refused
    assert rows(gateway, "SELECT toString(request_id) r, user_id, page_url FROM traffic ORDER BY request_id") == [
        {"r": "12", "user_id": 7, "page_url": "/a"}, {"r": "18446744073709551615", "user_id": 7, "page_url": "/a"}]


@with_routes
def later_sources_win_and_what_no_field_reads_is_collected(gateway):
    send(gateway, "POST", "/tr/v1/tr/ENAME/buy%2Fnow/uid/path/x/1?UTM_source=ads&utm_x=2&revenue=1.5&tags=a&tags=b&device.browser=b",
         json.dumps({"uid": "body", "etyp": None, "device": {"os": "x"}}),
         Cookie="vid=v%31; CookieConsent=4096; other=1", User='{"uid":"header","etyp":"h"}', Referer="https://a/")
    send(gateway, "GET", "/tr/v1/tr/ename/view?igqp=1&uid=q", Referer="https://b/")
    send(gateway, "POST", "/tr/v1/tr/", json.dumps({"ename": "forged", "@header": {"referer": "evil"}, "page": None}))
    found = rows(gateway, "SELECT * EXCEPT event_id FROM tracks ORDER BY ename")
    assert [row["ename"] for row in found] == ["buy/now", "forged", "view"], found
    bought, forged, viewed = found
    assert bought["uid"] == "body" and bought["etyp"] == "h" and bought["vid"] == "v1" and bought["cflags"] in (4096, "4096")
    assert bought["revenue"] == 1.5 and bought["tags"] == ["a", "b"] and bought["browser"] == "b"
    assert bought["page"] == "https://a/" and bought["params"] == {"source": "ads", "x": "2", "device": {"os": "x"}}, bought
    assert forged["page"] == "" and forged["params"] == {"@header": {"referer": "evil"}}, forged
    assert viewed["uid"] == "" and viewed["page"] == "https://b/", viewed


@with_routes
def a_stream_names_its_sources_on_the_gateways_own_routes_too(gateway):
    send(gateway, "POST", "/events?stream=tracks", json.dumps({"ename": "own"}), Referer="https://c/")
    send(gateway, "POST", "/events/bulk?stream=tracks", json.dumps([{"ename": "bulk", "page": "p"}, {"ename": "bulk"}]),
         Referer="https://c/")
    assert rows(gateway, "SELECT ename, page FROM tracks ORDER BY ename, page") == [
        {"ename": "bulk", "page": "https://c/"}, {"ename": "bulk", "page": "p"}, {"ename": "own", "page": "https://c/"}]


@with_routes
def forms_are_events_and_files_are_refused(gateway):
    form = "application/x-www-form-urlencoded"
    send(gateway, "POST", "/form", "ename=Sign+up&tags[]=a&tags[]=%C3%A9&revenue=", Content_Type=form)
    send(gateway, "POST", "/form", gzip.compress(b"ename=Zipped"), Content_Type=form, Content_Encoding="gzip")
    parts = '--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n--b--\r\n'
    multipart = "multipart/form-data; boundary=b"
    send(gateway, "POST", "/form", parts % ("ename", "", "Parts"), Content_Type=multipart)
    refused = send(gateway, "POST", "/form", parts % ("f", '; filename="a"', "x"), 415, Content_Type=multipart)
    assert 'a file in its field "f"' in refused["detail"], refused
    refused = send(gateway, "POST", "/form", "{}", 415, Content_Type="application/json")
    assert "takes a form" in refused["detail"], refused
    send(gateway, "POST", "/events?stream=tracks", "ename=x", 415, Content_Type=form)
    send(gateway, "POST", "/events?stream=tracks", parts % ("a", "", "b"), 415, Content_Type=multipart)
    assert rows(gateway, "SELECT ename, etyp, tags FROM tracks ORDER BY ename") == [
        {"ename": "Parts", "etyp": "form", "tags": []}, {"ename": "Sign up", "etyp": "form", "tags": ["a", "é"]},
        {"ename": "Zipped", "etyp": "form", "tags": []}]


@with_routes
def a_pixel_makes_an_event_of_its_query_alone(gateway):
    data = base64.urlsafe_b64encode(json.dumps({"ename": "open", "revenue": 2, "más": "?>"}).encode()).decode().rstrip("=")
    send(gateway, "GET", "/pixel?data=" + data)
    send(gateway, "GET", "/pixel?data=%7B%7D", status=400)
    assert gateway.request("HEAD", "/pixel?data=" + data)[0] < 300
    (row,) = rows(gateway, "SELECT * EXCEPT event_id FROM tracks")
    assert row["ename"] == "open" and row["params"] == {"más": "?>"} and uuid.UUID(row["vid"]), row


@with_routes
def an_envelope_is_part_of_each_event_and_an_atomic_one_is_taken_whole(gateway):
    path = "/mp/collect?measurement_id=G-1"

    def collect(events, status=202, **more):
        return send(gateway, "POST", path, json.dumps(dict(more, client_id="c", timestamp_micros=17, events=events)), status)

    collect([{"name": "a", "params": {"x": 1}}, {"name": "b", "client_id": "own"}])
    refused = collect([{"name": "c"}, {"nome": "d"}, {"name": "e"}], 400)
    assert "event 1: nome" in refused["detail"], refused
    assert collect([{"name": "f"}] * 4, 413)["code"] == "too_many_events"
    assert collect([])["accepted"] == 0
    assert send(gateway, "POST", path, '{"name":"a"}', 400)["code"] == "missing_field"
    assert rows(gateway, "SELECT name, client_id, measurement_id, toString(sent) s FROM ga4 ORDER BY name") == [
        {"name": "a", "client_id": "c", "measurement_id": "G-1", "s": "17"},
        {"name": "b", "client_id": "own", "measurement_id": "G-1", "s": "17"}]
    assert gateway.sum("sluice_events_rejected_total", stream="ga4", reason="batch_refused") == 2
    assert gateway.sum("sluice_events_rejected_total", stream="ga4", reason="unknown_field") == 1


@with_routes
def a_cloud_event_stands_in_its_header_or_in_its_body(gateway):
    send(gateway, "POST", "/cloudevents", '{"a":1}', ce_id="1", ce_source="/x%20y", Content_Type="application/json")
    whole = json.dumps({"id": "2", "source": "s", "data": {"b": 2}})
    send(gateway, "POST", "/cloudevents", whole, Content_Type="application/cloudevents+json")
    assert rows(gateway, "SELECT id, source, data FROM cloud ORDER BY id") == [
        {"id": "1", "source": "/x y", "data": {"a": 1}}, {"id": "2", "source": "s", "data": {"b": 2}}]


@with_routes
def a_large_body_keeps_its_values(gateway):
    events = [{"name": "n%d" % i, "params": {"text": "x" * 300000}} for i in range(3)]
    send(gateway, "POST", "/mp/collect?measurement_id=G-9", json.dumps({"client_id": "big", "events": events}))
    assert rows(gateway, "SELECT count() n, any(client_id) c, any(measurement_id) m FROM ga4")[0] == {
        "n": 3, "c": "big", "m": "G-9"}


@with_routes
def what_is_beyond_the_bounds_is_refused_with_a_reason(gateway):
    many = "&".join("a%d=1" % i for i in range(10000))
    for path, headers, why in (("/tr/v1/tr/?" + many, {}, "more than 64 values"),
                               ("/pixel?" + many, {}, "more than 256 arguments"),
                               ("/tr/v1/tr/?ename=" + "x" * 9000, {}, "more than 8192 bytes"),
                               ("/tr/v1/tr/", {"Cookie": "a=" + "x" * 65536}, "the cookies take more than"),
                               ("/tr/v1/tr/", {"User": "{"}, "User does not hold a JSON object")):
        refused = send(gateway, "GET", path, status=400, **headers)
        assert refused["code"] == "bad_argument" and why in refused["detail"], refused
    assert rows(gateway, "SELECT count() n FROM tracks") == [{"n": 0}]


main([a_part_of_the_path_is_required_typed_and_part_of_the_id, later_sources_win_and_what_no_field_reads_is_collected,
      a_stream_names_its_sources_on_the_gateways_own_routes_too, forms_are_events_and_files_are_refused,
      a_pixel_makes_an_event_of_its_query_alone, an_envelope_is_part_of_each_event_and_an_atomic_one_is_taken_whole,
      a_cloud_event_stands_in_its_header_or_in_its_body, a_large_body_keeps_its_values,
      what_is_beyond_the_bounds_is_refused_with_a_reason])
