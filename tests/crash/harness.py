#!/usr/bin/python3
"""The crash harness: one fault after another happens to real systems under load, and after each the promise is checked.

An acknowledged event is stored exactly once (FINAL), as it was taken first, none is stored that was answered 4xx or named in
errors[], and the sums of /metrics add up. One seed, one order of faults, moments and byte offsets. Exit status 0 only if all held."""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.realpath(os.path.join(HERE, "..", "..", "build-crash"))
os.environ["SLUICE_BUILD"] = os.environ.get("SLUICE_CRASH_BUILD", BUILD)    # the points must be built in
os.environ.setdefault("SLUICE_SERVER_BUILD", BUILD)
sys.path.insert(0, HERE)
from faults import FAULTS  # noqa: E402
from systems import System  # noqa: E402
from tables import compare_table  # noqa: E402
from updates import compare_updates  # noqa: E402


class Outcome:
    """Of one round, or of all rounds of a fault."""

    NUMBERS = ("rounds", "events", "lost", "twice", "refused", "gaps", "overfull", "failed", "collapsed")

    def __init__(self):
        self.rounds = 0
        self.events = 0         # acknowledged
        self.lost = 0           # of them, neither in the table nor, if the table refuses them, in the dead letters
        self.twice = 0          # in the table (FINAL) or the dead letters more than once
        self.refused = 0        # in the table though refused or never sent
        self.gaps = 0           # rows of the table that did not go through the view
        self.overfull = 0       # rows that went through it more often than into the table
        self.failed = 0         # rounds with any of these, or in which something else did not hold
        self.collapsed = 0      # stored more than once and collapsed by FINAL: no fault
        self.stores = set()
        self.seconds = 0

    def add(self, other):
        for name in self.NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stores |= other.stores
        self.seconds += other.seconds


def compare_view(system, outcome):
    """A view has each row as often as the table was given it; if ClickHouse died, not what it had in hand then."""
    lacking, too_many = system.view.compare(system.select)
    outcome.gaps, outcome.overfull = sum(lacking.values()), sum(too_many.values())
    for what, rows in (("the view lacks", lacking), ("the view has too often", too_many)):
        if rows:
            print("    %d events %s: %s" % (len(rows), what, sorted(rows.items())[:20]), flush=True)
    return system.deaths != 0 or not (lacking or too_many)


def first_stays(system):
    """Of rows of one event, which gateways took one after the other, FINAL has the first."""
    taken = {"18.16": "received"}.get(system.store, "received_at")
    later = int(system.select("SELECT count() FROM events FINAL WHERE (event_id, {0}) NOT IN (SELECT event_id, min({0}) FROM events "
                              "GROUP BY event_id)".format(taken)))
    if later:
        print("    of %d events a later row stayed" % later, flush=True)
    return later == 0


def compare(system, outcome):
    system.end_gateways()
    if system.table is not None:
        return compare_table(system, outcome)
    ledger = system.ledger()
    stored, rows = system.stored()
    letters = system.buried()
    at_home = {number for number in ledger.acked if (letters if number in ledger.letters else stored).get(number)}
    lost = ledger.acked - at_home
    twice = {n for n in stored if stored[n] > 1} | {n for n in letters if letters[n] > 1} | (stored.keys() & letters.keys())
    strange = (stored.keys() - ledger.sent) | (letters.keys() - ledger.letters) | (stored.keys() & ledger.refused)
    outcome.events, outcome.lost, outcome.twice, outcome.refused = len(ledger.acked), len(lost), len(twice), len(strange)
    outcome.collapsed = rows - len(stored)
    for what, numbers in (("lost", lost), ("stored twice", twice), ("stored and refused or never sent", strange)):
        if numbers:
            print("    %d %s: %s" % (len(numbers), what, sorted(numbers)[:20]), flush=True)
    kept = first_stays(system)
    updated = not system.updates or compare_updates(system, outcome)
    return compare_view(system, outcome) and kept and updated and not (lost or twice or strange)


