// Turns track(…) into events in ClickHouse: each is made, saved, sent, and forgotten when it is acknowledged.
//
//   track ─► unsaved ─► IndexedDB ─► Queue ─► Sender ─► gateway
//               (with its id and time)  ▲                  │ acknowledgement
//   what other pages left behind ───────┘◄─────────────────┘ removes it from both
import { anonymousId, browser, uuid, wantsPrivacy } from "./environment.js";
import { byteLength, toJson } from "./frame.js";
import { complete, endpoints } from "./options.js";
import { Owner } from "./owner.js";
import { Queue } from "./queue.js";
import { Sender } from "./sender.js";
import { openStore } from "./store.js";

const ADOPT_EVERY = 60_000; // ms

export class Sluice {
  /** Of the events tracked from now on. */
  userId;
  #options;
  #env;
  #name; // of the store and its locks
  #queue;
  #sender;
  #owner;
  #state = "idle";
  #started = false;
  #closed = false;
  #opening = null; // → store or null
  #store = null;
  #unsaved = [];
  #saving = null; // the batch on its way into the store
  #counts = { tracked: 0, recovered: 0, sent: 0, resent: 0, acknowledged: 0, rejected: 0, dropped: 0 };
  #decided = []; // ids, until the counts of their acknowledgement
  #adoptTimer = null;
  #listeners = [];

  constructor(url, options, env = browser()) {
    this.#options = complete(options);
    this.#env = env;
    const addresses = endpoints(url, this.#options.stream, env.base);
    this.#queue = new Queue(this.#options);
    this.#owner = new Owner(env, addresses.name);
    this.#sender = new Sender({
      queue: this.#queue,
      options: this.#options,
      env,
      endpoints: addresses,
      events: {
        state: (word) => this.#enter(word),
        sent: (records, transport, bytes) => this.#sent(records, transport, bytes),
        decided: (good, refused) => this.#settled(good, refused),
        reply: (counts) => this.#replied(counts),
        error: (error) => this.#tell("onError", error),
      },
    });
    this.#name = addresses.name;
    queueMicrotask(() => (this.#silent ? this.#enter("private") : this.#start())); // no callback runs inside `new`
  }

  /** The id of the event, or null if it was not tracked: privacy, closed, or it cannot be sent (see onError). */
  track(eventName, metadata, fields) {
    if (this.#closed || this.#silent) {
      return null;
    }
    this.#start();
    const record = this.#record(eventName, metadata, fields);
    if (record === null) {
      return null;
    }
    this.#counts.tracked++;
    this.#queue.add(record, this.#env.clock());
    this.#unsaved.push(record);
    this.#save();
    return record.id;
  }

  /** Resolves with how many of the events tracked before it are not acknowledged: 0, unless time was up. */
  async flush({ timeout = this.#options.flushTimeout } = {}) {
    const flush = this.#queue.flush();
    this.#sender.wake();
    let timer;
    const late = new Promise((resolve) => (timer = this.#env.setTimeout(resolve, timeout)));
    await Promise.race([flush.done, late]);
    this.#env.clearTimeout(timer);
    flush.cancel();
    return flush.left();
  }

  /** Flushes and lets go of everything. What is left stays in IndexedDB for the next page. */
  async close({ timeout = 5000 } = {}) {
    if (this.#closed) {
      return 0;
    }
    this.#closed = true;
    const left = this.#started ? await this.flush({ timeout }) : 0;
    this.#listeners.forEach((remove) => remove());
    this.#env.clearTimeout(this.#adoptTimer);
    this.#sender.stop();
    await this.#opening;
    this.#store?.close();
    this.#owner.release();
    return left;
  }

  get state() {
    return this.#state;
  }

  /** tracked + recovered = acknowledged + rejected + dropped + waiting. */
  stats() {
    return { ...this.#counts, waiting: this.#queue.size, inFlight: this.#sender.inFlight };
  }

  get #silent() {
    return this.#options.respectPrivacy && wantsPrivacy(this.#env);
  }

  #start() {
    if (this.#started || this.#closed) {
      return;
    }
    this.#started = true;
    this.userId ??= this.#options.userId || anonymousId(this.#env);
    this.#opening = this.#open();
    this.#listen();
    this.#sender.start();
  }

  // making and saving

  #record(eventName, metadata, fields) {
    try {
      const now = this.#env.wall();
      const event = {
        ...this.#options.context,
        event_name: eventName,
        channel: this.#options.channel,
        user_id: this.userId,
        timestamp: now,
        message_id: uuid(this.#env.crypto),
        metadata,
        ...fields,
      };
      const json = toJson(event);
      const record = { id: String(event.message_id), time: now, json, bytes: byteLength(json) };
      if (record.bytes > this.#options.batchBytes) {
        throw new RangeError(`${record.bytes} bytes are more than options.batchBytes (${this.#options.batchBytes})`);
      }
      return record;
    } catch (error) {
      // A page must not break over its statistics.
      this.#tell("onError", { code: "not_trackable", message: `${eventName}: ${error.message}` });
      return null;
    }
  }

  async #open() {
    await this.#owner.announce();
    this.#store = await openStore(this.#env, this.#name);
    if (this.#store === null) {
      this.#tell("onError", { code: "storage", message: "no IndexedDB: unsent events end with the page" });
      return;
    }
    this.#adopt();
  }

  /** All that was tracked while the last batch was being saved is the next batch. */
  async #save() {
    if (this.#saving !== null) {
      return;
    }
    this.#saving = [];
    await this.#opening;
    while (this.#unsaved.length !== 0) {
      this.#saving = this.#unsaved.splice(0);
      await this.#store?.put(this.#saving, this.#owner.id);
      this.#ready(this.#saving);
    }
    this.#saving = null;
  }

  #ready(records) {
    this.#queue.ready(records);
    for (const [reason, dropped] of this.#queue.overflow(this.#env.wall())) {
      this.#counts.dropped += dropped.length;
      this.#forget(dropped);
      this.#tell("onDrop", { reason, ids: idsOf(dropped), events: dropped.map(eventOf) });
    }
    this.#sender.wake();
  }

