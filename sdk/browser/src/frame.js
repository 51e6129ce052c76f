// Turns records into what goes over the wire: a JSON array, or the same in LZ4.
import { compressBlock } from "./lz4.js";

const PREFIX_BYTES = 4;
const encoder = new TextEncoder();

export const byteLength = (text) => encoder.encode(text).length;

const LONE_HALF = /\\ud[89a-f]/; // as JSON.stringify writes a surrogate without its other half
const wellFormed = (key, value) => (typeof value === "string" ? value.toWellFormed() : value);

/** An event as JSON. A text that was cut within an emoji gets U+FFFD for the half, where the browser can do that; the
 * gateway does it else. */
export function toJson(event) {
  const json = JSON.stringify(event);
  return LONE_HALF.test(json) && "".toWellFormed ? JSON.stringify(event, wellFormed) : json;
}

export const payload = (records) => `[${records.map((record) => record.json).join(",")}]`;

/** A text for the text frame; or bytes for the binary frame, if they are fewer: a 4-byte little-endian size, an LZ4
 * block. */
export function frame(records, compressAbove) {
  const text = payload(records);
  if (text.length <= compressAbove) {
    return text;
  }
  const plain = encoder.encode(text);
  const packed = compressBlock(plain, PREFIX_BYTES);
  if (packed.length >= plain.length) {
    return text;
  }
  new DataView(packed.buffer).setUint32(0, plain.length, true);
  return packed;
}
