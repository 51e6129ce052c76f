// Turns batches of the queue into acknowledged ones, over a WebSocket or, where none can be had, by fetch.
//
//   connecting ──► websocket ──► waiting (backoff) ──► connecting …
//       └─ no WebSocket, several times ──► fetch, and now and then a try of the WebSocket beside it
import { Backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { payload } from "./frame.js";
import { post } from "./http.js";
import { judge } from "./in_flight.js";

/** The batch at fault is the first one not acknowledged: everything before it was. */
const OUR_FAULT = { 1003: "unsupported_data", 1007: "invalid_data", 1009: "too_large" };
const POLICY = 1008;
const TRY_LATER = 1013;
const TRY_LATER_WAIT = 1000; // ms, at least
const STEADY = 10_000; // ms; a connection open that long was a good one
const ATTEMPTS_ONCE_OPENED = 10; // a gateway that was there is more likely to be restarting than to be blocked
const HURRY_BYTES = 60 * 1024; // browsers allow 64 KiB of keepalive and beacons together

export class Sender {
  #queue;
  #options;
  #env;
  #endpoints;
  #events;
  #backoff;
  #connection = null; // open or being opened
  #fetching = false; // the mode
  #posting = false;
  #everOpened = false;
  #failures = 0;
  #retry = null;
  #timer = null;
  #stopped = false;

  /** events: state(word), sent(records, transport, bytes), decided(good, refused: record → error), reply(counts) after
   * the decisions of one acknowledgement, error(error). */
  constructor({ queue, options, env, endpoints, events }) {
    this.#queue = queue;
    this.#options = options;
    this.#env = env;
    this.#endpoints = endpoints;
    this.#events = events;
    this.#backoff = new Backoff({ min: options.backoffMin, max: options.backoffMax, random: env.random });
  }

  start() {
    if (this.#options.transport === "fetch" || this.#env.WebSocket === undefined) {
      this.#useFetch();
    } else {
      this.#connect();
    }
  }

  /** Something was queued, asked for or decided: sends what is due, and sleeps until the next is. */
  wake() {
    if (this.#stopped) {
      return;
    }
    while (this.#canSend() && this.#queue.dueAt() <= this.#env.clock()) {
      this.#send(this.#queue.take());
    }
    this.#sleep();
  }

  /** The page is hidden, and may not come back: all that waits goes out now, as far as the browser lets it. */
  hurry() {
    if (this.#connection?.open) {
      while (this.#queue.waiting !== 0) {
        this.#send(this.#queue.take());
      }
      return;
    }
    const records = this.#queue.hurry(HURRY_BYTES);
    if (records.length === 0) {
      return;
    }
    if (this.#env.keepalive) {
      this.#events.sent(records, "fetch", 0);
      this.#postHurried(records);
    } else if (this.#env.navigator.sendBeacon?.(this.#endpoints.bulk, payload(records))) {
      this.#events.sent(records, "beacon", 0); // nobody will tell whether it came: it stays queued
    }
  }

  /** The network is back. */
  retryNow() {
    if (this.#retry !== null && !this.#stopped) {
      this.#retry.now();
    }
  }

  stop() {
    this.#stopped = true;
    this.#cancelRetry();
    this.#env.clearTimeout(this.#timer);
    this.#connection?.end();
    this.#events.state("closed");
  }

  get inFlight() {
    return this.#connection?.inFlight.events ?? 0;
  }

  #canSend() {
    if (this.#connection?.open) {
      return this.#connection.inFlight.length < this.#options.maxInFlight && !this.#connection.congested;
    }
    return this.#fetching && !this.#posting && (this.#retry === null || this.#retry.probe);
  }

  #send(records) {
    if (this.#connection?.open) {
      const bytes = this.#connection.send(records, this.#options.compressAbove);
      this.#events.sent(records, "websocket", bytes);
    } else {
      this.#events.sent(records, "fetch", 0);
      this.#post(records);
    }
  }

  #sleep() {
    this.#env.clearTimeout(this.#timer);
    const due = this.#canSend() ? this.#queue.dueAt() : Infinity;
    const late = this.#connection?.open ? this.#connection.inFlight.since + this.#options.ackTimeout : Infinity;
    const wait = Math.min(due, late) - this.#env.clock();
    if (wait !== Infinity) {
      this.#timer = this.#env.setTimeout(() => this.#tick(), Math.max(wait, 0));
    }
  }

  #tick() {
    const { inFlight, open } = this.#connection ?? {};
    if (open && inFlight.since + this.#options.ackTimeout <= this.#env.clock()) {
      this.#connection.end(1006, "no acknowledgement in time");
    }
    this.wake();
  }

  // WebSocket

  #connect() {
    if (!this.#fetching) {
      this.#events.state("connecting");
    }
    this.#connection = new Connection(this.#env, this.#endpoints.ws, this.#options, {
      opened: () => this.#opened(),
      acked: (ack, decided) => this.#acked(ack, decided),
      ended: (code, reason, frames) => this.#ended(code, reason, frames),
    });
  }

  #opened() {
    this.#everOpened = true;
    this.#fetching = false;
    this.#cancelRetry(); // of fetch
    this.#events.state("websocket");
    this.wake();
  }

  #acked(ack, decided) {
    this.#failures = 0;
    this.#backoff.reset();
    for (const { records, errors } of decided) {
      this.#decide(records, errors);
    }
    this.#events.reply(ack);
    this.wake();
  }

  #ended(code, reason, frames) {
    const { openedAt } = this.#connection;
    this.#connection = null;
    const fault = OUR_FAULT[code] && frames.shift();
    this.#queue.giveBack(frames.flat());
    if (fault) {
      this.#refuseWhole(fault, { code: OUR_FAULT[code], message: reason });
    }
    if (this.#stopped) {
      return;
    }
    if (code === POLICY) {
      this.#events.error({ code: "policy", message: reason });
    }
    if (openedAt !== null && this.#env.clock() - openedAt >= STEADY) {
      this.#failures = 0;
      this.#backoff.reset();
    }
    this.#failures++;
    this.#again(code);
  }

  /** After a connection has ended: another, or fetch. */
  #again(code) {
    const attempts = this.#everOpened ? ATTEMPTS_ONCE_OPENED : this.#options.websocketAttempts;
    if (this.#fetching) {
      this.#probeLater(); // unless fetch waits itself, and probes after that
    } else if (this.#options.transport === "auto" && this.#failures >= attempts) {
      this.#useFetch();
    } else {
      this.#events.state("waiting");
      this.#retryIn(this.#backoff.next(code === TRY_LATER ? TRY_LATER_WAIT : 0), () => this.#connect());
    }
    this.wake();
  }

  // fetch

  #useFetch() {
    this.#fetching = true;
    this.#failures = 0;
    this.#backoff.reset();
    this.#events.state("fetch");
    this.#probeLater();
    this.wake();
  }

  #probeLater() {
    if (this.#options.transport === "auto" && this.#env.WebSocket !== undefined && this.#retry === null) {
      this.#retryIn(this.#options.websocketRetry, () => this.#connectBeside());
      this.#retry.probe = true;
    }
  }

  async #post(records) {
    this.#posting = true;
    const result = await post(this.#env, this.#endpoints.bulk, records, { timeout: this.#options.ackTimeout });
    this.#posting = false;
    if (result.again === undefined) {
      this.#backoff.reset();
      this.#settlePost(records, result);
      if (this.#fetching && this.#connection === null) {
        this.#probeLater();
      }
    } else {
      this.#queue.giveBack(records);
      this.#postAgain(result);
    }
    this.wake();
  }

  #settlePost(records, { reply, whole }) {
    if (whole !== undefined) {
      this.#refuseWhole(records, whole);
      return;
    }
    this.#decide(records, reply.errors ?? []);
    this.#events.reply(reply);
  }

  #postAgain({ again, error }) {
    this.#events.error(error);
    if (!this.#fetching || this.#stopped) {
      return; // the WebSocket has come back meanwhile
    }
    this.#cancelRetry();
    this.#events.state("waiting");
    this.#retryIn(this.#backoff.next(again), () => {
      this.#events.state("fetch");
      this.#connectBeside();
      this.wake();
    });
  }

  /** Fetch has failed and is tried again: the WebSocket might work as well by now. */
  #connectBeside() {
    if (this.#options.transport === "auto" && this.#env.WebSocket !== undefined && this.#connection === null) {
      this.#connect();
    }
  }

  async #postHurried(records) {
    const options = { keepalive: true, timeout: this.#options.ackTimeout };
    const result = await post(this.#env, this.#endpoints.bulk, records, options);
    if (result.reply !== undefined) {
      this.#settlePost(records, result);
    } else {
      records.forEach((record) => (record.hurried = false));
    }
    this.wake();
  }

  // verdicts

  #decide(records, errors) {
    const { refused, whole } = judge(records, errors);
    if (whole !== null) {
      this.#refuseWhole(records, whole);
      return;
    }
    this.#queue.settle(records);
    this.#events.decided(
      records.filter((record) => !refused.has(record)),
      refused,
    );
  }

  /** Of several one may be at fault: each is sent by itself. A single one is never sent again. */
  #refuseWhole(records, error) {
    if (records.length === 1) {
      this.#queue.settle(records);
      this.#events.decided([], new Map([[records[0], error]]));
      return;
    }
    records.forEach((record) => (record.alone = true));
    this.#queue.giveBack(records);
  }

  // the one thing to be tried later

  #retryIn(delay, work) {
    this.#cancelRetry();
    const now = () => {
      this.#cancelRetry();
      work();
    };
    this.#retry = { timer: this.#env.setTimeout(now, delay), now, probe: false };
  }

  #cancelRetry() {
    if (this.#retry !== null) {
      this.#env.clearTimeout(this.#retry.timer);
      this.#retry = null;
    }
  }
}
