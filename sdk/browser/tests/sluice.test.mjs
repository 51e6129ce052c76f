// The whole SDK in a page of fakes: the test plays visitor, network and gateway.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { Sluice } from "../src/sluice.js";
import { Time, fakeIndexedDB, fakeLocks, fakePage, settle } from "./fakes.mjs";

const GATEWAY = "https://events.example";
const NOTHING_COMPRESSED = { compressAbove: Infinity };

/** A started SDK; what its callbacks were told is in `told`. */
async function start(options = {}, pageOptions = {}) {
  const page = fakePage(pageOptions);
  const told = { ack: [], drop: [], error: [], send: [], state: [] };
  const callbacks = {
    onAck: (value) => told.ack.push(value),
    onDrop: (value) => told.drop.push(value),
    onError: (value) => told.error.push(value),
    onSend: (value) => told.send.push(value),
    onState: (value) => told.state.push(value),
  };
  const sluice = new Sluice(GATEWAY, { ...NOTHING_COMPRESSED, ...callbacks, ...options }, page.env);
  await settle();
  return { ...page, sluice, told, saved: () => [...(page.env.indexedDB?.tables.values().next().value?.values() ?? [])] };
}

async function connected(options, pageOptions) {
  const page = await start(options, pageOptions);
  page.sockets[0].accept();
  return page;
}

const names = (batch) => batch.map((event) => event.event_name).join(" ");

function trackAll(sluice, text) {
  return text.split(" ").map((name) => sluice.track(name));
}

const accepted = ({ events }) => ({ status: 202, body: { accepted: events.length, duplicate: 0, rejected: 0 } });

test("an event has its id, time, visitor and channel from the moment it is tracked", async () => {
  const { sluice, sockets, time } = await connected({ userId: "u1", context: { app: { id: "shop" } } });
  const at = time.now;
  const id = sluice.track("page_view", { page: "/" }, { campaign_id: "c" });
  await time.pass(250);
  assert.deepEqual(sockets[0].batches, [
    [
      {
        app: { id: "shop" },
        event_name: "page_view",
        channel: "web",
        user_id: "u1",
        timestamp: at,
        message_id: id,
        metadata: { page: "/" },
        campaign_id: "c",
      },
    ],
  ]);
});

test("a visitor without an id gets one, and keeps it", async () => {
  const first = await start();
  const second = await start({}, { localStorage: first.env.localStorage });
  assert.match(first.sluice.userId, /^[0-9a-f-]{36}$/);
  assert.equal(second.sluice.userId, first.sluice.userId);
});

test("the connection asks for the stream and the subprotocol", async () => {
  const { sockets } = await start({ stream: "clicks" });
  assert.equal(sockets[0].url, "wss://events.example/ws?stream=clicks");
  assert.deepEqual(sockets[0].protocols, ["sluice.v1"]);
});

test("events are saved before they are sent, and removed when they are acknowledged", async () => {
  const { sluice, sockets, time, saved } = await connected({ batchEvents: 2 });
  sluice.track("a");
  sluice.track("b");
  assert.equal(sockets[0].messages.length, 0);
  await time.pass(0);
  assert.equal(sockets[0].messages.length, 1);
  assert.equal(saved().length, 2);
  sockets[0].ack(1, { accepted: 2 });
  await settle();
  assert.deepEqual(saved(), []);
  assert.equal(sluice.stats().acknowledged, 2);
});

test("without IndexedDB it works, and says what that costs", async () => {
  const { sluice, sockets, time, told } = await connected({}, { indexedDB: null });
  sluice.track("a");
  await time.pass(250);
  assert.equal(sockets[0].messages.length, 1);
  assert.equal(told.error[0].code, "storage");
});

test("a database that never answers holds nothing up for long", async () => {
  const { sluice, sockets, time } = await connected({}, { indexedDB: { open: () => ({}) } });
  sluice.track("a");
  await time.pass(2000 + 250);
  assert.equal(sockets[0].messages.length, 1);
});

test("what is not acknowledged is sent again on the next connection, before what is new", async () => {
  const { sluice, sockets, time } = await connected({ batchEvents: 2 });
  trackAll(sluice, "a b c d");
  await time.pass(0);
  sockets[0].ack(1, { accepted: 2 });
  sockets[0].drop(1006);
  sluice.track("e");
  await time.pass(500);
  sockets[1].accept();
  await time.pass(250);
  assert.deepEqual(sockets[1].batches.map(names), ["c d", "e"]);
  sockets[1].ack(2, { accepted: 1, duplicate: 2 });
  const { tracked, acknowledged, resent, waiting } = sluice.stats();
  assert.deepEqual([tracked, acknowledged, resent, waiting], [5, 5, 2, 0]);
});

