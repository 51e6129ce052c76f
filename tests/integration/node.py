"""What the Python tests need of Node: npm's clients and a real Chromium, by the programs of tests/browser."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading

from gateway import ROOT

FOLDER = os.path.join(ROOT, "tests", "browser")


def packages():
    """npm ci in tests/browser, if its packages are missing or older than the lock."""
    lock = os.path.join(FOLDER, "package-lock.json")
    installed = os.path.join(FOLDER, "node_modules", ".package-lock.json")  # npm writes it last
    if os.path.exists(installed) and os.path.getmtime(installed) >= os.path.getmtime(lock):
        return
    for program in ("node", "npm"):
        assert shutil.which(program), "%s is missing: scripts/install test installs it" % program
    done = subprocess.run(["npm", "ci"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, ("npm ci failed in tests/browser (it needs a package registry, see npm config get "
                                  "registry):\n" + done.stdout.decode("utf-8", "replace")[-2000:])


def spki(certificate):
    """How Chromium names the key of a certificate: SHA-256 of it, in base64."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], stdout=subprocess.PIPE, check=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, stdout=subprocess.PIPE, check=True)
    return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


def ws_client(url, messages, environment=None, **options):
    """Sends the messages with npm's ws, each when all before it are written; see ws_client.mjs for both shapes."""
    packages()
    task = json.dumps(dict(options, url=url, messages=messages))
    done = subprocess.run(["node", os.path.join(FOLDER, "ws_client.mjs")], input=task.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, env=dict(os.environ, **(environment or {})))
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


class Browser:
    """A headless Chromium, for one thread. Its pages share one profile: what a page leaves in IndexedDB the next one
    finds. `trusted`: certificates of authorities, in PEM."""

    def __init__(self, folder, trusted=()):
        packages()
        more = ["--ignore-certificate-errors-spki-list=" + ",".join(map(spki, trusted))] if trusted else []
        chromium = shutil.which("chromium")
        assert chromium, "chromium is missing: scripts/install test installs it"
        self.log_path = os.path.join(str(folder), "browser.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["node", os.path.join(FOLDER, "pages.mjs"), chromium, *more],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def ask(self, **command):
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            patience.cancel()
        if not line:
            with open(self.log_path, "rb") as log:
                said = log.read().decode("utf-8", "replace")[-3000:]
            raise AssertionError("the browser's driver ended or hung:\n" + said)
        answer = json.loads(line)
        assert "error" not in answer, "in %s: %s" % (json.dumps(command)[:300], answer["error"])
        return answer["value"]

    def open(self, url, first=None, context=0):
        """`first`: a script that runs in the page before its own."""
        return Page(self, self.ask(do="open", url=url, first=first, context=context))

    def offline(self, offline):
        """Takes the network from the pages of the first profile, or gives it back."""
        self.ask(do="offline", offline=offline)


class Page:
    def __init__(self, browser, number):
        self.browser = browser
        self.number = number

    def evaluate(self, source, argument=None):
        """The value of a JavaScript expression; a function is called with the argument; a promise is awaited."""
        return self.browser.ask(do="evaluate", page=self.number, source=source, argument=argument)

    def screenshot(self, path):
        self.browser.ask(do="screenshot", page=self.number, path=path)

    def look(self, width, height, dark=False):
        """As on a screen of this size, with dark colours or light ones."""
        self.browser.ask(do="look", page=self.number, width=width, height=height, dark=dark)

    def problems(self):
        """Uncaught errors of the page, so far."""
        return self.browser.ask(do="problems", page=self.number)

    def leave(self, source, argument, url):
        """The function makes the page navigate to the url."""
        self.browser.ask(do="leave", page=self.number, source=source, argument=argument, url=url)

    def devtools(self, method, **parameters):
        return self.browser.ask(do="devtools", page=self.number, method=method, parameters=parameters)

    def close(self):
        self.browser.ask(do="close", page=self.number)
