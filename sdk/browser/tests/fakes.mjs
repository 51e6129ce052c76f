// What node lacks of a browser: a clock that moves when told, WebSockets, fetch, IndexedDB, a page.
import { webcrypto } from "node:crypto";

/** Lets everything that is due now happen. */
export async function settle() {
  for (let i = 0; i < 30; i++) {
    await Promise.resolve();
  }
}

export class Time {
  now = 1_700_000_000_000;
  #timers = new Map();
  #next = 1;

  setTimeout = (work, delay = 0) => {
    this.#timers.set(this.#next, { at: this.now + delay, work });
    return this.#next++;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Runs what is due until then, in order, with the clock where it belongs. */
  async pass(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) {
        break;
      }
      this.#timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].work();
      await settle();
    }
    this.now = end;
  }
}

/** `sockets` are those made, oldest first; the test plays the gateway. */
export function fakeWebSockets() {
  const sockets = [];
  class FakeWebSocket {
    readyState = 0;
    bufferedAmount = 0;
    messages = [];

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }

    accept() {
      this.readyState = 1;
      this.onopen();
    }

    send(message) {
      this.messages.push(message);
    }

    close() {
      this.readyState = 3;
    }

    drop(code = 1006, reason = "") {
      this.readyState = 3;
      this.onclose({ code, reason });
    }

    ack(ack, more = {}) {
      this.onmessage({ data: JSON.stringify({ ack, accepted: 0, duplicate: 0, rejected: 0, errors: [], ...more }) });
    }

    get batches() {
      return this.messages.map((message) => JSON.parse(message).events);
    }
  }
  return { FakeWebSocket, sockets };
}

/** `answer(request)` gives { status, body, headers }, or throws as a lost network does. */
export function fakeFetch(answer) {
  const requests = [];
  const fetch = async (url, options) => {
    const request = { url, ...options, events: options.body && JSON.parse(options.body).events };
    requests.push(request);
    const { status = 202, body, headers = {} } = await answer(request);
    return {
      status,
      headers: new Map(Object.entries(headers)),
      json: async () => JSON.parse(body === undefined ? "not JSON" : JSON.stringify(body)),
    };
  };
  return { fetch, requests };
}

/** As much of IndexedDB as store.js uses. `tables` outlives pages. `full`: no transaction commits. */
export function fakeIndexedDB(tables = new Map()) {
  const later = (work) => queueMicrotask(work);
  const opened = [];
  const fake = { tables, full: false };
  const database = (name) => ({
    createObjectStore() {},
    close() {},
    transaction() {
      const table = fake.full ? new Map() : tables.get(name);
      const transaction = {
        objectStore: () => ({
          put: (record) => table.set(record.id, structuredClone(record)),
          delete: (id) => table.delete(id),
          getAll: () => ({ result: [...table.values()] }),
        }),
      };
      later(() => (fake.full ? transaction.onabort() : transaction.oncomplete()));
      return transaction;
    },
  });
  return Object.assign(fake, {
    /** The visitor clears what the browser keeps. */
    clear() {
      tables.clear();
      opened.splice(0).forEach((one) => one.onclose?.());
    },
    open(name) {
      const request = { result: database(name) };
      opened.push(request.result);
      later(() => {
        if (!tables.has(name)) {
          tables.set(name, new Map());
          request.onupgradeneeded();
        }
        request.onsuccess();
      });
      return request;
    },
  });
}

/** Locks of all tabs. `die(tab)` lets go of what a tab holds, as its end does. */
export function fakeLocks() {
  const held = [];
  const forTab = (tab) => ({
    async request(name, work) {
      const lock = { name, tab };
      held.push(lock);
      const result = await work(lock);
      held.splice(held.indexOf(lock), 1);
      return result;
    },
    query: async () => ({ held: held.map(({ name }) => ({ name })) }),
  });
  const die = (tab) => {
    for (const lock of held.filter((one) => one.tab === tab)) {
      held.splice(held.indexOf(lock), 1);
    }
  };
  return { forTab, die };
}

class Target {
  #handlers = new Map();

  addEventListener(type, handle) {
    this.#handlers.set(type, [...(this.#handlers.get(type) ?? []), handle]);
  }

  removeEventListener(type, handle) {
    this.#handlers.set(type, (this.#handlers.get(type) ?? []).filter((one) => one !== handle));
  }

  tell(type) {
    (this.#handlers.get(type) ?? []).forEach((handle) => handle({}));
  }
}

/** A whole page. What the test wants to see stands beside `env`. */
export function fakePage({ answer = () => ({ status: 503 }), time = new Time(), ...more } = {}) {
  const { FakeWebSocket, sockets } = fakeWebSockets();
  const { fetch, requests } = fakeFetch(answer);
  const kept = new Map();
  const beacons = [];
  const env = {
    WebSocket: FakeWebSocket,
    fetch,
    keepalive: true,
    indexedDB: fakeIndexedDB(),
    localStorage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
      key: (at) => [...kept.keys()][at],
      get length() {
        return kept.size;
      },
    },
    navigator: { sendBeacon: (url, body) => beacons.push({ url, events: JSON.parse(body).events }) > 0 },
    document: Object.assign(new Target(), { visibilityState: "visible" }),
    window: new Target(),
    crypto: webcrypto,
    base: "https://shop.example/cart",
    origin: "https://shop.example",
    setTimeout: time.setTimeout,
    clearTimeout: time.clearTimeout,
    wall: () => time.now,
    clock: () => time.now,
    random: () => 0.5,
    ...more,
  };
  const hide = () => {
    env.document.visibilityState = "hidden";
    env.document.tell("visibilitychange");
  };
  return { env, time, sockets, requests, beacons, hide };
}
