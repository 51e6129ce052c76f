"""Random sequences of what visitors, their pages and their networks do to the browser SDK, in a real Chromium; and what
must hold behind each: an event that was tracked is stored once, or refused or dropped and told, and nothing is left."""
import collections
import contextlib
import http.server
import json
import os
import random
import threading
import time
import urllib.parse

from gateway import ROOT

PAGES = {"/sequence": ("text/html", os.path.join(ROOT, "tests", "browser", "sequence.html")),
         "/sluice.js": ("text/javascript", os.path.join(ROOT, "sdk", "browser", "dist", "sluice.js"))}
MINUTE, DAY = 60_000, 86_400_000

# What a sequence is made of, and how often.
WEIGHTS = {"track": 30, "open": 6, "navigate": 9, "close": 7, "hide": 6, "clock": 6, "clear": 3, "quota": 3, "kill": 7,
           "start": 9, "cut": 6, "hold": 3, "flush": 4, "end": 1, "reset": 2, "pause": 12}
KINDS = ["good", "refused", "mixed", "unnamed", "repeated", "nothing", "odd", "large"]


class PageServer:
    """Serves the pages. A page that may not open WebSockets is one with ?policy."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                kind, file = PAGES.get(path, (None, None))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                if "policy=" in query:
                    self.send_header("Content-Security-Policy", "connect-src http:")
                self.end_headers()
                if not file:
                    self.wfile.write(b"There is nothing here.")  # else the browser shows a page of its own
                if file:
                    with open(file, "rb") as opened, contextlib.suppress(OSError):  # the page may be gone
                        self.wfile.write(opened.read())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def page_options(rng):
    return {"transport": rng.choice(["auto", "auto", "websocket", "fetch"]), "batchEvents": rng.choice([1, 7, 100, 700]),
            "batchDelay": rng.choice([0, 20, 250]), "maxEvents": rng.choice([40, 10000, 10000]),
            "compressAbove": rng.choice([0, 1024, 1e9]), "maxInFlight": rng.choice([1, 8]),
            "websocketAttempts": rng.choice([1, 3]), "websocketRetry": 300, "backoffMin": 20, "backoffMax": 300,
            "ackTimeout": 1500, "connectTimeout": 1500}


def page_steps(rng):
    """What a new page is: a step that finds none open opens one."""
    return {"options": page_options(rng), "handlers": rng.random() < 0.5, "policy": rng.random() < 0.1}


def sequence(seed, number):
    """The steps, (name, arguments), the same for the same seed and number."""
    rng = random.Random("%s/%s" % (seed, number))
    names, weights = zip(*WEIGHTS.items())
    steps = [("open", page_steps(rng))]
    for name in rng.choices(names, weights, k=rng.randint(6, 16)):
        said = {"page": rng.random(), **page_steps(rng)}
        burst = (rng.choice(KINDS), rng.choice([1, 1, 3, 10, 40, rng.randint(100, 400)]))
        if name == "track":
            said["burst"] = burst
        elif name in ("navigate", "close", "hide"):
            said["burst"] = burst if rng.random() < 0.7 else None
        elif name == "clock":
            said["by"] = rng.choice([0, 0, 3000, 10 * MINUTE, -10 * MINUTE, 9 * DAY, -30 * DAY])
        elif name == "clear":
            said["by_page"] = rng.random() < 0.5
        elif name == "quota":
            said["bytes"] = rng.choice([1, 1000, None])
        elif name == "pause":
            said["seconds"] = rng.choice([0.02, 0.1, 0.4])
        steps.append((name, said))
    return steps


class World:
    """One gateway behind a proxy, one Chromium, and the pages of one sequence at a time."""

    def __init__(self, gateway, proxy, browser, pages, number):
        self.gateway, self.proxy, self.browser, self.server, self.number = gateway, proxy, browser, pages, number
        self.context = browser.ask(do="context")
        self.alive = []          # (page, instance)
        self.pages = 0           # that were navigated to
        self.shift = 0           # of the visitor's clock
        self.gone = set()        # instances that were over when their storage was cleared: nobody could tell

    def url(self, said):
        query = {"sequence": self.number, "gateway": "http://127.0.0.1:%d" % self.proxy.port, "shift": self.shift,
                 "options": json.dumps(said["options"]), "handlers": int(said["handlers"])}
        if said["policy"]:
            query["policy"] = 1
        return "%s/sequence?%s" % (self.server.origin, urllib.parse.urlencode(query))

    def open(self, said):
        if len(self.alive) < 3:
            page = self.browser.open(self.url(said), context=self.context)
            self.alive.append((page, page.evaluate("window.page.instance")))

    def chosen(self, said):
        return int(said["page"] * len(self.alive))

    def run(self, name, said):
        if name in ("open", "kill", "start", "cut", "hold", "pause"):
            getattr(self, name)(said)
        else:
            if not self.alive:
                self.open(said)
            getattr(self, name)(said, self.alive[self.chosen(said)][0])

    # the page

    def track(self, said, page):
        page.evaluate("([kind, count]) => window.page.track(kind, count)", said["burst"])

    def navigate(self, said, page):
        self.pages += 1
        url = "%s&navigation=%d" % (self.url(said), self.pages)
        page.leave("""({ burst, url }) => {
          if (burst) window.page.track(...burst);
          location.href = url;
        }""", {"burst": said["burst"], "url": url}, url)
        self.alive[self.chosen(said)] = (page, page.evaluate("window.page.instance"))

    def close(self, said, page):
        if said["burst"]:
            self.track(said, page)
        page.close()
        del self.alive[self.chosen(said)]

    def hide(self, said, page):
        if said["burst"]:
            self.track(said, page)
        page.evaluate("window.page.pretend('hidden')")
        time.sleep(0.02)
        page.evaluate("window.page.pretend('visible')")

    def clock(self, said, page):
        self.shift = said["by"]
        page.evaluate("(ms) => window.page.moveClock(ms)", self.shift)

    def clear(self, said, page):
        """The visitor clears what the browser keeps; or a page deletes the databases. It is through when the pages know:
        of one that is closed in the same moment nobody could tell."""
        alive = {instance for _, instance in self.alive}
        self.gone |= {instance for instance in self.instances(page) if instance not in alive}
        if said["by_page"]:
            page.evaluate("window.page.deleteDatabases()")
        else:
            page.evaluate("window.page.watch()")
            page.devtools("Storage.clearDataForOrigin", origin=self.server.origin, storageTypes="indexeddb")
            page.evaluate("window.page.cleared")

    def instances(self, page):
        return {key.split(" ")[1] for key, _ in page.evaluate("window.page.ledger()")}

    def quota(self, said, page):
        parameters = {} if said["bytes"] is None else {"quotaSize": said["bytes"]}
        page.devtools("Storage.overrideQuotaForOrigin", origin=self.server.origin, **parameters)

    def flush(self, _, page):
        page.evaluate("window.page.sluice.flush({ timeout: 100 })")

    def end(self, _, page):
        page.evaluate("window.page.sluice.close({ timeout: 100 })")

    def reset(self, _, page):
        page.evaluate("window.page.sluice.reset()")

    # the network

    def kill(self, _):
        if self.gateway.running():
            self.gateway.kill()
            self.proxy.cut()
            self.proxy.replies_held = False

    def start(self, _):
        if not self.gateway.running():
            self.gateway.start()

    def cut(self, _):
        self.proxy.cut()
        self.proxy.replies_held = False

    def hold(self, _):
        self.proxy.replies_held = True

    def pause(self, said):
        time.sleep(said["seconds"])

    # its end

    def settle(self):
        """All is well again; a last page sends what the others left. Returns what all pages wrote down."""
        self.start(None)
        self.proxy.replies_held = False
        self.proxy.cut()
        for page, _ in self.alive:
            page.devtools("Storage.overrideQuotaForOrigin", origin=self.server.origin)
            page.close()
        self.alive, self.shift = [], 0
        calm = {"options": {"backoffMin": 20, "backoffMax": 100, "websocketRetry": 300}, "handlers": False, "policy": False}
        for _ in range(5):  # a page whose end is not through when the next one starts is looked for by the one behind
            page = self.browser.open(self.url(calm), context=self.context)
            left = self.wait_until_sent(page)
            if left[0] == 0:
                break
            page.close()
        ledger = [(key.split(" ")[1], int(key.split(" ")[2]), json.loads(line)) for key, line in page.evaluate("window.page.ledger()")]
        self.browser.ask(do="endContext", context=self.context)
        return left, sorted(ledger, key=lambda line: line[:2])


    def wait_until_sent(self, page):
        page.devtools("Storage.overrideQuotaForOrigin", origin=self.server.origin)
        started = time.time()
        while True:
            left = page.evaluate("window.page.left()"), page.evaluate("window.page.stats()")
            age = time.time() - started
            if left[1]["waiting"] == 0 and (left[0] == 0 or age > 3) or age > 60:
                return left
            time.sleep(0.03)


class Told:
    """What the pages of a sequence tracked, and what the SDK told them."""

    def __init__(self, ledger):
        self.tracked, self.refused, self.dropped = {}, set(), set()
        self.acknowledged, self.ids, self.wrong = set(), {}, []
        self.no_storage = set()  # instances that were told that unsent events end with the page
        self.errors = collections.Counter()
        for instance, _, line in ledger:
            for name in line.get("tracked", []):
                self.tracked[name] = instance
            self.ids.update(zip(line.get("ids", []), line.get("tracked", [])))
            self.acknowledged.update(line.get("acknowledged", []))
            self.dropped.update(line.get("dropped", []))
            if "refused" in line:
                self.refused.add(line["refused"])
            if "wrong" in line:
                self.wrong.append(line["wrong"])
            if "told" in line:
                self.errors[line["told"]] += 1
            if line.get("told") == "storage":
                self.no_storage.add(instance)

    def problems(self, stored, left, gone):
        """What does not hold. stored: {event_name: rows in the store}."""
        found = ["%s" % wrong for wrong in self.wrong]
        if left[0] != 0 or left[1]["waiting"] != 0:
            found.append("left in the browser: %d, %s" % left)
        for name, rows in stored.items():
            if name not in self.tracked:
                found.append("%s is stored, and nobody tracked it" % name)
            elif rows != 1:
                found.append("%s is stored %d times" % (name, rows))
            elif name in self.refused:
                found.append("%s is stored, and was told as refused" % name)
        for id_, name in self.ids.items():
            if id_ in self.acknowledged and name not in stored:
                found.append("%s was acknowledged, and is not stored" % name)
        for name, instance in self.tracked.items():
            known = name in stored or name in self.refused or name in self.dropped
            if not known and instance not in self.no_storage and instance not in gone:
                found.append("%s is lost, and nobody was told" % name)
        return found

    def count(self, stored, gone):
        """How many events went which way."""
        ways = collections.Counter()
        for name, instance in self.tracked.items():
            way = ("stored" if name in stored else "refused" if name in self.refused else "dropped" if name in self.dropped
                   else "ended with their page, told" if instance in self.no_storage
                   else "cleared by the visitor with no page open" if instance in gone else "lost")
            ways[way] += 1
        return ways
