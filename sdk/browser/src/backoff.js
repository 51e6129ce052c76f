// Turns a run of failures into waits: exponential, capped, with full jitter, so that the pages of a gateway that was
// restarted do not come back all at once.

export class Backoff {
  #attempt = 0;

  constructor({ min, max, random }) {
    this.min = min;
    this.max = max;
    this.random = random;
  }

  /** Milliseconds to wait before the next try; never below `atLeast`. */
  next(atLeast = 0) {
    const ceiling = Math.min(this.max, this.min * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 30);
    return atLeast + this.random() * ceiling;
  }

  reset() {
    this.#attempt = 0;
  }
}
