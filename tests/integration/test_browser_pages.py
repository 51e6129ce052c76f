"""What pages do to the browser SDK, one thing at a time, in a real Chromium: leave, forbid, belong elsewhere, lie. Each
test ends with the identity and the exact count in the store."""
import json
import time
import urllib.parse

from browser_sequence import PageServer
from check import main
from gateway import Gateway
from node import Browser
from websocket import sample_with
from ws_events import stored_is

OPTIONS = {"websocketAttempts": 2, "websocketRetry": 500, "backoffMin": 20, "backoffMax": 200}


def with_page_server(test):
    """A gateway that lists the origin of a server of pages, and a browser."""
    def run(folder):
        with PageServer() as pages:
            gateway = Gateway(folder, config=sample_with(folder, http={"cors_origins": '["%s"]' % pages.origin}))
            try:
                gateway.start()
                with Browser(folder) as browser:
                    test(gateway, browser, pages)
            finally:
                gateway.cleanup()
    run.__name__ = test.__name__
    return run


def url(gateway, origin, policy=False, handlers=False, **options):
    query = {"sequence": 0, "gateway": "http://127.0.0.1:%d" % gateway.port, "shift": 0, "handlers": int(handlers),
             "options": json.dumps(dict(OPTIONS, **options))}
    return "%s/sequence?%s" % (origin, urllib.parse.urlencode(dict(query, **({"policy": 1} if policy else {}))))


def told(page):
    """The codes of onError that are of no single event, by the page alone."""
    instance = page.evaluate("window.page.instance")
    lines = [json.loads(line) for key, line in page.evaluate("window.page.ledger()") if instance in key]
    return [line["told"] for line in lines if "told" in line]


def flushed(page, *bursts):
    """What flush() says of the bursts, tracked in the same turn: before it nothing of them is decided."""
    return page.evaluate("""(bursts) => {
      bursts.forEach((burst) => window.page.track(...burst));
      return window.page.sluice.flush();
    }""", bursts)


@with_page_server
def events_tracked_in_the_pages_own_handlers_while_it_is_left_arrive_without_another_page(gateway, browser, pages):
    for number in range(12):
        page = browser.open(url(gateway, pages.origin, handlers=True))
        if number % 2 == 0:  # with an open connection, and before there is one
            gateway.wait_until("connected", lambda: page.evaluate("window.page.sluice.state") == "websocket", 10)
        if number % 3 == 2:
            page.close()
        else:
            page.leave("(url) => { location.href = url; }", pages.origin + "/nowhere", pages.origin + "/nowhere")
    gateway.wait_until("24 accepted", lambda: gateway.sum("sluice_events_accepted_total") >= 24, 10)
    stored_is(gateway, 24)


@with_page_server
def a_policy_without_websockets_is_fetch_at_once(gateway, browser, pages):
    page = browser.open(url(gateway, pages.origin, policy=True, websocketAttempts=50))
    started = time.time()
    assert flushed(page, ("good", 5)) == {"stored": 5, "refused": 0, "dropped": 0, "waiting": 0}
    assert time.time() - started < 15  # 50 WebSockets take longer
    time.sleep(1)  # two tries later, if there were some
    assert page.evaluate("window.page.sluice.state") == "fetch"
    assert told(page) == ["websocket"], told(page)
    stored_is(gateway, 5)


@with_page_server
def an_origin_that_is_not_listed_is_told_once_and_tried_no_more(gateway, browser, pages):
    for transport in ("auto", "fetch", "websocket"):
        page = browser.open(url(gateway, pages.origin.replace("127.0.0.1", "localhost"), transport=transport))
        page.evaluate("window.page.track('good', 5)")
        gateway.wait_until("told", lambda: page.evaluate("window.page.sluice.state") == "refused", 10)
        before = gateway.sum("sluice_http_requests_total")
        time.sleep(1)
        assert gateway.sum("sluice_http_requests_total") - before <= 2, "only those that ask for the metrics"
        assert told(page) == ["origin_not_allowed"], (transport, told(page))
        assert page.evaluate("window.page.left()") >= 5  # what is waiting stays in the browser
        page.close()


@with_page_server
def more_refused_events_than_an_acknowledgement_lists_are_all_told(gateway, browser, pages):
    for transport in ("websocket", "fetch"):
        page = browser.open(url(gateway, pages.origin, transport=transport, batchEvents=2000))
        found = flushed(page, ("refused", 1500), ("mixed", 900))
        assert found == {"stored": 600, "refused": 1800, "dropped": 0, "waiting": 0}, found
        refused = [line for _, line in page.evaluate("window.page.ledger()") if '"refused"' in line]
        assert len(refused) >= 1800, len(refused)
        page.evaluate("localStorage.clear()")
        page.close()
    stored_is(gateway, 1200)


if __name__ == "__main__":
    main([
        events_tracked_in_the_pages_own_handlers_while_it_is_left_arrive_without_another_page,
        a_policy_without_websockets_is_fetch_at_once,
        an_origin_that_is_not_listed_is_told_once_and_tried_no_more,
        more_refused_events_than_an_acknowledgement_lists_are_all_told,
    ])
