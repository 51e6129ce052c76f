"""The panels of the dashboard, one table: make-dashboard writes dashboards/sluice.json from it.

A panel is (title, unit, description, queries, options). A query is PromQL and its legend. In PromQL %i stands for the chosen gateways,
%s for the chosen gateways and streams, and RATE for the range of a rate. Options:

  kind     stat, or timeseries (the default)
  warn     from this value on it is orange; bad: red. With `low` they are below it
  limit    the name of the query, by its legend, that is drawn as a dashed line: a limit
  alerts   whose runbooks it links to
  rare     its queries may have no result on a gateway that is well: the series come with what they tell of
  width    of 24; 8 if it is not said, 4 of a stat
"""


def quantiles(metric, by, legend, where="%i"):
    """p50 and p99 of a histogram."""
    labels = ", ".join(by + ["le"])
    return [("histogram_quantile(%s, sum by (%s) (rate(%s_bucket{%s}[RATE])))" % (q, labels, metric, where), "%s p%s" % (legend, name))
            for q, name in (("0.5", "50"), ("0.99", "99"))]


def rate(metric, by, where="%s", legend=None, grows=False):
    """A counter by some of its labels; `grows`: without those that stand still, of which there are many."""
    expr = "sum by (%s) (rate(%s{%s}[RATE]))" % (", ".join(by), metric, where)
    return expr + (" > 0" if grows else ""), legend or " ".join("{{%s}}" % label for label in by)


IDENTITY_AT_THE_DOORS = ("sum(sluice_events_received_total{%s}) - sum(sluice_events_accepted_total{%s}) - sum(sluice_events_duplicate_total{%s})"
                         " - sum(sluice_events_rejected_total{%s}) - sum(sluice_events_dropped_total{%s}) - sum(sluice_events_in_flight{%s})")
IDENTITY_ON_THE_WAY = ("sum(sluice_events_accepted_total{%s}) + sum(sluice_events_recovered_total{%s}) - sum(sluice_events_stored_total{%s})"
                       " - sum(sluice_journal_events{%s}) - sum(sluice_events_dead_lettered_total{%s}) - sum(sluice_events_damaged_total{%s})")

STAT, RARE = {"kind": "stat"}, {"rare": True}

