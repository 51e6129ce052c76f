/* Requests that nobody made who looks at a page: they are answered, and make no event. */
#pragma once

#include <stdbool.h>

struct http_request;

/* Of a route that takes events: a HEAD; a GET that says that it is made ahead (Sec-Purpose: prefetch, and what came before
 * it); one of a program that looks at links for others, such as a chat's preview or a mail filter, as far as it gives its
 * name. */
bool http_visits_are_nobodys(const struct http_request *request);
