// Turns bytes into one LZ4 block (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). Why this is ours and
// no package: README.md.

const HASH_BITS = 13;
const MIN_MATCH = 4;
const LAST_LITERALS = 5; // the last bytes of a block are literals
const MATCH_LIMIT = 12; // and no match starts closer to its end
const MAX_OFFSET = 65535;
const SKIP_TRIGGER = 6; // after 64 misses in a row, every second place is tried, and so on

const bound = (length) => length + Math.ceil(length / 255) + 16;

/** Little-endian, unsigned. */
const read32 = (bytes, at) =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

const hash = (word) => Math.imul(word, 2654435761) >>> (32 - HASH_BITS);

/** What does not fit into the token's four bits: bytes of 255 and a last one below. */
function writeLength(out, at, length) {
  for (; length >= 255; length -= 255) {
    out[at++] = 255;
  }
  out[at++] = length;
  return at;
}

/** One sequence: literals, and a match unless its length is 0 (the last sequence). Returns where the next one starts. */
function writeSequence(out, at, literals, offset, matchLength) {
  const extra = matchLength - MIN_MATCH;
  const token = at++;
  out[token] = Math.min(literals.length, 15) << 4;
  if (literals.length >= 15) {
    at = writeLength(out, at, literals.length - 15);
  }
  out.set(literals, at);
  at += literals.length;
  if (matchLength !== 0) {
    out[token] |= Math.min(extra, 15);
    out[at++] = offset & 255;
    out[at++] = offset >>> 8;
    if (extra >= 15) {
      at = writeLength(out, at, extra - 15);
    }
  }
  return at;
}

/** How far the bytes at `from` and at `at` agree, up to `limit`. */
function matchEnd(bytes, from, at, limit) {
  while (at < limit && bytes[from] === bytes[at]) {
    from++;
    at++;
  }
  return at;
}

/** The block, behind `headroom` bytes left for the caller. */
export function compressBlock(bytes, headroom = 0) {
  const out = new Uint8Array(headroom + bound(bytes.length));
  const table = new Int32Array(1 << HASH_BITS); // hash of four bytes → where they were last seen, plus one
  const lastStart = bytes.length - MATCH_LIMIT;
  const matchLimit = bytes.length - LAST_LITERALS;
  let to = headroom;
  let anchor = 0;
  let misses = 1 << SKIP_TRIGGER;
  for (let at = 0; at <= lastStart; ) {
    const word = read32(bytes, at);
    const slot = hash(word);
    const from = table[slot] - 1;
    table[slot] = at + 1;
    if (from < 0 || at - from > MAX_OFFSET || read32(bytes, from) !== word) {
      at += misses++ >> SKIP_TRIGGER;
      continue;
    }
    const end = matchEnd(bytes, from + MIN_MATCH, at + MIN_MATCH, matchLimit);
    to = writeSequence(out, to, bytes.subarray(anchor, at), at - from, end - at);
    anchor = at = end;
    misses = 1 << SKIP_TRIGGER;
  }
  to = writeSequence(out, to, bytes.subarray(anchor), 0, 0);
  return out.subarray(0, to);
}
