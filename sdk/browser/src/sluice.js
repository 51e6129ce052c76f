// Turns track(…) into events in ClickHouse: each is made, saved, sent, and forgotten when it is acknowledged.
//
//   track ─► unsaved ─► IndexedDB ─► Queue ─► Sender ─► gateway
//               (with its id and time)  ▲                  │ acknowledgement
//   what other pages left behind ───────┘◄─────────────────┘ removes it from both
import { anonymousId, browser, uuid, wantsPrivacy } from "./environment.js";
import { makeEvent, toJson } from "./event.js";
import { byteLength } from "./frame.js";
import { Keeper } from "./keeper.js";
import { checkTimeout, complete, endpoints } from "./options.js";
import { Queue } from "./queue.js";
import { Sender } from "./sender.js";

const NOTHING_KEPT = "IndexedDB keeps nothing now (none, full, or cleared): unsent events end with the page";
const SOMEWHERE = "http://localhost/"; // what a path is relative to where there is no page

export class Sluice {
  #userId = "";
  #options;
  #env;
  #queue;
  #sender;
  #keeper;
  #state = "idle";
  #started = false;
  #closed = false;
  #counts = { tracked: 0, recovered: 0, sent: 0, resent: 0, acknowledged: 0, rejected: 0, dropped: 0 };
  #decided = []; // ids, until the counts of their acknowledgement
  #listeners = [];
  #hidden = false; // the page was hidden in this turn, or is leaving
  #leaving = false;
  #hiding = false; // asked for, at the end of this step
  #toldNoPage = false;

  constructor(url, options, env = browser()) {
    this.#options = complete(options);
    this.#env = env;
    const addresses = endpoints(url, this.#options.stream, env.base ?? SOMEWHERE, this.#options.key);
    this.#userId = this.#options.userId;
    this.#queue = new Queue(this.#options);
    if (this.#isServer) {
      return;
    }
    this.#keeper = new Keeper(env, addresses.name, this.#queue, {
      ready: (records) => this.#ready(records),
      adopted: (records) => (this.#counts.recovered += records.length),
      fails: () => this.#tell("onError", { code: "storage", message: NOTHING_KEPT }),
    });
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
    queueMicrotask(() => (this.#silent ? this.#enter("private") : this.#start())); // no callback runs inside `new`
  }

  /** Of the events tracked from now on. */
  get userId() {
    if (this.#userId === "" && !this.#silent && !this.#isServer) {
      this.#userId = anonymousId(this.#env);
    }
    return this.#userId;
  }

  /** undefined, null and "": the anonymous id. */
  set userId(id) {
    if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number") {
      throw new TypeError(`Sluice: userId must be a string, not ${typeof id}`);
    }
    this.#userId = String(id ?? "");
  }

  /** After a logout: another anonymous id than before, for the events tracked from now on. */
  reset() {
    this.#userId = this.#silent || this.#isServer ? "" : anonymousId(this.#env, true);
  }

  /** The message_id of the event, or null if it was not tracked: privacy, a server, closed, or it cannot be sent (see
   * onError). */
  track(eventName, metadata, fields) {
    if (this.#silent || this.#isServer) {
      this.#noPage();
      return null;
    }
    this.#start();
    const record = this.#record(eventName, metadata, fields);
    if (record === null) {
      return null;
    }
    this.#counts.tracked++;
    this.#queue.add(record, this.#env.clock());
    this.#keeper.add(record);
    this.#hideSoon();
    return record.messageId;
  }

  /** Resolves with what became of the events tracked before it: { stored, refused, dropped, waiting }; waiting is 0,
   * unless time was up. */
  async flush({ timeout = this.#options.flushTimeout } = {}) {
    checkTimeout(timeout);
    const flush = this.#queue.flush();
    this.#sender?.wake();
    let timer;
    const late = new Promise((resolve) => (timer = this.#env.setTimeout(resolve, timeout)));
    await Promise.race([flush.done, late]);
    this.#env.clearTimeout(timer);
    flush.cancel();
    return flush.result();
  }

  /** Flushes and lets go of everything. What is left stays in IndexedDB for the next page. */
  async close({ timeout = 5000 } = {}) {
    checkTimeout(timeout);
    if (this.#closed || !this.#started) {
      this.#closed = true;
      return this.#queue.flush().result();
    }
    this.#closed = true;
    const result = await this.flush({ timeout });
    this.#listeners.forEach((remove) => remove());
    this.#sender.stop();
    await this.#keeper.close();
    return result;
  }

  get state() {
    return this.#state;
  }

  /** tracked + recovered = acknowledged + rejected + dropped + waiting. */
  stats() {
    return { ...this.#counts, waiting: this.#queue.size, inFlight: this.#sender?.inFlight ?? 0 };
  }

  get #silent() {
    return this.#options.respectPrivacy && wantsPrivacy(this.#env);
  }

  /** There is no page, and nothing is to be kept, sent or waited for. */
  get #isServer() {
    return this.#env.base === undefined;
  }

  #noPage() {
    if (this.#isServer && !this.#toldNoPage) {
      this.#toldNoPage = true;
      this.#tell("onError", { code: "no_page", message: "nothing is tracked where there is no page, as on a server" });
    }
  }

  #start() {
    if (this.#started || this.#closed) {
      return;
    }
    this.#started = true;
    this.#keeper.open();
    this.#listen();
    this.#sender.start();
  }

  // making

  #record(eventName, metadata, fields) {
    try {
      if (this.#closed) {
        throw new Error("it is closed");
      }
      return this.#made(eventName, metadata, fields);
    } catch (error) {
      // A page must not break over its statistics.
      this.#tell("onError", { code: "not_trackable", message: `${nameOf(eventName)}: ${error?.message}` });
      return null;
    }
  }

