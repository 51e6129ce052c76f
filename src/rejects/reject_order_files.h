/* Orders as files: given by commands, taken by the owner of the data folder. Waits for the disk. */
#pragma once

#include "base/bytes.h"

struct reject_order;
struct reject_report;

#define ORDER_NAME_MAX 64

/* A command: gives the order. Its name, by which the report is asked for. False with errno. */
MUST_CHECK bool reject_order_give(const char *data, const struct reject_order *order, char name[ORDER_NAME_MAX]);

/* A command: the report, and it goes. False: there is none yet. */
MUST_CHECK bool reject_order_report(const char *data, const char *name, struct reject_report *report);

/* The owner: the oldest order, and its text. What is none is removed. False: there is none. */
MUST_CHECK bool reject_order_take(const char *data, char name[ORDER_NAME_MAX], struct buf *text);

/* The owner: it is done. */
void reject_order_done(const char *data, const char *name, const struct reject_report *report);
