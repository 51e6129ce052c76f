/* The pages for browsers, built into the program: /sluice.js, the browser SDK (sdk/browser/dist), and /demo, an example
 * that shows it at work. */
#pragma once

#include <stddef.h>

struct page;

#define ASSETS_MAX 2

/* Fills `pages` (ASSETS_MAX) and returns how many. They borrow nothing. */
size_t assets_fill(struct page *pages);
