/* Swagger UI at /swagger: files that `make swagger` puts beside the program, which show /openapi.json. */
#pragma once

#include "base/bytes.h"

struct files_options;
struct page;

/* Where its files are: in `folder` (of the option openapi.swagger; empty: beside the program, or above it). Appends the path;
 * false: they are in none of these. */
bool swagger_find(const char *folder, struct buf *path);

/* The entry of `files` that serves them from `folder`, which it borrows. */
struct files_options swagger_files(const char *folder);

/* The page that says how to get them. */
struct page swagger_missing(void);
