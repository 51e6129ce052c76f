// Turns one WebSocket into batches out and acknowledgements in. It ends once, by `ended`, and is not used again.
import { frame } from "./frame.js";
import { InFlight } from "./in_flight.js";

const OPEN = 1;
const CLOSED_AFTER = 50; // ms that a close follows an error by, if one comes
const MAX_BUFFERED = 1024 * 1024; // bytes the socket may hold; then we wait for acknowledgements

export class Connection {
  inFlight = new InFlight();
  #env;
  #socket;
  #handlers;
  #timer;

  /** handlers: opened(), acked(ack, decided), ended(code, reason, frames, blocked): frames are what was
   * not decided; blocked: the page may open no WebSocket at all. */
  constructor(env, url, { connectTimeout, key }, handlers) {
    this.#env = env;
    this.#handlers = handlers;
    this.openedAt = null;
    this.#timer = env.setTimeout(() => this.end(1006, "no connection in time"), connectTimeout);
    try {
      this.#listen(new env.WebSocket(url, key ? ["sluice.v1", `key.${key}`] : ["sluice.v1"]));
    } catch (error) {
      // Forbidden here (mixed content, a policy of the page): told later, as all other ends are.
      env.setTimeout(() => this.end(1006, String(error?.message ?? error), true), 0);
    }
  }

  #listen(socket) {
    this.#socket = socket;
    socket.onopen = () => {
      this.#env.clearTimeout(this.#timer);
      this.openedAt = this.#env.clock();
      this.#handlers.opened();
    };
    socket.onerror = () => {
      // Nothing else comes where the Content-Security-Policy of the page forbids it.
      if (this.openedAt === null) {
        const blocked = () => this.end(1006, "no WebSocket is allowed here: see connect-src of the page's policy", true);
        this.#env.setTimeout(blocked, CLOSED_AFTER);
      }
    };
    socket.onmessage = ({ data }) => this.#message(data);
    socket.onclose = ({ code, reason }) => this.end(code, reason);
  }

  #message(data) {
    let ack;
    try {
      ack = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof ack?.ack === "number") {
      this.#handlers.acked(ack, this.inFlight.ack(ack, this.#env.clock()));
    }
  }

  get open() {
    return this.#socket?.readyState === OPEN;
  }

  get congested() {
    return this.#socket.bufferedAmount > MAX_BUFFERED;
  }

  /** Returns the bytes sent (characters, if as text). */
  send(records, compressAbove) {
    const message = frame(records, compressAbove, this.#env.wall());
    this.inFlight.add(records, this.#env.clock());
    this.#socket.send(message);
    return message.length;
  }

  /** At once, without waiting for the other side: it may be gone. */
  end(code = 1000, reason = "", blocked = false) {
    const { ended } = this.#handlers;
    if (ended === undefined) {
      return;
    }
    this.#handlers = { opened() {}, acked() {} };
    this.#env.clearTimeout(this.#timer);
    this.#socket?.close();
    ended(code, reason, this.inFlight.drain(), blocked);
  }
}
