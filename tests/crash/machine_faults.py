"""What is done to the disk and the clock."""
import errno
import os
import subprocess
import time

from gateway import SERVER_BUILD
from gateway_faults import choose_durability
from moments import under_load, wait_for
from systems import mount_small_disk

FIU = "/usr/lib/fiu/fiu_run_preload.so " + os.path.join(SERVER_BUILD, "libfailing_disk.so")
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def arm_small_disk(system):
    choose_durability(system)
    mount_small_disk(system, "8m")


def leave_room(ballast, room):
    left = os.statvfs(os.path.dirname(ballast))
    with open(ballast, "wb", buffering=0) as file:
        try:
            file.write(bytes(max(0, left.f_bavail * left.f_frsize - room)))
        except OSError as error:    # the gateway was faster
            assert error.errno == errno.ENOSPC, error


def fill_disk(system):
    """Somebody else takes what is left but for some KiB, so that a write ends anywhere."""
    under_load(system)
    store_is_down = system.chance.random() < 0.5
    if store_is_down:
        system.server.kill()
    ballast = os.path.join(system.data, "ballast")
    leave_room(ballast, system.chance.choice([0, 4096, 20480, 65536]))
    system.gateway.wait_until("the disk is full", lambda: system.gateway.sum("sluice_events_dropped_total", reason="disk_full"))
    time.sleep(system.chance.uniform(0, 0.5))
    if system.chance.random() < 0.5:
        system.gateway.kill()
        system.gateway.start()
    os.remove(ballast)
    if store_is_down:
        system.server.start()


def arm_fiu(system):
    choose_durability(system)
    arm_fiu_fsync(system)


def arm_fiu_fsync(system):
    system.gateway.env.update(LD_PRELOAD=FIU, FIU_CTRL_FIFO=os.path.join(system.folder, "fiu"))


def disk_error(sign, *commands):
    """`commands` of libfiu, for some hundred milliseconds; the gateway's log then says `sign`."""
    def control(system, action, rest):
        words = ["fiu-ctrl", "-f", system.gateway.env["FIU_CTRL_FIFO"]]
        for command in commands:
            words += ["-c", "%s name=%s" % (action, command + rest if rest else command)]
        subprocess.run(words + [str(system.gateway.process.pid)], check=True, timeout=20, stdout=subprocess.DEVNULL)

    def strike(system):
        for _ in range(system.chance.randint(1, 2)):
            under_load(system)
            seen = system.gateway.log().count(sign)
            control(system, "enable_random", ",probability=%.2f,failinfo=5" % system.chance.uniform(0.2, 0.9))
            wait_for("the gateway says %s" % sign, lambda: system.gateway.log().count(sign) > seen)
            time.sleep(system.chance.uniform(0, 0.4))
            control(system, "disable", "")
            if system.chance.random() < 0.3:
                system.gateway.kill()
                system.gateway.start()
    return strike


def write_clock(system, seconds):
    with open(os.path.join(system.folder, "clock.new"), "w") as file:
        file.write("%+d" % seconds)
    os.rename(os.path.join(system.folder, "clock.new"), os.path.join(system.folder, "clock"))


def arm_clock(system):
    write_clock(system, 0)
    system.gateway.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=os.path.join(system.folder, "clock"),
                              FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")


def step_clock(system):
    """Forward and back by hours; the window of duplicates is one."""
    steps = [system.chance.choice([3600, 3 * 3600, 90 * 60]), -system.chance.choice([3600, 5 * 3600, 60])]
    for seconds in steps if system.chance.random() < 0.5 else reversed(steps):
        under_load(system, 0.3, 0.6)
        write_clock(system, seconds)
        if system.chance.random() < 0.3:
            system.gateway.kill()
            system.gateway.start()
    apart = "SELECT max(received_at) - min(received_at) > 3000 FROM events"
    wait_for("events of an hour apart", lambda: system.server.query(apart).strip() == "1")
