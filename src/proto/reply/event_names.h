/* The placeholders of replies to events that every route knows; proto/answer/route_reply_write.c has their values. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

/* X(name, function of its value) */
#define EVENT_NAMES(X)                                                                                                 \
    X("id", value_id)                                                                                                  \
    X("ids", value_ids)                                                                                                \
    X("accepted", value_accepted)                                                                                      \
    X("duplicate", value_duplicate)                                                                                    \
    X("rejected", value_rejected)                                                                                      \
    X("total", value_total)                                                                                            \
    X("index", value_index)                                                                                            \
    X("field", value_field)                                                                                            \
    X("code", value_code)                                                                                              \
    X("detail", value_detail)                                                                                          \
    X("Detail", value_sentence)                                                                                        \
    X("errors", value_errors)                                                                                          \
    X("now", value_now)                                                                                                \
    X("source", value_source)                                                                                          \
    X("client_ip", value_client_ip)                                                                                    \
    X("host", value_host)                                                                                              \
    X("version", value_version)

/* One of these, or an argument of the query or a cookie: "query.x", "cookie.x". */
bool event_names_know(struct slice name);
