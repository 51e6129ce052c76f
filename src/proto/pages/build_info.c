/* Turns what CMake says into constants. */
#include "proto/pages/build_info.h"

#ifndef SLUICE_COMMIT
#define SLUICE_COMMIT "unknown"
#endif
#ifndef SLUICE_BUILD_DATE
#define SLUICE_BUILD_DATE "unknown"
#endif

const char build_commit[] = SLUICE_COMMIT;
const char build_date[] = SLUICE_BUILD_DATE;
