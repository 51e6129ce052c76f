/* Tells who sends several events to where one is taken. Pure. */
#pragma once

#include "base/bytes.h"

/* What of several events the text looks like ("an array"), `items` being the name of an envelope's array; NULL: like none. */
const char *payload_look(struct slice text, struct slice items);
