/* Memory by whole pages, zeroed and there at once: the first touch of a page would be a fault each. Plain calls, any
 * thread. */
#pragma once

#include <stddef.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* In huge pages, if it is that large. NULL: memory is short. It may take milliseconds for each huge page. */
void *huge_pages_map(size_t bytes);
void huge_pages_unmap(void *memory, size_t bytes); /* NULL: nothing to do */

/* Huge pages made ahead, by a thread of its own: so that who needs one at times does not wait for the kernel. The thread
 * begins with the first that is taken, and keeps a few ready. */
struct huge_page_supply;
struct huge_page_supply *huge_page_supply_new(void); /* NULL: memory is short, or no thread */
void huge_page_supply_free(struct huge_page_supply *supply);

/* HUGE_PAGE bytes, from now on the caller's, for huge_pages_unmap. NULL: none is ready. */
void *huge_page_supply_take(struct huge_page_supply *supply);
