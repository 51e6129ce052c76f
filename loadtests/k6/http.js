// Not run here: k6 is not packaged for Debian. For those who have it:
//   k6 run -e URL=http://localhost:8080 loadtests/k6/http.js
// One event a request and bulks of 1,000, side by side, at fixed rates; batches are sent in parallel over one VU's connections.
// k6 itself needs some 100 times the CPU of build/load for a request: on one machine it measures itself. Use it for shapes of load
// and thresholds, build/load for rates.
import http from 'k6/http';
import { check } from 'k6';
import { Counter } from 'k6/metrics';
import exec from 'k6/execution';

const url = __ENV.URL || 'http://localhost:8080';
const accepted = new Counter('events_accepted');
const json = { headers: { 'Content-Type': 'application/json' } };

export const options = {
  scenarios: {
    single: {
      executor: 'constant-arrival-rate', exec: 'single',
      rate: 500, timeUnit: '1s', duration: '30s', preAllocatedVUs: 50, maxVUs: 200,
    },
    bulk: {
      executor: 'ramping-arrival-rate', exec: 'bulk', startRate: 5, timeUnit: '1s', preAllocatedVUs: 20, maxVUs: 50,
      stages: [{ target: 50, duration: '15s' }, { target: 50, duration: '30s' }],
    },
  },
  thresholds: {
    checks: ['rate>0.999'],
    'http_req_failed': ['rate<0.001'],
    'http_req_duration{scenario:single}': ['p(99)<50'],
    'http_req_duration{scenario:bulk}': ['p(99)<200'],
  },
};

let number = 0;

function event() {
  number += 1;
  return {
    event_name: 'purchase', channel: 'web', campaign_id: 'sale', user_id: `k6-${exec.vu.idInTest}-${number}`,
    timestamp: Date.now(), tags: ['mobile', 'premium'], metadata: { amount: 99.99, currency: 'USD' },
  };
}

// Ten requests at once: a VU keeps several connections busy.
export function single() {
  const requests = Array.from({ length: 10 }, () => ['POST', `${url}/events`, JSON.stringify(event()), json]);
  for (const reply of http.batch(requests)) {
    if (check(reply, { 'single: 202': (r) => r.status === 202, 'single: has an id': (r) => r.json('id') !== undefined })) {
      accepted.add(1);
    }
  }
}

export function bulk() {
  const events = Array.from({ length: 1000 }, event);
  const reply = http.post(`${url}/events/bulk?ids=0`, JSON.stringify(events), json);
  check(reply, {
    'bulk: 202': (r) => r.status === 202,
    'bulk: all accepted': (r) => r.json('accepted') === events.length && r.json('rejected') === 0,
  });
  accepted.add(reply.json('accepted') || 0);
}
