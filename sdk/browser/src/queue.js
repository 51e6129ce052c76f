// Turns tracked events into batches, and keeps count of those not acknowledged.
//
// A record is { id, time, json, bytes, seq, since }: seq numbers the records of this page, since is when it came in.
// It is held from add() until settle(); meanwhile it is unsaved (held only), waiting (may be taken), or in a batch that
// was taken. Invariant: held is the sum of the three.
export class Queue {
  #held = new Map(); // id → record
  #waiting = []; // in the order they are sent
  #bytes = 0; // of what is held
  #seq = 0;
  #flushes = []; // { seq, left, done }

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

  /** The oldest that wait beyond the bounds, removed: [[reason, records]…]. What is on its way is never dropped. */
  overflow(now) {
    const { maxAge, maxEvents, maxBytes } = this.limits;
    const old = this.#waiting.length !== 0 && now - this.#waiting[0].time > maxAge;
    if (!old && this.#held.size <= maxEvents && this.#bytes <= maxBytes) {
      return [];
    }
    const dropped = { age: [], events: [], bytes: [] };
    this.#waiting = this.#waiting.filter((record) => {
      const reason =
        now - record.time > maxAge
          ? "age"
          : this.#held.size > maxEvents
            ? "events"
            : this.#bytes > maxBytes
              ? "bytes"
              : null;
      if (reason !== null) {
        this.#release(record);
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

  /** The next batch, oldest first: at least one record if any waits, of whatever size. */
  take() {
    const maxBytes = this.limits.batchBytes;
    let count = 0;
    let bytes = 1;
    while (count < this.#waiting.length && count < this.limits.batchEvents) {
      const record = this.#waiting[count];
      if (count !== 0 && (record.alone || this.#waiting[0].alone || bytes + record.bytes + 1 > maxBytes)) {
        break;
      }
      bytes += record.bytes + 1;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** For a page that is going: the oldest not hurried yet that fit into a payload of `maxBytes`, marked. They go on
   * waiting, for nobody may be there to read the answer. */
  hurry(maxBytes) {
    const hurried = [];
    let bytes = 1;
    for (const record of this.#waiting) {
      if (!record.hurried && bytes + record.bytes + 1 <= maxBytes) {
        bytes += record.bytes + 1;
        record.hurried = true;
        hurried.push(record);
      }
    }
    return hurried;
  }

  /** Taken and not acknowledged: they are first again, in the order given. */
  giveBack(records) {
    for (const record of records) {
      record.again = true;
    }
    this.#waiting.unshift(...records.filter((record) => this.#held.has(record.id)));
  }

  /** Acknowledged or refused: held no longer. */
  settle(records) {
    for (const record of records) {
      this.#release(record);
    }
    if (records.some((record) => record.hurried)) {
      this.#waiting = this.#waiting.filter((record) => this.#held.has(record.id));
    }
  }

  /** `done` resolves when all that is held now is settled or dropped; until then, or cancel(), it is due at once. */
  flush() {
    if (this.#held.size === 0) {
      return { done: Promise.resolve(), left: () => 0, cancel() {} };
    }
    const flush = { seq: this.#seq, left: this.#held.size };
    this.#flushes.push(flush);
    return {
      done: new Promise((resolve) => (flush.done = resolve)),
      left: () => flush.left,
      cancel: () => this.#endFlush(flush),
    };
  }

  #endFlush(flush) {
    this.#flushes = this.#flushes.filter((other) => other !== flush);
  }

  #release(record) {
    if (!this.#held.delete(record.id)) {
      return;
    }
    this.#bytes -= record.bytes;
    for (const flush of this.#flushes) {
      if (record.seq <= flush.seq && --flush.left === 0) {
        flush.done();
        this.#endFlush(flush);
      }
    }
  }
}
