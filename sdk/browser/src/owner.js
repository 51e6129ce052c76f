// Turns the tabs that share one store into owners of its records, so that what a closed tab left is sent by one of the
// others. A tab holds a lock as long as it lives; records whose owner's lock is gone are left over. Without
// navigator.locks (no secure context) every record that is not ours counts as left over: it may be sent twice, which
// the gateway's dedup makes harmless.
import { uuid } from "./environment.js";

export class Owner {
  #locks;
  #scope;
  #spill;
  #release = () => {};

  constructor(env, scope, spill) {
    this.#spill = spill;
    this.#locks = env.navigator.locks ?? null;
    this.#scope = scope;
    this.id = uuid(env.crypto);
  }

  #lockOf(owner) {
    return `${this.#scope} ${owner}`;
  }

  /** Resolves when the lock is held: before that nothing may be saved. */
  announce() {
    if (this.#locks === null) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const hold = () => {
        resolve();
        return new Promise((release) => (this.#release = release));
      };
      this.#locks.request(this.#lockOf(this.id), hold).catch(resolve);
    });
  }

  /** Takes over what no living tab owns, and returns it. */
  async adopt(store) {
    if (this.#locks === null) {
      return this.#takeOver(store, () => false);
    }
    const adopting = this.#locks.request(`${this.#scope} adopting`, async () => {
      const { held } = await this.#locks.query();
      const living = new Set(held.map((lock) => lock.name));
      return this.#takeOver(store, (owner) => living.has(this.#lockOf(owner)));
    });
    return adopting.catch(() => []); // the page is going: the next one looks
  }

  async #takeOver(store, lives) {
    const isLeft = (owner) => owner !== this.id && !lives(owner);
    const all = [...(await store.all()), ...this.#spill.all(isLeft)].filter((record) => isLeft(record.owner));
    const left = [...new Map(all.map((record) => [record.id, record])).values()]; // some stand in both
    if (left.length !== 0) {
      await store.put(left, this.id);
      this.#spill.remove(isLeft);
    }
    return left;
  }

  release() {
    this.#release();
  }
}
