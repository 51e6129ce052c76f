"""Starts and ends the real servers that integration tests need: each on loopback, on a free port, in a folder of the
caller, ended by its own pid. Server has .port, .url, .kill() (SIGKILL), .stop() and .start() again on the same port."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

CLICKHOUSE_CONFIG = """<?xml version="1.0"?>
<yandex>
    <logger><level>information</level><log>{dir}/server.log</log><errorlog>{dir}/server.err.log</errorlog></logger>
    <http_port>{http}</http_port>
    <tcp_port>{tcp}</tcp_port>
    <listen_host>127.0.0.1</listen_host>
    <path>{dir}/data/</path>
    <tmp_path>{dir}/tmp/</tmp_path>
    <user_files_path>{dir}/user_files/</user_files_path>
    <format_schema_path>{dir}/format_schemas/</format_schema_path>
    <users_config>users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <timezone>UTC</timezone>
    <mark_cache_size>67108864</mark_cache_size>
    <max_concurrent_queries>100</max_concurrent_queries>
    <keep_alive_timeout>3</keep_alive_timeout>{replication}
</yandex>
"""

# Of one replica: the macro of its name, and where the others fetch its parts. A session ends 3 s after its server.
CLICKHOUSE_REPLICATION = """
    <zookeeper>
        <node index="1"><host>127.0.0.1</host><port>{zookeeper}</port></node>
        <session_timeout_ms>3000</session_timeout_ms>
    </zookeeper>
    <macros><shard>one</shard><replica>{replica}</replica></macros>
    <interserver_http_host>127.0.0.1</interserver_http_host>
    <interserver_http_port>{interserver}</interserver_http_port>"""

ZOOKEEPER_CONFIG = """tickTime=500
dataDir={dir}/data
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=srvr
"""

# What ZooKeeper's server needs of Debian's Java libraries.
ZOOKEEPER_JARS = ("zookeeper zookeeper-jute slf4j-api slf4j-simple netty-all netty-handler netty-common metrics-core snappy-java "
                  "commons-io").split()

CLICKHOUSE_USERS = """<?xml version="1.0"?>
<yandex>
    <profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
    <users>
        <default>
            <password>{password}</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile><quota>default</quota>
        </default>
    </users>
    <quotas><default/></quotas>
</yandex>
"""


def free_port():
    """Of those that the kernel gives to no connection: none takes it before its server does."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = max(int(file.read().split()[0]), 12000)
    while True:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", random.randrange(10000, end)))
            return s.getsockname()[1]


def library():
    """Path of libchdb.so, or None: SLUICE_LIBCHDB, else vendor/ of the project."""
    for path in (os.environ.get("SLUICE_LIBCHDB"), os.path.join(ROOT, "vendor", "libchdb.so")):
        if path and os.path.exists(path):
            return path
    return None


class Server:
    def __init__(self, command, port, directory, ready_path="/ping", environment=None, user=None, password=""):
        self.command, self.port, self.directory = command, port, directory
        self.url = "http://127.0.0.1:%d" % port
        self.ready_path, self.environment = ready_path, environment
        self.user, self.password = user, password
        self.process = None
        self.start()

    def start(self, timeout=60):
        log = open(os.path.join(self.directory, "output.log"), "ab")
        self.process = subprocess.Popen(self.command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, env=dict(os.environ, **(self.environment or {})))
        log.close()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("%s ended with %d, see %s" % (self.command[0], self.process.returncode, self.directory))
            try:
                self.ask_ready()
                return
            except OSError:
                time.sleep(0.05)
        self.kill()
        raise RuntimeError("%s does not answer on %s" % (self.command[0], self.url))

    def ask_ready(self):
        """Raises OSError while the server does not serve."""
        urllib.request.urlopen(self.url + self.ready_path, timeout=2).read()

    def query(self, sql, **arguments):
        """The answer as text; raises with the server's message."""
        headers = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password} if self.user else {}
        url = self.url + "/?" + urllib.parse.urlencode(arguments)
        try:
            request = urllib.request.Request(url, sql.encode(), headers)
            return urllib.request.urlopen(request, timeout=60).read().decode()
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode(errors="replace")) from None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class Zookeeper(Server):
    def ask_ready(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
            s.sendall(b"srvr")      # "ruok" says "imok" before it takes sessions
            answer = b"".join(iter(lambda: s.recv(4096), b""))
            if b"Mode: " not in answer:
                raise OSError("not ready")


def start_zookeeper(directory):
    """Debian's ZooKeeper, a single one that does not wait for the disk: the tests kill it only at their end."""
    port = free_port()
    directory = os.path.realpath(directory)
    os.makedirs(os.path.join(directory, "data"), exist_ok=True)
    config = os.path.join(directory, "zoo.cfg")
    with open(config, "w") as f:
        f.write(ZOOKEEPER_CONFIG.format(dir=directory, port=port))
    path = ":".join("/usr/share/java/%s.jar" % jar for jar in ZOOKEEPER_JARS)
    command = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no", "-cp", path,
               "org.apache.zookeeper.server.ZooKeeperServerMain", config]
    return Zookeeper(command, port, directory)