test("refused events are told and never sent again", async () => {
  const { sluice, sockets, time, told, saved } = await connected({ batchEvents: 2 });
  const [a, b] = trackAll(sluice, "a b");
  await time.pass(0);
  const error = { frame: 1, index: 1, field: "channel", code: "not_allowed", message: "no" };
  sockets[0].ack(1, { accepted: 1, rejected: 1, errors: [error] });
  await settle();
  assert.deepEqual(told.ack, [{ ids: [a], accepted: 1, duplicate: 0, rejected: 1 }]);
  assert.equal(told.error.length, 1);
  assert.deepEqual([told.error[0].id, told.error[0].field, told.error[0].event.event_name], [b, "channel", "b"]);
  assert.deepEqual(saved(), []);
  sockets[0].drop();
  await time.pass(60_000);
  assert.equal(sockets[1].messages.length, 0);
});

test("a batch refused as a whole is split, and only the event at fault is given up", async () => {
  const { sluice, sockets, time, told } = await connected({ batchEvents: 2 });
  const [a, b] = trackAll(sluice, "a b");
  await time.pass(0);
  sockets[0].drop(1009, "too large");
  await time.pass(500);
  sockets[1].accept();
  await time.pass(0);
  assert.deepEqual(sockets[1].batches.map(names), ["a"]); // one at a time
  sockets[1].drop(1009, "too large");
  await time.pass(1000);
  assert.deepEqual(told.error.map(({ code, id }) => [code, id]), [["too_large", a]]);
  sockets[2].accept();
  await time.pass(0);
  sockets[2].ack(1, { accepted: 1 });
  assert.deepEqual(told.ack.at(-1).ids, [b]);
});

