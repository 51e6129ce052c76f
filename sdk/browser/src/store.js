// Turns IndexedDB into a list of saved records, which outlive the page. Nothing here throws or rejects: what cannot be
// saved is kept in memory only, and told by `false`.

const TABLE = "events";
const PATIENCE = 2000; // ms; a database that hangs must not hold up events

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

class Store {
  #env;
  #database;

  constructor(env, database) {
    this.#env = env;
    this.#database = database;
    database.onversionchange = () => database.close(); // another tab deletes it
  }

  #run(mode, work) {
    const done = new Promise((resolve) => {
      try {
        const transaction = this.#database.transaction(TABLE, mode, { durability: "relaxed" });
        const request = work(transaction.objectStore(TABLE));
        transaction.oncomplete = () => resolve(mode === "readonly" ? request.result : true);
        transaction.onabort = () => resolve(false);
      } catch {
        resolve(false);
      }
    });
    return within(this.#env, done, false);
  }

  /** In one transaction, replacing those with the same id. */
  put(records, owner) {
    return this.#run("readwrite", (table) => {
      for (const { id, time, json, bytes } of records) {
        table.put({ id, time, json, bytes, owner });
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
    return records.sort((a, b) => a.time - b.time);
  }

  close() {
    this.#database.close();
  }
}

/** null: there is no IndexedDB, or it cannot be used. */
export async function openStore(env, name) {
  if (env.indexedDB === null) {
    return null;
  }
  const database = await within(env, openDatabase(env.indexedDB, name), null);
  return database === null ? null : new Store(env, database);
}
