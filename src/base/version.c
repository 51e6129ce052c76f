/* Keeps what main says of the source. */
#include "base/version.h"

#include "base/assert.h"

#include <stddef.h>

static const char *source_commit = "unknown";
static const char *source_date = "unknown";

void version_set_source(const char *commit, const char *date)
{
    ASSERT(commit != NULL && date != NULL);
    source_commit = commit;
    source_date = date;
}

const char *version_commit(void)
{
    return source_commit;
}

const char *version_date(void)
{
    return source_date;
}
