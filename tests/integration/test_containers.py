"""The images of docker/Dockerfile, built from nothing but Debian's packages and this source, and run as docs/containers.md has it:
as a user that is not root, on a root that nobody may write to, against Debian's ClickHouse 18.16 and Redis. Where no container
may be run, the tests say so and are not run."""
import os
import shutil
import subprocess
import tempfile
import time

from check import main
from containers import Container, Engine
from gateway import Poster, ROOT, event
from servers import free_port, library, start_clickhouse_18, start_redis

CONFIG_18 = os.path.join(ROOT, "config", "presets", "clickhouse-18.yaml")
MIB = 1024 * 1024
IMAGE = "localhost/sluice-embedded" # that without the engine differs in a variable, and is the stage before


class World:
    """The engine and its image, made by the first test that asks. What comes in the way of that is told to each."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-containers-")
        self.engine = Engine(self.folder)
        self.source = ""
        self.made = False
        self.trouble = None

    def ready(self):
        if self.trouble is None and not self.made:
            try:
                self.make()
                self.made = True
            except Exception as error:
                self.trouble = error
        if self.trouble is not None:
            raise self.trouble

    def make(self):
        self.engine.probe()
        began = time.monotonic()
        self.engine.make_base()
        made_base = time.monotonic()
        words = [os.path.join(ROOT, "scripts", "source-version")]
        self.source = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        took = self.engine.build("embedded", IMAGE, "--build-arg", "VERSION=" + self.source)
        print("        the base image took %.0f s, the build %.0f s" % (made_base - began, took))

    def close(self):
        self.engine.remove_all()
        shutil.rmtree(self.folder, ignore_errors=True)


world = World()


def the_image_is_built_and_small(_):
    world.ready()
    engine = world.engine
    without_engine = engine.size(IMAGE) - os.path.getsize(library())
    assert without_engine < 40 * MIB, without_engine
    said = engine.podman("run", "--rm", "--network", "host", IMAGE, "--version")
    assert world.source.split()[0] in said, (world.source, said)
    user = engine.podman("image", "inspect", "--format", "{{.Config.User}}", IMAGE)
    assert user == "10001:10001", user


def rows_of(server):
    return int(server.query("SELECT count() FROM events FINAL"))


def a_container_that_is_killed_keeps_what_it_acknowledged(folder):
    world.ready()
    os.makedirs(os.path.join(folder, "server"))
    server = start_clickhouse_18(os.path.join(folder, "server"), password="sesame")
    redis = start_redis(os.path.join(folder, "redis"))
    secret = os.path.join(folder, "password")
    with open(secret, "w") as file:
        file.write("sesame\n")
    container = Container(
        world.engine, IMAGE, "sluice", free_port(),
        {"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": server.url, "CLICKHOUSE_PASSWORD_FILE": "/run/secrets/clickhouse", "SLUICE_DEDUP": "redis", "REDIS_URL": redis.url},
        ["-v", "journal:/var/lib/sluice", "-v", CONFIG_18 + ":/etc/sluice/sluice.yaml:ro", "-v", secret + ":/run/secrets/clickhouse:ro"])
    try:
        container.start()
        world.engine.podman("healthcheck", "run", "sluice")
        poster = Poster(container, retry=True)
        poster.start()
        for _ in range(2):
            acked = len(poster.acked)
            container.wait_until("500 more events", lambda: len(poster.acked) > acked + 500)
            container.kill()
            container.start()
        acked = len(poster.acked)
        container.wait_until("500 more events", lambda: len(poster.acked) > acked + 500)
        poster.finish()
        container.wait_stored()
        container.check_identity()
        assert poster.acked <= poster.sent
        found = {int(line[1:]) for line in server.query("SELECT user_id FROM events FINAL").split()}
        assert poster.acked <= found <= poster.sent, (len(poster.acked), len(found), len(poster.sent))
        assert rows_of(server) == len(found)
        said = world.engine.podman("exec", "sluice", "/usr/bin/sluice", "healthcheck", "--config", "/etc/sluice/sluice.yaml")
        assert said.startswith("ready"), said
        container.stop()
        container.start()
        assert container.post("/events", event(min(poster.acked)))[1]["status"] == "duplicate"
        container.check_identity()
        container.stop()
        assert rows_of(server) == len(found)
    finally:
        container.cleanup()
        redis.stop()
        server.stop()


def a_container_with_the_engine_needs_nothing_else(_):
    world.ready()
    container = Container(world.engine, IMAGE, "alone", free_port(), {}, ["-v", "alone:/var/lib/sluice"])
    try:
        container.start()
        status, reply = container.post("/events?wait=stored", event(1))
        assert (status, reply["status"]) == (200, "stored"), reply
        container.kill()
        container.start()
        assert container.post("/events", event(1))[1]["status"] == "duplicate"
        assert container.post("/events?wait=stored", event(2))[1]["status"] == "stored"
        count = ["exec", "alone", "/usr/bin/sluice", "sql", "--config", "/etc/sluice/sluice.yaml", "--format", "TSV",
                 "SELECT count() FROM events FINAL"]
        said = world.engine.podman(*count)
        assert said.split()[-1:] == ["2"], said
        container.check_identity()
        container.stop()
    finally:
        container.cleanup()


tests = [the_image_is_built_and_small, a_container_that_is_killed_keeps_what_it_acknowledged,
         a_container_with_the_engine_needs_nothing_else]

if __name__ == "__main__":
    try:
        main(tests)
    finally:
        world.close()
