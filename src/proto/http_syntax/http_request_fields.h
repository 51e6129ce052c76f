/* What a request says of itself for the columns that it fills (event/request_fields.h). */
#pragma once

#include "event/request_fields.h"

#include <stdbool.h>

struct http_request;

/* Slices into the request. Of a trusted peer the host is the last entry of X-Forwarded-Host, which that peer wrote, if it is
 * one; else that of the request. */
struct request_fields http_request_fields(const struct http_request *request, bool peer_trusted);
