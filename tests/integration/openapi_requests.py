"""Makes requests from an OpenAPI document, good ones and spoiled ones, and holds the answers against it."""
import http.client
import json
import random
import string
import time
import urllib.parse
import uuid

HOSTILE = ["", " ", "\x00", "\u0000\u0007", "'; DROP TABLE events; --", "../../etc/passwd", "{{", "%00", "\ud7ff\uffff", "a" * 2000,
           "<script>", "NaN", "-0", "1e999", "18446744073709551616", "true", "null", "[]", "\r\nX: y"]


class Document:
    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def fits(self, value, schema):
        """Whether a value is what a schema says: as much of JSON Schema as the documents use."""
        schema = self.resolve(schema)
        kinds = schema.get("type")
        if kinds is not None and not any(is_a(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
            return False
        if "enum" in schema and value not in schema["enum"]:
            return False
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not \
                schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return False
        if isinstance(value, str) and not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
        if isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                return False
            if "items" in schema and not all(self.fits(item, schema["items"]) for item in value):
                return False
        if isinstance(value, dict):
            if any(name not in value for name in schema.get("required", [])):
                return False
            known = schema.get("properties", {})
            if any(name in known and not self.fits(member, known[name]) for name, member in value.items()):
                return False
        if "anyOf" in schema and not any(self.fits(value, one) for one in schema["anyOf"]):
            return False
        return all(self.fits(value, one) for one in schema.get("allOf", []))


def is_a(value, kind):
    if kind == "null":
        return value is None
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return isinstance(value, {"string": str, "integer": int, "number": (int, float), "array": list, "object": dict}[kind])


class Maker:
    def __init__(self, document, seed):
        self.document = document
        self.random = random.Random(seed)

    def text(self, schema):
        least, most = schema.get("minLength", 0), schema.get("maxLength", 20)
        length = self.random.randint(max(least, 1), max(least, 1, min(most, 20)))
        return "".join(self.random.choice(string.ascii_letters + string.digits) for _ in range(length))

    def of_format(self, schema):
        form = schema.get("format")
        if form == "uuid":
            return str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        if form == "ipv4":
            return "192.0.2.%d" % self.random.randint(0, 255)
        if form == "ipv6":
            return "2001:db8::%x" % self.random.randint(0, 65535)
        if form == "date-time":
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - self.random.randint(60, 100000)))
        return self.text(schema)

    def scalar(self, kind, schema):
        if kind == "string":
            return self.of_format(schema)
        if kind == "integer":
            if "minimum" in schema and "maximum" in schema:
                return self.random.choice([schema["minimum"], schema["maximum"],
                                           self.random.randint(schema["minimum"], schema["maximum"])])
            return int(time.time()) - self.random.randint(60, 100000)  # a time
        if kind == "number":
            least, most = schema.get("minimum", 0), schema.get("maximum", 1000)
            return round(self.random.uniform(least, most), 2)
        return self.random.random() < 0.5 if kind == "boolean" else None

    def value(self, schema):
        schema = self.document.resolve(schema)
        if "allOf" in schema and "type" not in schema:  # a part of an event, and what is required of it
            merged = dict(self.document.resolve(schema["allOf"][0]))
            return self.value(dict(merged, required=schema["allOf"][1].get("required", [])))
        if "anyOf" in schema and "type" not in schema:
            return self.value(self.random.choice(schema["anyOf"]))
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kinds = schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else kinds[0] if self.random.random() < 0.8 else self.random.choice(kinds)
        if kind == "array":
            least = schema.get("minItems", 0)
            return [self.value(schema["items"]) for _ in range(self.random.randint(least, min(schema.get("maxItems", 4), 4)))]
        if kind == "object":
            return self.object(schema)
        if kind == "string" and not isinstance(kinds, str) and "number" in kinds:
            return "%d.5" % self.random.randint(0, 999)  # a decimal
        return self.scalar(kind, schema)

    def object(self, schema):
        if "properties" not in schema:
            return {self.text({}): self.text({}) for _ in range(self.random.randint(0, min(3, schema.get("maxProperties", 3))))}
        needed = set(schema.get("required", []))
        for one in schema.get("allOf", []):
            needed.update(self.random.choice(one["anyOf"])["required"])
        return {name: self.value(member) for name, member in schema["properties"].items()
                if name in needed or self.random.random() < 0.3}

    def spoil(self, value):
        """Something of it becomes something else."""
        if isinstance(value, dict) and value and self.random.random() < 0.8:
            name = self.random.choice(list(value))
            spoiled = dict(value)
            if self.random.random() < 0.3:
                del spoiled[name]
            else:
                spoiled[name] = self.spoil(value[name])
            return spoiled
        if isinstance(value, list) and value and self.random.random() < 0.8:
            at = self.random.randrange(len(value))
            return value[:at] + [self.spoil(value[at])] + value[at + 1:]
        return self.random.choice(HOSTILE + [None, -1, 2 ** 64, 1.5, True, [], {}, [[]], {"a": {"b": []}}, 1e300])

    def request(self, method, path, operation, good):
        """Path, headers and body; `good`: as the document says."""
        arguments, headers = [], {}
        for parameter in operation.get("parameters", []):
            value = self.value(parameter["schema"])
            if not good and self.random.random() < 0.4:
                value = self.random.choice(HOSTILE)
            text = value if isinstance(value, str) else json.dumps(value)
            if parameter["in"] == "path":
                path = path.replace("{%s}" % parameter["name"], urllib.parse.quote(text.encode("utf-8", "replace"), safe="")
                                    or "%20")
            elif parameter["in"] == "query" and (parameter.get("required") or self.random.random() < (0.2 if good else 0.6)):
                arguments.append((parameter["name"], text.encode("utf-8", "replace")))
        if arguments:
            path += "?" + urllib.parse.urlencode(arguments)
        body = None
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            kind = self.random.choice(list(content))
            headers["Content-Type"] = kind
            body = self.body(kind, content[kind], good)
        return path, headers, body

    def body(self, kind, content, good):
        if kind == "application/x-ndjson":
            body = content["example"]
        elif kind == "application/json":
            value = self.value(content["schema"])
            body = json.dumps(value if good else self.spoil(value))
        else:
            body = "a=1&b=2"
        body = body.encode("utf-8", "replace")
        if not good and self.random.random() < 0.15:
            at = self.random.randrange(len(body) + 1)
            body = body[:at] + bytes(self.random.randrange(256) for _ in range(3)) + body[at + 2:]
        return body


