/* The schemas of what the gateway itself answers. */
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi_answers.h"

/* In an order in which each comes behind those that refer to it. */
static const struct {
    struct slice name, schema;
} schemas[] = {
#define X(name, schema) { { name, sizeof(name) - 1 }, { schema, sizeof(schema) - 1 } },
    X("Any", "{\"description\":\"Any JSON.\"}") X(
        "Problem", "{\"type\":\"object\",\"description\":\"Why a request was refused (RFC 9457).\",\"properties\":{"
                   "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
                   "\"code\":{\"type\":\"string\",\"description\":\"The reason, in a word that stays.\"},"
                   "\"detail\":{\"type\":\"string\",\"description\":\"What was found, and what is expected.\"},"
                   "\"errors\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/EventError\"}}},"
                   "\"required\":[\"title\",\"status\",\"detail\"]}")
        X("EventError", "{\"type\":\"object\",\"description\":\"Why one event was refused.\",\"properties\":{"
                        "\"index\":{\"type\":[\"integer\",\"null\"]},\"field\":{\"type\":[\"string\",\"null\"]},"
                        "\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}")
            X("One", "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"},"
                     "\"status\":{\"type\":\"string\",\"enum\":[\"accepted\",\"duplicate\",\"stored\"]},"
                     "\"stable_id\":{\"type\":\"boolean\",\"description\":\"False: sent again, it is stored "
                     "again.\"}},\"required\":[\"status\"]}")
                X("Many", "{\"type\":\"object\",\"properties\":{\"accepted\":{\"type\":\"integer\"},"
                          "\"duplicate\":{\"type\":\"integer\"},\"rejected\":{\"type\":\"integer\"},"
                          "\"ids\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"],\"format\":\"uuid\"}},"
                          "\"without_stable_id\":{\"type\":\"integer\"},"
                          "\"errors\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/EventError\"}},"
                          "\"refused\":{\"type\":\"object\"}},\"required\":[\"accepted\",\"duplicate\",\"rejected\"]}")
                    X("Counts",
                      "{\"type\":\"object\",\"properties\":{\"event_name\":{\"type\":[\"string\",\"null\"]},"
                      "\"from\":{\"type\":\"string\"},\"to\":{\"type\":\"string\"},\"total_count\":{\"type\":"
                      "\"integer\"},"
                      "\"unique_user_count\":{\"type\":\"integer\"},\"grouped_metrics\":{\"type\":\"array\",\"items\":{"
                      "\"type\":\"object\",\"properties\":{\"group_key\":{\"type\":\"string\"},"
                      "\"total_count\":{\"type\":\"integer\"},\"unique_user_count\":{\"type\":\"integer\"}}}}}}")
                        X("Health",
                          "{\"type\":\"object\",\"properties\":{\"status\":{\"type\":\"string\",\"enum\":[\"ok\","
                          "\"degraded\","
                          "\"down\"]},\"parts\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
                          "\"name\":{\"type\":\"string\"},\"status\":{\"type\":\"string\"},\"since\":{\"type\":"
                          "\"string\"},"
                          "\"reason\":{\"type\":\"string\"}}}}}}")
                            X("Status", "{\"type\":\"object\",\"properties\":{\"version\":{\"type\":\"string\"},"
                                        "\"started\":{\"type\":"
                                        "\"string\"},\"uptime_seconds\":{\"type\":\"integer\"},\"events\":{\"type\":"
                                        "\"array\",\"items\":{"
                                        "\"type\":\"object\"}}}}")
#undef X
};

void openapi_write_answer_schemas(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(schemas); i++) {
        if (json_out_is_referred_to(out, "schemas", schemas[i].name)) {
            json_out_key(out, schemas[i].name);
            buf_append_slice(out, schemas[i].schema);
        }
    }
}
