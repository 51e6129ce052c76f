/* What an I/O thread does when its connections keep more than they may: who waited longest gives way, and who was not
 * read for want of room is read again. */
#pragma once

struct connections;

/* Before the loop blocks: cheap while there is room. */
void relief_round(struct connections *connections);

/* Once a second: while some wait for room that does not come, the longest waiting of the big gives way to them. */
void relief_tick(struct connections *connections);
