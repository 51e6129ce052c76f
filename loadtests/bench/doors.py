"""Doors that ask first: TLS, keys and limits. Each beside the same load through a door that does not."""
import contextlib
import os
import subprocess

from gateway import SERVER_BUILD
from websocket import sample_with

from . import peers
from .workbench import loaded

# Neither is ever reached: what is measured is asking.
LIMITS = """limits:
  address: { requests: 10000000 }
  key: { requests: 10000000 }
"""


def certificate(folder):
    """A key of P-256 and a certificate for it, as (certificate, key)."""
    paths = os.path.join(folder, "server.pem"), os.path.join(folder, "server.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-out", paths[0], "-keyout", paths[1]], check=True, stderr=subprocess.DEVNULL)
    return paths


def tls_config(folder):
    listener = '[{ listen: "127.0.0.1:0", tls: { certificate: "%s", key: "%s" } }]' % certificate(folder)
    return sample_with(folder, http={"listeners": listener})


def through_tls(**options):
    def run(bench):
        with bench.gateway(config=tls_config) as gateway:
            return loaded(gateway, port=gateway.http[1][1], tls=True, seconds=bench.seconds, stored=bench.first, **options)
    return run


def nginx_with_tls(bench):
    with bench.folder() as folder, peers.nginx(bench, certificate(folder)) as (port, pid):
        return peers.fixed_replies(port, pid, bench.seconds, connections=256, tls=True)


def new_key():
    """A key that may write, and what makes it known."""
    done = subprocess.run([os.path.join(SERVER_BUILD, "sluice"), "key", "new", "--name", "bench", "--scopes", "write"],
                          stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return done[0], "keys:\n" + "".join("  %s\n" % line for line in done[1:] if not line.startswith("#"))


@contextlib.contextmanager
def guarded(bench):
    """A gateway with a key and limits, and a listener for operators; gives (gateway, the key)."""
    key, keys = new_key()

    def config(folder):
        path = sample_with(folder, http={"listeners": '[{ listen: "127.0.0.1:0", serves: [admin] }]'})
        with open(path, "a") as file:
            file.write("\n" + keys + LIMITS)
        return path
    with bench.gateway(config=config) as gateway:
        gateway.pages_port = gateway.http[1][1]
        yield gateway, key


def with_key_and_limits(**options):
    def run(bench):
        with guarded(bench) as (gateway, key):
            return loaded(gateway, key=key, seconds=bench.seconds, stored=bench.first, **options)
    return run
