"""What stands between a gateway and its servers answers for them, sends what it is given twice, and balances."""
import signal
import time

from gateway_faults import KILL_AT_RENAME
from moments import under_load, wait_for


def lie(system):
    """Pages of maintenance that stored nothing, and INSERTs that were stored and are answered 504."""
    for _ in range(system.chance.randint(2, 6)):
        under_load(system, 0.1, 0.4)
        how = system.chance.choice(["empty 200", "page", "302", "502", "504 after", "504 after"])
        system.proxy.lie(how, system.chance.randint(1, 3))
        wait_for("an INSERT is lied to", lambda: system.proxy.lies > 0)
    system.proxy.lie(None)


def retry_what_died_between_token_and_part(system):
    """The proxy sends the INSERT again until the server is back: it says "done", for it knows the token."""
    server = system.server
    under_load(system)
    server.kill()
    sound = dict(server.environment)
    server.environment.update(LD_PRELOAD=KILL_AT_RENAME, SLUICE_KILL_PATH="/store/",
                              SLUICE_KILL_AT_RENAME=str(system.chance.randint(1, 3)))
    try:
        server.start()
    except RuntimeError:
        pass    # it was dead before it was found alive
    wait_for("the server dies at a rename", lambda: server.process.poll() is not None)
    assert server.process.returncode == -signal.SIGKILL, server.process.returncode
    time.sleep(system.chance.uniform(0, 0.5))
    server.environment = sound
    server.start()
    assert system.proxy.retried > 0, "nothing was sent twice"


def make_second_table(system):
    """Without a view: what is there goes through the first server's at the end."""
    system.second.query(system.view.statements(system.create_table)[0])


def balance(system):
    """Over two servers with tables of their own: neither a probe nor a count is sure to ask the one that has the rows."""
    for _ in range(system.chance.randint(2, 5)):
        under_load(system)
    system.gateway.wait_until("it is told", lambda: "several servers answer at" in system.gateway.get("/readyz?verbose")[1])