def check_answer(document, operation, method, path, body, answer, seen):
    status, content_type, text = answer
    said = "%s %s %r: %d %s %r" % (method, path[:300], (body or b"")[:300], status, content_type, text[:400])
    assert status < 500, "a fault of the gateway: " + said
    responses = operation["responses"]
    assert str(status) in responses, "a status that the document does not list: " + said
    content = document.resolve(responses[str(status)]).get("content", {})
    kind = content_type.split(";")[0].strip()
    listed = {name.split(";")[0].strip(): media for name, media in content.items()}
    assert not text or kind in listed, "a type that the document does not list: " + said
    if text and kind.endswith("json"):
        value = json.loads(text)
        assert document.fits(value, listed[kind]["schema"]), "not as its schema says: " + said
        if kind == "application/problem+json" and "code" in value:
            codes = [one["value"].get("code") for one in listed[kind].get("examples", {}).values()]
            assert value["code"] in codes, "a code that the document does not list: " + said
    seen[(operation["operationId"], status)] = seen.get((operation["operationId"], status), 0) + 1


def ask(connection, method, path, headers, body):
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    content_type = reply.getheader("Content-Type") or ""
    if reply.status == 200 and content_type == "text/event-stream":     # it has no end
        first = reply.readline()
        connection.close()
        return reply.status, content_type, first
    return reply.status, content_type, reply.read()


def is_whole(operation):
    """Whether a good body is all that its request needs: no other source has a part of the event, nor chooses its stream."""
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    return operation.get("requestBody", {}).get("required") and "stream" not in names


def run(port, text, requests, seed, skip=lambda operation: False):
    """So many requests, half of them good; how often each operation was answered with each status."""
    document = Document(json.loads(text))
    maker = Maker(document, seed)
    operations = [entry for entry in document.operations() if not skip(entry[2])]
    seen = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(requests):
        method, path, operation = operations[number % len(operations)]
        good = number // len(operations) % 2 == 0
        path, headers, body = maker.request(method, path, operation, good)
        try:
            answer = ask(connection, method, path, headers, body)
        except http.client.HTTPException as error:  # the gateway closes where a request cannot be told from the next
            raise AssertionError("no answer to %s %s %r: %r" % (method, path[:300], body, error))
        check_answer(document, operation, method, path, body, answer, seen)
        if good and is_whole(operation):
            assert answer[0] < 300, "what the document allows is refused: %s %s %r: %r" % (method, path, body[:500], answer)
    connection.close()
    return seen