  #forget(records) {
    this.#store?.remove(records);
  }

  /** Now and every minute: what closed tabs left. */
  async #adopt() {
    const left = (await this.#owner.adopt(this.#store)).filter((record) => !this.#queue.has(record.id));
    for (const { id, time, json, bytes } of left) {
      const record = { id, time, json, bytes };
      this.#queue.add(record, this.#env.clock());
      this.#ready([record]);
    }
    this.#counts.recovered += left.length;
    if (!this.#closed) {
      this.#adoptTimer = this.#env.setTimeout(() => this.#adopt(), ADOPT_EVERY);
    }
  }

  // the page

  #listen() {
    const { document, window } = this.#env;
    const on = (target, type, handle) => {
      target?.addEventListener(type, handle);
      this.#listeners.push(() => target?.removeEventListener(type, handle));
    };
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.#hide());
    on(window, "pagehide", () => this.#hide());
    on(window, "online", () => this.#sender.retryNow());
  }

  #hide() {
    const unsaved = this.#unsaved.splice(0);
    if (unsaved.length !== 0) {
      this.#store?.put(unsaved, this.#owner.id);
    }
    this.#queue.ready([...(this.#saving ?? []), ...unsaved]);
    this.#sender.hurry();
  }

  // what the sender tells

  #enter(state) {
    if (state !== this.#state) {
      this.#state = state;
      this.#tell("onState", state);
    }
  }

  #sent(records, transport, bytes) {
    for (const record of records) {
      this.#counts[record.sent ? "resent" : "sent"]++;
      record.sent = true;
    }
    this.#tell("onSend", { ids: idsOf(records), transport, bytes });
  }

  #settled(good, refused) {
    this.#counts.acknowledged += good.length;
    this.#counts.rejected += refused.size;
    this.#forget([...good, ...refused.keys()]);
    this.#decided.push(...idsOf(good));
    for (const [record, { code, field, message }] of refused) {
      this.#tell("onError", { code, field, message, id: record.id, event: eventOf(record) });
    }
  }

  #replied({ accepted, duplicate, rejected }) {
    this.#tell("onAck", { ids: this.#decided.splice(0), accepted, duplicate, rejected });
  }

  /** What a callback throws is the page's error, not ours. */
  #tell(name, value) {
    try {
      this.#options[name]?.(value);
    } catch (error) {
      this.#env.setTimeout(() => {
        throw error;
      }, 0);
    }
  }
}

const idsOf = (records) => records.map((record) => record.id);
const eventOf = (record) => JSON.parse(record.json);