ROWS = [
    ("Overview", [
        ("Ready", "ready", "Whether all chosen gateways accept events, as /readyz says it.", [("min(sluice_ready{%i})", "")],
         dict(STAT, bad=1, low=True, alerts=["SluiceNotReady", "SluiceDown"])),
        ("Gateways", "short", "Gateways that Prometheus can read.", [('sum(up{job="sluice",%i})', "")], dict(STAT, alerts=["SluiceDown"])),
        ("Events received", "events/s", "Events that arrive, whatever becomes of them.",
         [("sum(rate(sluice_events_received_total{%s}[RATE]))", "")], dict(STAT, alerts=["SluiceNoTraffic"])),
        ("Oldest unstored event", "s", "How long the oldest accepted event has waited for its table. Look here first.",
         [("max(sluice_oldest_unstored_event_age_seconds{%s})", "")], dict(STAT, warn=60, bad=120, alerts=["SluiceStoreBehind"])),
        ("Refused for lack of room", "events/s", "Events dropped for the state of the gateway: clients get 503.",
         [("sum(rate(sluice_events_dropped_total{%s}[RATE]))", "")], dict(STAT, bad=0.000001, alerts=["SluiceDropping"])),
        ("Rejected", "percentunit", "Share of the events that are refused for what they are.",
         [("sum(rate(sluice_events_rejected_total{%s}[RATE])) / sum(rate(sluice_events_received_total{%s}[RATE]))", "")],
         dict(STAT, warn=0.01, bad=0.05, alerts=["SluiceRejecting"])),
        ("Dead letters", "short", "Events that a table refused and that wait for a decision.",
         [("sum(sluice_dead_letter_rows{%s})", "")], dict(STAT, warn=1, alerts=["SluiceDeadLetters"])),
        ("Reply, p99", "s", "Of a hundred requests one waits longer for its reply.",
         [("histogram_quantile(0.99, sum by (le) (rate(sluice_reply_seconds_bucket{%i}[RATE])))", "")],
         dict(STAT, warn=1, bad=5, alerts=["SluiceRepliesSlow"])),
        ("Received to stored, p99", "s", "Of a hundred events one takes longer from its arrival to its table.",
         [("histogram_quantile(0.99, sum by (le) (rate(sluice_stored_latency_seconds_bucket{%s}[RATE])))", "")], dict(STAT, warn=30, bad=120)),
        ("Free disk", "bytes", "Least free space of the data folders.", [("min(sluice_data_free_bytes{%i})", "")],
         dict(STAT, alerts=["SluiceDiskSoonFull", "SluiceDiskLow"])),
        ("Alerts that fire", "short", "Alerts of Sluice that fire now.",
         [('count(ALERTS{alertname=~"Sluice.+",alertstate="firing"}) or vector(0)', "")], dict(STAT, bad=1)),
        ("Version", "name", "Versions that run, and how many gateways of each.",
         [("count by (version, commit) (sluice_build_info{%i})", "{{version}} {{commit}}")], STAT),
        ("Parts that are not well", "short", "0 is a part of a gateway that needs somebody; /readyz?verbose says why.",
         [("min by (instance, part) (sluice_part_ready{%i})", "{{instance}} {{part}}")],
         {"alerts": ["SluicePartNotWell"], "width": 24}),
    ]),
    ("Where every event is", [
        ("What becomes of events", "events/s", "Each event that arrives is in exactly one of the other four.",
         [("sum(rate(sluice_events_%s_total{%%s}[RATE]))" % word, word) for word in ("received", "accepted", "duplicate", "rejected", "dropped")],
         {"width": 12}),
        ("Where accepted events are", "events/s", "Accepted events go to their table, or to the dead letters.",
         [("sum(rate(sluice_events_accepted_total{%s}[RATE]))", "accepted"), ("sum(rate(sluice_events_stored_total{%s}[RATE]))", "stored"),
          ("sum(rate(sluice_events_recovered_total{%s}[RATE]))", "recovered"),
          ("sum(rate(sluice_events_dead_lettered_total{%s}[RATE]))", "dead letters"),
          ("sum(rate(sluice_events_damaged_total{%s}[RATE]))", "damaged")], {"width": 12}),
        ("On their way", "events", "In flight: received, not decided. Journal: accepted, not known to be stored.",
         [("sum(sluice_events_in_flight{%s})", "in flight"), ("sum(sluice_journal_events{%s})", "journal")], {"width": 12}),
        ("Events that nobody can find", "events", "What is left of both sums of the identity; 0, but for events that the journal takes or lets go while the page is written.",
         [(IDENTITY_AT_THE_DOORS, "at the doors"), (IDENTITY_ON_THE_WAY, "on their way")], {"alerts": ["SluiceIdentityBroken"], "width": 12}),
    ]),
    ("Doors", [
        ("Received by protocol", "events/s", "Events that arrive.", [rate("sluice_events_received_total", ["protocol"])], {"alerts": ["SluiceNoTraffic"]}),
        ("Received by stream", "events/s", "Events that arrive. Without a name: refused before the stream was known.",
         [rate("sluice_events_received_total", ["stream"])], {}),
        ("Bytes received", "Bps", "Bodies, messages and datagrams as they are sent, still compressed.",
         [rate("sluice_received_bytes_total", ["protocol"], "%i")], {}),
        ("Rejected by reason", "events/s", "Refused for what they are: 4xx.", [rate("sluice_events_rejected_total", ["stream", "reason"], grows=True)],
         dict(RARE, alerts=["SluiceRejecting"])),
        ("Rejected by field", "events/s", "The field that was the reason.", [rate("sluice_events_rejected_by_field_total", ["stream", "field", "reason"])],
         dict(RARE, alerts=["SluiceRejecting"])),
        ("Dropped by reason", "events/s", "Refused for the state of the gateway: 503.", [rate("sluice_events_dropped_total", ["stream", "reason"], grows=True)],
         dict(RARE, alerts=["SluiceDropping"])),
        ("HTTP replies", "reqps", "By class of status.", [rate("sluice_http_replies_total", ["status"], "%i")], {}),
        ("Connections", "short", "Open connections, WebSockets among them, and their limit.",
         [("sluice_connections{%i}", "{{instance}}"), ("max(sluice_connections_max{%i})", "limit")],
         {"limit": "limit", "alerts": ["SluiceConnectionsRefused"]}),
        ("Connections refused or evicted", "cps", "At the limit idle ones make room, then new ones are refused.",
         [("sum(rate(sluice_connections_refused_total{%i}[RATE]))", "refused"), ("sum(rate(sluice_connections_evicted_total{%i}[RATE]))", "evicted"),
          ("sum(rate(sluice_connections_refused_by_address_total{%i}[RATE]))", "refused by address")], {"alerts": ["SluiceConnectionsRefused"]}),
        ("WebSockets", "short", "Open WebSockets and their limit.",
         [("sluice_websockets{%i}", "{{instance}}"), ("max(sluice_websockets_max{%i})", "limit")], {"limit": "limit"}),
        ("WebSockets opened and closed", "cps", "Opened, closed by the gateway by reason, refused by reason.",
         [("sum(rate(sluice_websockets_opened_total{%i}[RATE]))", "opened"),
          rate("sluice_websockets_closed_total", ["reason"], "%i", "closed {{reason}}", True),
          rate("sluice_websockets_refused_total", ["reason"], "%i", "refused {{reason}}", True)], RARE),
        ("Datagrams", "pps", "Datagrams received, and those that the kernel dropped for a full buffer.",
         [rate("sluice_udp_datagrams_total", ["listener"], "%i", "{{listener}}"),
          rate("sluice_udp_kernel_drops_total", ["listener"], "%i", "{{listener}} lost")], {"alerts": ["SluiceUdpDatagramsLost"]}),
        ("Bytes of an event", "bytes", "Bytes received for an event, on the wire.",
         [("sum(rate(sluice_received_bytes_total{%i}[RATE])) / sum(rate(sluice_events_received_total{%i}[RATE]))", "an event")], {}),
        ("TLS handshakes", "cps", "By what became of them.", [rate("sluice_tls_handshakes_total", ["result"], "%i")], RARE),
        ("Certificates end in", "s", "Time that each certificate has left.",
         [("sluice_tls_certificate_expiry_timestamp_seconds{%i} - time()", "{{instance}} {{name}}")],
         dict(RARE, warn=7 * 86400, bad=86400, low=True, alerts=["SluiceCertificateExpires", "SluiceCertificateExpiresToday"])),
    ]),
    ("Latency", [
        ("Reply by protocol", "s", "From the last byte of a request or message to its reply.",
         quantiles("sluice_reply_seconds", ["protocol"], "{{protocol}}"), {"alerts": ["SluiceRepliesSlow"]}),
        ("Reply by route, p99", "s", "As on the left, by the pattern of the route.",
         [("histogram_quantile(0.99, sum by (route, le) (rate(sluice_reply_seconds_bucket{%i}[RATE])))", "{{route}}")], {"alerts": ["SluiceRepliesSlow"]}),
        ("Received to stored", "s", "From the arrival of an event to the moment when it is known to be in its table.",
         quantiles("sluice_stored_latency_seconds", ["stream"], "{{stream}}", "%s"), {"alerts": ["SluiceStoreBehind"]}),
        ("Commit", "s", "One commit group: the look-up of its ids, the journal, the mark of them.", quantiles("sluice_commit_seconds", [], "commit"), {}),
        ("Sync of the journal", "s", "One fdatasync. Each reply waits for one.", quantiles("sluice_journal_fsync_seconds", [], "fdatasync"),
         dict(RARE, warn=0.1, alerts=["SluiceFsyncSlow"])),
        ("INSERT by server", "s", "One INSERT.", quantiles("sluice_insert_seconds", ["server"], "{{server}}"), {"warn": 10, "alerts": ["SluiceInsertsSlow"]}),
        ("Round trip to Redis", "s", "Of the duplicate filter, with dedup.kind redis.", quantiles("sluice_dedup_seconds", [], "Redis"),
         dict(RARE, alerts=["SluiceDuplicatesPass"])),
    ]),
    ("Journal and disk", [
        ("Events in the journal", "events", "Accepted, not yet known to be stored.", [("sum by (stream) (sluice_journal_events{%s})", "{{stream}}")],
         {"alerts": ["SluiceStoreBehind"]}),
        ("Bytes in the journal", "bytes", "Of segments, and the least limit of a stream.",
         [("sum by (instance, stream) (sluice_journal_bytes{%s})", "{{instance}} {{stream}}"), ("min(sluice_journal_bytes_max{%s})", "limit")],
         {"limit": "limit", "alerts": ["SluiceJournalFilling"]}),
        ("Oldest unstored event", "s", "How long it has waited.", [("max by (stream) (sluice_oldest_unstored_event_age_seconds{%s})", "{{stream}}")],
         {"warn": 60, "bad": 120, "alerts": ["SluiceStoreBehind"]}),
        ("Time until the backlog is gone", "s", "Events in the journal by those that are stored a second.",
         [("sum(sluice_journal_events{%s}) / (sum(rate(sluice_events_stored_total{%s}[RATE])) > 0)", "at this pace")], {}),
        ("Commit queue", "events", "Events that wait for the commit thread, and the limit.",
         [("sluice_commit_queue_events{%i}", "{{instance}}"), ("min(sluice_commit_queue_events_max{%i})", "limit")],
         {"limit": "limit", "alerts": ["SluiceCommitQueueFilling"]}),
        ("Events of a commit group", "events", "Many under load: they share one sync.",
         [("sum(rate(sluice_events_accepted_total{%i}[RATE])) / sum(rate(sluice_commit_groups_total{%i}[RATE]))", "a group")], {}),
        ("Free disk", "bytes", "Of the data folder, and what stays free (journal.min_free).",
         [("sluice_data_free_bytes{%i}", "{{instance}}"), ("max(sluice_data_free_bytes_min{%i})", "min_free")],
         {"limit": "min_free", "alerts": ["SluiceDiskSoonFull", "SluiceDiskLow"]}),
        ("Segments", "short", "Files of the journal.", [("sum by (stream) (sluice_journal_segments{%s})", "{{stream}}")], {}),
        ("Damage", "short", "Damaged events and torn tails since the starts.",
         [("sum(sluice_events_damaged_total{%s})", "events damaged"), ("sum(sluice_journal_torn_tails_total{%i})", "torn tails")],
         {"bad": 1, "alerts": ["SluiceEventsDamaged", "SluiceTornTails"]}),
    ]),
    ("Store", [
        ("Stored", "events/s", "Events known to be in their table.", [rate("sluice_events_stored_total", ["stream"])], {}),
        ("Bytes stored", "Bps", "Of INSERTs, as they are sent.", [rate("sluice_stored_bytes_total", ["stream"])], {}),
        ("Rows of a batch", "short", "p50 and p99. Large batches are cheap for ClickHouse.", quantiles("sluice_batch_rows", ["stream"], "{{stream}}", "%s"), {}),
        ("Bytes of a batch", "bytes", "p50 and p99.", quantiles("sluice_batch_bytes", ["stream"], "{{stream}}", "%s"), {}),
        ("Batches stored", "ops", "Batches a second: each is a part that ClickHouse merges.", [rate("sluice_batches_stored_total", ["stream"])], {}),
        ("INSERTs that failed", "ops", "They are tried again.", [rate("sluice_insert_failures_total", ["stream"])], {"alerts": ["SluiceInsertsFailing"]}),
        ("Batches that wait or are held", "short", "Waiting for a writer or a retry; held for an operator.",
         [("sum by (stream) (sluice_batches_waiting{%s})", "{{stream}} waiting"), ("sum by (stream) (sluice_batches_held{%s})", "{{stream}} held")],
         {"alerts": ["SluiceBatchesHeld"]}),
        ("Servers away", "short", "1 while the circuit breaker of a server is open.",
         [("max by (instance, server) (sluice_store_breaker_open{%i})", "{{instance}} {{server}}")], {"bad": 1, "alerts": ["SluiceStoreServerAway"]}),
        ("Counted and split", "ops", "Batches counted in their table after a doubt, and batches split.",
         [("sum(rate(sluice_batch_verifications_total{%s}[RATE]))", "counted"), ("sum(rate(sluice_batch_splits_total{%s}[RATE]))", "split")], {}),
        ("Dead letters", "short", "Events that wait for a decision.", [("sum by (stream) (sluice_dead_letter_rows{%s})", "{{stream}}")],
         {"warn": 1, "alerts": ["SluiceDeadLetters", "SluiceDeadLettersFilling"]}),
        ("Gaps of views", "short", "Events that materialized views lack, since the starts.", [("sum by (stream) (sluice_view_gap_events_total{%s})", "{{stream}}")],
         {"bad": 1, "alerts": ["SluiceViewGap"]}),
        ("Queries", "reqps", "Questions of the read API.",
         [("sum(rate(sluice_queries%s_total{%%i}[RATE]))" % part, name) for part, name in
          (("", "asked"), ("_cached", "answered from memory"), ("_rejected", "rejected"), ("_refused", "refused"), ("_failed", "failed"))],
         {"alerts": ["SluiceQueriesFailing"]}),
    ]),
    ("Duplicates", [
        ("Share of duplicates", "percentunit", "Of the ids that are looked up.",
         [("sum(rate(sluice_events_duplicate_total{%i}[RATE])) / sum(rate(sluice_dedup_lookups_total{%i}[RATE]))", "duplicates")], {}),
        ("Ids remembered", "short", "In process.", [("sluice_dedup_ids{%i}", "{{instance}}")], {}),
        ("Memory of ids", "bytes", "And its limit: at the limit the window is shorter than configured.",
         [("sluice_dedup_bytes{%i}", "{{instance}}"), ("min(sluice_dedup_bytes_max{%i})", "limit")], {"limit": "limit"}),
        ("Ids asked of Redis", "ops", "Asked, and accepted without an answer.",
         [("sum(rate(sluice_dedup_asked_total{%i}[RATE]))", "asked"), ("sum(rate(sluice_dedup_bypassed_total{%i}[RATE]))", "bypassed"),
          ("sum(rate(sluice_dedup_failures_total{%i}[RATE]))", "failures")], {"alerts": ["SluiceDuplicatesPass"]}),
        ("Redis away", "short", "1 while there is no connection.", [("max by (instance) (sluice_dedup_breaker_open{%i})", "{{instance}}")],
         {"bad": 1, "alerts": ["SluiceDuplicatesPass"]}),
        ("Marks for Redis", "short", "Ids that Redis has to be told of, and those that it never is.",
         [("sum(sluice_dedup_marks_waiting{%i})", "waiting"), ("sum(sluice_dedup_marks_lost_total{%i})", "lost")], {"alerts": ["SluiceDuplicatesPass"]}),
    ]),
    ("Limits and keys", [
        ("Beyond a limit", "reqps", "Payloads by whose limit it is, and of what.", [rate("sluice_limited_total", ["policy", "unit"], "%i")],
         dict(RARE, alerts=["SluiceLimitReached"])),
        ("Limits shared", "short", "1 while this gateway shares its limits with others.", [("sluice_limits_shared{%i}", "{{instance}}")],
         {"alerts": ["SluiceLimitsNotShared"]}),
        ("Addresses remembered", "short", "And the limit.",
         [("sluice_limit_addresses{%i}", "{{instance}}"), ("min(sluice_limit_addresses_max{%i})", "limit")], {"limit": "limit"}),
        ("Events by key", "events/s", "Who sends.", [rate("sluice_key_events_received_total", ["key"], "%i")], RARE),
        ("Events refused by key", "events/s", "Whose events are refused.", [rate("sluice_key_events_rejected_total", ["key"], "%i")], RARE),
        ("Keys refused", "reqps", "By reason.", [rate("sluice_key_refusals_total", ["reason"], "%i", grows=True)], dict(RARE, alerts=["SluiceKeysRefused"])),
    ]),
    ("Process", [
        ("CPU", "percentunit", "Cores that the process uses.", [('rate(process_cpu_seconds_total{job="sluice",%i}[RATE])', "{{instance}}")], {}),
        ("Memory", "bytes", "Resident.", [('process_resident_memory_bytes{job="sluice",%i}', "{{instance}}")], {}),
        ("Open files", "short", "And the limit of the process.",
         [('process_open_fds{job="sluice",%i}', "{{instance}}"), ('min(process_max_fds{job="sluice",%i})', "limit")], {"limit": "limit"}),
        ("Threads", "short", "Of the process.", [('process_threads{job="sluice",%i}', "{{instance}}")], {}),
        ("Time since the start", "s", "It falls to 0 at each start.", [('time() - process_start_time_seconds{job="sluice",%i}', "{{instance}}")],
         {"alerts": ["SluiceRestarting"]}),
        ("Kept of requests and replies", "bytes", "Requests that are not whole, replies that are not taken, and their limits.",
         [("sum(sluice_receiving_bytes{%i})", "receiving"), ("sum(sluice_replying_bytes{%i})", "replying"),
          ("sum(sluice_receiving_bytes_max{%i})", "limit")], {"limit": "limit"}),
        ("Configuration", "short", "Reloads by what became of them, since the start.",
         [("sum by (result) (sluice_config_reloads_total{%i})", "{{result}}")], {"alerts": ["SluiceReloadRefused"]}),
        ("Configurations that run", "short", "Gateways by the hash of their configuration; one hash where all have the same file.",
         [("count by (hash) (sluice_config_info{%i})", "{{hash}}")], {}),
        ("Age of lookups", "s", "Since the table of a lookup was asked of the store.", [("sluice_lookup_age_seconds{%i}", "{{instance}} {{lookup}}")], RARE),
    ]),
]
