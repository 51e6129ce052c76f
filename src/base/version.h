/* The version of the program: it stands here, and nowhere else. */
#pragma once

#define SLUICE_VERSION "0.1.0"

/* Of the source, as scripts/source-version has them: `git describe` ("v0.1.0-3-g5efb94f0d1e2", with "-dirty" if files were
 * changed) and the day of that commit, or of SOURCE_DATE_EPOCH. "unknown" until main has set them, before it starts a
 * thread: so a commit changes one object and not all that know the version. The strings are kept, not copied. */
void version_set_source(const char *commit, const char *date);
const char *version_commit(void);
const char *version_date(void);
