/* The report of a load: one line of JSON. */
#pragma once

#include "load.h"

void report_print(const struct load *load, double seconds, FILE *file);
