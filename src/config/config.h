/* Turns a YAML file into the option structs.
 *
 * libyaml documents are walked by the option tables of tables/: an option is one row there (key, type, default,
 * range, help), and parsing, --help, docs/configuration.md and config/sluice.yaml follow from it. `${NAME}` and
 * `${NAME:-default}` are expanded inside scalars after parsing, so that a value can never change the structure; the
 * variables of environment.h win over the file. An unknown key, a key given twice, a value out of range: each is an error with file, line, key, what was found and what
 * is allowed; all errors of a file are reported at once. */
#pragma once

#include "config/options/options.h"

/* Of a command line that names none: config/sluice.yaml if it is there, as it is in the source, else /etc/sluice/sluice.yaml. */
#define DEFAULT_CONFIG config_default_path()
const char *config_default_path(void);

/* What ${NAME} in the configuration means: getenv. */
const char *config_environment(const char *name);

/* Reads `path`. On failure returns false with one line per problem in *problems ("file:line: key: found …, expected …")
 * and an empty config. `lookup` resolves ${NAME}: getenv in the program, a table in tests; NULL means unset. */
MUST_CHECK bool config_load(struct config *config, const char *path, const char *(*lookup)(const char *name),
                            struct buf *problems);

/* The same from text; `name` stands for the file in messages. */
MUST_CHECK bool config_parse(struct config *config, const char *name, struct slice text,
                             const char *(*lookup)(const char *name), struct buf *problems);

void config_free(struct config *config);
