/* Turns Markdown, as the tables of the program write it, into a manual page of man(7): headings, paragraphs, lists, tables, blocks
 * of code, `code`, **bold** and links. Nothing else of Markdown is known. */
#pragma once

#include "base/bytes.h"

struct man_page {
    const char *name;    /* "sluice" */
    const char *section; /* "1" */
    const char *summary; /* what follows the dash under NAME */
    const char *version; /* of the program, in the foot */
};

/* The first heading of the Markdown is left out: the page has its name. */
void man_page_write(const struct man_page *page, struct slice markdown, struct buf *out);
