/* What an address without TLS answers before all else, whatever is served there and whoever asks: the challenges of ACME
 * (RFC 8555, 8.3: http-01), and the way to https.
 *
 *   /.well-known/acme-challenge/TOKEN   the file of this path beneath the folder `acme_webroot`, as certbot and lego write it
 *   all else, with `redirect_https`     308 to https, with the name by which the client called, its path and its query
 *
 * A redirect leads to names of http.hosts alone (and to addresses): without them it would lead to whatever a Host field
 * says, so a doorway that redirects needs http.hosts. */
#pragma once

#include "base/bytes.h"

struct doorway;
struct http_listener_options;
struct http_options;
struct page;

#define DOORWAY_PAGES_MAX 2

/* What can be said against the options of one address; false with a line in *problems, after "option: ". */
MUST_CHECK bool doorway_check(const struct http_listener_options *listener, const struct http_options *http,
                              struct buf *problem);

/* Of such: all but the challenges is led to https, so nothing else is served there. */
bool doorway_leads_away(const struct http_listener_options *listener);

/* Of options that doorway_check let pass, which outlive it. NULL: memory is short. */
struct doorway *doorway_new(const struct http_listener_options *listener);
void doorway_free(struct doorway *doorway); /* takes NULL */

/* Its pages, 0 if the options ask for none; they are the doorway's. */
size_t doorway_pages(const struct doorway *doorway, const struct page **pages);
