"""Golden files: requests, the answers that they must get, and the rows that the store must hold afterwards.

    == what is promised
    POST /path                      {{now}}: unix seconds; {{now-60}}: a minute ago; {{now-60:rfc3339}}, {{now-60:date}}
    Content-Type: application/json

    {"body": 1}
    -- 200                          the status
    Location: /swagger/             fields that the answer must have
                                    (a line that is empty)
    {"success": true, "message": "*"}     as JSON; "*" is any text that is not empty, "#" any number
    -- rows: SELECT a FROM t        rows, tab-separated, once everything is stored

An answer without JSON is compared as text; "(empty)" is no bytes at all.
"""
import json
import re
import time


class Case:
    def __init__(self, name):
        self.name = name
        self.request = []
        self.answer = []
        self.rows = []              # (SQL, expected lines)


def parse(text):
    cases, into = [], None
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("== "):
            cases.append(Case(line[3:]))
            into = cases[-1].request
        elif line.startswith("-- rows: "):
            cases[-1].rows.append((line[9:], []))
            into = cases[-1].rows[-1][1]
        elif line.startswith("-- "):
            into = cases[-1].answer
            into.append(line[3:])
        elif into is not None:
            into.append(line)
    return cases


def filled(text, now):
    def value(found):
        seconds = now - int(found.group(1) or 0)
        form = found.group(2)
        if form is None:
            return str(seconds)
        return time.strftime({"rfc3339": "%Y-%m-%dT%H:%M:%SZ", "date": "%Y-%m-%d", "time": "%Y-%m-%d %H:%M:%S"}[form],
                             time.gmtime(seconds))
    return re.sub(r"\{\{now(?:-(\d+))?(?::(\w+))?\}\}", value, text)


def split(lines):
    """Lines of the head, and the text behind the first empty line."""
    lines = list(lines)
    while lines and not lines[-1]:
        lines.pop()
    empty = lines.index("") if "" in lines else len(lines)
    return lines[:empty], "\n".join(lines[empty + 1:])


def alike(expected, found):
    if expected == "*":
        return isinstance(found, str) and found != ""
    if expected == "#":
        return isinstance(found, (int, float)) and not isinstance(found, bool)
    if isinstance(expected, dict):
        return isinstance(found, dict) and list(expected) == list(found) and all(alike(expected[k], found[k]) for k in expected)
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(alike, expected, found))
    return type(expected) is type(found) and expected == found


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def same_body(expected, found):
    if expected == "":
        return True
    if expected == "(empty)":
        return found == ""
    value = as_json(expected)
    return alike(value, as_json(found)) if value is not None else expected == found.strip()


def wrong_answer(case, gateway, now):
    """What differs; empty: nothing."""
    head, body = split(case.request)
    method, path = filled(head[0], now).split(" ", 1)
    headers = dict(line.split(": ", 1) for line in head[1:])
    wanted, text = split(case.answer)
    status, fields, found = gateway.request(method, path, filled(body, now).encode() if body else None, headers)
    found = found.decode()
    missing = [line for line in wanted[1:] if fields.get(line.split(": ", 1)[0].lower()) != line.split(": ", 1)[1]]
    if str(status) != wanted[0].split()[0] or missing or not same_body(filled(text, now), found):
        return "%s\n  %s %s\n  wanted %s\n  found %d %s\n  %s" % (case.name, method, path, case.answer, status, fields, found)
    return ""


def wrong_rows(case, gateway, now):
    for sql, lines in case.rows:
        wanted = filled("\n".join(lines), now).strip()
        found = gateway.sql(sql).strip()
        if wanted != found:
            return "%s\n  %s\n  wanted %s\n  found  %s" % (case.name, sql, wanted, found)
    return ""


def check(gateway, path):
    """All of a file, its rows at the end."""
    with open(path) as file:
        cases = parse(file.read())
    now = int(time.time())
    wrong = [text for text in (wrong_answer(case, gateway, now) for case in cases) if text]
    gateway.wait_stored()
    wrong += [text for text in (wrong_rows(case, gateway, now) for case in cases) if text]
    assert cases and not wrong, "\n".join(wrong)
    return len(cases)
