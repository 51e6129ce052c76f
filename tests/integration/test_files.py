"""`files:` in a real gateway: files of a folder over HTTP, hostile paths as clients send them, ranges read by curl, and what a
stop does to who is still reading."""
import os
import socket
import subprocess

from check import main
from gateway import Gateway, event

CONFIG = """
store: { kind: embedded }
drain: { timeout: "${SLUICE_DRAIN_TIMEOUT:-1s}" }
streams:
  - name: events
    dedup_key: [event_name, user_id, timestamp]
    fields:
      - { name: event_name, type: String, required: true }
      - { name: channel, type: String }
      - { name: user_id, type: String, required: true }
      - { name: timestamp, type: DateTime64(3), required: true }
files:
  - { path: "/docs/{file...}", folder: site, headers: { Content-Security-Policy: "default-src 'none'" } }
  - { path: /elsewhere, folder: site/sub, index: "", cache: 1h, host: files.example }
"""
LARGE = os.urandom(5 << 20)


def site(folder):
    root = os.path.join(folder, "site")
    os.makedirs(os.path.join(root, "sub"))
    for name, text in (("index.html", b"<p>home</p>"), ("sub/a b.css", b"p {}"), (".secret", b"secret"), ("large.bin", LARGE)):
        with open(os.path.join(root, name), "wb") as file:
            file.write(text)
    with open(os.path.join(folder, "outside"), "w") as file:
        file.write("secret")
    os.symlink(os.path.join(folder, "outside"), os.path.join(root, "out"))
    os.symlink("/proc/self/root", os.path.join(root, "root"))
    os.mkfifo(os.path.join(root, "pipe"))


def with_site(test):
    def run(folder):
        site(folder)
        config = os.path.join(folder, "gateway.yaml")
        with open(config, "w") as file:
            file.write(CONFIG)
        gateway = Gateway(folder, config=config)
        try:
            test(gateway.start())
            if gateway.running():
                gateway.stop()
        finally:
            gateway.cleanup()
    run.__name__ = test.__name__
    return run


def raw(gateway, path, more=""):
    """The whole answer to a request line that no client's library would send."""
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + more.encode() + b"\r\n")
        answer = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return answer
            answer += piece


@with_site
def files_are_served_with_their_headers_and_for_the_hosts_that_are_listed(gateway):
    status, headers, body = gateway.request("GET", "/docs/")
    assert (status, body) == (200, b"<p>home</p>"), (status, body)
    assert headers["content-security-policy"] == "default-src 'none'" and headers["cache-control"] == "no-cache", headers
    assert gateway.request("GET", "/docs/", headers={"If-None-Match": headers["etag"]})[0] == 304
    status, headers, body = gateway.request("GET", "/docs")
    assert (status, headers["location"]) == (301, "./docs/"), (status, headers)
    assert gateway.request("GET", "/docs/sub/a%20b.css")[1]["content-type"] == "text/css; charset=utf-8"
    assert gateway.request("POST", "/docs/")[0] == 405
    assert gateway.request("GET", "/elsewhere/a%20b.css")[0] == 404
    status, headers, _ = gateway.request("GET", "/elsewhere/a%20b.css", headers={"Host": "files.example"})
    assert (status, headers["cache-control"]) == (200, "public, max-age=3600"), (status, headers)
    assert gateway.request("GET", "/elsewhere/", headers={"Host": "files.example"})[0] == 404
    assert gateway.post("/events", event(1))[0] == 202
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sql("SELECT count() FROM events FINAL") == "1"


@with_site
def large_files_arrive_whole_and_in_ranges_while_events_go_on(gateway):
    head = gateway.request("HEAD", "/docs/large.bin")
    assert head[1]["content-length"] == str(len(LARGE)), head
    for number in range(8):
        assert gateway.request("GET", "/docs/large.bin")[2] == LARGE
        assert gateway.post("/events", event(number))[0] == 202
    path = os.path.join(gateway.folder, "resumed")
    with open(path, "wb") as file:
        file.write(LARGE[:1000000])
    subprocess.run(["curl", "-sf", "-C", "-", "-o", path, "http://127.0.0.1:%d/docs/large.bin" % gateway.port], check=True)
    with open(path, "rb") as file:
        assert file.read() == LARGE
    gateway.wait_stored()
    gateway.check_identity()
    assert gateway.sql("SELECT count() FROM events FINAL") == "8"


@with_site
def hostile_paths_find_nothing(gateway):
    paths = [b"../outside", b"%2e%2e/outside", b"%2E%2E%2Foutside", b"..%2foutside", b"sub/../../outside", b"..%5coutside",
             b"%252e%252e/outside", b"/outside", b"/etc/passwd", b"%2fetc%2fpasswd", b"out", b"root/etc/passwd", b"pipe",
             b".secret", b"%2esecret", b"sub/.%2e/.secret", b"a%00.html", b"%00", b"x" * 8000, b"%ff%fe", b"large.bin/x",
             b"C:%5cwindows%5cwin.ini", b"file:///etc/passwd"]
    for path in paths:
        answer = raw(gateway, b"/docs/" + path)
        status = int(answer.split(b" ", 2)[1])
        assert status in (400, 404), (path, answer[:300])
        assert b"secret" not in answer and b"root:" not in answer, (path, answer)
    gateway.check_identity()


@with_site
def who_reads_a_large_file_does_not_hold_up_the_stop(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
        connection.sendall(b"GET /docs/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1000)
        gateway.stop(30)


if __name__ == "__main__":
    main([
        files_are_served_with_their_headers_and_for_the_hosts_that_are_listed,
        large_files_arrive_whole_and_in_ranges_while_events_go_on,
        hostile_paths_find_nothing,
        who_reads_a_large_file_does_not_hold_up_the_stop,
    ])
