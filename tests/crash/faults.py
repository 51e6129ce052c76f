"""The table of what is done to a system while the drivers send: one fault, one row.

A strike does the fault, proves that it happened (what never struck proves nothing) and undoes it. All that is random comes
from system.chance."""
import collections
import os

from driver import Datagrams, Poster, Streamer
from disk_faults import arm_power_loss, arm_unreadable, fail_reads_at_a_start, fail_reads_while_running, lose_power
from gateway_faults import (arm_point, arm_rename, choose_durability, die_at_point,
                            die_between_token_and_part, kill_gateway, kill_under_datagrams, kill_with_a_slow_store,
                            stop_gateway, tear_tails)
from machine_faults import arm_clock, arm_fiu, arm_fiu_fsync, arm_small_disk, disk_error, fill_disk, step_clock
from poison_faults import forget_and_resend, poison
from proxy_faults import balance, lie, make_second_table, retry_what_died_between_token_and_part
from server_faults import (cut_before_reply, cut_body, flush_redis, kill_one_of_two, kill_redis, kill_server,
                           kill_server_between_token_and_part, pause_redis, stop_server)
from tables import arm_tables, kill_before_table
from updates import Updater

SLOW_SECONDS = int(os.environ.get("SLUICE_SLOW_SECONDS", "5"))

Fault = collections.namedtuple("Fault", "name stores strike arm options drivers source")


def fault(name, stores, strike, arm=None, drivers=(Poster, Poster, Streamer), source=None, **options):
    """`stores` take turns. `options`: of System; `source`: of what the drivers send."""
    return Fault(name, stores.split(), strike, arm, options, drivers, source or {})


def dies_at(point, most, stores="26.7", **more):
    return fault("gateway dies at " + point, stores, die_at_point, arm_point(point, most), **more)


def dies_splitting(point, most):
    """The table refuses some rows: batches are taken apart, the refused are dead letters."""
    return dies_at(point, most, refusing="constraint", source={"size": 15, "letters": 2})


def updates(name, stores, strike, arm=None, **more):
    """Beside events, updates that replace the rows of their keys."""
    return fault("updates: " + name, stores, strike, arm, drivers=(Poster, Updater, Updater), updates=True, **more)


FAULTS = [
    fault("gateway killed", "embedded 26.7 18.16", kill_gateway, choose_durability),
    fault("gateway stopped and continued", "embedded 26.7", stop_gateway),
    fault("gateway killed, and INSERTs are slow", "26.7 18.16", kill_with_a_slow_store, choose_durability, slow=SLOW_SECONDS),
    dies_at("after_segment_created", 4),
    dies_at("after_journal_write", 60, "26.7 embedded"),
    dies_at("after_fsync", 60, "26.7 18.16"),
    dies_at("before_mark", 60),
    dies_at("after_answer", 60, redis=True),
    dies_at("after_mark", 60),
    dies_at("after_insert", 4, "26.7 18.16 embedded"),
    dies_at("before_unlink", 4, "26.7 18.16"),
    dies_at("after_unlink", 4),
    dies_splitting("between_halves", 12),
    dies_splitting("after_halves", 6),
    dies_splitting("after_burial", 3),
    fault("poisoned rows: division by zero", "26.7", poison("code 153"), choose_durability, refusing="division",
          patience=240, source={"size": 15, "letters": 3, "odds": 0.01}),
    fault("poisoned rows: throwIf", "26.7", poison("code 395"), choose_durability, refusing="throw", patience=240,
          source={"size": 15, "letters": 3, "odds": 0.01}),
    fault("resent rows beside refused ones", "26.7", forget_and_resend, choose_durability, refusing="constraint",
          patience=240, source={"size": 8, "letters": 3, "odds": 0.0005}),
    fault("torn tails", "26.7", tear_tails, choose_durability),
    fault("ClickHouse killed", "26.7 18.16", kill_server),
    fault("ClickHouse stopped and continued", "26.7 18.16", stop_server, request_timeout="1s"),
    fault("engine killed between token and part", "embedded", die_between_token_and_part, arm_rename),
    fault("ClickHouse killed between token and part", "26.7", kill_server_between_token_and_part),
    fault("INSERT cut in its body", "26.7 18.16", cut_body, proxy=True),
    fault("INSERT cut before its reply", "26.7 18.16", cut_before_reply, proxy=True),
    fault("a proxy lies", "26.7", lie, between="lies"),
    fault("a proxy retries, killed between token and part", "26.7", retry_what_died_between_token_and_part, between="retries"),
    fault("a proxy balances over two servers", "26.7", balance, make_second_table, between="two"),
    fault("disk full", "26.7", fill_disk, arm_small_disk, min_free="0", source={"padding": 600}),
    fault("write errors", "26.7", disk_error("journal write failed", "posix/io/rw/pwrite"), arm_fiu),
    fault("short writes", "26.7", disk_error("journal write failed", "posix/io/rw/pwrite/reduce"), arm_fiu),
    fault("failed fsync", "26.7", disk_error("journal write failed", "posix/io/sync/fdatasync", "posix/io/sync/fsync"),
          arm_fiu_fsync),
    fault("write errors, and the cut fails", "26.7",
          disk_error("journal cut failed", "posix/io/rw/pwrite", "posix/io/rw/ftruncate"), arm_fiu),
    fault("unlink fails", "26.7", disk_error("segment not removed", "posix/io/dir/unlink"), arm_fiu),
    fault("power loss", "26.7", lose_power, arm_power_loss),
    fault("power loss, and the table refuses rows", "26.7", lose_power, arm_power_loss, refusing="constraint",
          source={"size": 15, "letters": 2}),
    fault("reads fail at a start", "26.7", fail_reads_at_a_start, arm_unreadable),
    fault("reads fail while it runs", "26.7", fail_reads_while_running, arm_unreadable),
    fault("tables of other engines and keys", "26.7 18.16", kill_before_table, arm_tables),
    fault("clock steps", "26.7", step_clock, arm_clock),
    fault("Redis killed", "26.7", kill_redis, redis=True),
    fault("Redis flushed", "26.7", flush_redis, redis=True),
    fault("Redis paused", "26.7", pause_redis, redis=True),
    fault("two gateways, one killed", "26.7", kill_one_of_two, redis=True, gateways=2),
    updates("gateway killed", "embedded 26.7 18.16", kill_gateway, choose_durability),
    updates("gateway dies at after_insert", "26.7 18.16 embedded", die_at_point, arm_point("after_insert", 4)),
    updates("ClickHouse killed between token and part", "26.7", kill_server_between_token_and_part),
    updates("INSERT cut before its reply", "26.7 18.16", cut_before_reply, proxy=True),
    updates("a proxy lies", "26.7", lie, between="lies"),
    updates("clock steps", "26.7", step_clock, arm_clock),
    updates("two gateways, one killed", "26.7", kill_one_of_two, redis=True, gateways=2),
    fault("gateway killed, UDP alongside", "26.7", kill_under_datagrams, drivers=(Poster, Streamer, Datagrams)),
]
