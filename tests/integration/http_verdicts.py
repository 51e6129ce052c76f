#!/usr/bin/env python3
"""Turns the table of raw requests into two verdicts each, nginx's and our parser's, and compares them.

usage: http_verdicts.py [--verbose] [--corpus DIR] HTTP_VERDICT

HTTP_VERDICT is the executable of http_verdict.c. A row of the table may say why we are stricter than nginx; any other
difference, and a reason that is no longer needed, is a failure. --corpus writes the requests as seeds for the fuzzer.
"""
import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

# One server reads the whole request, body and all, before it hands it to the other, which answers 200.
NGINX_CONF = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 1m;
    server {{
        listen 127.0.0.1:{front};
        location / {{
            proxy_pass http://127.0.0.1:{back}/;
            proxy_method POST;
            proxy_ignore_client_abort on;
        }}
    }}
    server {{
        listen 127.0.0.1:{back};
        location / {{ return 200 taken; }}
    }}
}}
"""

QUIET_S = 0.3  # no answer for so long: nginx waits for more


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_nginx(folder):
    front, back = free_ports(2)
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w") as file:
        file.write(NGINX_CONF.format(folder=folder, front=front, back=back))
    process = subprocess.Popen(["nginx", "-p", folder, "-c", config], stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", front)).close()
            return process, front
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    process.kill()
    sys.exit("nginx did not start")


def first_status(reply):
    """The status of the final response, 0 if none has come. HTTP/0.9 is answered with the mere body."""
    while reply.startswith(b"HTTP/1.1 1") and b"\r\n\r\n" in reply:
        reply = reply.split(b"\r\n\r\n", 1)[1]
    if reply.startswith(b"HTTP/1.") and b"\r\n" in reply:
        return int(reply.split(b" ", 2)[1])
    return 200 if reply == b"taken" else 0


def nginx_verdict(port, raw):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(QUIET_S)
        connection.sendall(raw)
        reply = b""
        closed = False
        while first_status(reply) == 0 and not closed:
            try:
                piece = connection.recv(65536)
            except socket.timeout:
                return "partial"
            except ConnectionResetError:
                piece = b""
            closed = piece == b""
            reply += piece
        status = first_status(reply)
        return "done" if status == 200 else f"bad {status}" if status else "bad closed"


def our_verdict(executable, raw):
    return subprocess.run([executable], input=raw, stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def read_cases(executable):
    listing = subprocess.run([executable, "--list"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in listing.splitlines():
        name, raw, status, stricter = line.split("\t")
        yield name, bytes.fromhex(raw), int(status), stricter


def write_corpus(folder, cases):
    os.makedirs(folder, exist_ok=True)
    for name, raw, _, _ in cases:
        with open(os.path.join(folder, name.replace(" ", "-").replace("/", "-")), "wb") as file:
            file.write(raw)


def problem_with(ours, nginx, stricter):
    same = ours.split()[0] == nginx.split()[0]
    if not stricter:
        return None if same else "differs, and no reason is given"
    if same:
        return "the reason given is not needed"
    return None if ours.startswith("bad") else "nginx is the stricter one"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--verbose", action="store_true")
    arguments.add_argument("--corpus")
    arguments.add_argument("executable")
    options = arguments.parse_args()
    executable = os.path.abspath(options.executable)
    cases = list(read_cases(executable))
    if options.corpus:
        write_corpus(options.corpus, cases)
        return 0
    if shutil.which("nginx") is None:
        print("nginx is not installed: nothing compared", file=sys.stderr)
        return 77
    failures = stricter_count = 0
    with tempfile.TemporaryDirectory() as folder:
        nginx, port = start_nginx(folder)
        try:
            for name, raw, _, stricter in cases:
                ours, theirs = our_verdict(executable, raw), nginx_verdict(port, raw)
                problem = problem_with(ours, theirs, stricter)
                failures += problem is not None
                stricter_count += bool(stricter)
                if problem or stricter or options.verbose:
                    print(f"{'FAIL' if problem else 'ok'}  {name}: ours {ours}, nginx {theirs}  {problem or stricter}")
        finally:
            nginx.terminate()
            nginx.wait()
    print(f"{len(cases)} requests: {len(cases) - stricter_count - failures} alike, {stricter_count} stricter by choice, "
          f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
