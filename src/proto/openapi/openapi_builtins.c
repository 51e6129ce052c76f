/* What the gateway serves by itself. */
#include "proto/openapi/openapi_operation.h"

#define EVENTS "Events"
#define READING "Reading"
#define OPERATING "Operating"

static const struct openapi_parameter of_counts[] = {
    { "event_name", "Only events of this name.", "\"type\":\"string\"" },
    { "from",
      "Events from this time on: RFC 3339, or seconds or milliseconds since 1970. Without it: the 24 hours before "
      "`to`.",
      "\"type\":\"string\",\"examples\":[\"2026-01-01T00:00:00Z\"]" },
    { "to", "Events before this time. Without it: until now.",
      "\"type\":\"string\",\"examples\":[\"2026-02-01T00:00:00Z\"]" },
    { "group_by", "`daily`, `hourly`, or a field of type LowCardinality(String) or Enum.",
      "\"type\":\"string\",\"examples\":[\"daily\"]" },
    { "stream", "The stream; without it: the first.", "\"type\":\"string\"" },
    { NULL, NULL, NULL },
};

static const struct openapi_parameter of_ready[] = {
    { "verbose", "Tells of all parts, not of those alone that are not well.", "\"type\":\"string\"" },
    { NULL, NULL, NULL },
};

static const struct openapi_parameter of_live[] = {
    { "stream", "Of this stream alone.", "\"type\":\"string\"" },
    { "only", "Events of this kind alone.", "\"type\":\"string\",\"enum\":[\"numbers\",\"refused\",\"accepted\"]" },
    { "once", "Any value, `1` say: the numbers as JSON, and nothing more.", "\"type\":\"string\"" },
    { NULL, NULL, NULL },
};

#define POST_EVENTS(route, is, text)                                                                                   \
    {                                                                                                                  \
        .path = (route), .method = HTTP_POST, .kind = OPENAPI_EVENTS, .form = (is), .tag = EVENTS, .summary = (text)   \
    }
#define WEBSOCKET(route, text)                                                                                         \
    {                                                                                                                  \
        .path = (route), .method = HTTP_GET, .kind = OPENAPI_WEBSOCKET, .tag = EVENTS, .summary = (text)               \
    }
#define PAGE(route, group, type, text)                                                                                 \
    .path = (route), .method = HTTP_GET, .kind = OPENAPI_PAGE, .tag = (group), .content_type = (type), .summary = (text)

const struct openapi_builtin openapi_builtins[] = {
    POST_EVENTS("/events", FORM_ONE, "Send one event"),
    POST_EVENTS("/events/bulk", FORM_MANY, "Send many events"),
    POST_EVENTS("/events/batch", FORM_MANY, "Send many events, by another name"),
    POST_EVENTS("/events/{stream}", FORM_ONE, "Send one event to a stream"),
    POST_EVENTS("/events/{stream}/bulk", FORM_MANY, "Send many events to a stream"),
    WEBSOCKET("/ws", "Send events by WebSocket, each message acknowledged"),
    WEBSOCKET("/tr/v1/ws", "Send events by WebSocket, without acknowledgements"),
    { .path = "/events/metrics",
      .method = HTTP_GET,
      .kind = OPENAPI_QUERY,
      .tag = READING,
      .content_type = "application/json",
      .summary = "Count the events of a stream",
      .schema = "Counts",
      .parameters = of_counts,
      .example = "{\"event_name\":\"purchase\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-02-01T00:00:00Z\","
                 "\"total_count\":2,\"unique_user_count\":1,\"grouped_metrics\":[{\"group_key\":\"2026-01-15\","
                 "\"total_count\":2,\"unique_user_count\":1}]}" },
    { PAGE("/", READING, "text/html; charset=utf-8", "What this gateway serves, for people") },
    { PAGE("/demo", READING, "text/html; charset=utf-8", "An example of the browser SDK at work") },
    { PAGE("/sluice.js", READING, "text/javascript; charset=utf-8", "The browser SDK"), .open = true },
    { PAGE("/openapi.json", READING, "application/json", "This document"), .schema = "Any" },
    { PAGE("/metrics", OPERATING, "text/plain; version=0.0.4; charset=utf-8",
           "Counters, for Prometheus; as OpenMetrics to who accepts that"),
      .admin = true },
    { PAGE("/health", OPERATING, "application/json", "The state of each part"), .admin = true, .schema = "Health",
      .other_status = 503,
      .example =
          "{\"status\":\"ok\",\"parts\":[{\"name\":\"gateway\",\"status\":\"ok\",\"since\":\"2026-01-01T00:00:00Z\","
          "\"reason\":\"accepting events\"}]}" },
    { PAGE("/livez", OPERATING, "text/plain; charset=utf-8", "Whether the process runs"), .admin = true, .open = true },
    { PAGE("/readyz", OPERATING, "text/plain; charset=utf-8", "Whether events are accepted"), .admin = true,
      .open = true, .other_status = 503, .parameters = of_ready },
    { PAGE("/ping", OPERATING, "text/plain; charset=utf-8", "Answers pong"), .admin = true, .open = true },
    { PAGE("/status", OPERATING, "application/json", "Version, uptime and what became of the events"), .admin = true,
      .schema = "Status" },
    { PAGE("/live", OPERATING, "text/html; charset=utf-8", "What flows now, for people"), .admin = true },
    { .path = "/live/events",
      .method = HTTP_GET,
      .kind = OPENAPI_LIVE,
      .tag = OPERATING,
      .content_type = "text/event-stream",
      .summary = "What flows now, as server-sent events",
      .admin = true,
      .parameters = of_live },
};

const size_t openapi_builtin_count = ARRAY_LENGTH(openapi_builtins);
