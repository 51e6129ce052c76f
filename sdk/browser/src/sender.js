// Turns batches of the queue into acknowledged ones, over a WebSocket or, where none can be had, by fetch.
//
//   connecting ──► websocket ──► waiting (backoff) ──► connecting …
//       └─ no WebSocket, several times ──► fetch, and now and then a try of the WebSocket beside it
import { Backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { payload } from "./frame.js";
import { denial, post, refusesOrigin } from "./http.js";
import { judge, verdictOf } from "./verdict.js";

/** The batch at fault is the first one not acknowledged: everything before it was. */
const OUR_FAULT = { 1003: "unsupported_data", 1007: "invalid_data", 1009: "too_large" };
const POLICY = 1008;
const TRY_LATER = 1013;
const TRY_LATER_WAIT = 1000; // ms, at least
const STEADY = 10_000; // ms; a connection open that long was a good one
const ATTEMPTS_ONCE_OPENED = 10; // a gateway that was there is more likely to be restarting than to be blocked
const HURRY_BYTES = 60 * 1024; // browsers allow 64 KiB of keepalive and beacons together, until they are answered
const REFUSED_WAIT = 60_000; // ms until the first try behind a refused key or origin; each further one waits twice as long
const REFUSED_TRIES = 6;
const ORIGIN_REFUSED = "origin_not_allowed"; // as the gateway calls it

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
  #blocked = false; // the page may open no WebSocket
  #refusals = 0; // in a row, of this page's key or origin
  #hurriedBytes = 0; // not answered yet

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
    if (this.#options.transport === "fetch" || (this.#env.WebSocket === undefined && this.#options.transport === "auto")) {
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
      this.#send(this.#queue.take(this.#env.clock(), this.#env.wall()));
    }
    this.#sleep();
  }

  /** The page is hidden, and may not come back: all that waits goes out now, as far as the browser lets it. If it is
   * leaving, by a POST that outlives it: what is written to a WebSocket then is mostly lost. */
  hurry(leaving) {
    if (this.#stopped || this.#refusals !== 0) {
      return;
    }
    const open = this.#connection?.open;
    if (leaving || !open) {
      this.#hurryByPost(open ? this.#connection.inFlight.records.filter((record) => !record.saved) : []);
    }
    if (open && (!leaving || this.#queue.unhurried)) {
      while (this.#queue.waiting !== 0) {
        this.#send(this.#queue.take(this.#env.clock(), this.#env.wall()));
      }
    }
  }

  #hurryByPost(more) {
    const { clock, wall } = this.#env;
    const records = this.#queue.hurry(HURRY_BYTES - this.#hurriedBytes, more, clock(), wall());
    if (records.length === 0) {
      return;
    }
    if (this.#env.keepalive) {
      this.#events.sent(records, "fetch", 0);
      this.#postHurried(records);
    } else if (this.#env.navigator.sendBeacon?.(this.#endpoints.bulk, payload(records, this.#env.wall()))) {
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
      const { length, alone } = this.#connection.inFlight;
      const most = alone || this.#queue.nextAlone ? 1 : this.#options.maxInFlight; // one whose answer is about no other
      return length < most && !this.#connection.congested;
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
      ended: (code, reason, frames, blocked) => this.#ended(code, reason, frames, blocked),
    });
  }

  #opened() {
    this.#everOpened = true;
    this.#refusals = 0;
    this.#fetching = false;
    this.#cancelRetry(); // of fetch
    this.#events.state("websocket");
    this.wake();
  }

  #acked(ack, decided) {
    this.#failures = 0;
    this.#backoff.reset();
    this.#decide(verdictOf(decided, ack.rejected));
    this.#events.reply(ack);
    this.wake();
  }

  #ended(code, reason, frames, blocked) {
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
    if (blocked) {
      this.#blocked = true;
      this.#events.error({ code: "websocket", message: reason });
    }
    this.#again(code);
  }

  get #webSockets() {
    return this.#options.transport !== "fetch" && this.#env.WebSocket !== undefined && !this.#blocked;
  }

  /** After a connection has ended: another, or fetch. */
  #again(code) {
    const { transport, websocketAttempts } = this.#options;
    const attempts = this.#everOpened ? ATTEMPTS_ONCE_OPENED : websocketAttempts;
    if (this.#fetching) {
      this.#probeLater(); // unless fetch waits itself, and probes after that
    } else if (transport === "auto" && (this.#failures >= attempts || this.#blocked)) {
      this.#useFetch();
    } else {
      this.#events.state("waiting");
      const wait = this.#backoff.next(code === TRY_LATER ? TRY_LATER_WAIT : 0);
      const again = () => this.#retryIn(this.#blocked ? Infinity : wait, () => this.#connect());
      if (this.#failures >= attempts && !this.#everOpened) {
        this.#askWhy(again);
      } else {
        again();
      }
    }
    this.wake();
  }

  /** No WebSocket has ever opened, and fetch is not to be used: is it for the page's origin or key? Nothing is tried until that
   * is known. */
  async #askWhy(again) {
    const { why } = this.#endpoints;
    const refusal = (await this.#refusesOrigin())
      ? this.#originRefused()
      : await denial(this.#env, why, this.#options.ackTimeout);
    if (this.#stopped) {
      return;
    }
    if (refusal !== null) {
      this.#refused(refusal, () => this.#connect());
    } else {
      again();
    }
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
    if (this.#options.transport === "auto" && this.#webSockets && this.#retry === null) {
      this.#retryIn(this.#options.websocketRetry, () => this.#connectBeside());
      this.#retry.probe = true;
    }
  }

  async #post(records) {
    this.#posting = true;
    const result = await post(this.#env, this.#endpoints.bulk, records, { timeout: this.#options.ackTimeout });
    const refusal = await this.#refusalOf(result);
    this.#posting = false;
    if (result.again === undefined) {
      this.#backoff.reset();
      this.#refusals = 0;
      this.#settlePost(records, result);
      if (this.#fetching && this.#connection === null) {
        this.#probeLater();
      }
    } else {
      this.#queue.giveBack(records);
      this.#postAgain(result, refusal);
    }
    this.wake();
  }

  #settlePost(records, { reply, whole }) {
    if (whole !== undefined) {
      this.#refuseWhole(records, whole);
      return;
    }
    this.#decide(verdictOf([judge(records, reply.errors, reply.refused)], reply.rejected));
    this.#events.reply(reply);
  }

  #postAgain({ again, error }, refusal) {
    if (refusal === null) {
      this.#events.error(error);
    }
    if (!this.#fetching || this.#stopped) {
      return; // the WebSocket has come back meanwhile
    }
    const work = () => {
      this.#events.state("fetch");
      this.#connectBeside();
      this.wake();
    };
    if (refusal !== null) {
      this.#refused(refusal, work);
      return;
    }
    this.#events.state("waiting");
    this.#retryIn(this.#backoff.next(again), work);
  }

  /** Fetch has failed and is tried again: the WebSocket might work as well by now. */
  #connectBeside() {
    if (this.#options.transport === "auto" && this.#webSockets && this.#connection === null) {
      this.#connect();
    }
  }

  async #postHurried(records) {
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
    const options = { keepalive: true, timeout: this.#options.ackTimeout };
    this.#hurriedBytes += bytes;
    const result = await post(this.#env, this.#endpoints.bulk, records, options);
    this.#hurriedBytes -= bytes;
    records.forEach((record) => (record.hurried = false));
    if (result.reply !== undefined) {
      this.#settlePost(records, result);
    }
    this.wake();
  }

  // the page's key and origin

  async #refusesOrigin() {
    const { origin } = this.#env;
    const elsewhere = origin !== undefined && origin !== this.#endpoints.origin;
    return elsewhere && refusesOrigin(this.#env, this.#endpoints.ping, this.#options.ackTimeout);
  }

  #originRefused() {
    const message = `the gateway answers, but not to pages of ${this.#env.origin}: its http.cors_origins must list them`;
    return { code: ORIGIN_REFUSED, message };
  }

  /** Why nothing of this page is taken; null: it may be another time. */
  async #refusalOf({ error, denied }) {
    if (error?.code === ORIGIN_REFUSED || (error?.code === "network" && (await this.#refusesOrigin()))) {
      return this.#originRefused();
    }
    return denied ? error : null;
  }

  /** Told once. A gateway takes other keys and origins when it is told to: it is tried some times more, later and later,
   * then when the network comes back, and by the next page. */
  #refused(error, work) {
    if (this.#refusals++ === 0) {
      this.#events.error(error);
    }
    this.#events.state("refused");
    const wait = REFUSED_WAIT * 2 ** (this.#refusals - 1);
    this.#retryIn(this.#refusals > REFUSED_TRIES ? Infinity : wait, work);
  }

  // verdicts

  #decide({ good, refused, wholes, unsure }) {
    for (const { records, error } of wholes) {
      this.#refuseWhole(records, error);
    }
    this.#sendAlone(unsure);
    const stored = this.#queue.settle(good, "stored");
    const told = this.#queue.settle([...refused.keys()], "refused");
    this.#events.decided(stored, new Map(told.map((record) => [record, refused.get(record)])));
  }

  /** Of several one may be at fault: each is sent by itself. A single one is never sent again. */
  #refuseWhole(records, error) {
    if (records.length === 1) {
      const told = this.#queue.settle(records, "refused");
      this.#events.decided([], new Map(told.map((record) => [record, error])));
      return;
    }
    this.#sendAlone(records);
  }

  #sendAlone(records) {
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
    const timer = delay === Infinity ? undefined : this.#env.setTimeout(now, delay); // never: retryNow() may
    this.#retry = { timer, now, probe: false };
  }

  #cancelRetry() {
    if (this.#retry !== null) {
      this.#env.clearTimeout(this.#retry.timer);
      this.#retry = null;
    }
  }
}
