"""Runs the test functions of a file and prints a line each; `N passed, N failed` at the end."""
import sys
import tempfile
import time
import traceback


class NotRun(Exception):
    """What a test needs cannot be had on this machine: the reason. It is told of, and is no failure."""


def main(tests):
    failed = not_run = 0
    wanted = sys.argv[1:]
    chosen = [t for t in tests if not wanted or t.__name__ in wanted]
    for test in chosen:
        started = time.time()
        with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
            try:
                test(folder)
                print("ok      %s (%.1f s)" % (test.__name__, time.time() - started), flush=True)
            except NotRun as reason:
                not_run += 1
                print("NOT RUN  %s: %s" % (test.__name__, reason), flush=True)
            except BaseException:
                failed += 1
                print("FAILED  %s (%.1f s)" % (test.__name__, time.time() - started), flush=True)
                traceback.print_exc()
                sys.stderr.flush()
    print("%d passed, %d failed" % (len(chosen) - failed - not_run, failed), flush=True)
    sys.exit(1 if failed or not chosen else 0)
