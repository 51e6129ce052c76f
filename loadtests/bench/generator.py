"""Calls the load generator (build/load), and says what the events look like that it sends."""
import json
import os
import subprocess

from gateway import SERVER_BUILD

# The generator's own event: 190 bytes of the default stream.
EVENT = ('{"event_name":"purchase","channel":"web","campaign_id":"sale","user_id":"u${number}","timestamp":${time},'
         '"tags":["mobile","premium"],"metadata":{"amount":99.99,"currency":"USD"}}')


def words(protocol, port, **options):
    """The command line; an option that is True is a flag, one that is None is left out."""
    line = [os.path.join(SERVER_BUILD, "load"), protocol, "--port", str(port)]
    for key, value in options.items():
        if value is True:
            line.append("--" + key)
        elif value is not None:
            line += ["--" + key, str(value)]
    return line


class LoadFailed(Exception):
    pass


def finish(process, line):
    out, errors = process.communicate()
    if process.returncode != 0:
        raise LoadFailed("%s: %s%s" % (" ".join(line[1:]), errors.decode()[-500:], out.decode()[-500:]))
    return json.loads(out)


def load(protocol, port, wrapper=(), **options):
    """The generator's report."""
    line = list(wrapper) + words(protocol, port, **options)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        return finish(process, line)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def template(folder, text, name="template.json"):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def bulk_body(events):
    """The body of one bulk request as the generator sends it."""
    one = EVENT.replace("${time}", "1732233600000")
    return "[" + ",".join(one.replace("${number}", "%012d" % n) for n in range(events)) + "]"
