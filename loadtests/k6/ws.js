// Not run here: k6 is not packaged for Debian. For those who have it:
//   k6 run -e URL=ws://localhost:8080/ws loadtests/k6/ws.js
// Text messages of 100 events; each connection keeps at most WINDOW messages that are not acknowledged.
import { WebSocket } from 'k6/experimental/websockets';
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import exec from 'k6/execution';

const url = __ENV.URL || 'ws://localhost:8080/ws';
const SECONDS = 30;
const BATCH = 100;
const WINDOW = 8;
const accepted = new Counter('events_accepted');
const acknowledged = new Trend('ws_acknowledged', true);

export const options = {
  scenarios: { busy: { executor: 'per-vu-iterations', vus: 16, iterations: 1, maxDuration: `${SECONDS + 30}s` } },
  thresholds: { checks: ['rate>0.999'], ws_acknowledged: ['p(99)<200'] },
};

function batch(first) {
  return JSON.stringify(Array.from({ length: BATCH }, (_, i) => ({
    event_name: 'purchase', channel: 'web', campaign_id: 'sale', user_id: `k6-${exec.vu.idInTest}-${first + i}`,
    timestamp: Date.now(), tags: ['mobile', 'premium'], metadata: { amount: 99.99, currency: 'USD' },
  })));
}

export default function () {
  const socket = new WebSocket(url, ['sluice.v1']);
  const sentAt = [];      // of message n + 1, when it went
  let acked = 0;
  let over = false;

  const fill = () => {
    while (!over && sentAt.length - acked < WINDOW) {
      socket.send(batch(sentAt.length * BATCH));
      sentAt.push(Date.now());
    }
    if (over && acked === sentAt.length) {
      socket.close();
    }
  };
  socket.onopen = () => {
    setTimeout(() => { over = true; fill(); }, SECONDS * 1000);
    fill();
  };
  // {"ack": n, "accepted": …}: everything up to message n is as durable as configured.
  socket.onmessage = (message) => {
    const ack = JSON.parse(message.data);
    check(ack, { 'nothing rejected': (a) => !a.rejected });
    for (; acked < ack.ack; acked += 1) {
      acknowledged.add(Date.now() - sentAt[acked]);
    }
    accepted.add(ack.accepted);
    fill();
  };
  socket.onerror = (error) => check(error, { 'no error': () => false });
}