def run_round(fault, number, seed, folder):
    """The number-th round of a fault: the same for the same seed, whatever else is run."""
    outcome = Outcome()
    outcome.rounds = 1
    seed = "%s %s %d" % (seed, fault.name, number)
    store = fault.stores[number % len(fault.stores)]
    outcome.stores = {store}
    started = time.monotonic()
    system = System(folder, store, random.Random(seed), seed, number, **fault.options)
    held = False
    try:
        system.make_tables()
        if fault.arm:
            fault.arm(system)
        system.start(fault.drivers, **fault.source)
        fault.strike(system)
        held = finish(system, outcome)
    except Exception:
        traceback.print_exc(file=sys.stdout)
    finally:
        system.end()
    outcome.failed = 0 if held else 1
    outcome.seconds = time.monotonic() - started
    return outcome


def finish(system, outcome):
    """Events are counted even if the sums do not add up."""
    try:
        system.settle()
        settled = True
    except AssertionError:
        traceback.print_exc(file=sys.stdout)
        settled = False
    return compare(system, outcome) and settled


def order(faults, rounds, seed):
    """Pairs of fault and its own number: lap after lap, each in a random order."""
    chance = random.Random(seed)
    for lap in range(rounds // len(faults) + 1):
        for fault in chance.sample(faults, len(faults))[:rounds - lap * len(faults)]:
            yield fault, lap


def print_table(sums, seed, seconds, markdown):
    columns = ("fault", "store", "rounds", "events", "lost", "twice", "refused but stored", "view lacks", "view twice", "failed rounds")
    lines = [columns]
    whole = Outcome()
    for name, sum_ in sums.items():
        whole.add(sum_)
        lines.append(row(name, sum_, ", ".join(sorted(sum_.stores, reverse=True))))
    lines.append(row("all", whole, ""))
    if markdown:
        lines.insert(1, ["---"] * len(columns))
        print("\n".join("| %s |" % " | ".join(line) for line in lines))
    else:
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        print("\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines))
    print("\nseed %s, %.0f s; %d rows collapsed by FINAL" % (seed, seconds, whole.collapsed), flush=True)
    return whole


def row(name, outcome, stores):
    return [name, stores] + ["{:,}".format(n) for n in (outcome.rounds, outcome.events, outcome.lost, outcome.twice,
                                                        outcome.refused, outcome.gaps, outcome.overfull, outcome.failed)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--rounds", type=int, default=len(FAULTS), help="default: each fault once")
    parser.add_argument("--fault", action="append", help="only this one (may be repeated)")
    parser.add_argument("--store", help="only faults of this store, and only on it: embedded, 26.7, 18.16")
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument("--list", action="store_true", help="the names of the faults")
    return parser.parse_args()


def choose(options):
    unknown = set(options.fault or ()) - {fault.name for fault in FAULTS}
    if unknown:
        sys.exit("no such fault: %s; --list names them" % ", ".join(sorted(unknown)))
    faults = [fault for fault in FAULTS if not options.fault or fault.name in options.fault]
    if options.store:
        faults = [fault._replace(stores=[options.store]) for fault in faults if options.store in fault.stores]
    if os.geteuid() != 0:
        print("left out: disk full (mounting a small disk needs root)")
        faults = [fault for fault in faults if fault.name != "disk full"]
    return faults


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))     # ends what it started
    faults = choose(options)
    if options.list:
        print("\n".join(fault.name for fault in faults))
        return 0
    base = tempfile.mkdtemp(prefix="sluice-crash-")
    started = time.monotonic()
    sums = {fault.name: Outcome() for fault in faults}
    for index, (fault, number) in enumerate(order(faults, options.rounds, options.seed)):
        folder = os.path.join(base, "%d" % index)
        os.mkdir(folder)
        outcome = run_round(fault, number, options.seed, folder)
        sums[fault.name].add(outcome)
        if outcome.failed:
            print("FAILED in %s; again: make crash FAULT='%s' SEED=%s ROUNDS=%d" % (folder, fault.name, options.seed, number + 1))
        else:
            shutil.rmtree(folder)
        print("%s %d/%d %s, %s: %d events, %.1f s" % ("FAILED " if outcome.failed else "ok     ", index + 1, options.rounds,
              fault.name, *outcome.stores, outcome.events, outcome.seconds), flush=True)
    whole = print_table({name: s for name, s in sums.items() if s.rounds}, options.seed, time.monotonic() - started,
                        options.markdown)
    if not whole.failed:
        os.rmdir(base)
    return 1 if whole.failed or not whole.rounds else 0


if __name__ == "__main__":
    sys.exit(main())
