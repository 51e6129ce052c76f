/* The gateway's loader of libchdb, compiled into this program as well. */
#include "store/chdb.c" /* NOLINT: one source, two programs */
