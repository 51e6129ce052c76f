"""What /demo tells its visitor, in a real Chromium: events that are refused, a clock that is wrong, a gateway that is away, an
origin that is not listed, a path of a site. With SCREENSHOTS=folder it leaves a picture of each."""
import os
import time

from check import main
from gateway import with_gateway
from node import Browser
from test_proxies import start_nginx

SCREENSHOTS = os.environ.get("SCREENSHOTS")
DAYS = 24 * 3600 * 1000
NOTICES = "() => Array.from(document.querySelectorAll('#notices .notice'), (notice) => notice.innerText)"
STATE = "document.getElementById('state').textContent"
FLUSH = "window.sluice.flush({ timeout: 15000 })"


def wait_for(page, text, timeout=20):
    """Until a notice says it, and no other notice is there; its whole text."""
    deadline = time.time() + timeout
    while True:
        notices = page.evaluate(NOTICES)
        if len(notices) == 1 and text in notices[0]:
            return notices[0]
        assert time.time() < deadline, (text, notices, page.evaluate(STATE))
        time.sleep(0.1)


def wait_for_none(page, timeout=40):
    deadline = time.time() + timeout
    while page.evaluate(NOTICES):
        assert time.time() < deadline, page.evaluate(NOTICES)
        time.sleep(0.1)


def picture(page, name):
    if SCREENSHOTS:
        time.sleep(0.6)  # the bar moves
        page.screenshot(os.path.join(SCREENSHOTS, name + ".png"))


def demo(gateway):
    return "http://127.0.0.1:%d/demo" % gateway.port


def check_store(gateway, events):
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    assert gateway.sql("SELECT count(), uniqExact(message_id) FROM events FINAL") == "%d\t%d" % (events, events)


@with_gateway
def refused_events_are_told_with_the_reason_and_what_a_wrong_clock_has_to_do_with_it(gateway):
    with Browser(gateway.folder) as browser:
        page = browser.open(demo(gateway))
        page.evaluate("window.sluiceDemo.track(5)")
        page.evaluate("window.sluice.track('purchase', {}, { channel: 'fax' }), window.sluice.track('purchase', {}, { channel: 'telex' })")
        assert page.evaluate(FLUSH)["waiting"] == 0
        said = wait_for(page, "The gateway refused 2 of 7 events")
        assert "2 × not_allowed: channel: " in said and "clock" not in said, said
        picture(page, "refused")
        # An event three weeks ahead by a clock that is three days ahead.
        page = browser.open(demo(gateway), first="const now = Date.now; Date.now = () => now() + %d;" % (3 * DAYS))
        page.evaluate("window.sluice.track('purchase', {}, { timestamp: Date.now() + %d })" % (21 * DAYS))
        assert page.evaluate(FLUSH)["waiting"] == 0
        said = wait_for(page, "This computer's clock is 3 days ahead of the gateway's.")
        assert "The gateway refused 1 of 1 events" in said and "1 × time_too_new: timestamp" in said, said
        picture(page, "wrong-clock")
        assert page.problems() == []
    assert gateway.sum("sluice_events_rejected_total") == 3
    check_store(gateway, 5)


@with_gateway
def a_gateway_that_is_away_and_a_browser_that_is_offline_are_told_and_nothing_is_lost(gateway):
    gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
    with Browser(gateway.folder) as browser:
        page = browser.open(demo(gateway))
        page.evaluate("window.sluiceDemo.track(3)")
        page.evaluate(FLUSH)
        gateway.stop()
        page.evaluate("window.sluiceDemo.track(4)")
        said = wait_for(page, "The gateway at http://127.0.0.1:%d does not answer" % gateway.port)
        picture(page, "gateway-away")
        browser.offline(True)
        wait_for(page, "This browser is offline")
        said = wait_for(page, "4 events wait in this browser")
        assert "leave when the network is back" in said, said
        picture(page, "offline")
        gateway.start()
        browser.offline(False)
        wait_for_none(page)
        assert page.evaluate(FLUSH)["waiting"] == 0
        picture(page, "back-again")
        assert page.problems() == []
    check_store(gateway, 7)


@with_gateway
def a_page_of_an_origin_that_is_not_listed_is_told_so_and_what_to_write(gateway):
    with Browser(gateway.folder) as browser:
        page = browser.open("http://localhost:%d/demo?gateway=http://127.0.0.1:%d" % (gateway.port, gateway.port))
        page.evaluate("window.sluiceDemo.track(2)")
        said = wait_for(page, "The gateway does not let pages of http://localhost:%d in" % gateway.port, 40)
        assert 'cors_origins: ["http://localhost:%d"]' % gateway.port in said, said
        assert page.evaluate(STATE) == "Refused: origin not listed"
        picture(page, "origin-not-listed")
        page = browser.open(demo(gateway) + "?gateway=other:8080")
        assert "https://" in wait_for(page, "The demo cannot start")
        picture(page, "bad-address")
    gateway.wait_stored()
    gateway.check_identity()


@with_gateway
def under_a_path_of_a_site_behind_nginx_the_demo_works(gateway):
    nginx = start_nginx(os.path.join(gateway.folder, "nginx"), ["127.0.0.1:%d" % gateway.port] * 2, path=True)
    try:
        with Browser(gateway.folder) as browser:
            for path in ("/sluice/demo", "/sluice/demo/", "/sluice/demo?transport=fetch"):
                page = browser.open(nginx.url + path)
                page.evaluate("window.sluiceDemo.track(10)")
                assert page.evaluate(FLUSH)["waiting"] == 0
                assert page.evaluate(STATE) == "Connected by " + ("fetch" if "fetch" in path else "WebSocket")
                assert page.evaluate(NOTICES) == [] and page.problems() == []
                assert page.evaluate("document.getElementById('gateway').textContent") == nginx.url + "/sluice"
            picture(page, "under-a-path")
        check_store(gateway, 30)
    finally:
        nginx.stop()


if __name__ == "__main__":
    main([
        refused_events_are_told_with_the_reason_and_what_a_wrong_clock_has_to_do_with_it,
        a_gateway_that_is_away_and_a_browser_that_is_offline_are_told_and_nothing_is_lost,
        a_page_of_an_origin_that_is_not_listed_is_told_so_and_what_to_write,
        under_a_path_of_a_site_behind_nginx_the_demo_works,
    ])
