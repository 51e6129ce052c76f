// Turns what the caller gave into whole options and addresses.

export const DEFAULTS = {
  stream: "",
  userId: "",
  channel: "web",
  context: {},
  transport: "auto",
  batchEvents: 100,
  batchBytes: 256 * 1024,
  batchDelay: 250,
  compressAbove: 1024,
  maxEvents: 10_000,
  maxBytes: 8 * 1024 * 1024,
  maxAge: 7 * 24 * 3600 * 1000,
  maxInFlight: 8,
  ackTimeout: 30_000,
  connectTimeout: 10_000,
  websocketAttempts: 3,
  websocketRetry: 60_000,
  backoffMin: 500,
  backoffMax: 30_000,
  flushTimeout: 30_000,
  respectPrivacy: false,
  onAck: null,
  onDrop: null,
  onError: null,
  onSend: null,
  onState: null,
};

const TRANSPORTS = ["auto", "websocket", "fetch"];

function check(name, value) {
  const sample = DEFAULTS[name];
  if (sample === undefined) {
    return "is not an option";
  }
  if (sample === null) {
    return value === null || typeof value === "function" ? null : "must be a function";
  }
  if (typeof value !== typeof sample || value === null) {
    return `must be a ${typeof sample}`;
  }
  return typeof value === "number" && !(value >= 0) ? "must not be negative" : null;
}

/** Throws TypeError, which names the option. */
export function complete(options = {}) {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(given)) {
    const problem = check(name, value);
    if (problem !== null) {
      throw new TypeError(`Sluice: options.${name} ${problem}`);
    }
  }
  if (given.transport !== undefined && !TRANSPORTS.includes(given.transport)) {
    throw new TypeError(`Sluice: options.transport must be one of ${TRANSPORTS.join(", ")}`);
  }
  return { ...DEFAULTS, ...given };
}

/** http(s) or ws(s), absolute or relative to `base`; a path stays in front of ours. Throws TypeError. */
export function endpoints(url, stream, base) {
  const root = new URL(url, base);
  const secure = root.protocol === "https:" || root.protocol === "wss:";
  const path = root.host + root.pathname.replace(/\/+$/, "");
  const query = stream === "" ? "" : `stream=${encodeURIComponent(stream)}`;
  return {
    ws: `${secure ? "wss" : "ws"}://${path}/ws${query && `?${query}`}`,
    bulk: `${secure ? "https" : "http"}://${path}/events/bulk?${query && `${query}&`}ids=0`,
    name: `sluice ${path} ${stream}`, // of what is kept in the browser
  };
}
