/* The addresses of HTTP, however the file gives them. */
#pragma once

struct admin_options;
struct http_options;
struct option_reader;

/* Makes http.listen and admin.listen entries of http.listeners, where they are given, and says of each entry what it
 * serves. With none at all there is one, on 0.0.0.0:8080. */
void settle_listeners(struct option_reader *reader, struct http_options *http, const struct admin_options *admin);
