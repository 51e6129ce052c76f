// Turns events in memory into saved ones, which outlive the page, and what other pages left into events of this one.
import { Owner } from "./owner.js";
import { Spill } from "./spill.js";
import { Store } from "./store.js";

const ADOPT_EVERY = 60_000; // ms

export class Keeper {
  #env;
  #queue;
  #events;
  #owner;
  #store;
  #spill;
  #opening = null;
  #works = true; // what is tracked outlives the page, as far as we know
  #losses = 0;
  #unsaved = [];
  #saving = null; // the batch on its way into the store
  #saved = null; // → no batch is on its way any more
  #spilled = false;
  #adoptTimer = null;
  #closed = false;

  /** events: ready(records) when they may be sent, adopted(records) before that if another page left them, fails() when
   * what is tracked no longer outlives the page. */
  constructor(env, name, queue, events) {
    this.#env = env;
    this.#queue = queue;
    this.#events = events;
    this.#spill = new Spill(env, name);
    this.#owner = new Owner(env, name, this.#spill);
    this.#store = new Store(env, name, () => this.#lost());
  }

  open() {
    this.#opening = this.#open();
  }

  async #open() {
    await this.#owner.announce();
    if (await this.#store.open()) {
      this.#adopt();
    } else {
      this.#storage(false);
      this.#adoptLater();
    }
  }

  /** All that was tracked while the last batch was being saved is the next batch. */
  add(record) {
    this.#unsaved.push(record);
    if (this.#saving === null) {
      this.#saving = [];
      this.#saved = this.#saveAll();
    }
  }

  async #saveAll() {
    await this.#opening;
    while (this.#unsaved.length !== 0) {
      this.#saving = this.#unsaved.splice(0);
      await this.#put(this.#saving);
      this.#events.ready(this.#saving);
    }
    this.#saving = null;
  }

  /** The page may be going: saves what is not saved where that takes no time, for a database may not get to its end.
   * Returns what was not ready to be sent: it is to be sent now. */
  hurry() {
    const unsaved = this.#unsaved.splice(0);
    const now = [...(this.#saving ?? []), ...unsaved];
    this.#put(unsaved);
    this.#spilled = true;
    this.#spillAgain();
    return now;
  }

  /** Those of them that are held still. */
  async #put(records) {
    const held = records.filter((record) => this.#queue.has(record.id));
    if (held.length === 0) {
      return;
    }
    const losses = this.#losses;
    const done = await this.#store.put(held, this.#owner.id);
    held.forEach((record) => (record.saved = done && losses === this.#losses));
    this.#spillAgain();
    this.#storage(done);
  }

  get #notSaved() {
    return this.#queue.held.filter((record) => !record.saved);
  }

  #spillAgain() {
    if (this.#spilled) {
      const left = this.#notSaved;
      this.#spill.keep(left, this.#owner.id);
      this.#spilled = left.length !== 0;
    }
  }

  /** Told once each time that it ceases to work. Once it works again, what is in memory only is saved. */
  #storage(works) {
    const before = this.#works;
    this.#works = works;
    if (before && !works) {
      this.#events.fails();
    } else if (!before && works) {
      this.#put(this.#notSaved);
    }
  }

  /** The database was deleted: by the visitor, or by a page. */
  #lost() {
    this.#losses++;
    this.#queue.held.forEach((record) => (record.saved = false));
    if (this.#closed) {
      return;
    }
    if (this.#queue.size !== 0) {
      this.#storage(false);
    }
    this.#store.open().then(() => this.#put(this.#notSaved));
  }

  /** They are settled or dropped. */
  forget(records) {
    this.#store.remove(records);
    this.#spillAgain();
  }

  #adoptLater() {
    if (!this.#closed) {
      this.#adoptTimer = this.#env.setTimeout(() => this.#adopt(), ADOPT_EVERY);
    }
  }

  /** Now and every minute: what closed tabs left. */
  async #adopt() {
    const found = await this.#owner.adopt(this.#store);
    const records = this.#closed ? [] : found.filter((record) => !this.#queue.has(record.id)).map(adopted);
    if (records.length !== 0) {
      records.forEach((record) => this.#queue.add(record, this.#env.clock()));
      this.#events.adopted(records);
      this.#events.ready(records);
    }
    if (!this.#works) {
      this.#put(this.#notSaved);
    }
    this.#adoptLater();
  }

  async close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#adoptTimer);
    await this.#opening;
    await this.#saved;
    this.#store.close();
    this.#owner.release();
  }
}

/** messageId: versions before had none. */
function adopted({ id, messageId = id, time, json, bytes }) {
  return { id, messageId, time, json, bytes, recovered: true, saved: true };
}