def start_clickhouse_18(directory, password="", port=None, zookeeper=None, replica=""):
    """Debian's clickhouse-server (18.16) on a minimal configuration of its own; with the port of a ZooKeeper, a server for
    replicated tables: `{replica}` is then `replica`."""
    binary = shutil.which("clickhouse-server") or "/usr/sbin/clickhouse-server"
    port = port or free_port()
    directory = os.path.realpath(directory)
    for folder in ("data", "tmp", "user_files", "format_schemas"):
        os.makedirs(os.path.join(directory, folder), exist_ok=True)
    replication = "" if zookeeper is None else CLICKHOUSE_REPLICATION.format(zookeeper=zookeeper, replica=replica,
                                                                             interserver=free_port())
    with open(os.path.join(directory, "config.xml"), "w") as f:
        f.write(CLICKHOUSE_CONFIG.format(dir=directory, http=port, tcp=free_port(), replication=replication))
    with open(os.path.join(directory, "users.xml"), "w") as f:
        f.write(CLICKHOUSE_USERS.format(password=password))
    return Server([binary, "--config-file=" + os.path.join(directory, "config.xml")], port, directory,
                  user="default", password=password)


def start_chdb_server(directory, binary, port=None, user=None, password="", libchdb=None, zookeeper=None, replica=""):
    """tests/chdb_server (ClickHouse 26.7); `binary` is build/chdb_server. With the port of a ZooKeeper it makes replicated
    tables, which are read-only: nobody listens for other replicas."""
    port = port or free_port()
    directory = os.path.realpath(directory)
    os.makedirs(os.path.join(directory, "engine"), exist_ok=True)
    command = [os.path.abspath(binary), "--port", str(port), "--path", os.path.join(directory, "engine")]
    if user:
        command += ["--user", user, "--password", password]
    if zookeeper:
        config = os.path.join(directory, "config.xml")
        with open(config, "w") as f:
            f.write("<clickhouse>%s</clickhouse>" % CLICKHOUSE_REPLICATION.format(zookeeper=zookeeper, replica=replica,
                                                                                  interserver=free_port()))
        command += ["--config", config]
    path = libchdb or library()
    return Server(command, port, directory, environment={"SLUICE_LIBCHDB": path} if path else {}, user=user,
                  password=password)


class Redis:
    """A redis-server without persistence. cli("PING") gives the answer as text."""

    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        self.url = "redis://127.0.0.1:%d" % self.port
        self.process = None
        self.start()

    def start(self, timeout=30):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self.directory, "--logfile", os.path.join(self.directory, "redis.log")], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while self.cli("PING") != "PONG":
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("redis-server does not answer on %s, see %s" % (self.url, self.directory))
            time.sleep(0.02)

    def cli(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60)
        return done.stdout.decode().strip()

    def calls(self, command):
        """How often a command was called since the server started."""
        found = re.search(r"cmdstat_%s:calls=(\d+)" % command, self.cli("INFO", "commandstats"))
        return int(found.group(1)) if found else 0

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.resume()
            self.process.terminate()
        self.process.wait()


def start_redis(directory):
    os.makedirs(directory, exist_ok=True)
    return Redis(directory)
