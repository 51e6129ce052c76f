// The parts that know no browser.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import test from "node:test";
import lz4 from "lz4-wasm-nodejs";
import { Backoff } from "../src/backoff.js";
import { uuid } from "../src/environment.js";
import { toJson } from "../src/event.js";
import { ENVELOPE_BYTES, frame, payload } from "../src/frame.js";
import { verdict } from "../src/http.js";
import { InFlight } from "../src/in_flight.js";
import { compressBlock } from "../src/lz4.js";
import { DEFAULTS, complete, endpoints } from "../src/options.js";
import { Queue } from "../src/queue.js";
import { judge, verdictOf } from "../src/verdict.js";

const bytesOf = (text) => new TextEncoder().encode(text);

/** A block as the package lz4-wasm-nodejs, which is lz4_flex, unpacks it. */
function unpacked(bytes) {
  const block = compressBlock(bytes, 4);
  new DataView(block.buffer).setUint32(0, bytes.length, true);
  return lz4.decompress(block);
}

/** Numbers in [0, limit), the same in every run. */
function dice(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * limit);
  };
}

test("lz4: every length and alphabet comes back as it was", () => {
  const roll = dice(7);
  for (let length = 0; length < 1500; length++) {
    const letters = 1 + roll(8);
    const bytes = Uint8Array.from({ length }, () => roll(letters));
    assert.deepEqual(Buffer.from(unpacked(bytes)), Buffer.from(bytes), `${length} bytes of ${letters} letters`);
  }
});

test("lz4: long literals, long matches, and repeats beyond the window come back", () => {
  const roll = dice(11);
  const noise = Uint8Array.from({ length: 70_000 }, () => roll(256));
  const cases = { noise, zeros: new Uint8Array(300_000), twice: Uint8Array.from([...noise, ...noise]) };
  for (const [name, bytes] of Object.entries(cases)) {
    assert.ok(Buffer.from(unpacked(bytes)).equals(Buffer.from(bytes)), name);
  }
  assert.ok(compressBlock(cases.zeros).length < 1300);
});

/** The sequences of a block: [where the match starts in what comes out, its length]; the last has none. */
function sequences(block) {
  const found = [];
  let out = 0;
  let at = 0;
  const length = (nibble) => {
    let sum = nibble;
    for (let byte = 255; nibble === 15 && byte === 255; sum += byte) {
      byte = block[at++];
    }
    return sum;
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = length(token >> 4);
    at += literals;
    out += literals;
    if (at === block.length) {
      return { found, size: out, lastLiterals: literals };
    }
    at += 2;
    const match = 4 + length(token & 15);
    found.push([out, match]);
    out += match;
  }
  throw new Error("a block must end in literals");
}

test("lz4: no match starts in the last 12 bytes, and the last 5 are literals", () => {
  // What lz4js leaves undone, and liblz4 refuses.
  const roll = dice(5);
  let matches = 0;
  for (let length = 0; length < 600; length++) {
    const bytes = Uint8Array.from({ length }, () => roll(2));
    const { found, size, lastLiterals } = sequences(compressBlock(bytes));
    assert.equal(size, length);
    for (const [start] of found) {
      assert.ok(start <= length - 12 && lastLiterals >= 5, `${length} bytes`);
      matches++;
    }
  }
  assert.ok(matches > 1000);
});

test("frame: small batches are text, large ones LZ4 behind their size", () => {
  const record = { json: JSON.stringify({ event_name: "page_view", page: "/ä".repeat(40) }) };
  assert.equal(frame([record], 1024, 1_700_000_000_000.5), `{"sent_at":1700000000001,"events":[${record.json}]}`);
  const many = Array.from({ length: 50 }, () => record);
  const message = frame(many, 1024, 7);
  assert.ok(message.length < payload(many, 7).length / 5);
  assert.equal(Buffer.from(lz4.decompress(message)).toString(), payload(many, 7));
});

test("frame: a text cut within an emoji gets U+FFFD for the half, where there is toWellFormed", () => {
  const event = { title: "Sale \ud83c", list: ["\udf89", "\ud83c\udf89", "\\ud83c"], n: 1, when: new Date(0) };
  const json = toJson(event);
  const kept = { n: 1, when: "1970-01-01T00:00:00.000Z" };
  const expected = { title: "Sale \ufffd", list: ["\ufffd", "\ud83c\udf89", "\\ud83c"], ...kept };
  assert.deepEqual(JSON.parse(json), "".toWellFormed ? expected : { ...event, ...kept });
});

