"""A Debian machine in a folder, booted with systemd in a container that has no network but its own loopback."""
import os
import shutil
import signal
import subprocess
import time

from apt_mirror import apt_mirror

# What debootstrap puts in: the package brings the rest itself.
PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,curl"


def run(*words, timeout=1800, check=True, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, text=True, **more)
    assert not check or done.returncode == 0, "%s: %d\n%s" % (" ".join(words), done.returncode, done.stdout[-4000:])
    return done


def make_root(path):
    """Once; a run works on a copy."""
    if os.path.exists(os.path.join(path, "made")):
        return
    shutil.rmtree(path, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "--include=" + PACKAGES, "bookworm", path, apt_mirror())
    shutil.copytree("/etc/apt/apt.conf.d", os.path.join(path, "etc/apt/apt.conf.d"), dirs_exist_ok=True)
    open(os.path.join(path, "made"), "w").close()


class Machine:
    def __init__(self, base, folder):
        self.root = os.path.join(folder, "root")
        self.nspawn = None
        run("cp", "-a", "--reflink=auto", base, self.root)
        for name in ["proc", "dev/pts"]:  # what debootstrap may have left mounted is no part of the copy
            os.makedirs(os.path.join(self.root, name), exist_ok=True)

    def chroot(self, *words):
        """Before it is booted, with this machine's network."""
        shutil.copy("/etc/resolv.conf", os.path.join(self.root, "etc/resolv.conf"))
        return run("chroot", self.root, "env", "DEBIAN_FRONTEND=noninteractive", *words)

    def boot(self):
        words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "-D", self.root, "-b"]
        log = open(self.root + ".log", "w")
        self.nspawn = subprocess.Popen(words, env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="0"), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        self.wait_until("systemd answers", lambda: "running" in self.shell("systemctl is-system-running || true").stdout
                        or "degraded" in self.shell("systemctl is-system-running || true").stdout, 180)

    def leader(self):
        children = open("/proc/%d/task/%d/children" % (self.nspawn.pid, self.nspawn.pid)).read().split()
        return children[0] if children else None

    def shell(self, script, check=False, timeout=600):
        """Its exit code and output, both streams; 255 as long as the machine is not there."""
        leader = self.leader()
        if leader is None:
            return subprocess.CompletedProcess([], 255, "", "")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return run("nsenter", "-t", leader, "-a", "sh", "-c", script, check=check, timeout=timeout, env=environment)

    def wait_until(self, what, condition, timeout=120):
        deadline = time.time() + timeout
        while not condition():
            assert self.nspawn.poll() is None, "the machine ended:\n" + open(self.root + ".log").read()[-2000:]
            assert time.time() < deadline, "not within %d s: %s" % (timeout, what)
            time.sleep(0.5)

    def end(self):
        if self.nspawn is None or self.nspawn.poll() is not None:
            return
        leader = self.leader()
        if leader is not None:
            os.kill(int(leader), signal.SIGRTMIN + 4)  # poweroff
        try:
            self.nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
