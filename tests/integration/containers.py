"""Images and containers for the tests, by Debian's buildah, podman and runc: with a store of their own in a folder of the caller,
without a daemon, and without a registry. The image that the Dockerfile begins with is made of Debian's packages."""
import os
import resource
import shutil
import subprocess
import time

from apt_mirror import apt_mirror
from check import NotRun
from gateway import Gateway, ROOT

BASE = "docker.io/library/debian:12.12-slim"    # as docker/Dockerfile names it

# A process may not raise its limits above those that it has, nor may a container.
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE_CONF = """[storage]
driver = "vfs"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def at_most(limit, number):
    hard = resource.getrlimit(limit)[1]
    return number if hard == resource.RLIM_INFINITY else min(number, hard)


class Engine:
    """podman(…) and build(…) end with an AssertionError that has their output, unless they succeed."""

    def __init__(self, folder):
        self.folder = folder
        self.files = at_most(resource.RLIMIT_NOFILE, 20000)
        processes = at_most(resource.RLIMIT_NPROC, 10000)
        for name, text in (("containers.conf", CONTAINERS_CONF.format(files=self.files, processes=processes)),
                           ("storage.conf", STORAGE_CONF.format(folder=folder))):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        self.environment = dict(os.environ, CONTAINERS_CONF=os.path.join(folder, "containers.conf"), TMPDIR=folder,
                                CONTAINERS_STORAGE_CONF=os.path.join(folder, "storage.conf"), BUILDAH_ISOLATION="chroot")

    def run(self, *words, timeout=1800, stdin=None):
        done = subprocess.run(words, env=self.environment, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, cwd=ROOT)
        output = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, "%s ended with %d:\n%s" % (" ".join(words), done.returncode, output[-6000:])
        return output.strip()

    def podman(self, *words, **options):
        return self.run("podman", *words, **options)

    def probe(self):
        """Raises NotRun with the reason, unless a container of one small program runs here."""
        missing = [name for name in ("podman", "buildah", "runc", "mmdebstrap") if shutil.which(name) is None]
        if missing:
            raise NotRun("%s is not installed" % ", ".join(missing))
        root = os.path.join(self.folder, "probe")
        try:
            self.run("docker/lay-out", root, "/bin/true")
            self.run("tar", "-C", root, "-cf", root + ".tar", ".")
            self.podman("import", root + ".tar", "localhost/probe")
            self.podman("run", "--rm", "--network", "host", "--read-only", "--cap-drop", "ALL", "localhost/probe", "/usr/bin/true")
        except AssertionError as error:
            raise NotRun("this machine lets nobody run a container: %s" % str(error).splitlines()[-1]) from None

    def make_base(self):
        tar = os.path.join(self.folder, "base.tar")
        self.run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", tar, apt_mirror())
        self.podman("import", tar, BASE)
        os.remove(tar)

    def build(self, target, image, *options, dockerfile="docker/Dockerfile"):
        """Without layers in between, each of which this store would copy. Says how long it took."""
        began = time.monotonic()
        self.run("buildah", "bud", "--format", "docker", "-f", dockerfile, "--target", target, "-t", image, *options, ".")
        return time.monotonic() - began

    def size(self, image):
        return int(self.podman("image", "inspect", "--format", "{{.Size}}", image))

    def remove_all(self):
        """Of this store alone; what is mounted in its folder must be gone before that is removed."""
        if shutil.which("podman") is None:
            return
        subprocess.run(["podman", "rm", "-fa", "-t", "1"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Container(Gateway):
    """A gateway in a container on the network of this machine, with a volume, and with nothing that it does not need."""

    def __init__(self, engine, image, name, port, env, options=()):
        super().__init__(os.path.join(engine.folder, name))
        self.engine, self.image, self.name, self.port = engine, image, name, port
        self.options = list(options)
        for key, value in dict(env, SLUICE_HTTP="127.0.0.1:%d" % port, SLUICE_UDP="off").items():
            self.options += ["-e", "%s=%s" % (key, value)]
        self.made = False

    def start(self, timeout=60):
        if self.made:
            self.engine.podman("start", self.name)
        else:
            self.made = True
            self.engine.podman("run", "-d", "--name", self.name, "--network", "host", "--read-only", "--cap-drop", "ALL",
                               "--security-opt", "no-new-privileges", "--stop-timeout", "60", *self.options, self.image)
        self.wait_until("the container serves", self.serves, timeout)
        return self

    def serves(self):
        assert self.state() == "running", self.log()[-3000:]
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def wait_until(self, what, condition, timeout=60):
        deadline = time.time() + timeout
        while not condition():
            assert time.time() < deadline, "not within %d s: %s\n%s" % (timeout, what, self.log()[-3000:])
            time.sleep(0.05)

    def state(self):
        return self.engine.podman("inspect", "--format", "{{.State.Status}}", self.name)

    def log(self):
        return self.engine.podman("logs", self.name)

    def running(self):
        return self.made and self.state() == "running"

    def stop(self, timeout=90):
        self.engine.podman("stop", self.name, timeout=timeout)
        code = self.engine.podman("inspect", "--format", "{{.State.ExitCode}}", self.name)
        assert code == "0", "the gateway ended with %s:\n%s" % (code, self.log()[-3000:])

    def kill(self):
        self.engine.podman("kill", "-s", "KILL", self.name)
        self.engine.podman("wait", self.name)

    def cleanup(self):
        if self.made:
            self.engine.podman("rm", "-f", "-v", "-t", "1", self.name)
            self.made = False
