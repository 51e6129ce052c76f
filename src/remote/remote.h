/* A client of a gateway's own pages, by HTTP and HTTPS: what the commands ask of a gateway that runs. One thread at a time.
 * It knows libcurl, as the client of ClickHouse does (store/client), which posts batches and counts their fates; this one reads. */
#pragma once

#include "base/bytes.h"

#define REMOTE_FAILURE_MAX 320
#define REMOTE_PAGE_MAX (16u << 20) /* of a page that is held whole */

/* Where a gateway is, and how it is asked. Borrowed for each call. */
struct remote {
    const char *url;         /* "http://127.0.0.1:8080": what stands before "/readyz" */
    const char *key;         /* "": none; else sent as Authorization: Bearer */
    const char *ca_file;     /* PEM of those who may have signed its certificate; "": the system's */
    const char *certificate; /* PEM of our own; "": none */
    const char *private_key; /* "": it is in `certificate` */
    bool accept_any;         /* whatever certificate it shows */
    bool direct;             /* no proxy of the environment stands between */
};

struct remote_request {
    const char *path;   /* "/readyz?verbose" */
    const char *accept; /* "": whatever comes */
    int64_t timeout_ns; /* of all of it; 0: none but to connect, for a page without an end */
    int64_t silence_ns; /* without a byte; 0: any time will do */
    /* Takes a piece of the body of a 200; false: it is given up. NULL: the body is held in the reply. */
    bool (*take)(void *context, struct slice piece);
    /* Asked at least once a second while it waits; true: it is given up. NULL: nobody does. */
    bool (*is_given_up)(void *context);
    void *context;
};

enum remote_fate {
    REMOTE_ANSWERED,    /* `status` says what */
    REMOTE_NOT_REACHED, /* no connection came about, or no TLS */
    REMOTE_BROKEN,      /* it was connected, and no whole answer came */
    REMOTE_GIVEN_UP     /* take or is_given_up said so */
};

struct remote_reply {
    enum remote_fate fate;
    long status;                      /* 0: none came */
    struct buf body;                  /* of an error the first MiB */
    char failure[REMOTE_FAILURE_MAX]; /* why it was not answered, plain text of one line; "" if it was */
};

/* Once, before other threads run. */
void remote_begin(void);

/* A URL of http:// or https:// without arguments and passwords; false with *problem. */
MUST_CHECK bool remote_check_url(const char *url, struct buf *problem);

/* GET. The reply is zeroed before the first call, and may be used again; remote_reply_release. */
void remote_get(const struct remote *remote, const struct remote_request *request, struct remote_reply *reply);
void remote_reply_release(struct remote_reply *reply);
