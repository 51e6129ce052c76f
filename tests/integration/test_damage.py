"""Damage of the data folder: kill -9 with the store down, one fault in the files, a start. What no fault touched is stored once,
what one touched lies in damaged/, is counted and named in the log."""
import json
import os
import random
import shutil
import struct
import subprocess
import time

from check import main
from gateway import BUILD, Gateway, ROOT, event
from servers import start_chdb_server

SEED = int(os.environ.get("SEED", "1"))
FLIPS = int(os.environ.get("FLIPS", "4"))
SUFFIX = ".native.lz4"
SECOND_STREAM = """
  - name: clicks
    table: clicks
    dedup_key: [n]
    batch: { strategy: hybrid, max_rows: 100000, max_bytes: 64MiB, max_delay: 200ms }
    fields:
      - { name: n, type: UInt64, required: true }
"""


def config_of_two_streams(folder):
    with open(os.path.join(ROOT, "config", "sluice.yaml")) as file:
        text = file.read()
    for was, now in (("backoff_max: 30s", "backoff_max: 500ms"), ("max_delay: 1s", "max_delay: 200ms")):
        assert was in text
        text = text.replace(was, now)
    path = os.path.join(folder, "sluice.yaml")
    with open(path, "w") as file:
        file.write(text.rstrip() + "\n" + SECOND_STREAM)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def frames_of(data):
    """(offset, end, is_skippable) of each LZ4 frame, by the format's own description; zeros behind the last are left out."""
    frames, at = [], 0
    while at + 8 <= len(data):
        start, magic = at, struct.unpack_from("<I", data, at)[0]
        if magic == 0x184D2A50:
            at += 8 + struct.unpack_from("<I", data, at + 4)[0]
        elif magic == 0x184D2204:
            at += 15                # with the size of the content
            while struct.unpack_from("<I", data, at)[0] != 0:
                at += 8 + (struct.unpack_from("<I", data, at)[0] & 0x7FFFFFFF)  # the block's size, bytes and checksum
            at += 4                 # the end mark
        else:
            break
        frames.append((start, at, magic == 0x184D2A50))
    return frames


