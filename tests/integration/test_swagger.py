"""/swagger and / in a real Chromium: an event is posted with "Try it out" and counted, behind nginx as well, and nothing is asked
of another host. With SCREENSHOTS=folder it leaves a picture of each."""
import json
import os
import time
import urllib.request

from check import main
from gateway import Gateway, ROOT, with_gateway
from node import Browser
from test_proxies import start_nginx

SCREENSHOTS = os.environ.get("SCREENSHOTS")
FOLDER = os.path.join(ROOT, "share", "swagger")
ASKED = "() => performance.getEntriesByType('resource').map((entry) => entry.name)"


def picture(page, name):
    if SCREENSHOTS:
        page.screenshot(os.path.join(SCREENSHOTS, name + ".png"))


def wait_for(page, source, what, timeout=30):
    deadline = time.time() + timeout
    while True:
        value = page.evaluate(source)
        if value:
            return value
        assert time.time() < deadline, (what, page.evaluate("document.body.innerText.slice(0, 2000)"))
        time.sleep(0.1)


def check_quiet(browser, page, base):
    """No error on the console, and no request but to the gateway."""
    assert page.problems() == []
    with open(browser.log_path) as log:
        said = [line for line in log if ": error: " in line or ": warning: " in line]
    assert said == [], said
    elsewhere = [url for url in page.evaluate(ASKED) if not url.startswith((base + "/", "data:"))]
    assert elsewhere == [], elsewhere


def operation(method, path):
    return "#operations-%s" % {("post", "/events"): "Events-post_events",
                               ("get", "/events/metrics"): "Reading-get_events_metrics"}[(method, path)]


def execute(page, block, fill="() => {}", argument=None):
    """Opens the operation, fills it in and executes it; status and body of the answer."""
    page.evaluate("(block) => document.querySelector(block + ' .opblock-summary-control').click()", block)
    wait_for(page, "document.querySelector('%s .try-out__btn') !== null" % block, "try it out")
    page.evaluate("(block) => document.querySelector(block + ' .try-out__btn').click()", block)
    wait_for(page, "document.querySelector('%s .execute') !== null" % block, "execute")
    page.evaluate(fill, argument)
    page.evaluate("(block) => document.querySelector(block + ' .execute').click()", block)
    answer = "%s .live-responses-table .response" % block
    wait_for(page, "document.querySelector('%s .response-col_status') !== null" % answer, "an answer")
    status = page.evaluate("document.querySelector('%s .response-col_status').innerText" % answer)
    body = wait_for(page, "document.querySelector('%s .highlight-code code')?.textContent" % answer, "a body")
    return int(status.split()[0]), json.loads(body)


def try_the_api(browser, gateway, base, name):
    page = browser.open(base + "/swagger")
    assert page.evaluate("location.href") == base + "/swagger/"
    wait_for(page, "document.querySelectorAll('.opblock').length > 10", "the operations")
    status, reply = execute(page, operation("post", "/events"))
    assert status == 202 and reply["status"] == "accepted", (status, reply)
    gateway.wait_stored()
    status, counts = execute(page, operation("get", "/events/metrics"))
    assert status == 200, (status, counts)
    picture(page, name)
    check_quiet(browser, page, base)
    return counts["total_count"]


def check_stored(gateway, events):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT count() FROM events FINAL") == str(events)


@with_gateway
def an_event_is_posted_and_counted_in_swagger(gateway):
    assert os.path.exists(FOLDER), "Swagger UI is missing: `make swagger` fetches it"
    with Browser(gateway.folder) as browser:
        assert try_the_api(browser, gateway, "http://127.0.0.1:%d" % gateway.port, "swagger") == 1
    check_stored(gateway, 1)


@with_gateway
def behind_a_proxy_that_takes_a_path_off_everything_is_found(gateway):
    nginx = start_nginx(os.path.join(gateway.folder, "nginx"), ["127.0.0.1:%d" % gateway.port] * 2, path=True)
    try:
        with Browser(gateway.folder) as browser:
            base = nginx.url + "/sluice"
            page = browser.open(base + "/")
            links = page.evaluate("() => Array.from(document.links, (link) => link.href)")
            assert len(links) > 5, links
            for link in links:
                assert link.startswith(base + "/"), link
                with urllib.request.urlopen(link, timeout=30) as reply:
                    assert reply.status == 200, link
            picture(page, "landing")
            assert try_the_api(browser, gateway, base, "swagger-behind-nginx") == 1
        check_stored(gateway, 1)
    finally:
        nginx.stop()


@with_gateway
def the_first_page_is_html_for_people_and_json_for_programs(gateway):
    status, headers, body = gateway.request("GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert status == 200 and headers["content-type"].startswith("text/html"), headers
    assert b"<script" not in body and b'href="/' not in body
    status, headers, body = gateway.request("GET", "/", headers={"Accept": "application/json"})
    assert json.loads(body)["streams"] == ["events"], body
    with Browser(gateway.folder) as browser:
        base = "http://127.0.0.1:%d" % gateway.port
        page = browser.open(base + "/")
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
        check_quiet(browser, page, base)
    gateway.check_identity()


def a_configured_page_takes_the_place_of_the_first_and_swagger_may_be_off(folder):
    config = os.path.join(folder, "gateway.yaml")
    with open(config, "w") as file:
        file.write("""
openapi: { serve: false }
admin: { listen: "127.0.0.1:0" }
streams: [ { name: events, fields: [ { name: event_name, type: String, required: true } ] } ]
pages:
  - { path: /, text: "mine\\n", headers: { X-Mine: "yes" } }
  - { path: [/health, /healthz], json: '{"status":"{gateway:healthy|unhealthy}","store":"{store:connected|away}","uptime":{uptime_ns}}' }
""")
    gateway = Gateway(folder, config=config)
    try:
        gateway.start()
        gateway.pages_port = next(port for _, port, serves in gateway.http if serves == {"admin"})
        status, headers, body = gateway.request("GET", "/")
        assert (status, headers["x-mine"], body) == (200, "yes", b"mine\n"), (status, headers, body)
        for path in ("/health", "/healthz"):
            status, _, body = gateway.request("GET", path)
            assert status == 200 and json.loads(body)["status"] == "healthy", (status, body)
        for path in ("/openapi.json", "/swagger", "/swagger/"):
            assert gateway.request("GET", path)[0] == 404, path
        assert '"parts"' in gateway.get("/health")[1]  # that of operators
        gateway.check_identity()
        gateway.stop()
    finally:
        gateway.cleanup()


if __name__ == "__main__":
    main([
        an_event_is_posted_and_counted_in_swagger,
        behind_a_proxy_that_takes_a_path_off_everything_is_found,
        the_first_page_is_html_for_people_and_json_for_programs,
        a_configured_page_takes_the_place_of_the_first_and_swagger_may_be_off,
    ])
