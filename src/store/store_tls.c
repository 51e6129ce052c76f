/* Turns the store's options into files of TLS. */
#include "store/store_tls.h"

#include "base/tls/tls_fault.h"
#include "config/options/store_options.h"

const struct tls_option_names store_tls_names = { .url = "store.url",
                                                  .plain_scheme = "http://",
                                                  .ca_file = "store.ca_file",
                                                  .certificate = "store.client_certificate",
                                                  .key = "store.client_key",
                                                  .verify = "store.verify" };

struct tls_files store_tls_files(const struct store_options *options)
{
    return (struct tls_files){ .ca_file = options->ca_file,
                               .certificate = options->client_certificate,
                               .key = options->client_key,
                               .accept_any = options->verify == STORE_VERIFY_NOTHING };
}
