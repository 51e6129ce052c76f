"""When a fault strikes: at a random moment under load, or as soon as something is seen to have happened."""
import time


def wait_for(what, condition, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not within %d s: %s" % (timeout, what)
        time.sleep(0.01)


def under_load(system, shortest=0.2, longest=1.0):
    """A random moment at which events are being acknowledged."""
    before = system.acked()
    time.sleep(system.chance.uniform(shortest, longest))
    wait_for("events are acknowledged", lambda: system.acked() > before)