test("connections are tried again later and later, up to the cap, and soon after an acknowledgement", async () => {
  const { sluice, sockets, time } = await connected({ transport: "websocket" });
  const waits = [];
  for (let i = 1; i < 9; i++) {
    sockets[i - 1].drop();
    const since = time.now;
    while (sockets.length === i) {
      await time.pass(50);
    }
    waits.push(time.now - since);
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  sockets[8].accept();
  sluice.track("a");
  await time.pass(250);
  sockets[8].ack(1, { accepted: 1 });
  sockets[8].drop();
  await time.pass(250);
  assert.equal(sockets.length, 10);
});

test("a full gateway is given a second at least", async () => {
  const { sockets, time } = await connected();
  sockets[0].drop(1013);
  await time.pass(1249);
  assert.equal(sockets.length, 1);
  await time.pass(1);
  assert.equal(sockets.length, 2);
});

test("a connection that does not answer is given up, and its events are sent again", async () => {
  const { sluice, sockets, time } = await connected();
  sluice.track("a");
  await time.pass(250);
  await time.pass(29_999);
  assert.equal(sockets[0].readyState, 1);
  await time.pass(1);
  assert.equal(sockets[0].readyState, 3);
  await time.pass(500);
  sockets[1].accept();
  await time.pass(0);
  assert.deepEqual(sockets[1].batches.map(names), ["a"]);
});

test("no more batches are on their way than allowed", async () => {
  const { sluice, sockets, time } = await connected({ batchEvents: 1, maxInFlight: 2 });
  trackAll(sluice, "a b c");
  await time.pass(0);
  assert.deepEqual(sockets[0].batches.map(names), ["a", "b"]);
  sockets[0].ack(1, { accepted: 1 });
  assert.deepEqual(sockets[0].batches.map(names), ["a", "b", "c"]);
});

test("where no WebSocket can be had, events go by fetch; a WebSocket is taken when it comes", async () => {
  const { sluice, sockets, time, requests, told } = await start({}, { answer: accepted });
  sluice.track("a");
  for (let i = 0; i < 3; i++) {
    sockets[i].drop();
    await time.pass(1000);
  }
  assert.equal(requests[0].url, "https://events.example/events/bulk?ids=0");
  assert.equal(requests[0].headers, undefined); // a string is text/plain: no preflight
  assert.equal(names(requests[0].events), "a");
  assert.equal(sluice.stats().acknowledged, 1);
  assert.equal(sluice.state, "fetch");
  await time.pass(60_000);
  sockets[3].accept();
  sluice.track("b");
  await time.pass(250);
  assert.deepEqual(sockets[3].batches.map(names), ["b"]);
  assert.equal(requests.length, 1);
  assert.deepEqual(told.state, ["connecting", "waiting", "connecting", "waiting", "connecting", "fetch", "websocket"]);
});

test("the WebSocket is tried again and again while fetch is used", async () => {
  const { sluice, sockets, time } = await start({}, { answer: accepted });
  for (let i = 0; i < 6; i++) {
    sockets[i].drop();
    sluice.track("a");
    await time.pass(61_000);
  }
  assert.ok(sockets.length > 6);
  assert.equal(sluice.stats().acknowledged, 6);
});

test("a page that may not open WebSockets goes on by fetch", async () => {
  class Forbidden {
    constructor() {
      throw new Error("SecurityError");
    }
  }
  const { sluice, time } = await start({}, { WebSocket: Forbidden, answer: accepted });
  sluice.track("a");
  await time.pass(5000);
  assert.equal(sluice.stats().acknowledged, 1);
});

test("a 503 is waited out as long as it says, and the batch sent again", async () => {
  const answers = [{ status: 503, headers: { "Retry-After": "5" }, body: { code: "full", detail: "the queue is full" } }];
  const answer = (request) => answers.shift() ?? accepted(request);
  const { sluice, time, requests, told } = await start({ transport: "fetch" }, { answer });
  sluice.track("a");
  await time.pass(250);
  await time.pass(4999);
  assert.equal(requests.length, 1);
  await time.pass(500);
  assert.equal(requests.length, 2);
  assert.equal(sluice.stats().acknowledged, 1);
  assert.equal(told.error[0].code, "full");
});

test("a lost network is waited out, and the batch sent again", async () => {
  let lost = true;
  const answer = (request) => {
    if (lost) {
      throw new TypeError("Failed to fetch");
    }
    return accepted(request);
  };
  const { sluice, time, env, told } = await start({ transport: "fetch" }, { answer });
  sluice.track("a");
  await time.pass(100_000);
  assert.equal(told.error[0].code, "network");
  assert.equal(sluice.stats().waiting, 1);
  lost = false;
  env.window.tell("online");
  await settle();
  assert.equal(sluice.stats().acknowledged, 1);
});

test("a reply of 400 drops the events it names and keeps the others", async () => {
  const answer = () => ({ status: 400, body: { accepted: 0, duplicate: 1, rejected: 1, errors: [{ index: 0, code: "x", message: "" }] } });
  const { sluice, time, told } = await start({ transport: "fetch" }, { answer });
  const [a, b] = trackAll(sluice, "a b");
  await time.pass(250);
  assert.deepEqual([told.error[0].id, told.ack[0].ids], [a, [b]]);
  assert.equal(sluice.stats().waiting, 0);
});

test("a hidden page sends all it has over its connection, saved or not", async () => {
  const { sluice, sockets, hide } = await connected({ batchEvents: 2, maxInFlight: 1 });
  trackAll(sluice, "a b c d e");
  hide();
  assert.deepEqual(sockets[0].batches.map(names), ["a b", "c d", "e"]);
});

test("a hidden page without connection posts with keepalive what fits into 60 KiB, and keeps the rest", async () => {
  const { sluice, requests, hide, time, saved } = await start({}, { answer: accepted });
  for (let i = 0; i < 10; i++) {
    sluice.track("a", { text: "x".repeat(11_000) });
  }
  hide();
  await time.pass(0);
  assert.equal(requests.length, 1);
  assert.equal(requests[0].keepalive, true);
  assert.equal(requests[0].events.length, 5);
  assert.ok(requests[0].body.length <= 60 * 1024);
  assert.equal(saved().length, 5);
});

test("a hidden page without keepalive leaves a beacon, and keeps its events until something acknowledges them", async () => {
  const { sluice, sockets, beacons, hide, time, saved } = await start({}, { keepalive: false });
  sluice.track("a");
  hide();
  hide();
  await time.pass(0);
  assert.deepEqual(beacons.map(({ events }) => names(events)), ["a"]);
  assert.equal(saved().length, 1);
  sockets[0].accept();
  await time.pass(250);
  sockets[0].ack(1, { duplicate: 1 });
  await settle();
  assert.equal(saved().length, 0);
});

test("the next page sends what the last one left", async () => {
  const indexedDB = fakeIndexedDB();
  const time = new Time();
  const first = await start({}, { indexedDB, time });
  const id = first.sluice.track("left");
  await time.pass(250);
  const second = await connected({}, { indexedDB, time });
  await time.pass(250);
  assert.deepEqual(second.sockets[0].batches.map((batch) => batch[0].message_id), [id]);
  second.sockets[0].ack(1, { accepted: 1 });
  await settle();
  assert.deepEqual(second.saved(), []);
  assert.deepEqual([second.sluice.stats().recovered, second.sluice.stats().acknowledged], [1, 1]);
});

test("a tab leaves the events of a living tab alone, and takes over those of a closed one", async () => {
  const indexedDB = fakeIndexedDB();
  const locks = fakeLocks();
  const time = new Time();
  const tab = (name) => ({ indexedDB, time, navigator: { locks: locks.forTab(name) } });
  const first = await start({}, tab("first"));
  first.sluice.track("of the first");
  await time.pass(250);
  const second = await connected({}, tab("second"));
  await time.pass(250);
  assert.equal(second.sockets[0].messages.length, 0);
  locks.die("first");
  await time.pass(60_000);
  assert.deepEqual(second.sockets[0].batches.map(names), ["of the first"]);
});

test("beyond its bounds the oldest are dropped, told, and not kept", async () => {
  const { sluice, told, time, saved } = await start({ maxEvents: 2 });
  const [a] = trackAll(sluice, "a b c");
  await time.pass(0);
  assert.deepEqual(told.drop.map(({ reason, ids }) => [reason, ids]), [["events", [a]]]);
  assert.equal(told.drop[0].events[0].event_name, "a");
  assert.deepEqual(saved().map(({ json }) => JSON.parse(json).event_name), ["b", "c"]);
  const { tracked, recovered, acknowledged, rejected, dropped, waiting } = sluice.stats();
  assert.equal(tracked + recovered, acknowledged + rejected + dropped + waiting);
});

test("who asks not to be tracked is not, and leaves no trace", async () => {
  for (const navigator of [{ doNotTrack: "1" }, { globalPrivacyControl: true }]) {
    const { sluice, sockets, env } = await start({ respectPrivacy: true }, { navigator });
    assert.equal(sluice.track("a"), null);
    assert.equal(sluice.state, "private");
    assert.equal(sockets.length, 0);
    assert.equal(env.indexedDB.tables.size, 0);
    assert.equal(env.localStorage.getItem("sluice.anonymous_id"), null);
    assert.deepEqual(await sluice.close(), { stored: 0, refused: 0, dropped: 0, waiting: 0 });
  }
  const { sluice } = await start({}, { navigator: { doNotTrack: "1" } });
  assert.notEqual(sluice.track("a"), null);
});

test("what cannot be sent is told, and breaks nothing", async () => {
  const { sluice, told } = await connected({ batchBytes: 1000 });
  assert.equal(sluice.track("huge", { text: "x".repeat(1000) }), null);
  assert.equal(sluice.track(Symbol("name"), { text: "x".repeat(1000) }), null);
  await sluice.close({ timeout: 0 });
  assert.equal(sluice.track("late"), null);
  assert.deepEqual(told.error.map(({ code }) => code), ["not_trackable", "not_trackable", "not_trackable"]);
  assert.match(told.error[2].message, /late: it is closed/);
});

test("a member that JSON has no form for is left out and told, and the rest of the event is sent", async () => {
  const { sluice, sockets, time, told } = await connected();
  const circle = { a: 1 };
  circle.self = { circle };
  const bad = {
    get thrower() {
      throw new Error("no");
    },
    toJSON: undefined,
  };
  let deep = {};
  for (let i = 0; i < 50_000; i++) deep = { deep };
  const cases = [
    ["big", { n: 10n, m: [1, 2n, { k: 3n }], ok: 1 }, undefined],
    ["circle", circle, undefined],
    ["throws", { bad, ok: 2 }, undefined],
    ["fields", { ok: 3 }, { price: 5n, get items() { throw new Error("no"); }, campaign_id: "c" }],
    ["deep", { deep, ok: 4 }, undefined],
    ["text", { ok: 5 }, "no object"],
    ["json", { bad: { toJSON() { throw new Error("no"); } }, ok: 6 }, undefined],
  ];
  const ids = cases.map((one) => sluice.track(...one));
  await time.pass(250);
  const sent = sockets[0].batches.flat();
  assert.deepEqual(sent.map(({ message_id }) => message_id), ids);
  assert.deepEqual(told.error.map(({ code, id }) => [code, id]), ids.map((id) => ["left_out", id]));
  assert.deepEqual(sent[0].metadata, { m: [1, null, {}], ok: 1 });
  assert.match(told.error[0].message, /big: left out metadata.n: a BigInt, metadata.m.1: a BigInt, metadata.m.2.k: a BigInt/);
  assert.deepEqual(sent[1].metadata, { a: 1, self: {} });
  assert.deepEqual([sent[2].metadata, sent[3].metadata, sent[3].campaign_id], [{ bad: {}, ok: 2 }, { ok: 3 }, "c"]);
  assert.deepEqual([sent[4].metadata.ok, sent[5].metadata.ok, sent[6].metadata.ok], [4, 5, 6]);
});

test("ids that are given twice, or as nothing, replace no other event", async () => {
  const { sluice, sockets, time, saved } = await connected();
  const given = [{ message_id: undefined }, { message_id: undefined }, { message_id: null }, { message_id: "m" }, { message_id: "m" }, { message_id: 7 }];
  const ids = given.map((fields, n) => sluice.track(`e${n}`, {}, fields));
  assert.equal(new Set(ids.slice(0, 3)).size, 3);
  assert.deepEqual(ids.slice(3), ["m", "m", "7"]);
  await time.pass(250);
  assert.equal(saved().length, 6);
  assert.equal(names(sockets[0].batches[0]), "e0 e1 e2 e3 e4 e5");
  sockets[0].ack(1, { accepted: 6 });
  await settle();
  const { tracked, acknowledged, waiting } = sluice.stats();
  assert.deepEqual([tracked, acknowledged, waiting, saved().length], [6, 6, 0, 0]);
});

test("nothing for user_id, channel, timestamp or the name is as if not given", async () => {
  const { sluice, sockets, time, env } = await connected();
  for (const nothing of [undefined, null]) {
    sluice.track("a", {}, { user_id: nothing, channel: nothing, timestamp: nothing, event_name: nothing });
    sluice.userId = nothing;
    sluice.track("b");
  }
  sluice.userId = "u7";
  sluice.track("c");
  sluice.userId = "";
  sluice.track("d");
  await time.pass(250);
  const anonymous = env.localStorage.getItem("sluice.anonymous_id");
  const users = sockets[0].batches[0].map(({ event_name, user_id, channel, timestamp }) => [event_name, user_id, channel, typeof timestamp]);
  const all = (name, user) => [name, user, "web", "number"];
  assert.deepEqual(users, [..."abab"].map((name) => all(name, anonymous)).concat([all("c", "u7"), all("d", anonymous)]));
  assert.throws(() => (sluice.userId = {}), TypeError);
});

test("reset gives another anonymous id, for this page and the next", async () => {
  const { sluice, env } = await connected({ userId: "u1" });
  sluice.reset();
  const second = sluice.userId;
  sluice.reset();
  assert.match(second, /^[0-9a-f-]{36}$/);
  assert.notEqual(sluice.userId, second);
  assert.equal(env.localStorage.getItem("sluice.anonymous_id"), sluice.userId);
});

test("more refused events than an acknowledgement lists are all told", async () => {
  const { sluice, sockets, time, told } = await connected({ batchEvents: 700 });
  const ids = trackAll(sluice, "x ".repeat(700).trim());
  await time.pass(250);
  const errors = [{ frame: 1, index: 0, code: "not_allowed", message: "no" }];
  sockets[0].ack(1, { accepted: 50, rejected: 650, errors, refused: [{ frame: 1, codes: { not_allowed: [0, 650] } }] });
  await settle();
  assert.deepEqual(told.error.map(({ id }) => id), ids.slice(0, 650));
  assert.deepEqual(told.ack[0].ids, ids.slice(650));
  assert.equal(sluice.stats().rejected, 650);
});

test("a gateway that names fewer refused events than it counts is asked event by event", async () => {
  const { sluice, sockets, time, told } = await connected({ batchEvents: 4 });
  const ids = trackAll(sluice, "a b c d");
  await time.pass(0);
  sockets[0].ack(1, { accepted: 2, rejected: 2, errors: [{ frame: 1, index: 0, code: "x", message: "" }] });
  for (let n = 2; n <= 4; n++) {
    await time.pass(0);
    assert.equal(sockets[0].messages.length, n);
    const name = names(sockets[0].batches[n - 1]);
    sockets[0].ack(n, name === "c" ? { rejected: 1 } : { duplicate: 1 });
  }
  assert.deepEqual(told.error.map(({ code, id }) => [code, id]), [["x", ids[0]], ["rejected", ids[2]]]);
  const { acknowledged, rejected, waiting } = sluice.stats();
  assert.deepEqual([acknowledged, rejected, waiting], [2, 2, 0]);
});

test("events of a clock that was set back since are sent with what it said", async () => {
  const time = new Time();
  const indexedDB = fakeIndexedDB();
  let shift = 9 * 86_400_000;
  const wall = () => time.now + shift;
  const first = await start({}, { time, indexedDB, wall });
  const tracked = wall();
  first.sluice.track("ahead");
  await time.pass(250);
  shift = 0;
  first.sluice.track("right");
  await time.pass(1000);
  first.sockets[0].accept();
  await time.pass(250);
  const sent = (socket) => socket.messages.map((message) => JSON.parse(message)).map(({ sent_at, events }) => [names(events), sent_at]);
  assert.deepEqual(sent(first.sockets[0]), [["ahead", tracked + 1250], ["right", time.now - 250]]);
  const second = await connected({}, { time, indexedDB, wall });
  await time.pass(250);
  assert.deepEqual(sent(second.sockets[0]).map(([name, at]) => [name, at > time.now + 60_000 ? at - tracked : at]), [["right", time.now], ["ahead", 0]]);
});

test("what was sent twice is counted by its first answer", async () => {
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  const { sluice, sockets, time, hide, told } = await start({}, { answer: () => held });
  sluice.track("a");
  await time.pass(250);
  hide();
  sockets[0].accept();
  await time.pass(0);
  sockets[0].ack(1, { accepted: 1 });
  answer({ status: 200, body: { accepted: 0, duplicate: 1, rejected: 0 } });
  await settle();
  const { tracked, acknowledged, waiting } = sluice.stats();
  assert.deepEqual([tracked, acknowledged, waiting, told.ack.flatMap(({ ids }) => ids).length], [1, 1, 0, 1]);
});

test("a page that leaves posts what it tracks in its own handlers, too", async () => {
  const { sluice, sockets, requests, env, time } = await connected({}, { answer: accepted });
  env.document.addEventListener("visibilitychange", () => sluice.track("by the page"));
  env.window.addEventListener("pagehide", () => sluice.track("by the page"));
  sluice.track("before");
  env.window.tell("pagehide");
  await settle();
  env.document.visibilityState = "hidden";
  env.document.tell("visibilitychange");
  await settle();
  const posted = requests.filter(({ keepalive }) => keepalive).map(({ events }) => names(events));
  assert.deepEqual(posted, ["before", "by the page", "by the page"]);
  assert.equal(sockets[0].messages.length, 0);
  await time.pass(0);
  assert.equal(sluice.stats().acknowledged, 3);
});

test("a hidden page sends over its connection what it tracks in its own handlers", async () => {
  const { sluice, sockets, env, hide } = await connected();
  env.document.addEventListener("visibilitychange", () => sluice.track("by the page"));
  hide();
  await settle();
  assert.deepEqual(sockets[0].batches.map(names), ["by the page"]);
});

test("a database that is deleted or full is told once, and its events are saved again when it can", async () => {
  const { sluice, told, time, env, saved } = await start();
  trackAll(sluice, "a b");
  await time.pass(0);
  env.indexedDB.clear();
  await time.pass(0);
  assert.deepEqual(told.error.map(({ code }) => code), ["storage"]);
  assert.equal(saved().length, 2);
  env.indexedDB.full = true;
  trackAll(sluice, "c d");
  await time.pass(0);
  sluice.track("e");
  await time.pass(0);
  assert.deepEqual(told.error.map(({ code }) => code), ["storage", "storage"]);
  assert.equal(saved().length, 2);
  env.indexedDB.full = false;
  await time.pass(60_000);
  assert.equal(saved().length, 5);
});

test("what a page tracks and leaves before its database is open is sent by the next", async () => {
  const time = new Time();
  const never = { open: () => ({}) };
  const first = await start({}, { time, indexedDB: never });
  const ids = trackAll(first.sluice, "a b");
  first.env.window.tell("pagehide");
  const second = await connected({}, { time, localStorage: first.env.localStorage });
  await time.pass(250);
  const sent = second.sockets[0].batches.flat().map(({ message_id }) => message_id);
  assert.deepEqual(sent, ids);
  assert.deepEqual([second.sluice.stats().recovered, second.saved().length, second.env.localStorage.length], [2, 2, 1]);
});

test("a hidden page that lives on takes back what it had left in localStorage", async () => {
  const { sluice, env, hide, time, saved } = await start();
  sluice.track("a");
  hide();
  assert.equal(env.localStorage.length, 2); // the anonymous id is the other
  await time.pass(0);
  assert.deepEqual([saved().length, env.localStorage.length], [1, 1]);
});

test("a policy of the page without ws: is fetch at once", async () => {
  const { sluice, sockets, time, told } = await start({}, { answer: accepted });
  sluice.track("a");
  sockets[0].onerror();
  await time.pass(250);
  assert.equal(sluice.state, "fetch");
  assert.equal(sluice.stats().acknowledged, 1);
  assert.deepEqual(told.error.map(({ code }) => code), ["websocket"]);
  await time.pass(600_000);
  assert.equal(sockets.length, 1);
});

test("a page of an origin that is not listed is told so once, and does not try for ever", async () => {
  let listed = false;
  const answer = (request) => {
    if (request.mode === "no-cors") return { status: 200 };
    if (listed && request.method === "POST") return accepted(request);
    throw new TypeError("Failed to fetch");
  };
  const { sluice, time, told, requests, env, saved } = await start({ transport: "fetch" }, { answer });
  sluice.track("a");
  await time.pass(1000);
  assert.deepEqual(told.error.map(({ code }) => code), ["origin_not_allowed"]);
  assert.match(told.error[0].message, /shop\.example/);
  assert.equal(sluice.state, "refused");
  await time.pass(86_400_000);
  const posts = requests.filter(({ method }) => method === "POST").length;
  assert.ok(posts <= 8, `${posts} posts in a day`);
  assert.deepEqual([told.error.length, saved().length, sluice.stats().waiting], [1, 1, 1]);
  listed = true;
  env.window.tell("online");
  await settle();
  assert.equal(sluice.stats().acknowledged, 1);
});

test("WebSockets alone: an origin that is not listed is told once as well, and not tried for ever", async () => {
  const answer = (request) => {
    if (request.mode === "no-cors") return { status: 200 };
    throw new TypeError("Failed to fetch");
  };
  const { sockets, time, told, sluice } = await start({ transport: "websocket" }, { answer });
  let dropped = 0;
  for (let hour = 0; hour < 24; hour++) {
    for (let i = 0; i < 1800; i++) {
      for (; dropped < sockets.length; dropped++) {
        sockets[dropped].drop();
      }
      await time.pass(2000);
    }
    assert.equal(sluice.state, "refused");
  }
  assert.deepEqual(told.error.map(({ code }) => code), ["origin_not_allowed"]);
  assert.ok(dropped <= 3 + 7, `${dropped} WebSockets in a day`);
});

const unauthorized = { status: 401, body: { code: "key_unknown", detail: "there is no such key" } };

test("a key goes along as a subprotocol, and with a POST in its address", async () => {
  const { sluice, sockets, requests, time } = await start({ key: "slw_x" }, { answer: accepted });
  sluice.track("a");
  assert.deepEqual(sockets[0].protocols, ["sluice.v1", "key.slw_x"]);
  assert.ok(!sockets[0].url.includes("slw_x"));
  for (let i = 0; i < 3; i++) {
    sockets.at(-1).drop();
    await time.pass(2000);
  }
  assert.match(requests[0].url, /&key=slw_x$/);
  assert.equal(requests[0].headers, undefined);
  assert.equal(sluice.stats().acknowledged, 1);
});

for (const transport of ["fetch", "websocket", "auto"]) {
  test(`${transport}: a key that is refused is told once, and not tried for ever; events are kept`, async () => {
    let known = false;
    const answer = (request) => (known ? accepted(request) : unauthorized);
    const { sluice, sockets, time, told, requests, env, saved } = await start({ key: "slw_x", transport }, { answer });
    sluice.track("a");
    let dropped = 0;
    for (let i = 0; i < 3600; i++) {
      for (; !known && dropped < sockets.length; dropped++) {
        sockets[dropped].drop();
      }
      await time.pass(4000);
    }
    assert.equal(sluice.state, "refused");
    assert.deepEqual(told.error.map(({ code }) => code), ["key_unknown"]);
    assert.ok(requests.length <= 30 && dropped <= 20, `${requests.length} requests, ${dropped} WebSockets in four hours`);
    assert.deepEqual([saved().length, sluice.stats().waiting, sluice.stats().rejected], [1, 1, 0]);
    if (transport === "fetch") {
      known = true;
      env.window.tell("online");
      await settle();
      assert.equal(sluice.stats().acknowledged, 1);
    }
  });
}

test("a lost network is no refused origin", async () => {
  const answer = () => {
    throw new TypeError("Failed to fetch");
  };
  const { sluice, time, told } = await start({ transport: "fetch" }, { answer });
  sluice.track("a");
  await time.pass(1000);
  assert.equal(told.error[0].code, "network");
});

test("on a server nothing is tracked, thrown, kept or waited for", async () => {
  const told = [];
  const page = fakePage({ base: undefined, origin: undefined });
  const sluice = new Sluice("/events", { onError: ({ code }) => told.push(code) }, page.env);
  assert.deepEqual([sluice.track("a"), sluice.track("b"), sluice.userId], [null, null, ""]);
  sluice.reset();
  assert.deepEqual(await sluice.flush(), { stored: 0, refused: 0, dropped: 0, waiting: 0 });
  assert.deepEqual(await sluice.close(), { stored: 0, refused: 0, dropped: 0, waiting: 0 });
  assert.deepEqual([told, page.sockets.length, sluice.stats().tracked], [["no_page"], 0, 0]);
  assert.throws(() => new Sluice("events.example", {}, page.env), TypeError);
});

test("in Node itself a program with the SDK ends, and throws nothing", () => {
  const program = `import { Sluice } from ${JSON.stringify(new URL("../src/sluice.js", import.meta.url).href)};
    const sluice = new Sluice("https://events.example");
    sluice.track("a");
    const { waiting } = await sluice.flush();
    process.exitCode = waiting;`;
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", program], { timeout: 10_000, encoding: "utf8" });
  assert.deepEqual([done.status, done.signal, done.stderr], [0, null, ""]);
});

test("flush and close check their timeout", async () => {
  const { sluice } = await connected();
  await assert.rejects(sluice.flush({ timeout: Infinity }), /timeout must be at most/);
  await assert.rejects(sluice.close({ timeout: -1 }), /timeout must be a number/);
});

test("flush sends at once, and resolves when all before it is acknowledged", async () => {
  const { sluice, sockets } = await connected();
  sluice.track("a");
  let left = null;
  sluice.flush().then((value) => (left = value));
  await settle();
  assert.deepEqual(sockets[0].batches.map(names), ["a"]);
  sluice.track("b");
  assert.equal(left, null);
  sockets[0].ack(1, { accepted: 1 });
  await settle();
  assert.deepEqual(left, { stored: 1, refused: 0, dropped: 0, waiting: 0 });
});

test("flush tells what is left when its time is up", async () => {
  const { sluice, time } = await start();
  trackAll(sluice, "a b");
  const flushed = sluice.flush({ timeout: 1000 });
  await time.pass(1000);
  assert.deepEqual(await flushed, { stored: 0, refused: 0, dropped: 0, waiting: 2 });
});

test("close flushes, and then neither sends nor tracks nor comes back", async () => {
  const { sluice, sockets, time } = await connected();
  sluice.track("a");
  const closed = sluice.close();
  await settle();
  sockets[0].ack(1, { accepted: 1 });
  assert.deepEqual(await closed, { stored: 1, refused: 0, dropped: 0, waiting: 0 });
  assert.equal(sluice.state, "closed");
  assert.equal(sockets[0].readyState, 3);
  assert.equal(sluice.track("b"), null);
  await time.pass(300_000);
  assert.equal(sockets.length, 1);
});

test("a callback that throws is the page's error, not ours", async () => {
  const onAck = () => {
    throw new Error("of the page");
  };
  const { sluice, sockets, time } = await connected({ onAck });
  sluice.track("a");
  await time.pass(250);
  sockets[0].ack(1, { accepted: 1 });
  assert.equal(sluice.stats().waiting, 0);
  await assert.rejects(time.pass(0), /of the page/);
});
