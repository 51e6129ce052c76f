"""What the gateway is compared with: programs of others and bare ones of ours, each started on a free port of loopback,
ended by its own pid. All are context managers."""
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import time
import urllib.request

from gateway import SERVER_BUILD
from servers import free_port, start_chdb_server, start_clickhouse_18, start_redis

from . import measure
from .generator import bulk_body, load

NGINX = """worker_processes 1; daemon off; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {dir}; proxy_temp_path {dir};
fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
server {{ listen 127.0.0.1:{port}{tls}; location / {{ return 200 "{{}}"; }} }} }}"""

FLUENT_BIT = """[SERVICE]
    flush 1
    log_level error
[INPUT]
    name http
    listen 127.0.0.1
    port {port}
    buffer_max_size 16M
    buffer_chunk_size 1M
[OUTPUT]
    match *
{output}
"""

FLUENT_TO_NOTHING = "    name null"

FLUENT_TO_CLICKHOUSE = """    name http
    host 127.0.0.1
    port {port}
    uri /?query=INSERT%20INTO%20events%20FORMAT%20JSONEachRow{arguments}
    format json_lines
    json_date_key false
    header X-ClickHouse-User {user}
    header X-ClickHouse-Key {password}
    workers 2"""


class Absent(Exception):
    """A program that is not on this machine; the text says which and why."""


@contextlib.contextmanager
def running(command, **more):
    process = subprocess.Popen(command, **more)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port, process, seconds=20, tls=False):
    """Until something answers HTTP on the port, whatever its certificate says."""
    url = "%s://127.0.0.1:%d/" % ("https" if tls else "http", port)
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=1, context=ssl._create_unverified_context() if tls else None).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("%s does not answer: %s" % (process.args[0], error)) from None
            time.sleep(0.05)


@contextlib.contextmanager
def nginx(bench, certificate=None):
    """One worker that answers every POST with a fixed 200, with a (certificate, key) over TLS. Gives (port, pid of the worker)."""
    tls = " ssl; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.3" % certificate if certificate else ""
    with bench.folder() as folder:
        port = free_port()
        with open(os.path.join(folder, "nginx.conf"), "w") as file:
            file.write(NGINX.format(dir=folder, port=port, tls=tls))
        with running(["nginx", "-c", os.path.join(folder, "nginx.conf"), "-p", folder], stderr=subprocess.DEVNULL) as master:
            wait_for(port, master, tls=certificate is not None)
            children = measure.read("/proc/%d/task/%d/children" % (master.pid, master.pid)).split()
            yield port, int(children[0])


@contextlib.contextmanager
def bare(program, wrapper=()):
    """A bare program of ours that prints its port: gives (port, process), its further output in process.stdout."""
    command = list(wrapper) + [os.path.join(SERVER_BUILD, program)]
    with running(command, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["port"], process


def parse_alone(bench, events=1000):
    """simdjson on the bytes of a bulk request."""
    with bench.folder() as folder:
        path = os.path.join(folder, "body.json")
        with open(path, "w") as file:
            file.write(bulk_body(events))
        done = subprocess.run([os.path.join(SERVER_BUILD, "bare_parse"), path, "1"], stdout=subprocess.PIPE, check=True)
    us = json.loads(done.stdout)["ns_per_event"] / 1000
    return {"rate": 1e6 / us, "cpu_us": us}


def fixed_replies(port, pid, seconds, **options):
    """Load on a server that answers without looking."""
    before = measure.process_seconds(pid)
    report = load("http", port, seconds=seconds, expect="2xx", **options)
    cpu = measure.process_seconds(pid) - before
    return {"rate": report["events_per_s"], "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"],
            "cpu_us": cpu / max(report["accepted"], 1) * 1e6, "rss_mib": measure.rss_mib(pid), "refused": report["failed"]}


REDIS_IDS = 1000        # in a command, as the gateway asks


def redis_benchmark(server, words, commands=4000):
    """(ids a second of redis-benchmark -P, CPU µs of Redis for one), each id a random one of 16 bytes."""
    before = measure.process_seconds(server.process.pid)
    done = subprocess.run(["redis-benchmark", "-p", str(server.port), "-n", str(commands), "-c", "4", "-P", "4",
                           "-r", "1000000000", "--csv", *words, *["id__rand_int__ab"] * REDIS_IDS],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    per_s = float(re.search(r'"([\d.]+)"[^"]*', done.stdout.decode().splitlines()[-1].partition(",")[2]).group(1))
    cpu = measure.process_seconds(server.process.pid) - before
    return per_s * REDIS_IDS, cpu / (commands * REDIS_IDS) * 1e6


def redis_alone(bench):
    """Ids a second that Redis can look up in two sets and mark in one, as the gateway asks of it for each new event."""
    with bench.folder() as folder:
        server = start_redis(os.path.join(folder, "redis"))
        try:
            mark, mark_us = redis_benchmark(server, ["SADD", "ids"])
            look, look_us = redis_benchmark(server, ["SMISMEMBER", "ids"])
            return {"rate": 1 / (1 / mark + 2 / look), "cpu_us": mark_us + 2 * look_us,
                    "rss_mib": measure.rss_mib(server.process.pid)}
        finally:
            server.stop()


def fdatasync_alone(bench, size=64 * 1024):
    """64 KiB appended and fdatasynced, again and again, on the disk of the data folders."""
    piece, times = os.urandom(size), []
    with bench.folder() as folder:
        fd = os.open(os.path.join(folder, "appended"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            until = time.monotonic() + bench.seconds
            while time.monotonic() < until:
                started = time.monotonic()
                os.write(fd, piece)
                os.fdatasync(fd)
                times.append((time.monotonic() - started) * 1000)
        finally:
            os.close(fd)
    times.sort()
    return {"rate": len(times) / bench.seconds, "p50_ms": times[len(times) // 2], "p99_ms": times[int(len(times) * 0.99)],
            "p999_ms": times[int(len(times) * 0.999)], "max_ms": times[-1]}


@contextlib.contextmanager
def engine(bench):
    """ClickHouse 26.7, the library that is embedded, in a process of its own behind a small HTTP listener."""
    with bench.folder() as folder:
        server = start_chdb_server(folder, os.path.join(SERVER_BUILD, "chdb_server"))
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def clickhouse_18(bench):
    """Debian's clickhouse-server, 18.16."""
    with bench.folder() as folder:
        server = start_clickhouse_18(folder, password="sesame")
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def fluent_bit(bench, server=None, arguments=""):
    """Its in_http to nothing, or to the table `events` of a server. Gives (port, pid)."""
    binary = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")
    if binary is None:
        raise Absent("not run here: fluent-bit is not packaged for Debian")
    port = free_port()
    output = FLUENT_TO_NOTHING if server is None else FLUENT_TO_CLICKHOUSE.format(
        port=server.port, user=server.user or "default", password=server.password or '""', arguments=arguments)
    with bench.folder() as folder:
        path = os.path.join(folder, "fluent-bit.conf")
        with open(path, "w") as file:
            file.write(FLUENT_BIT.format(port=port, output=output))
        with open(os.path.join(folder, "log"), "w") as log, running([binary, "-c", path], stdout=log, stderr=log) as process:
            wait_for(port, process)
            yield port, process.pid
