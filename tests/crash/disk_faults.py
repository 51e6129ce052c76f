"""What becomes of the bytes on the disk: a power loss takes what was not synced, a bad disk does not give what it holds."""
import glob
import os
import re

from gateway import SERVER_BUILD
from gateway_faults import choose_durability
from moments import under_load, wait_for
from power_loss import Disk


def arm_power_loss(system):
    """Only the gateway's folder is affected: its store is a server."""
    os.makedirs(system.data)
    system.gateway.env.update(LD_PRELOAD=os.path.join(SERVER_BUILD, "libpower_loss.so"),
                              SLUICE_POWER_LOSS_ROOT=os.path.realpath(system.data),
                              SLUICE_POWER_LOSS_LOG=os.path.join(system.folder, "power_loss.log"),
                              SLUICE_DURABILITY="fsync")
    begin_log(system)


def begin_log(system):
    """From now on what is there counts as durable."""
    log = system.gateway.env["SLUICE_POWER_LOSS_LOG"]
    if os.path.exists(log):
        os.remove(log)
    system.disk = Disk(system.gateway.env["SLUICE_POWER_LOSS_ROOT"])


def cut_power(system):
    system.gateway.kill()
    system.disk.play(system.gateway.env["SLUICE_POWER_LOSS_LOG"])
    lost = system.disk.lose(system.chance)
    begin_log(system)
    return lost


def lose_power(system):
    lost, times = 0, system.chance.randint(2, 3)
    while times > 0 or (lost == 0 and times > -10):   # chance may keep all of what was not synced
        times -= 1
        under_load(system)
        store_is_down = system.chance.random() < 0.5
        if store_is_down:
            system.server.kill()
            under_load(system, 0.1, 0.6)
        lost += cut_power(system)
        system.gateway.start()
        if store_is_down:
            system.server.start()
    assert lost > 0, "nothing was lost: every byte had been synced"


def arm_unreadable(system):
    choose_durability(system)
    system.gateway.env.update(LD_PRELOAD=os.path.join(SERVER_BUILD, "libunreadable_disk.so"),
                              SLUICE_UNREADABLE=os.path.join(system.folder, "unreadable"))


def damage_pages(system, per_mille):
    path = system.gateway.env["SLUICE_UNREADABLE"]
    if per_mille == 0:
        os.remove(path)
        return
    with open(path + ".new", "w") as file:
        file.write("%d %d" % (per_mille, system.chance.randrange(1 << 30)))
    os.rename(path + ".new", path)


def fail_reads_at_a_start(system):
    """What could not be read is counted, named and kept: put back on a good disk, it is delivered."""
    under_load(system)
    system.server.kill()    # segments wait
    under_load(system, 0.5, 1.2)
    system.gateway.kill()
    at = len(system.gateway.log())
    damage_pages(system, system.chance.choice([100, 300, 700, 1000]))
    system.gateway.start()
    log = system.gateway.log()[at:]
    assert re.search(r"segment damaged: .* unreadable=[1-9]", log), "every page could be read"
    damage_pages(system, 0)
    system.server.start()
    under_load(system)
    system.gateway.kill()
    for path in glob.glob(os.path.join(system.data, "damaged", "*.native.lz4")):
        os.rename(path, os.path.join(system.data, "journal", os.path.basename(path)))
    system.gateway.start()


def fail_reads_while_running(system):
    """A batch that cannot be read waits, and is named; the rest goes on."""
    under_load(system)
    damage_pages(system, system.chance.choice([50, 300, 1000]))
    wait_for("a segment cannot be read", lambda: "cannot be read" in system.gateway.get("/readyz?verbose")[1])
    under_load(system)
    if system.chance.random() < 0.3:
        system.server.kill()
        system.server.start()
    damage_pages(system, 0)
