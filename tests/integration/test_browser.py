"""The browser SDK on the demo page, in a real headless Chromium, while its gateway and its connection come and go:
every event is in the store exactly once. Between the two stands a proxy, whose connections can be cut."""
import http.server
import os
import random
import threading
import time

from check import main
from gateway import Gateway, with_gateway
from node import Browser
from proxy import Proxy
from websocket import sample_with

EVENTS = 1000
SCREENSHOTS = os.environ.get("SCREENSHOTS")  # a folder: pictures of the page are left there

TRACK = """({ count, each, pause }) => {
  const timer = setInterval(() => {
    window.sluiceDemo.track(each);
    if (window.sluice.stats().tracked >= count) clearInterval(timer);
  }, pause);
}"""
TRACKED = "window.sluice.stats().tracked"
FLUSH = "async (timeout) => (await window.sluice.flush({ timeout })).waiting"


def kill_and_restart(gateway, proxy):
    """kill -9, and up again on the same port and data."""
    gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
    gateway.kill()
    proxy.cut()
    proxy.replies_held = False
    time.sleep(0.2)
    gateway.start()


def cut(gateway, proxy):
    """A page that has just lost its gateway may be waiting before it connects again."""
    gateway.wait_until("there is a connection to cut", lambda: proxy.cut() > 0, 15)
    proxy.replies_held = False


def check_identity_of_this_life(gateway):
    """Under load the sums are only exact in a quiet moment: look until there is one."""
    deadline = time.time() + 10
    while True:
        try:
            gateway.check_identity()
            return
        except AssertionError:
            if time.time() > deadline:
                raise
            time.sleep(0.02)


def check_store(gateway, events):
    """So many events are in the store, each once. Ends the gateway."""
    gateway.wait_stored()
    gateway.check_identity()
    gateway.stop()
    found = gateway.sql("SELECT count(), uniqExact(message_id), uniqExact(toString(metadata.number)) FROM events FINAL")
    assert found == "\t".join([str(events)] * 3), found


def track_through_faults(gateway, proxy, page, name):
    """1,000 events in some five seconds, with two kills and a cut among them; ends when the page says all are out.
    Before two of the faults acknowledgements are under way for a while: the page must send again what the gateway has.
    Returns how many events came by each protocol, over all lives of the gateway."""
    received = {"ws": 0, "http": 0}

    def count_this_life():
        for protocol in received:
            received[protocol] += gateway.sum("sluice_events_received_total", protocol=protocol)

    page.evaluate(TRACK, {"count": EVENTS, "each": 10, "pause": 50})
    for number, (fault, hold) in enumerate(((kill_and_restart, True), (cut, True), (kill_and_restart, False))):
        back_by = time.time() + 5   # on a busy machine the page takes longer to be back from the fault before
        while not proxy.refuse_websockets and proxy.upgrades <= number and time.time() < back_by:
            time.sleep(0.05)
        time.sleep(0.6)
        proxy.replies_held = hold
        time.sleep(random.uniform(0.3, 0.6))
        check_identity_of_this_life(gateway)
        if fault is kill_and_restart:
            count_this_life()
        fault(gateway, proxy)
        if SCREENSHOTS:
            page.screenshot(os.path.join(SCREENSHOTS, "%s-%s.png" % (name, fault.__name__)))
    deadline = time.time() + 20
    while page.evaluate(TRACKED) < EVENTS:
        assert time.time() < deadline, "the page does not get on with tracking"
        time.sleep(0.05)
    left = page.evaluate(FLUSH, 30000)
    stats = page.evaluate("window.sluiceDemo.stats()")
    assert left == 0, (left, stats, gateway.log()[-2000:])
    assert (stats["acknowledged"], stats["rejected"], stats["dropped"], stats["waiting"]) == (EVENTS, 0, 0, 0), stats
    if SCREENSHOTS:
        time.sleep(0.5)  # the bar moves
        page.screenshot(os.path.join(SCREENSHOTS, name + "-end.png"))
    assert page.problems() == [], page.problems()
    assert stats["resent"] > 0 and stats["duplicates"] > 0, ("nothing was acknowledged in vain", stats)
    print("        %d sent again, %d of them the gateway had" % (stats["resent"], stats["duplicates"]))
    count_this_life()
    return received


@with_gateway
def a_thousand_events_survive_two_kills_and_a_cut(gateway):
    with Proxy(gateway) as proxy, Browser(gateway.folder) as browser:
        page = browser.open("http://127.0.0.1:%d/demo" % proxy.port)
        received = track_through_faults(gateway, proxy, page, "websocket")
        assert received["ws"] > 0, received
        gateway.wait_until("one connection per life, %d so far" % proxy.upgrades, lambda: proxy.upgrades >= 4)
    check_store(gateway, EVENTS)


