// Turns acknowledgements ("messages up to n are decided") into the records they decide. One per connection.

/** Errors of the gateway, by the record they refuse. `whole`: the payload as such was refused. */
export function judge(records, errors) {
  const refused = new Map();
  let whole = null;
  for (const error of errors) {
    if (error.index == null) {
      whole = error;
    } else if (records[error.index] !== undefined) {
      refused.set(records[error.index], error);
    }
  }
  return { refused, whole };
}

export class InFlight {
  #frames = []; // { number, records, sentAt }, oldest first
  #sent = 0;

  get length() {
    return this.#frames.length;
  }

  get events() {
    return this.#frames.reduce((sum, frame) => sum + frame.records.length, 0);
  }

  /** When the oldest was sent; Infinity: none is on its way. */
  get since() {
    return this.#frames[0]?.sentAt ?? Infinity;
  }

  add(records, now) {
    this.#frames.push({ number: ++this.#sent, records, sentAt: now });
  }

  /** The frames that this decides: [{ records, errors }…]. One that was decided before is not decided again. */
  ack({ ack, errors = [] }, now) {
    const decided = [];
    while (this.#frames.length !== 0 && this.#frames[0].number <= ack) {
      const { number, records } = this.#frames.shift();
      decided.push({ records, errors: errors.filter((error) => error.frame === number) });
    }
    if (decided.length !== 0 && this.#frames.length !== 0) {
      this.#frames[0].sentAt = now; // it had to wait for those before it
    }
    return decided;
  }

  /** The connection is gone: what was not decided, frame by frame. */
  drain() {
    return this.#frames.splice(0).map((frame) => frame.records);
  }
}
