// Turns the browser's globals into what the SDK uses of them, so that tests can bring their own.

/** localStorage throws where storage is forbidden. */
function storageOf(scope) {
  try {
    return scope.localStorage ?? null;
  } catch {
    return null;
  }
}

/** `base` is undefined where there is no page, nor a worker of one: on a server. Nothing else is touched there. */
export function browser(scope = globalThis) {
  const base = scope.location?.href;
  return {
    WebSocket: scope.WebSocket,
    fetch: scope.fetch?.bind(scope),
    keepalive: scope.Request !== undefined && "keepalive" in scope.Request.prototype,
    indexedDB: base === undefined ? null : (scope.indexedDB ?? null),
    localStorage: base === undefined ? null : storageOf(scope),
    navigator: scope.navigator ?? {},
    document: scope.document ?? null,
    window: typeof scope.addEventListener === "function" ? scope : null,
    crypto: scope.crypto,
    base,
    origin: scope.location?.origin,
    setTimeout: (work, delay) => scope.setTimeout(work, delay),
    clearTimeout: (timer) => scope.clearTimeout(timer),
    wall: () => Date.now(),
    clock: () => scope.performance.now(),
    random: Math.random,
  };
}

/** A UUID, version 4. randomUUID is there in secure contexts only, getRandomValues in all. */
export function uuid(crypto) {
  if (typeof crypto.randomUUID === "function") {
    return crypto.randomUUID();
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const ANONYMOUS_ID = "sluice.anonymous_id";

/** The same on each visit, as long as the browser keeps it; `fresh`: another one from now on. */
export function anonymousId({ localStorage, crypto }, fresh = false) {
  try {
    let id = fresh ? null : localStorage.getItem(ANONYMOUS_ID);
    if (!id) {
      id = uuid(crypto);
      localStorage.setItem(ANONYMOUS_ID, id);
    }
    return id;
  } catch {
    return uuid(crypto);
  }
}

/** Do Not Track or Global Privacy Control is on. */
export const wantsPrivacy = ({ navigator }) => navigator.doNotTrack === "1" || navigator.globalPrivacyControl === true;
