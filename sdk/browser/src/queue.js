// Turns tracked events into batches, and keeps count of those not acknowledged.
//
// A record is { id, messageId, time, json, bytes, seq, since }: id is its own, whatever the event's message_id is; seq
// numbers the records of this page, since is when it came in. It is held from add() until settle(); meanwhile it is
// unsaved (held only), waiting (may be taken), or in a batch that was taken. Invariant: held is the sum of the three.
import { ENVELOPE_BYTES } from "./frame.js";

const SET_BACK = 60_000; // ms by which a clock is later than it should be
const ONE_CLOCK = 5000; // ms that events of one payload may differ in that

export class Queue {
  #held = new Map(); // id → record
  #waiting = []; // in the order they are sent
  #bytes = 0; // of what is held
  #seq = 0;
  #flushes = []; // { seq, left, stored, refused, dropped, done }

  /** limits: maxEvents, maxBytes, maxAge of what is held; batchEvents, batchBytes, batchDelay of a batch. */
  constructor(limits) {
    this.limits = limits;
  }

  get size() {
    return this.#held.size;
  }

  get waiting() {
    return this.#waiting.length;
  }

  get bytes() {
    return this.#bytes;
  }

  has(id) {
    return this.#held.has(id);
  }

  get held() {
    return [...this.#held.values()];
  }

  /** Not yet to be taken: it is being saved. */
  add(record, now) {
    record.seq = ++this.#seq;
    record.since = now;
    this.#held.set(record.id, record);
    this.#bytes += record.bytes;
  }

  /** Saved: may be taken. Those dropped meanwhile are left out. */
  ready(records) {
    for (const record of records) {
      if (this.#held.get(record.id) === record && !record.ready) {
        record.ready = true;
        this.#waiting.push(record);
      }
    }
  }

  /** The oldest that wait beyond the bounds, removed: [[reason, records]…]. What is on its way is never dropped. The age
   * of what this page tracked goes by a clock that nobody sets, `now`; of what an earlier one left by `wall`. */
  overflow(now, wall = now) {
    const { maxAge, maxEvents, maxBytes } = this.limits;
    const isOld = (record) => (record.recovered ? wall - record.time : now - record.since) > maxAge;
    const old = this.#waiting.length !== 0 && isOld(this.#waiting[0]);
    if (!old && this.#held.size <= maxEvents && this.#bytes <= maxBytes) {
      return [];
    }
    const dropped = { age: [], events: [], bytes: [] };
    this.#waiting = this.#waiting.filter((record) => {
      const reason =
        isOld(record)
          ? "age"
          : this.#held.size > maxEvents
            ? "events"
            : this.#bytes > maxBytes
              ? "bytes"
              : null;
      if (reason !== null) {
        this.#release(record, "dropped");
        dropped[reason].push(record);
      }
      return reason === null;
    });
    return Object.entries(dropped).filter(([, records]) => records.length !== 0);
  }

  /** When a batch is to be sent: 0 is now, Infinity never. */
  dueAt() {
    const first = this.#waiting[0];
    if (first === undefined) {
      return Infinity;
    }
    const full = this.#waiting.length >= this.limits.batchEvents;
    const asked = this.#flushes.some((flush) => first.seq <= flush.seq);
    return full || asked || first.alone || first.again ? 0 : first.since + this.limits.batchDelay;
  }

  /** The next batch is one that is to be judged by itself. */
  get nextAlone() {
    return this.#waiting[0]?.alone === true;
  }

  /** Waiting, and not hurried either. */
  get unhurried() {
    return this.#waiting.some((record) => !record.hurried);
  }

  /** How far the clock that the record's time is of is ahead of `wall`: it was set back since, and what was tracked by it
   * is told to the gateway by it. Of a clock that was behind nothing is known: it looks like an event that waited. */
  #ahead(record, now, wall) {
    const age = record.recovered ? 0 : now - record.since;
    const ahead = record.time + age - wall;
    return ahead > SET_BACK ? ahead : 0;
  }

  /** The next batch, oldest first: at least one record if any waits, of whatever size. All are of one clock, which is
   * `ahead` of `wall`. */
  take(now = 0, wall = Infinity) {
    const maxBytes = this.limits.batchBytes;
    let count = 0;
    let bytes = ENVELOPE_BYTES;
    while (count < this.#waiting.length && count < this.limits.batchEvents) {
      const record = this.#waiting[count];
      record.ahead = this.#ahead(record, now, wall);
      const { alone, ahead } = this.#waiting[0];
      const apart = record.alone || alone || Math.abs(record.ahead - ahead) > ONE_CLOCK;
      if (count !== 0 && (apart || bytes + record.bytes + 1 > maxBytes)) {
        break;
      }
      bytes += record.bytes + 1;
      count++;
    }
    const taken = this.#waiting.splice(0, count);
    taken.forEach((record) => (record.out = true));
    return taken;
  }

  /** For a page that is going: the oldest not hurried yet that fit into a payload of `maxBytes`, marked. They go on
   * waiting, for nobody may be there to read the answer. `more`: some that are on their way. */
  hurry(maxBytes, more = [], now = 0, wall = Infinity) {
    const hurried = [];
    let bytes = ENVELOPE_BYTES;
    for (const record of [...more, ...this.#waiting]) {
      record.ahead = this.#ahead(record, now, wall);
      const oneClock = Math.abs(record.ahead - (hurried[0] ?? record).ahead) <= ONE_CLOCK;
      if (!record.hurried && oneClock && bytes + record.bytes + 1 <= maxBytes) {
        bytes += record.bytes + 1;
        record.hurried = true;
        hurried.push(record);
      }
    }
    return hurried;
  }

  /** Taken and not acknowledged: they are first again, in the order given. Those that wait already stay where they are. */
  giveBack(records) {
    const back = records.filter((record) => record.out && this.#held.has(record.id));
    for (const record of back) {
      record.again = true;
      record.out = false;
    }
    this.#waiting = [...back, ...this.#waiting];
  }

  /** "stored" or "refused": held no longer. Returns those that were: of what was sent twice the first answer counts. */
  settle(records, fate) {
    const settled = records.filter((record) => this.#release(record, fate));
    if (settled.some((record) => !record.out)) {
      this.#waiting = this.#waiting.filter((record) => this.#held.has(record.id));
    }
    return settled;
  }

  /** `done` resolves when all that is held now is settled or dropped; until then, or cancel(), it is due at once. */
  flush() {
    if (this.#held.size === 0) {
      return { done: Promise.resolve(), result: () => ({ stored: 0, refused: 0, dropped: 0, waiting: 0 }), cancel() {} };
    }
    const flush = { seq: this.#seq, left: this.#held.size, stored: 0, refused: 0, dropped: 0 };
    this.#flushes.push(flush);
    return {
      done: new Promise((resolve) => (flush.done = resolve)),
      result: () => ({ stored: flush.stored, refused: flush.refused, dropped: flush.dropped, waiting: flush.left }),
      cancel: () => this.#endFlush(flush),
    };
  }

  #endFlush(flush) {
    this.#flushes = this.#flushes.filter((other) => other !== flush);
  }

  #release(record, fate) {
    if (!this.#held.delete(record.id)) {
      return false;
    }
    this.#bytes -= record.bytes;
    for (const flush of this.#flushes) {
      if (record.seq > flush.seq) {
        continue;
      }
      flush[fate]++;
      if (--flush.left === 0) {
        flush.done();
        this.#endFlush(flush);
      }
    }
    return true;
  }
}
