/* Options: a file of SQL that is run on each server before the tables are looked at (store/setup.h). See options.h. */
#pragma once

struct setup_options {
    int line;
    const char *file;
    const char *path;  /* relative: to the folder of `file` */
    const char *scope; /* what the names of its streams' tables begin with: {names} */
};
