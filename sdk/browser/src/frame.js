// Turns records into what goes over the wire: a JSON envelope, or the same in LZ4.
import { compressBlock } from "./lz4.js";

const PREFIX_BYTES = 4;
const encoder = new TextEncoder();

export const byteLength = (text) => encoder.encode(text).length;

/** Bytes of an envelope that are no event, and no comma behind one. */
export const ENVELOPE_BYTES = 48;

/** now: by this browser's clock, of which the gateway learns so how far it is off; or by the one that the records are of. */
export const payload = (records, now) =>
  `{"sent_at":${Math.round(now + (records[0].ahead ?? 0))},"events":[${records.map((record) => record.json).join(",")}]}`;

/** A text for the text frame; or bytes for the binary frame, if they are fewer: a 4-byte little-endian size, an LZ4
 * block. */
export function frame(records, compressAbove, now) {
  const text = payload(records, now);
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
