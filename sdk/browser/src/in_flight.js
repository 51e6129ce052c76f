// Turns acknowledgements ("messages up to n are decided") into the records they decide. One per connection.
import { judge } from "./verdict.js";

export class InFlight {
  #frames = []; // { number, records, sentAt }, oldest first
  #sent = 0;

  get length() {
    return this.#frames.length;
  }

  get events() {
    return this.#frames.reduce((sum, frame) => sum + frame.records.length, 0);
  }

  get records() {
    return this.#frames.flatMap((frame) => frame.records);
  }

  /** One is on its way that is to be judged by itself. */
  get alone() {
    return this.#frames.some(({ records }) => records[0].alone);
  }

  /** When the oldest was sent; Infinity: none is on its way. */
  get since() {
    return this.#frames[0]?.sentAt ?? Infinity;
  }

  add(records, now) {
    this.#frames.push({ number: ++this.#sent, records, sentAt: now });
  }

  /** What this says of each message that it decides. One that was decided before is not decided again. */
  ack({ ack, errors = [], refused = [] }, now) {
    const decided = [];
    while (this.#frames.length !== 0 && this.#frames[0].number <= ack) {
      const { number, records } = this.#frames.shift();
      const ours = ({ frame }) => frame === number;
      decided.push(judge(records, errors.filter(ours), refused.find(ours)?.codes));
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
