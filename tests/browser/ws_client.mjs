// Sends messages with npm's ws and tells what came back.
//
// stdin, JSON: { url, origin?, protocols?, until?, wait?, messages: [{ text, as?, fragments? }] }
//   as         "text" if left out; or in LZ4: "block" (lz4-wasm-nodejs), "frame" (lz4js), "file" (the command line's lz4);
//              "bytes": text is base64, sent as it is in a binary message
//   fragments  so many frames a message
//   until      an acknowledgement says so many messages; then, or at once if left out, wait ms, and close 1000
// stdout, JSON: { acks: [the messages that came], code, reason, protocol, extensions, status: of a refused handshake }
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import lz4js from "lz4js";
import lz4wasm from "lz4-wasm-nodejs";
import WebSocket from "ws";

const task = JSON.parse(readFileSync(0, "utf8"));

const encoders = {
  text: (text) => Buffer.from(text), // fragments cut characters, too
  block: (text) => lz4wasm.compress(Buffer.from(text)),
  frame: (text) => Buffer.from(lz4js.compress(Buffer.from(text))),
  file: (text) => execFileSync("lz4", ["-c", "-q"], { input: text }),
  bytes: (text) => Buffer.from(text, "base64"),
};

function send(socket, { text, as = "text", fragments = 1 }) {
  const bytes = encoders[as](text);
  const piece = Math.ceil(bytes.length / fragments);
  for (let at = 0; at < bytes.length; at += piece) {
    socket.send(bytes.slice(at, at + piece), { binary: as !== "text", fin: at + piece >= bytes.length });
  }
}

const result = { acks: [] };
const socket = new WebSocket(task.url, task.protocols ?? [], { origin: task.origin });
const end = () => setTimeout(() => socket.close(1000), task.wait ?? 0);

socket.on("open", () => {
  result.protocol = socket.protocol;
  result.extensions = socket.extensions;
  task.messages.forEach((message) => send(socket, message));
  if (!task.until) end();
});
socket.on("message", (data, binary) => {
  const ack = binary ? { binary: data.toString("base64") } : JSON.parse(data);
  result.acks.push(ack);
  if (ack.ack === task.until) end();
});
socket.on("unexpected-response", (_, response) => {
  result.status = response.statusCode;
  response.resume();
  socket.terminate();
});
socket.on("error", (error) => (result.error = error.message));
socket.on("close", (code, reason) => {
  result.code = code;
  result.reason = String(reason);
  console.log(JSON.stringify(result));
  process.exit(0);
});
