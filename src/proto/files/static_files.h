/* Files beneath a folder, served under a path: files of Swagger UI, of a demo, of ACME's http-01.
 *
 *   /docs, /docs/a     redirects to /docs/, /docs/a/ if that is a folder
 *   /docs/a/           its index
 *   /docs/a/b.css      the file; regular files alone, no hidden ones, nothing outside the folder
 *
 * A request opens the file beneath its folder (file_beneath.h). What is small and in the page cache is read by the I/O
 * thread, all else by one thread of files, in the order of the requests. At most FILES_WAITING_BYTES wait for that, and at
 * least one file; more are answered 503. What was read counts as a reply that is not taken (http.max_replying). */
#pragma once

#include "proto/front/page.h"

struct files_options;
struct static_files;

/* Files of up to so many bytes are read where they are asked for, if no disk is needed. */
#define FILES_SMALL_BYTES ((size_t)64 << 10)
#define FILES_WAITING_BYTES ((uint64_t)64 << 20)

/* Appends a line for each entry that cannot be served ("file:7: files[0].folder: found …, expected …"); false if there was any. Does not open anything for long. */
MUST_CHECK bool static_files_check(const struct files_options *options, size_t count, struct buf *problems);

/* NULL with *problem. The options outlive it. `post` is page_post, but for tests. */
struct static_files *static_files_start(const struct files_options *options, size_t count,
                                        void (*post)(struct page_later later, struct page_reply *reply),
                                        struct buf *problem);

/* One page for each entry, into `pages` (with room for `count` of them). */
void static_files_pages(struct static_files *files, struct page *pages);

/* What waits, and whatever is asked from now on, is answered 503; after it returns no thread of its own answers. */
void static_files_stop(struct static_files *files);

/* Once the server has stopped. Takes NULL. */
void static_files_free(struct static_files *files);
