// Turns localStorage into a place for the events of a page that leaves before its database has taken them: it is written
// at once. One entry per owner. Nothing here throws.

const PREFIX = "sluice.left ";

export class Spill {
  #storage;
  #prefix;

  constructor({ localStorage }, name) {
    this.#storage = localStorage;
    this.#prefix = `${PREFIX}${name} `;
  }

  /** All that the owner keeps here from now on. */
  keep(records, owner) {
    try {
      const key = this.#prefix + owner;
      const plain = records.map(({ id, messageId, time, json, bytes }) => ({ id, messageId, time, json, bytes, owner }));
      plain.length === 0 ? this.#storage.removeItem(key) : this.#storage.setItem(key, JSON.stringify(plain));
    } catch {
      // None, or full: they end with the page, unless the gateway gets them now.
    }
  }

  /** The records of all owners that `isLeft`. */
  all(isLeft) {
    try {
      return this.#keys(isLeft).flatMap((key) => JSON.parse(this.#storage.getItem(key)));
    } catch {
      return [];
    }
  }

  remove(isLeft) {
    try {
      this.#keys(isLeft).forEach((key) => this.#storage.removeItem(key));
    } catch {
      // It was forbidden just now.
    }
  }

  #keys(isLeft) {
    const keys = Array.from({ length: this.#storage.length }, (_, at) => this.#storage.key(at));
    return keys.filter((key) => key.startsWith(this.#prefix) && isLeft(key.slice(this.#prefix.length)));
  }
}
