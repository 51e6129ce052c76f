/* Cuts an array that is no JSON as a whole into the texts of its items, so that a bad one costs itself alone. Brackets and
 * quotes are matched, nothing is parsed: each item has to be, by whoever takes it. Pure. */
#pragma once

#include "base/bytes.h"

/* What is between the brackets of an array, in *items, and how many json_items_take gives of it. False: the text is no
 * array, or its brackets and quotes do not match up to its end. */
MUST_CHECK bool json_items(struct slice text, struct slice *items, uint64_t *count);

/* Moves the first item of *items to *item, without the blanks around it; nothing between two commas is an empty one. False:
 * none is left. */
bool json_items_take(struct slice *items, struct slice *item);

/* The first member of an object that has the name (unescaped) and an array as its value: *array is that with its brackets, or
 * what stands in their place. False: there is none. */
MUST_CHECK bool json_items_member(struct slice object, struct slice name, struct slice *array);

/* Do all its brackets and quotes match? */
bool json_items_is_closed(struct slice text);

/* Is the text of objects one behind the other, with nothing but blanks or record separators (RFC 7464) between them? At least
 * two, or one behind a separator; the last may be cut off. *count: how many json_items_take_value gives. */
MUST_CHECK bool json_items_values(struct slice text, uint64_t *count);

/* Moves the first value of *text to *value, as json_items_values counts them; false: none is left. */
bool json_items_take_value(struct slice *text, struct slice *value);
