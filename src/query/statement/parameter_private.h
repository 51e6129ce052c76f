/* What the files of parameters share. */
#pragma once

#include "event/time/time_parse.h"
#include "query/statement/parameter.h"

/* A time in the parameter's format. */
MUST_CHECK bool parameter_read_moment(const struct parameter *parameter, struct slice text, struct moment *moment);

/* The moment, cut to what the type holds, as it is bound: ticks, or seconds with a fraction. */
void parameter_bind_moment(const struct type *type, struct moment moment, struct buf *out);

/* JSON, in the parameter's format. */
void parameter_show_moment(const struct parameter *parameter, struct moment moment, struct buf *out);
