/* What CMake knew of the source when it was configured. */
#pragma once

extern const char build_commit[]; /* of git, short; "unknown" */
extern const char build_date[];   /* 2026-11-30; SOURCE_DATE_EPOCH, if that is set */