  #made(eventName, metadata, fields) {
    const { context, channel, batchBytes } = this.#options;
    const time = this.#env.wall();
    const id = uuid(this.#env.crypto);
    const left = [];
    const own = { event_name: eventName, channel, user_id: this.userId, timestamp: time, message_id: id };
    const event = makeEvent(context, own, metadata, fields, left);
    const json = toJson(event, left);
    const record = { id, messageId: String(event.message_id), time, json, bytes: byteLength(json) };
    if (record.bytes > batchBytes) {
      throw new RangeError(`${record.bytes} bytes are more than options.batchBytes (${batchBytes})`);
    }
    if (left.length !== 0) {
      const message = `${nameOf(eventName)}: left out ${left.join(", ")}`;
      this.#tell("onError", { code: "left_out", message, id: record.messageId });
    }
    return record;
  }

  #ready(records) {
    this.#queue.ready(records);
    const dropped = this.#queue.overflow(this.#env.clock(), this.#env.wall());
    dropped.forEach(([, all]) => (this.#counts.dropped += all.length));
    for (const [reason, all] of dropped) {
      this.#tell("onDrop", { reason, ids: idsOf(all), events: all.map(eventOf) });
      this.#keeper.forget(all); // behind it: a page that ends in between has the next one tell it again
    }
    this.#sender.wake();
  }

  // the page

  #listen() {
    const { document, window } = this.#env;
    const on = (target, type, handle) => {
      target?.addEventListener(type, handle);
      this.#listeners.push(() => target?.removeEventListener(type, handle));
    };
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.#hide());
    on(window, "pagehide", () => {
      this.#leaving = true;
      this.#hide();
    });
    on(window, "pageshow", () => (this.#leaving = this.#hidden = false));
    on(window, "online", () => this.#sender.retryNow());
  }

  /** What the page tracks in its own handlers of these events, behind ours, goes out as well: when they are through. */
  #hide() {
    this.#hidden = true;
    this.#env.setTimeout(() => (this.#hidden = this.#leaving), 0);
    this.#sendAll();
  }

  #hideSoon() {
    if (this.#hidden && !this.#hiding) {
      this.#hiding = true;
      queueMicrotask(() => {
        this.#hiding = false;
        this.#sendAll();
      });
    }
  }

  #sendAll() {
    this.#queue.ready(this.#keeper.hurry());
    this.#sender.hurry(this.#leaving);
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
    this.#decided.push(...idsOf(good));
    for (const [record, { code, field, message }] of refused) {
      this.#tell("onError", { code, field, message, id: record.messageId, event: eventOf(record) });
    }
    if (good.length + refused.size !== 0) {
      this.#keeper.forget([...good, ...refused.keys()]); // behind what is told, likewise
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

const idsOf = (records) => records.map((record) => record.messageId);
const eventOf = (record) => JSON.parse(record.json);
const nameOf = (eventName) => (typeof eventName === "string" ? eventName : typeof eventName);
