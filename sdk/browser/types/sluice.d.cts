/** What a page sends to a Sluice gateway. See README.md beside it. */

export type State =
  /** not started yet */
  | "idle"
  /** respectPrivacy is set, and the visitor asked not to be tracked */
  | "private"
  | "connecting"
  /** a WebSocket is open */
  | "websocket"
  /** no WebSocket can be had: events go by POST */
  | "fetch"
  /** the gateway does not list the page's origin in http.cors_origins: it is hardly tried any more */
  | "refused"
  /** between two tries */
  | "waiting"
  | "closed";

export interface Acknowledgement {
  /** Events that are decided now and were not refused. */
  ids: string[];
  accepted: number;
  /** The gateway had them already: they had been sent before. */
  duplicate: number;
  rejected: number;
}

export interface Failure {
  /** A code of the gateway ("not_allowed", "too_large", …), "network", "http_404", "policy", "websocket" (the page may
   * open none), "origin_not_allowed", "storage" (unsent events end with the page), "left_out" (a member that JSON has no
   * form for; the rest is sent), "not_trackable" (the event is not), "no_page". */
  code: string;
  message: string;
  /** With an event that was refused, and is not sent again ("left_out": of the event that is sent): */
  id?: string;
  field?: string | null;
  event?: Record<string, unknown>;
}

export interface Drop {
  /** The bound that was reached. */
  reason: "age" | "events" | "bytes";
  ids: string[];
  events: Record<string, unknown>[];
}

export interface Sending {
  ids: string[];
  transport: "websocket" | "fetch" | "beacon";
  /** Of the WebSocket message; 0: not known. */
  bytes: number;
}

/** What became of the events that a flush() waited for. */
export interface Flushed {
  /** They are in the gateway, as safe as it is configured. */
  stored: number;
  /** By the gateway: each was told to onError. */
  refused: number;
  /** Beyond the bounds of what is kept: each was told to onDrop. */
  dropped: number;
  /** Nothing is known of them yet: they are sent later, or by the next page. */
  waiting: number;
}

/** Times are milliseconds, above 0 and at most 2,147,483,647 (24.8 days); counts are whole and at least 1. null is as if
 * not given. */
export interface Options {
  /** The gateway's key for pages, as `sluice key new` prints it. Not a secret: who opens the page can read it. */
  key?: string;
  /** The gateway's stream; "": its first. */
  stream?: string;
  /** "": a random id, kept in localStorage. */
  userId?: string | null;
  /** "web" */
  channel?: string;
  /** Fields of every event. */
  context?: object;
  /** "auto": WebSocket, or fetch where none can be had. */
  transport?: "auto" | "websocket" | "fetch";

  /** A batch is sent when it has so many events (100) … */
  batchEvents?: number;
  /** … or so many bytes (262,144; also the most that one event may have) … */
  batchBytes?: number;
  /** … or its oldest event is so old (250). */
  batchDelay?: number;
  /** Batches of more characters are sent in LZ4 (1,024). WebSocket only. */
  compressAbove?: number;

  /** Bounds of what is kept until it is acknowledged. Beyond them the oldest that are not on their way are dropped.
   * 10,000 events … */
  maxEvents?: number;
  /** … 8 MiB … */
  maxBytes?: number;
  /** … 7 days. */
  maxAge?: number;

  /** Batches sent and not acknowledged yet (8). */
  maxInFlight?: number;
  /** A connection or POST that does not answer for so long is given up (30,000). */
  ackTimeout?: number;
  /** (10,000) */
  connectTimeout?: number;
  /** So many WebSockets in a row that never opened, and fetch is used (3; 10 once there was one). */
  websocketAttempts?: number;
  /** Meanwhile, the WebSocket is tried again after (60,000). */
  websocketRetry?: number;
  /** Between two tries: at random up to backoffMin (500), doubled each time up to backoffMax (30,000). */
  backoffMin?: number;
  backoffMax?: number;
  /** (30,000) */
  flushTimeout?: number;

  /** Track nothing if Do Not Track or Global Privacy Control is on (false). */
  respectPrivacy?: boolean;

  onAck?: ((acknowledgement: Acknowledgement) => void) | null;
  onDrop?: ((drop: Drop) => void) | null;
  onError?: ((failure: Failure) => void) | null;
  onSend?: ((sending: Sending) => void) | null;
  onState?: ((state: State) => void) | null;
}

export interface Stats {
  tracked: number;
  /** Left by earlier pages, sent by this one. tracked + recovered = acknowledged + rejected + dropped + waiting. */
  recovered: number;
  /** Events sent, each once; and how often one was sent again. */
  sent: number;
  resent: number;
  acknowledged: number;
  rejected: number;
  dropped: number;
  /** Not decided, those in flight among them. */
  waiting: number;
  inFlight: number;
}

export class Sluice {
  /** Of the events tracked from now on. Set to null, undefined or "": the anonymous id. */
  get userId(): string;
  set userId(id: string | number | null | undefined);
  readonly state: State;

  /** `url`: of the gateway, such as "https://events.example", or a path of the page's own origin that begins with "/".
   * Throws TypeError if it or an option cannot be read. */
  constructor(url: string | URL, options?: Options | null);

  /** `metadata` is the event's free part; `fields` stand beside it (campaign_id, items, device …). Returns the event's
   * message_id, or null if it was not tracked. Never throws. */
  track(eventName: string, metadata?: object | null, fields?: object | null): string | null;

  /** After a logout: another anonymous id than before, for the events tracked from now on. */
  reset(): void;

  /** Sends at once, and resolves with what became of the events tracked so far: none is waiting, unless the time was
   * up. Rejects with TypeError if the timeout cannot be read. */
  flush(options?: { timeout?: number }): Promise<Flushed>;

  /** Flushes (at most 5 s) and closes. What is left stays in the browser for the next page. */
  close(options?: { timeout?: number }): Promise<Flushed>;

  stats(): Stats;
}