@with_gateway
def a_thousand_events_survive_the_same_where_websockets_are_refused(gateway):
    with Proxy(gateway, refuse_websockets=True) as proxy, Browser(gateway.folder) as browser:
        page = browser.open("http://127.0.0.1:%d/demo" % proxy.port)
        received = track_through_faults(gateway, proxy, page, "refused")
        assert proxy.refused > 0
        assert received["ws"] == 0 and received["http"] > 0, received
    check_store(gateway, EVENTS)


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A web server of another origin that has copies of the demo page and the SDK."""

    def do_GET(self):
        kind, body = self.server.pages.get(self.path.split("?")[0], (None, b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def from_elsewhere(folder, refuse_websockets, name):
    """The same from a page of another origin, which is in http.cors_origins."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        origin = "http://127.0.0.1:%d" % elsewhere.server_port
        gateway = Gateway(folder, config=sample_with(folder, http={"cors_origins": '["%s"]' % origin}))
        try:
            gateway.start()
            elsewhere.pages = {path: (headers["content-type"], body) for path in ("/demo", "/sluice.js")
                               for _, headers, body in [gateway.request("GET", path)]}
            with Proxy(gateway, refuse_websockets) as proxy, Browser(gateway.folder) as browser:
                page = browser.open("%s/demo?gateway=http://127.0.0.1:%d" % (origin, proxy.port))
                received = track_through_faults(gateway, proxy, page, name)
                assert (proxy.refused > 0) == refuse_websockets
                assert received["http" if refuse_websockets else "ws"] > 0, received
            check_store(gateway, EVENTS)
        finally:
            gateway.cleanup()
            elsewhere.shutdown()


def a_thousand_events_survive_the_same_from_another_origin(folder):
    from_elsewhere(folder, False, "elsewhere")


def a_thousand_events_survive_the_same_from_another_origin_where_websockets_are_refused(folder):
    from_elsewhere(folder, True, "elsewhere-refused")


@with_gateway
def events_of_a_page_closed_while_the_gateway_was_down_are_sent_by_the_next(gateway):
    gateway.env["SLUICE_HTTP"] = "127.0.0.1:%d" % gateway.port
    url = "http://127.0.0.1:%d/demo" % gateway.port
    with Browser(gateway.folder) as browser:
        page = browser.open(url)
        gateway.stop()
        page.evaluate(TRACK, {"count": 50, "each": 10, "pause": 5})
        time.sleep(0.5)
        assert page.evaluate(TRACKED) == 50
        page.close()
        gateway.start()
        assert gateway.sum("sluice_events_received_total") == 0
        page = browser.open(url)
        gateway.wait_until("50 accepted", lambda: gateway.sum("sluice_events_accepted_total") >= 50, 20)
        assert page.evaluate(FLUSH, 10000) == 0
    check_store(gateway, 50)


def leave_after_tracking(gateway, leave):
    """Seven events, and at once the page is left: they arrive, now or with the next page."""
    url = "http://127.0.0.1:%d/demo" % gateway.port

    def arrived():
        return gateway.sum("sluice_events_accepted_total")

    with Browser(gateway.folder) as browser:
        leave(browser.open(url))
        deadline = time.time() + 2
        while arrived() < 7 and time.time() < deadline:
            time.sleep(0.05)
        print("        %d of 7 arrived without another page" % arrived())
        page = browser.open(url)
        gateway.wait_until("7 accepted", lambda: arrived() >= 7, 20)
        assert page.evaluate(FLUSH, 10000) == 0
    check_store(gateway, 7)


@with_gateway
def events_tracked_just_before_the_page_navigates_away_arrive(gateway):
    def leave(page):
        page.evaluate("""(elsewhere) => {
          window.sluiceDemo.track(7);
          location.href = elsewhere;
        }""", "http://127.0.0.1:%d/ping" % gateway.port)

    leave_after_tracking(gateway, leave)


@with_gateway
def events_tracked_just_before_the_tab_is_closed_arrive(gateway):
    def leave(page):
        page.evaluate("window.sluiceDemo.track(7)")
        page.close()

    leave_after_tracking(gateway, leave)


if __name__ == "__main__":
    main([
        a_thousand_events_survive_two_kills_and_a_cut,
        a_thousand_events_survive_the_same_where_websockets_are_refused,
        a_thousand_events_survive_the_same_from_another_origin,
        a_thousand_events_survive_the_same_from_another_origin_where_websockets_are_refused,
        events_of_a_page_closed_while_the_gateway_was_down_are_sent_by_the_next,
        events_tracked_just_before_the_page_navigates_away_arrive,
        events_tracked_just_before_the_tab_is_closed_arrive,
    ])
