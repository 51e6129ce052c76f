/* Media types (RFC 9110, 8.3.1): which may hold events as JSON. Pure. */
#pragma once

#include "base/bytes.h"

/* By the media type. OTHER: JSON of any name, or what may be it (nothing said, text/plain, octets, unknown types). FORM: a
 * form's type, under which clients send JSON as well. MULTIPART: a form of parts. FOREIGN: what is no JSON. */
enum http_content { CONTENT_OTHER, CONTENT_NDJSON, CONTENT_FORM, CONTENT_MULTIPART, CONTENT_FOREIGN };

/* Of a type without its parameters, in any case. What is not known to be something else may be JSON: clients send it under
 * many names. */
enum http_content http_content_of(struct slice type);

/* The header fields of a reply that refuses a type, or a coding (RFC 9110, 15.5.16; Linked Data Platform, 7.1): lines. */
#define HTTP_TYPES_TAKEN "application/json, application/x-ndjson, application/json-seq"
#define HTTP_ACCEPT_TYPES "Accept: " HTTP_TYPES_TAKEN "\r\nAccept-Post: " HTTP_TYPES_TAKEN "\r\n"
#define HTTP_ACCEPT_CODINGS "Accept-Encoding: gzip, deflate, lz4, zstd\r\n"
