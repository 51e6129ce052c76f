// Turns IndexedDB into a list of saved records, which outlive the page. Nothing here throws or rejects: what cannot be
// saved is kept in memory only, and told by `false`.

const TABLE = "events";
const PATIENCE = 2000; // ms; a database that hangs must not hold up events
const REST = 30_000; // ms until one that could not be opened is tried again

function within(env, promise, fallback) {
  return new Promise((resolve) => {
    const timer = env.setTimeout(() => resolve(fallback), PATIENCE);
    promise.then((value) => {
      env.clearTimeout(timer);
      resolve(value);
    });
  });
}

function openDatabase(indexedDB, name) {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = (event) => {
        event.preventDefault?.();
        resolve(null);
      };
    } catch {
      resolve(null);
    }
  });
}

export class Store {
  #env;
  #name;
  #lost;
  #database = null;
  #opening = null; // → the database or null
  #notBefore = -Infinity; // of the next try to open it
  #closed = false;

  /** lost(): the database is gone, and all that was saved in it. */
  constructor(env, name, lost) {
    this.#env = env;
    this.#name = name;
    this.#lost = lost;
  }

  /** False: there is no IndexedDB, or it cannot be used. */
  async open() {
    return (await this.#get()) !== null;
  }

  async #get() {
    if (this.#env.indexedDB === null || this.#closed || this.#env.clock() < this.#notBefore) {
      return null;
    }
    this.#opening ??= this.#open();
    const database = await this.#opening;
    this.#opening = null;
    return database;
  }

  async #open() {
    const opened = openDatabase(this.#env.indexedDB, this.#name);
    const database = await within(this.#env, opened, null);
    if (database === null) {
      this.#notBefore = this.#env.clock() + REST;
      opened.then((late) => late?.close());
      return null;
    }
    // Another tab deletes it; or the visitor clears what the browser keeps.
    database.onversionchange = () => this.#gone(database);
    database.onclose = () => this.#gone(database);
    this.#database = database;
    return database;
  }

  #gone(database) {
    database.close();
    if (this.#database === database) {
      this.#database = null;
      this.#lost();
    }
  }

  /** The transaction is under way before this returns, if the database is open: the page may be going. */
  async #run(mode, work) {
    const database = this.#database ?? (await this.#get());
    if (database === null) {
      return false;
    }
    const done = new Promise((resolve) => {
      try {
        const transaction = database.transaction(TABLE, mode, { durability: "relaxed" });
        const request = work(transaction.objectStore(TABLE));
        transaction.oncomplete = () => resolve(mode === "readonly" ? request.result : true);
        transaction.onabort = () => resolve(false);
        transaction.commit?.();
      } catch {
        this.#rest(database);
        resolve(false);
      }
    });
    return within(this.#env, done, false);
  }

  /** It takes no transaction: it is opened anew, but not at once. */
  #rest(database) {
    database.close();
    this.#database = null;
    this.#notBefore = this.#env.clock() + REST;
  }

  /** In one transaction, replacing those with the same id. */
  put(records, owner) {
    return this.#run("readwrite", (table) => {
      for (const { id, messageId, time, json, bytes } of records) {
        table.put({ id, messageId, time, json, bytes, owner });
      }
    });
  }

  remove(records) {
    return this.#run("readwrite", (table) => {
      for (const { id } of records) {
        table.delete(id);
      }
    });
  }

  /** All tabs' records, oldest first. */
  async all() {
    const records = (await this.#run("readonly", (table) => table.getAll())) || [];
    return records.filter(({ json }) => typeof json === "string").sort((a, b) => a.time - b.time);
  }

  close() {
    this.#closed = true;
    this.#database?.close();
    this.#database = null;
  }
}
