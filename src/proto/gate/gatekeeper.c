/* Turns who comes, how much it is and what room there is into yes, or into why not. */
#include "proto/gate/gatekeeper.h"

#include "base/assert.h"
#include "config/options/http_options.h"
#include "config/options/websocket_options.h"
#include "pipeline/pipeline.h"
#include "proto/gate/connection_limits.h"

bool gatekeeper_init(struct gatekeeper *gatekeeper, const struct pipeline *pipeline, const struct http_options *http,
                     const struct websocket_options *websocket)
{
    *gatekeeper = (struct gatekeeper){
        .pipeline = pipeline,
        .limits = {
            [GATEKEEPER_CONNECTION] = connection_limits_new(INT64_MAX, http->max_per_address),
            [GATEKEEPER_WEBSOCKET] = connection_limits_new(websocket->max_connections, websocket->max_per_address),
        },
    };
    return gatekeeper->limits[GATEKEEPER_CONNECTION] != NULL && gatekeeper->limits[GATEKEEPER_WEBSOCKET] != NULL;
}

void gatekeeper_refresh(const struct gatekeeper *gatekeeper, const struct http_options *http,
                        const struct websocket_options *websocket)
{
    connection_limits_set(gatekeeper->limits[GATEKEEPER_CONNECTION], INT64_MAX, http->max_per_address);
    connection_limits_set(gatekeeper->limits[GATEKEEPER_WEBSOCKET], websocket->max_connections,
                          websocket->max_per_address);
}

void gatekeeper_release(struct gatekeeper *gatekeeper)
{
    for (size_t kind = 0; kind < GATEKEEPER_KINDS; kind++) {
        connection_limits_free(gatekeeper->limits[kind]);
    }
}

enum error gatekeeper_enter(const struct gatekeeper *gatekeeper, enum gatekeeper_kind kind,
                            const struct client_address *client)
{
    ASSERT_BELOW(kind, GATEKEEPER_KINDS);
    struct connection_limits *limits = gatekeeper->limits[kind];
    return limits == NULL ? OK : connection_limits_enter(limits, client);
}

void gatekeeper_leave(const struct gatekeeper *gatekeeper, enum gatekeeper_kind kind,
                      const struct client_address *client)
{
    ASSERT_BELOW(kind, GATEKEEPER_KINDS);
    if (gatekeeper->limits[kind] != NULL) {
        connection_limits_leave(gatekeeper->limits[kind], client);
    }
}

enum error gatekeeper_admits(const struct gatekeeper *gatekeeper, const struct stream *stream)
{
    enum error error = pipeline_admits(gatekeeper->pipeline);
    return error != OK || stream == NULL ? error : pipeline_admits_stream(gatekeeper->pipeline, stream);
}
