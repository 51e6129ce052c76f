// Turns a batch into a POST, and its reply into a verdict. The body is text/plain: no preflight.
import { payload } from "./frame.js";

/** Retry-After, seconds or a date, in ms. */
function retryAfter(response, now) {
  const text = response.headers?.get("Retry-After");
  if (!text) {
    return 0;
  }
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Math.min(Math.max(wait || 0, 0), 300_000);
}

const REFUSED_WHOLE = [400, 413, 415, 422];

const DENIED = [401, 403];

/** decided: { reply }, refused as a whole: { whole }, or to be sent again: { again, error }; denied: as soon as who sends it may. */
export function verdict(status, reply, wait) {
  if (typeof reply?.accepted === "number") {
    return { reply };
  }
  const error = { code: reply?.code ?? `http_${status}`, message: reply?.detail ?? reply?.title ?? `HTTP ${status}` };
  return REFUSED_WHOLE.includes(status) ? { whole: error } : { again: wait, error, denied: DENIED.includes(status) };
}

/** What `ask(signal)` gives, or an Error after `timeout`. */
async function inTime(env, timeout, ask) {
  const abort = new AbortController();
  const timer = env.setTimeout(() => abort.abort(), timeout);
  try {
    return await ask(abort.signal);
  } finally {
    env.clearTimeout(timer);
  }
}

export async function post(env, url, records, { keepalive, timeout }) {
  const body = payload(records, env.wall());
  try {
    return await inTime(env, timeout, async (signal) => {
      const response = await env.fetch(url, { method: "POST", body, keepalive, signal });
      const reply = await response.json().catch(() => null);
      return verdict(response.status, reply, retryAfter(response, env.wall()));
    });
  } catch (error) {
    return { again: 0, error: { code: "network", message: String(error?.message ?? error) } };
  }
}

/** Asked when no WebSocket opens, of its address: an error if nothing of this page is taken, or null. */
export function denial(env, url, timeout) {
  const ask = async (signal) => {
    const response = await env.fetch(url, { cache: "no-store", signal });
    const { denied, error } = verdict(response.status, await response.json().catch(() => null), 0);
    return denied ? error : null;
  };
  return inTime(env, timeout, ask).catch(() => null);
}

/** Asked when a POST fails as a lost network does: is there a gateway, whose answers the browser keeps from pages of this
 * origin? It is asked once more behind that, for it might just have come up. */
export async function refusesOrigin(env, url, timeout) {
  const answers = (mode) =>
    inTime(env, timeout, (signal) => env.fetch(url, { mode, cache: "no-store", signal })).then(
      () => true,
      () => false,
    );
  return (await answers("no-cors")) && !(await answers("cors")) && (await answers("no-cors"));
}
