"""Rows that their table never takes, while gateway and server die: the others are stored, these are dead letters."""
import os
import re
import shutil

from gateway_faults import kill_gateway
from moments import under_load, wait_for
from server_faults import kill_server


def is_taken_apart(system, at=0):
    wait_for("a batch is taken apart", lambda: "batch is taken apart" in system.gateway.log()[at:])


def poison(code):
    """Something dies at a random moment of it, in three rounds of four."""
    def strike(system):
        is_taken_apart(system)
        death = system.chance.choice([kill_gateway, kill_gateway, kill_server, under_load])
        death(system)
        under_load(system)
        assert code in system.gateway.log(), "nothing failed with " + code
    return strike


def forget_and_resend(system):
    """The gateway is killed and its key files are lost: what is sent again is not known, and lies beside refused rows."""
    wait_for("some are stored", lambda: system.gateway.sum("sluice_events_stored_total") > 2000)
    system.gateway.kill()
    shutil.rmtree(os.path.join(system.data, "keys"))
    at = len(system.gateway.log())
    system.gateway.start()
    wait_for("a refused batch has rows that are there already", lambda: re.search(
        r"batch verified: segment=\S+ ids=(\d+) found=(?!0\b)(?!\1\b)\d+(?s:.*)batch is taken apart", system.gateway.log()[at:]))
    under_load(system)
