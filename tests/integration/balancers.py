"""What may stand between a gateway and its ClickHouse servers: real nginx and haproxy, on loopback, ended by their own pid."""
import os
import socket
import subprocess
import time

from servers import free_port

NGINX = """daemon off;
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
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{target}; }}
    }}
}}
"""

# Waits for the body, so that it can send it again; a server that is away is tried again for some seconds.
HAPROXY = """global
    tune.bufsize 1048576
defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    option http-buffer-request
    retries 30
    retry-on all-retryable-errors
    balance roundrobin
frontend store
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
{servers}
"""


class Balancer:
    def __init__(self, command, port):
        self.port, self.url = port, "http://127.0.0.1:%d" % port
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, command
                time.sleep(0.05)

    def stop(self):
        """nginx ends its workers only if it is asked."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def written(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def start_nginx(folder, target):
    """With its defaults: 8 KB of URL, 1 MB of body."""
    port = free_port()
    path = written(folder, "nginx.conf", NGINX.format(folder=folder, port=port, target=target))
    return Balancer(["nginx", "-p", folder, "-c", path], port)


def start_haproxy(folder, targets):
    """Sends each request to the next of the targets, and what fails again."""
    port = free_port()
    servers = "\n".join("    server s%d 127.0.0.1:%d" % (i, target) for i, target in enumerate(targets))
    path = written(folder, "haproxy.cfg", HAPROXY.format(port=port, servers=servers))
    return Balancer(["haproxy", "-db", "-f", path], port)
