// Turns what the caller gave into whole options and addresses.

const LONGEST = 2 ** 31 - 1; // ms, some 24.8 days: a browser's timer for more fires at once

const text = (value) => (typeof value === "string" ? null : "must be a string");
/** What a subprotocol may have (RFC 9110, token), so that a WebSocket can carry it. */
const key = (value) =>
  typeof value === "string" && /^[\w!#$%&'*+.^`|~-]*$/.test(value) ? null : "must be a key, as `sluice key new` prints it";
const flag = (value) => (typeof value === "boolean" ? null : "must be true or false");
const callback = (value) => (typeof value === "function" ? null : "must be a function");
const object = (value) => (typeof value === "object" && !Array.isArray(value) ? null : "must be an object");
const oneOf = (...words) => (value) => (words.includes(value) ? null : `must be one of ${words.join(", ")}`);
const count = (value) => (Number.isSafeInteger(value) && value >= 1 ? null : "must be a whole number, at least 1");
const number = (value) => (typeof value === "number" && value >= 0 ? null : "must be a number, at least 0");

/** A timer's milliseconds. */
const time = (value) =>
  number(value) ?? (value <= LONGEST ? null : `must be at most ${LONGEST} (ms, some 24.8 days)`);
const wait = (value) => (value === 0 ? "must be more than 0" : time(value));
const age = (value) => (value > 0 && value < Infinity ? null : "must be a number of ms, more than 0");

const OPTIONS = {
  key: ["", key],
  stream: ["", text],
  userId: ["", text],
  channel: ["web", text],
  context: [{}, object],
  transport: ["auto", oneOf("auto", "websocket", "fetch")],
  batchEvents: [100, count],
  batchBytes: [256 * 1024, count],
  batchDelay: [250, time],
  compressAbove: [1024, number],
  maxEvents: [10_000, count],
  maxBytes: [8 * 1024 * 1024, count],
  maxAge: [7 * 24 * 3600 * 1000, age],
  maxInFlight: [8, count],
  ackTimeout: [30_000, wait],
  connectTimeout: [10_000, wait],
  websocketAttempts: [3, count],
  websocketRetry: [60_000, wait],
  backoffMin: [500, wait],
  backoffMax: [30_000, wait],
  flushTimeout: [30_000, time],
  respectPrivacy: [false, flag],
  onAck: [null, callback],
  onDrop: [null, callback],
  onError: [null, callback],
  onSend: [null, callback],
  onState: [null, callback],
};

export const DEFAULTS = Object.fromEntries(Object.entries(OPTIONS).map(([name, [value]]) => [name, value]));

const wrong = (what) => {
  throw new TypeError(`Sluice: ${what}`);
};

const shown = (value) => (typeof value === "string" ? JSON.stringify(value) : String(value));

/** undefined and null are as if not given. Throws TypeError, which names the option. */
export function complete(options) {
  if (typeof (options ?? {}) !== "object") {
    wrong(`the options must be an object, not ${shown(options)}`);
  }
  const whole = { ...DEFAULTS };
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined || value === null) {
      continue;
    }
    const problem = Object.hasOwn(OPTIONS, name) ? OPTIONS[name][1](value) : "is not an option";
    if (problem !== null) {
      wrong(`options.${name} ${problem}${problem.startsWith("is") || name === "key" ? "" : `, not ${shown(value)}`}`);
    }
    whole[name] = value;
  }
  if (whole.backoffMin > whole.backoffMax) {
    wrong(`options.backoffMin (${whole.backoffMin}) must not be more than backoffMax (${whole.backoffMax})`);
  }
  return whole;
}

/** Of flush and close. */
export function checkTimeout(timeout) {
  const problem = time(timeout);
  if (problem !== null) {
    wrong(`timeout ${problem}, not ${shown(timeout)}`);
  }
}

/** http(s) or ws(s), absolute or relative to `base`; a path stays in front of ours. Throws TypeError. */
export function endpoints(url, stream, base, key = "") {
  const given = String(url);
  if (!/^((https?|wss?):\/\/[^/]|[/.])/i.test(given)) {
    wrong(`the url ${shown(given)} must begin with https://, http://, wss:// or ws://, or be a path that begins with "/"`);
  }
  const root = new URL(given, base);
  const secure = root.protocol === "https:" || root.protocol === "wss:";
  const path = root.host + root.pathname.replace(/\/+$/, "");
  const query = stream === "" ? "" : `stream=${encodeURIComponent(stream)}`;
  const http = `${secure ? "https" : "http"}://`;
  // Not in a header of its own: that would need a preflight, for which a page that is left has no time.
  const credential = key && `key=${encodeURIComponent(key)}`;
  return {
    ws: `${secure ? "wss" : "ws"}://${path}/ws${query && `?${query}`}`,
    why: `${http}${path}/ws?${[query, credential].filter(Boolean).join("&")}`, // it says of a key what browsers keep for themselves
    bulk: `${http}${path}/events/bulk?${query && `${query}&`}ids=0${credential && `&${credential}`}`,
    ping: `${http}${path}/ping`,
    origin: http + root.host,
    name: `sluice ${path} ${stream}`, // of what is kept in the browser
  };
}
