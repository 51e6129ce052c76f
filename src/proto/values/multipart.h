/* multipart/form-data (RFC 7578, 2046) in memory: its fields one at each call. Pure; takes time as the body is long.
 *
 *   multipart_open → multipart_next … MULTIPART_FIELD | MULTIPART_BAD | MULTIPART_END */
#pragma once

#include "base/bytes.h"

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

struct multipart {
    struct slice rest;                          /* behind the last delimiter */
    char delimiter[4 + MULTIPART_BOUNDARY_MAX]; /* CR LF "--" boundary */
    size_t delimiter_length;
    const char *reason; /* of MULTIPART_BAD, static */
};

struct multipart_field {
    struct slice name; /* as it was sent: multipart_decode_name */
    struct slice value;
    bool is_file; /* it has a file name, be it empty */
};

enum multipart_found { MULTIPART_FIELD, MULTIPART_END, MULTIPART_BAD };

/* `type`: the Content-Type field. False: `reason` says why. */
MUST_CHECK bool multipart_open(struct multipart *multipart, struct slice type, struct slice body);

enum multipart_found multipart_next(struct multipart *multipart, struct multipart_field *field);

/* Appends a name without the escapes that browsers put into it (%22, %0D, %0A; HTML, 4.10.22.8). */
void multipart_decode_name(struct slice name, struct buf *out);

/* The parameter of a field such as Content-Type or Content-Disposition, without its quotes; backslashes stay. False: there is
 * none. `name` in lower case. */
bool header_parameter(struct slice field, struct slice name, struct slice *value);
