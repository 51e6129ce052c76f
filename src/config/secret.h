/* Secrets that lie in files of their own: of systemd's LoadCredential, of Kubernetes, of Docker. What they hold is never
 * repeated. */
#pragma once

struct dedup_options;
struct option_reader;
struct query_options;
struct store_options;

/* The one line of the file that NAME_FILE of the environment names, beside a variable NAME that is an option's; NULL, with a
 * problem: the file cannot be used, or both are set. NULL without one: NAME_FILE is not set. */
const char *secret_of_variable(struct option_reader *reader, const char *variable);

/* Reads the files that the configuration names into the options that they stand for; a problem each of what cannot be
 * used. */
void settle_secrets(struct option_reader *reader, struct store_options *store, struct query_options *query,
                    struct dedup_options *dedup);
