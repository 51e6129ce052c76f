"""`sluice --check`: what is wrong with a file is told by file, line and key, before anything is started."""
import os
import subprocess

from check import main
from gateway import BUILD, SAMPLE

STREAM = "streams: [ { name: e, fields: [ { name: a, type: String } ] } ]\n"

WRONG = [  # the file, what is said
    ("foo: 1\n" + STREAM, ':1: found the unknown key "foo"'),
    ("http: { lisen: x }\n" + STREAM, ':1: http: found the unknown key "lisen", expected perhaps "listen"'),
    ("http: { max_body: 5 }\n" + STREAM, ':1: http.max_body: found "5", expected a size'),
    ("streams:\n- name: e\n  fields:\n  - { name: a, type: Strin }\n", ':4: a: the type "Strin" is not known here'),
    ("streams:\n- name: e\n  dedup_key: [z]\n  fields: [ { name: a, type: Int8 } ]\n", ':2: e: dedup_key names "z"'),
    ('http: { listen: ":99999" }\n' + STREAM, ": listen on :99999: expected host:port"),
    ('admin: { listen: "9100" }\n' + STREAM, ": listen on 9100: expected host:port"),
    ('http: { listen: ":9100" }\nadmin: { listen: ":9100" }\n' + STREAM, ": admin.listen: :9100 is that of http.listen"),
    ('http:\n  listeners:\n  - { listen: ":9100" }\n  - { listen: ":9100", serves: admin }\n' + STREAM,
     ":4: http.listeners[1].listen: :9100 is that of http.listeners[0].listen already; give another, or leave it out"),
    ('http:\n  listen: ":9100"\n  listeners:\n  - { listen: "[::1]:9100", serves: admin }\n' + STREAM,
     ":4: http.listeners[0].listen: [::1]:9100 cannot be listened on beside :9100, which is that of http.listen"),
    ('http:\n  listeners:\n  - { listen: "9100" }\n' + STREAM, ":3: http.listeners[0].listen: listen on 9100: expected host:port"),
    ('http: { listeners: [ { listen: ":1", serves: [events, evnts] } ] }\n' + STREAM,
     ':1: http.listeners[0].serves: found "evnts", expected one of events, pages, admin, routes'),
    ('http: { listeners: [ { listen: ":1", serves: [] } ] }\n' + STREAM, ":1: http.listeners[0].serves: found an empty list"),
    ('http: { listeners: [ { listen: ":1", serves: [pages, admin] } ] }\n' + STREAM,
     ": http.listeners: none serves events, expected one that does"),
    ('udp: { listeners: [ { listen: ":1" }, { listen: "0.0.0.0:1" } ] }\n' + STREAM,
     ':1: udp.listeners: "0.0.0.0:1" is listened on by the listener of line 1 already (":1")'),
    ("http: { trusted_proxies: [proxy] }\n" + STREAM, ': http.trusted_proxies: "proxy" is not an address'),
    ("http: { cors_origins: [shop.example] }\n" + STREAM, ': http.cors_origins: found "shop.example"'),
    ('http: { cors_origins: ["https://shop.example/"] }\n' + STREAM,
     ': http.cors_origins: found "https://shop.example/", which is the origin of no page: an origin does not end in a '
     'slash; write "https://shop.example"'),
    ('http: { cors_origins: ["https://a.*.example"] }\n' + STREAM, ': http.cors_origins: found "https://a.*.example"'),
    ('http: { hosts: ["https://a.example"] }\n' + STREAM, ': http.hosts: found "https://a.example", expected a name'),
    ('store: { kind: clickhouse, url: "ftp://x" }\n' + STREAM, ": store.url: expected http://host:port"),
    ('store: { kind: clickhouse, url: "http://a:1,http://a:1/" }\n' + STREAM, ": store.url: http://a:1 is given twice"),
]


def check(path):
    done = subprocess.run([os.path.join(BUILD, "sluice"), "--check", "--config", path], capture_output=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


def every_wrong_file_is_told_by_file_and_line(folder):
    path = os.path.join(folder, "wrong.yaml")
    for text, says in WRONG:
        with open(path, "w") as file:
            file.write(text)
        code, out = check(path)
        assert code == 2 and path + says in out, (text, code, out)


def all_problems_of_a_file_are_told_at_once(folder):
    path = os.path.join(folder, "wrong.yaml")
    with open(path, "w") as file:
        file.write("http: { listen: x, trusted_proxies: [y], cors_origins: [z] }\n" + STREAM.replace("String", "Text"))
    code, out = check(path)
    assert code == 2 and out.count(path) == 4 and len(out.splitlines()) == 5, out


def good_files_are_good(folder):
    path = os.path.join(folder, "good.yaml")
    for head in ['http: { listen: "[::1]:80", cors_origins: ["*"] }\n', 'http: { cors_origins: ["http://a.example:1"] }\n',
                 'http: { cors_origins: ["https://*.a.example", "http://localhost:*", "null"] }\n',
                 'http: { listen: ":0" }\nadmin: { listen: ":0" }\n',
                 'http: { listeners: [ { listen: "[::]:80" }, { listen: "0.0.0.0:80", serves: events } ] }\n',
                 'store: { kind: clickhouse, url: "http://a:8123,https://u:p@b:8443/" }\n', ""]:
        with open(path, "w") as file:
            file.write(head + STREAM)
        code, out = check(path)
        assert code == 0 and "good, 1 stream" in out, (head, out)
    assert check(SAMPLE)[0] == 0


def what_a_good_file_has_is_counted(folder):
    path = os.path.join(folder, "counted.yaml")
    with open(path, "w") as file:
        file.write(STREAM + "routes: [ { path: /a }, { path: /b } ]\npages: [ { path: /c, text: hi } ]\n")
    code, out = check(path)
    assert code == 0 and path + ": good, 1 stream, 2 routes, 1 page\n" in out, out


if __name__ == "__main__":
    main([
        every_wrong_file_is_told_by_file_and_line,
        all_problems_of_a_file_are_told_at_once,
        good_files_are_good,
        what_a_good_file_has_is_counted,
    ])
