// Turns what the caller tracked into an event and its JSON, whatever it is made of: a member that JSON has no form for
// (a BigInt, a circle, a getter that throws) is left out, and the rest is kept.
const MOST_DEEP = 60; // the gateway takes 63 levels

const LONE_HALF = /\\ud[89a-f]/; // as JSON.stringify writes a surrogate without its other half
const wellFormed = (key, value) => (typeof value === "string" ? value.toWellFormed() : value);

/** A copy that JSON.stringify takes. left: where what was left out stood, and why. */
function plain(value, path, above, left) {
  const leave = (why) => void left.push(`${path}: ${why}`);
  if (typeof value?.toJSON === "function") {
    value = value.toJSON();
  }
  if (typeof value === "bigint") {
    return leave("a BigInt");
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (above.includes(value) || above.length > MOST_DEEP) {
    return leave(above.includes(value) ? "a circle" : "too deep");
  }
  const member = (key) => {
    const there = path === "" ? key : `${path}.${key}`;
    try {
      return plain(value[key], there, [...above, value], left);
    } catch (error) {
      left.push(`${there}: ${error?.message}`);
      return undefined;
    }
  };
  return Array.isArray(value)
    ? value.map((_, at) => member(String(at)))
    : Object.fromEntries(Object.keys(value).map((key) => [key, member(key)]));
}

/** The members of what should be an object; of anything else none. */
function members(value, name, left) {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value !== "object") {
    left.push(`${name}: ${typeof value} instead of an object`);
    return {};
  }
  try {
    return { ...value };
  } catch {
    return plain(value, "", [], left) ?? {};
  }
}

function stringify(event, left) {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify(plain(event, "", [], left));
  }
}

/** `own` are the SDK's members: the fields may replace them, but not by nothing (undefined, null). */
export function makeEvent(context, own, metadata, fields, left) {
  const event = { ...members(context, "context", left), ...own, metadata, ...members(fields, "fields", left) };
  for (const [name, value] of Object.entries(own)) {
    event[name] ??= value;
  }
  return event;
}

/** An event as JSON. A text that was cut within an emoji gets U+FFFD for the half, where the browser can do that; the
 * gateway does it else. */
export function toJson(event, left = []) {
  const json = stringify(event, left);
  return LONE_HALF.test(json) && "".toWellFormed ? JSON.stringify(JSON.parse(json), wellFormed) : json;
}