class Damage:
    """A gateway and its store, and which numbers of each stream must be stored."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(os.path.join(folder, "server"))
        self.server = start_chdb_server(os.path.join(folder, "server"), os.path.join(BUILD, "chdb_server"))
        self.gateway = Gateway(folder, config=config_of_two_streams(folder),
                               env={"SLUICE_STORE": "clickhouse", "CLICKHOUSE_URL": self.server.url})
        self.data = self.gateway.env["SLUICE_DATA"]
        self.must = {"events": set(), "clicks": set()}
        self.gone = {"events": set(), "clicks": set()}      # touched by a fault
        self.may = {"events": set(), "clicks": set()}       # answered 503: fate unknown
        self.next = 0
        self.log_from = 0
        self.gateway.start()
        self.post()
        self.gateway.wait_stored()

    def path(self, *parts):
        return os.path.join(self.data, *parts)

    def post(self, bulk=20):
        """One group of each stream, acknowledged."""
        numbers = range(self.next, self.next + bulk)
        self.next += bulk
        self.send(numbers)
        for stream in self.must:
            self.must[stream].update(numbers)

    def send(self, numbers):
        for path, events in (("/events/bulk?ids=0", [event(n) for n in numbers]),
                             ("/events/bulk?ids=0&stream=clicks", [{"n": n} for n in numbers])):
            status, reply = self.gateway.post(path, events)
            assert status in (200, 202) and reply["accepted"] + reply["duplicate"] == len(numbers), (status, reply)

    def fill_and_kill(self):
        """Leaves sealed segments and open ones of both streams in the journal, of several frames each, and nobody running."""
        self.server.kill()
        for _ in range(2):
            for _ in range(4):
                self.post()
            waiting = self.gateway.sum("sluice_batches_waiting")
            self.gateway.wait_until("segments are sealed", lambda: self.gateway.sum("sluice_batches_waiting") >= waiting + 2)
        for _ in range(3):
            self.post()
        self.gateway.kill()

    def segments(self, stream=None, sealed=None):
        """Oldest first; a sealed one ends in a skippable frame."""
        found = []
        for name in sorted(os.listdir(self.path("journal"))):
            path = self.path("journal", name)
            ours = name.endswith(SUFFIX) and os.path.isfile(path) and not os.path.islink(path)
            if ours and stream in (None, name.split("-")[0]) and sealed in (None, frames_of(read(path))[-1][2]):
                found.append(name)
        return found

    def numbers(self, name, frames):
        """The numbers that these frames of a segment hold, by `sluice journal cat`."""
        data = read(self.path("journal", name))
        other = os.path.join(self.folder, "other")
        os.makedirs(os.path.join(other, "journal"), exist_ok=True)
        head = frames_of(data)[0]
        write(os.path.join(other, "journal", name), data[:head[1]] + b"".join(data[a:b] for a, b in frames))
        done = subprocess.run([os.path.join(BUILD, "sluice"), "journal", "cat", other], stdout=subprocess.PIPE)
        shutil.rmtree(other)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {int(row["n"]) if "n" in row else int(row["user_id"][1:]) for row in rows}

    def rows_of(self, name, touched=lambda start, end: True):
        frames = [(a, b) for a, b, skippable in frames_of(read(self.path("journal", name))) if not skippable and touched(a, b)]
        return self.numbers(name, frames) if frames else set()

    def lose(self, name, numbers):
        """These are known to be gone with what the fault touched."""
        self.must[name.split("-")[0]] -= numbers
        self.gone[name.split("-")[0]] |= numbers

    def damaged(self):
        return sorted(os.listdir(self.path("damaged"))) if os.path.isdir(self.path("damaged")) else []

    def start(self):
        self.log_from = len(self.gateway.log())
        self.gateway.start()

    def start_and_check(self, lost=0, named=(), pieces=0, before=0):
        """`lost` rows are counted as damaged, `pieces` more files lie in damaged/, the log names what was touched."""
        self.start()
        log = self.gateway.log()[self.log_from:]
        for text in named:
            assert text in log, (text, log[-3000:])
        assert self.gateway.sum("sluice_events_damaged_total") == lost, (lost, log[-3000:])
        assert len(self.damaged()) == before + pieces, (before, pieces, self.damaged())
        self.server.start()
        self.check_stored()

    def check_stored(self):
        self.gateway.wait_stored()
        self.gateway.check_identity()
        for stream, number in (("events", "toUInt64(substring(user_id, 2))"), ("clicks", "n")):
            rows = self.server.query("SELECT %s AS number, count() FROM %s FINAL GROUP BY number" % (number, stream))
            stored = dict(map(int, line.split("\t")) for line in rows.splitlines())
            lost = self.must[stream] - stored.keys()
            assert not lost, "%d of %s are lost, e.g. %s" % (len(lost), stream, sorted(lost)[:5])
            assert set(stored.values()) <= {1}, "stored twice in %s" % stream
            strange = stored.keys() - self.must[stream] - self.may[stream]
            assert not strange, "touched or never sent, and stored in %s: %s" % (stream, sorted(strange)[:5])


def with_damage(test):
    def run(folder):
        damage = Damage(folder)
        try:
            test(damage)
            damage.gateway.stop()
        finally:
            damage.gateway.cleanup()
            damage.server.kill()
    run.__name__ = test.__name__
    return run


def flip(path, at, bit):
    data = bytearray(read(path))
    data[at] ^= 1 << bit
    write(path, bytes(data))


@with_damage
def a_flipped_bit_costs_the_frame_it_is_in_and_none_in_the_header(damage):
    chance = random.Random(SEED)
    for turn in range(FLIPS + 2):
        damage.fill_and_kill()
        name = chance.choice(damage.segments(sealed=True))
        frames = frames_of(read(damage.path("journal", name)))
        rows = [frame for frame in frames if not frame[2]]
        start, end, is_header = (frames[0], rows[-1])[turn] if turn < 2 else chance.choice(rows)
        at, bit = chance.randrange(start, end), chance.randrange(8)
        numbers = set() if is_header else damage.numbers(name, [(start, end)])
        before = len(damage.damaged())
        flip(damage.path("journal", name), at, bit)
        if numbers and numbers <= damage.rows_of(name):
            flip(damage.path("journal", name), at, bit)     # the bytes that come out of LZ4 are the same
            numbers, pieces = set(), 0
        else:
            pieces = 1
        damage.lose(name, numbers)
        stem = name[:-len(SUFFIX)]
        damage.start_and_check(lost=len(numbers), named=[stem] if pieces else [], pieces=pieces, before=before)
        assert not pieces or "%s.%d.piece" % (stem, start) in damage.damaged(), (turn, start, damage.damaged())


@with_damage
def a_truncated_file_keeps_its_whole_frames(damage):
    chance = random.Random(SEED)
    for sealed in (True, False):
        damage.fill_and_kill()
        name = chance.choice(damage.segments(sealed=sealed))
        path = damage.path("journal", name)
        rows = [frame for frame in frames_of(read(path)) if not frame[2]]
        start, end, _ = chance.choice(rows)
        at = chance.randrange(start + 1, end)
        damage.lose(name, damage.rows_of(name, lambda a, b: b > at))
        aside = ("%s.%d.piece" % (name[:-len(SUFFIX)], start), start)
        if start == rows[0][0]:
            aside = (name, 0)       # no whole frame is left: the file itself
        tail = read(path)[aside[1]:at]
        before = len(damage.damaged())
        os.truncate(path, at)
        damage.start_and_check(named=["torn tail set aside", name[:-len(SUFFIX)]], pieces=1, before=before)
        assert damage.gateway.sum("sluice_journal_torn_tails_total") == 1
        assert read(damage.path("damaged", aside[0])) == tail


@with_damage
def a_missing_file_costs_its_own_rows_and_a_copied_one_nothing(damage):
    damage.fill_and_kill()
    gone = damage.segments("events", sealed=True)[0]
    damage.lose(gone, damage.rows_of(gone))
    os.unlink(damage.path("journal", gone))
    whole = damage.segments("events", sealed=True)[0]
    copy = whole[:-len(SUFFIX) - 1] + ("0" if whole[-len(SUFFIX) - 1] != "0" else "1") + SUFFIX
    shutil.copy(damage.path("journal", whole), damage.path("journal", copy))
    shutil.copy(damage.path("journal", whole), damage.path("journal", "copy of " + whole))
    damage.start_and_check(named=["foreign file left alone", copy, "it is a copy"], pieces=1)
    assert damage.damaged() == [copy] and "copy of " + whole in os.listdir(damage.path("journal"))


@with_damage
def foreign_files_are_left_alone_and_missing_folders_are_made_again(damage):
    damage.fill_and_kill()
    uuid = "01890a5d-ac96-774b-bcce-b302099a8057"
    foreign = {"journal": ("events-%s%s" % (uuid, SUFFIX), "clicks-%s%s" % (uuid, SUFFIX)),
               "keys": ("ids-1.keys", "ids-2.keys"), "dead": ("letter%s.tmp" % SUFFIX, "letter.tmp")}
    paths = []
    for folder, names in foreign.items():
        os.makedirs(damage.path(folder), exist_ok=True)
        for name, make in (("notes.txt", lambda path: write(path, b"mine")), ("notes.tmp", lambda path: write(path, b"")),
                           (os.fsdecode(b"\xff\n\x01 odd"), lambda path: write(path, b"mine")), ("a folder", os.mkdir),
                           (names[0], lambda path: os.symlink("/dev/zero", path)), (names[1], os.mkfifo)):
            paths.append(damage.path(folder, name))
            make(paths[-1])
    os.unlink(damage.path("LOCK"))
    damage.start_and_check(named=["foreign file left alone"])
    gone = [path for path in paths if not os.path.lexists(path)]
    assert not gone, gone
    damage.fill_and_kill()
    for name in damage.segments():
        damage.lose(name, damage.rows_of(name))
    for folder in ("journal", "keys", "dead"):
        shutil.rmtree(damage.path(folder))
    damage.start_and_check()
    damage.post()
    damage.check_stored()


@with_damage
def damage_of_the_key_files_costs_no_event_and_the_table_collapses_what_comes_again(damage):
    chance = random.Random(SEED)

    def flipped(path):
        flip(path, chance.randrange(os.path.getsize(path)), chance.randrange(8))

    for fault in (flipped, lambda path: os.truncate(path, os.path.getsize(path) - 7), os.unlink):
        damage.fill_and_kill()
        keys = [name for name in os.listdir(damage.path("keys")) if os.path.getsize(damage.path("keys", name)) > 100]
        assert keys
        fault(damage.path("keys", chance.choice(keys)))
        damage.start_and_check()
        damage.send(range(damage.next))
        damage.check_stored()


@with_damage
def what_is_deleted_under_a_running_gateway_is_delivered_and_nothing_is_acknowledged_into_nowhere(damage):
    damage.server.kill()
    damage.post()
    for name in os.listdir(damage.path("journal")):
        os.unlink(damage.path("journal", name))
    refused = 0
    deadline = time.time() + 30
    for number in range(damage.next, damage.next + 40):
        status, _ = damage.gateway.post("/events", event(number))
        assert status in (202, 503), status
        if status == 202:
            damage.must["events"].add(number)
        else:
            damage.may["events"].add(number)
            refused += 1
        assert time.time() < deadline
    damage.next += 40
    assert refused <= 2, refused        # only the group that found the file gone
    damage.server.start()
    damage.check_stored()
    shutil.rmtree(damage.data)
    for number in range(damage.next, damage.next + 20):
        status, _ = damage.gateway.post("/events", event(number))
        assert status == 503, status
        damage.may["events"].add(number)
    assert damage.gateway.get("/readyz")[0] == 503
    damage.next += 20
    damage.check_stored()
    damage.gateway.kill()
    damage.start()
    damage.post()
    damage.check_stored()


@with_damage
def what_goes_bad_under_a_running_gateway_holds_its_own_batch_and_a_start_saves_the_rest(damage):
    damage.server.kill()
    damage.post()
    damage.post()
    damage.gateway.wait_until("segments are sealed", lambda: damage.gateway.sum("sluice_batches_waiting") == 2)
    [name] = damage.segments("events", sealed=True)
    start, end, _ = [frame for frame in frames_of(read(damage.path("journal", name))) if not frame[2]][0]
    lost = damage.rows_of(name, touched=lambda a, b: a == start)
    waiting = len(damage.rows_of(name))
    flip(damage.path("journal", name), (start + end) // 2, 3)
    damage.server.start()
    damage.post()
    stored = damage.gateway.sum("sluice_events_recovered_total") + damage.gateway.sum("sluice_events_accepted_total") - waiting
    damage.gateway.wait_until("the others are stored", lambda: damage.gateway.sum("sluice_events_stored_total") == stored)
    damage.gateway.wait_until("it says why", lambda: name[:-len(SUFFIX)] in damage.gateway.get("/readyz?verbose")[1])
    damage.gateway.check_identity()
    damage.gateway.kill()
    damage.server.kill()
    damage.lose(name, lost)
    damage.start_and_check(lost=len(lost), named=(name[:-len(SUFFIX)],), pieces=1)


if __name__ == "__main__":
    print("seed %d" % SEED)
    main([
        a_flipped_bit_costs_the_frame_it_is_in_and_none_in_the_header,
        a_truncated_file_keeps_its_whole_frames,
        a_missing_file_costs_its_own_rows_and_a_copied_one_nothing,
        foreign_files_are_left_alone_and_missing_folders_are_made_again,
        damage_of_the_key_files_costs_no_event_and_the_table_collapses_what_comes_again,
        what_is_deleted_under_a_running_gateway_is_delivered_and_nothing_is_acknowledged_into_nowhere,
        what_goes_bad_under_a_running_gateway_holds_its_own_batch_and_a_start_saves_the_rest,
    ])
