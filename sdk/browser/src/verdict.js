// Turns what the gateway says of payloads (docs/protocol.md, errors and refused) into the fates of their records.

/** Pairs of numbers: so many events are passed over, so many are refused. */
function mark(refused, records, code, pairs) {
  let at = 0;
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    at += pairs[i];
    for (const end = Math.min(at + pairs[i + 1], records.length); at < end; at++) {
      refused.set(records[at], { code, message: code });
    }
  }
}

/** Of one payload: { records, refused: record → error, whole: error or null, if the payload as such was refused }. */
export function judge(records, errors = [], codes = {}) {
  const refused = new Map();
  let whole = null;
  for (const [code, pairs] of Object.entries(codes)) {
    if (pairs === null) {
      whole = { code, message: code };
    } else {
      mark(refused, records, code, pairs);
    }
  }
  for (const error of errors) {
    if (error.index == null) {
      whole = error;
    } else if (records[error.index] !== undefined) {
      refused.set(records[error.index], error);
    }
  }
  return { records, refused, whole };
}

const NOT_SAID = { code: "rejected", message: "the gateway refused it without saying why" };

/** All payloads of one answer, which counts `rejected` events: { good, refused, wholes: [{ records, error }…], unsure }.
 * A gateway that names fewer than it counts (an old one cuts its list) leaves us unsure of all it does not name. */
export function verdictOf(judged, rejected = 0) {
  const verdict = { good: [], refused: new Map(), wholes: [], unsure: [] };
  let named = 0;
  for (const { records, refused, whole } of judged) {
    named += whole === null ? refused.size : 1;
    if (whole !== null) {
      verdict.wholes.push({ records, error: whole });
      continue;
    }
    refused.forEach((error, record) => verdict.refused.set(record, error));
    verdict.good.push(...records.filter((record) => !refused.has(record)));
  }
  const missing = rejected - named;
  if (missing > 0 && verdict.good.length !== 0) {
    const open = verdict.good.splice(0);
    if (missing >= open.length) {
      open.forEach((record) => verdict.refused.set(record, NOT_SAID));
    } else {
      verdict.unsure = open;
    }
  }
  return verdict;
}