test("frame: an older browser leaves the half to the gateway", () => {
  const { toWellFormed } = String.prototype;
  delete String.prototype.toWellFormed;
  try {
    assert.equal(toJson({ title: "Sale \ud83c" }), '{"title":"Sale \\ud83c"}');
  } finally {
    if (toWellFormed) {
      Object.defineProperty(String.prototype, "toWellFormed", { value: toWellFormed, writable: true, configurable: true });
    }
  }
});

test("frame: what LZ4 does not make smaller is text", () => {
  const noise = { json: JSON.stringify(Buffer.from(Array.from({ length: 900 }, dice(3).bind(null, 256))).toString("base64")) };
  assert.equal(typeof frame([noise], 100, 7), "string");
});

test("backoff: doubles up to its cap, with full jitter, and starts again after a success", () => {
  const ceiling = new Backoff({ min: 500, max: 30_000, random: () => 1 });
  assert.deepEqual(Array.from({ length: 8 }, () => ceiling.next()), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  ceiling.reset();
  assert.equal(ceiling.next(), 500);
  const floor = new Backoff({ min: 500, max: 30_000, random: () => 0 });
  assert.equal(floor.next(), 0);
  assert.equal(floor.next(1000), 1000);
});

const LIMITS = { maxEvents: 5, maxBytes: 100, maxAge: 1000, batchEvents: 3, batchBytes: ENVELOPE_BYTES + 50, batchDelay: 250 };

function queueOf(count, { bytes = 10, limits = {} } = {}) {
  const queue = new Queue({ ...LIMITS, ...limits });
  const records = Array.from({ length: count }, (_, i) => ({ id: `e${i}`, time: i, json: "{}", bytes }));
  records.forEach((record) => queue.add(record, record.time));
  return { queue, records };
}

const ids = (records) => records.map((record) => record.id).join(" ");

test("queue: gives nothing out before it is saved", () => {
  const { queue, records } = queueOf(3);
  assert.equal(queue.dueAt(), Infinity);
  assert.equal(ids(queue.take()), "");
  queue.ready(records);
  queue.ready(records); // the page was hidden meanwhile
  assert.equal(queue.waiting, 3);
});

test("queue: a batch is due when full, or when its oldest event is old enough", () => {
  const { queue, records } = queueOf(3);
  queue.ready(records.slice(0, 2));
  assert.equal(queue.dueAt(), 250);
  queue.ready(records);
  assert.equal(queue.dueAt(), 0);
});

test("queue: batches keep the order and their bounds of events and bytes", () => {
  const { queue, records } = queueOf(5, { bytes: 20 });
  queue.ready(records);
  assert.equal(ids(queue.take()), "e0 e1");
  assert.equal(ids(queue.take()), "e2 e3");
  assert.equal(ids(queue.take()), "e4");
});

test("queue: an event larger than a batch goes by itself", () => {
  const { queue, records } = queueOf(2, { bytes: 80 });
  queue.ready(records);
  assert.equal(ids(queue.take()), "e0");
});

test("queue: what comes back is first again, in its order, and due at once", () => {
  const { queue, records } = queueOf(5);
  queue.ready(records);
  const batch = queue.take();
  queue.giveBack(batch);
  assert.equal(queue.dueAt(), 0);
  assert.equal(ids(queue.take()), "e0 e1 e2");
});

test("queue: drops the oldest beyond each bound, and says which", () => {
  const reasons = (queue, now) => queue.overflow(now).map(([reason, records]) => `${reason}: ${ids(records)}`);
  const many = queueOf(7);
  many.queue.ready(many.records);
  assert.deepEqual(reasons(many.queue, 10), ["events: e0 e1"]);
  assert.deepEqual(reasons(many.queue, 10), []);
  const large = queueOf(4, { bytes: 40 });
  large.queue.ready(large.records);
  assert.deepEqual(reasons(large.queue, 10), ["bytes: e0 e1"]);
  const old = queueOf(3);
  old.queue.ready(old.records);
  assert.deepEqual(reasons(old.queue, 1001), ["age: e0"]);
});

test("queue: never drops what is on its way", () => {
  const { queue, records } = queueOf(7);
  queue.ready(records);
  queue.take();
  assert.equal(ids(queue.overflow(10)[0][1]), "e3 e4");
  assert.equal(queue.size, 5);
});

test("queue: a flush waits for all before it and for none after it", async () => {
  const { queue, records } = queueOf(2);
  queue.ready(records);
  const flush = queue.flush();
  let done = false;
  flush.done.then(() => (done = true));
  queue.add({ id: "later", time: 9, json: "{}", bytes: 1 }, 9);
  assert.equal(queue.settle([records[0]], "stored").length, 1);
  assert.equal(queue.settle([records[0]], "refused").length, 0); // twice is once
  await Promise.resolve();
  assert.deepEqual([done, flush.result()], [false, { stored: 1, refused: 0, dropped: 0, waiting: 1 }]);
  queue.settle([records[1]], "refused");
  await Promise.resolve();
  assert.deepEqual([done, flush.result(), queue.size], [true, { stored: 1, refused: 1, dropped: 0, waiting: 0 }, 1]);
});

test("queue: a hurried event is hurried once, within the bytes given, and goes on waiting", () => {
  const { queue, records } = queueOf(4);
  queue.ready(records);
  assert.equal(ids(queue.hurry(ENVELOPE_BYTES + 25)), "e0 e1");
  assert.equal(ids(queue.hurry(ENVELOPE_BYTES + 100)), "e2 e3");
  assert.equal(queue.waiting, 4);
  queue.settle(records.slice(0, 2), "stored");
  assert.equal(ids(queue.take()), "e2 e3");
});

test("in flight: an acknowledgement decides all messages up to it, each once", () => {
  const flight = new InFlight();
  ["a", "b", "c"].forEach((record) => flight.add([record], 0));
  assert.deepEqual(flight.ack({ ack: 2 }, 5).map(({ records }) => records), [["a"], ["b"]]);
  assert.deepEqual(flight.ack({ ack: 2 }, 5), []);
  assert.equal(flight.since, 5);
  assert.deepEqual(flight.drain(), [["c"]]);
  assert.equal(flight.since, Infinity);
});

test("in flight: errors find their message and their event", () => {
  const flight = new InFlight();
  flight.add(["a", "b"], 0);
  flight.add(["c", "d"], 0);
  const errors = [{ frame: 1, index: 1, code: "x" }, { frame: 2, index: 0, code: "y" }];
  const [first, second] = flight.ack({ ack: 2, errors }, 0);
  assert.deepEqual([...first.refused], [["b", errors[0]]]);
  assert.deepEqual([...second.refused], [["c", errors[1]]]);
  assert.equal(judge(["a"], [{ frame: 1, index: null, code: "z" }]).whole.code, "z");
});

const codesOf = (refused) => Object.fromEntries([...refused].map(([record, { code }]) => [record, code]));

test("verdict: runs name every refused event, with the message where one is listed", () => {
  const records = [..."abcdefgh"];
  const error = { index: 1, code: "x", message: "said" };
  const { refused } = judge(records, [error], { x: [1, 2, 3, 1], y: [3, 2, 90, 1e9] });
  assert.deepEqual(codesOf(refused), { b: "x", c: "x", d: "y", e: "y", g: "x" });
  assert.equal(refused.get("b"), error);
  const flight = new InFlight();
  flight.add(records, 0);
  flight.add(["i"], 0);
  const told = [{ frame: 1, codes: { x: [0, 8] } }, { frame: 2, codes: { invalid_json: null } }];
  const [first, second] = flight.ack({ ack: 2, errors: [], refused: told }, 0);
  assert.equal(first.refused.size, 8);
  assert.equal(second.whole.code, "invalid_json");
});

test("verdict: what is counted as refused and not named is unsure, if it could be another", () => {
  const judged = [judge(["a", "b"], [{ index: 0, code: "x" }]), judge(["c"])];
  assert.deepEqual(verdictOf(judged, 1).good, ["b", "c"]);
  assert.deepEqual(verdictOf(judged, 2).unsure, ["b", "c"]);
  assert.deepEqual(codesOf(verdictOf(judged, 3).refused), { a: "x", b: "rejected", c: "rejected" });
  assert.deepEqual(verdictOf([judge(["a", "b"], [{ index: null, code: "x" }]), judge(["c"])], 1).good, ["c"]);
  assert.deepEqual(codesOf(verdictOf([judge(["a"])], 1).refused), { a: "rejected" });
});

test("http: a reply with counts decides, a refusal as a whole splits, all else is sent again", () => {
  const counts = { accepted: 0, rejected: 1 };
  assert.deepEqual(verdict(400, counts, 0), { reply: counts });
  assert.equal(verdict(413, { code: "body_too_large", detail: "…" }, 0).whole.code, "body_too_large");
  for (const status of [401, 403, 404, 429, 500, 502, 503]) {
    assert.equal(verdict(status, null, 1000).again, 1000, String(status));
  }
});

test("options: every default is of its type, and wrong ones are named", () => {
  assert.deepEqual(complete({ stream: undefined }), DEFAULTS);
  assert.throws(() => complete({ batchSize: 1 }), /options\.batchSize is not an option/);
  assert.throws(() => complete({ batchDelay: "1" }), /options\.batchDelay must be a number/);
  assert.throws(() => complete({ batchDelay: -1 }), /options\.batchDelay must be a number, at least 0, not -1/);
  assert.throws(() => complete({ onAck: 1 }), /options\.onAck must be a function/);
  assert.throws(() => complete({ transport: "udp" }), /options\.transport must be one of auto, websocket, fetch, not "udp"/);
  assert.deepEqual(complete(null), DEFAULTS);
  assert.deepEqual(complete({ userId: null, onAck: null }), DEFAULTS);
  assert.equal(complete({ compressAbove: Infinity }).compressAbove, Infinity);
  assert.throws(() => complete("https://h"), TypeError);
  assert.throws(() => complete({ context: [] }), /options\.context must be an object/);
  assert.throws(() => complete({ toString: 1 }), /options\.toString is not an option/);
  assert.throws(() => complete({ backoffMin: 900, backoffMax: 800 }), /backoffMin \(900\) must not be more than backoffMax \(800\)/);
});

test("options: no time fires at once, no count is none", () => {
  const times = ["ackTimeout", "connectTimeout", "websocketRetry", "backoffMin", "backoffMax"];
  for (const name of [...times, "batchDelay", "flushTimeout"]) {
    for (const value of [Infinity, 2 ** 31, NaN, -1, "1"]) {
      assert.throws(() => complete({ [name]: value }), new RegExp(`options\\.${name} must be`), `${name} ${value}`);
    }
  }
  const counts = ["batchEvents", "batchBytes", "maxEvents", "maxBytes", "maxInFlight", "websocketAttempts"];
  for (const name of counts) {
    for (const value of [0, -1, 1.5, NaN, Infinity, "1"]) {
      assert.throws(() => complete({ [name]: value }), new RegExp(`options\\.${name} must be a whole number`), `${name} ${value}`);
    }
  }
  times.concat("maxAge").forEach((name) => assert.throws(() => complete({ [name]: 0 }), TypeError, name));
  assert.equal(complete({ batchDelay: 0, flushTimeout: 2 ** 31 - 1, backoffMax: 2 ** 31 - 1 }).batchDelay, 0);
});

test("options: addresses follow from the url, whatever its scheme and path", () => {
  const base = "https://shop.example/cart";
  const rows = [
    ["https://events.example", "", "wss://events.example/ws", "https://events.example/events/bulk?ids=0"],
    ["http://h:8080/", "a b", "ws://h:8080/ws?stream=a%20b", "http://h:8080/events/bulk?stream=a%20b&ids=0"],
    ["wss://h/in/", "", "wss://h/in/ws", "https://h/in/events/bulk?ids=0"],
    ["/sluice", "", "wss://shop.example/sluice/ws", "https://shop.example/sluice/events/bulk?ids=0"],
  ];
  for (const [url, stream, ws, bulk] of rows) {
    const found = endpoints(url, stream, base);
    assert.deepEqual([found.ws, found.bulk], [ws, bulk]);
  }
  const wrong = ["http://", "events.example", "localhost:8080", "ftp://h", "", "file:///x", undefined, "javascript:0", "?x"];
  for (const url of wrong) {
    assert.throws(() => endpoints(url, "", base), /Sluice: the url .* must begin with https:/, String(url));
  }
});

test("options: a key goes where no preflight is needed, and must be one", () => {
  const { ws, bulk, why } = endpoints("https://h", "a", undefined, "slw_x+y");
  assert.equal(ws, "wss://h/ws?stream=a");
  assert.equal(bulk, "https://h/events/bulk?stream=a&ids=0&key=slw_x%2By");
  assert.equal(why, "https://h/ws?stream=a&key=slw_x%2By");
  assert.equal(complete({ key: "slw_0aZ" }).key, "slw_0aZ");
  for (const wrong of [7, "a b", "a,b", "\u00e9", "a\r\nb"]) {
    assert.throws(() => complete({ key: wrong }), (error) => error instanceof TypeError && !error.message.includes(wrong));
  }
});

test("uuid: is a version 4 also where randomUUID is not there", () => {
  const insecure = { getRandomValues: (bytes) => webcrypto.getRandomValues(bytes) };
  assert.match(uuid(insecure), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(uuid(insecure), uuid(insecure));
});
