/* Turns a peer's address and X-Forwarded-For into the client's address. */
#include "proto/front/client_address.h"

#include "config/options/string_list.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct client_address client_address_of(const struct sockaddr_storage *peer)
{
    struct client_address address;
    if (peer->ss_family == AF_INET6) {
        memcpy(address.bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, sizeof address.bytes);
    } else {
        memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
        memcpy(address.bytes + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    }
    return address;
}

bool client_address_parse(struct client_address *address, struct slice text)
{
    char copy[CLIENT_ADDRESS_TEXT];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, address->bytes + 12) == 1) {
        memcpy(address->bytes, mapped_prefix, sizeof mapped_prefix);
        return true;
    }
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

static bool is_mapped(const struct client_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

size_t client_address_format(const struct client_address *address, char text[CLIENT_ADDRESS_TEXT])
{
    char formatted[INET6_ADDRSTRLEN] = "";
    if (is_mapped(address)) {
        inet_ntop(AF_INET, address->bytes + 12, formatted, sizeof formatted);
    } else {
        inet_ntop(AF_INET6, address->bytes, formatted, sizeof formatted);
    }
    size_t len = strlen(formatted);
    memcpy(text, formatted, len);
    return len;
}

static bool range_parse(struct address_range *range, struct slice text)
{
    struct slice rest = text, address;
    uint64_t bits = 0;
    slice_split(&rest, '/', &address);
    if (!client_address_parse(&range->base, address)) {
        return false;
    }
    unsigned offset = memchr(address.data, ':', address.len) == NULL ? 96 : 0;
    if (rest.data == NULL) {
        range->bits = 128;
        return true;
    }
    if (!slice_to_u64(rest, &bits) || bits > 128 - offset) {
        return false;
    }
    range->bits = (unsigned)bits + offset;
    return true;
}

bool address_ranges_init(struct address_ranges *ranges, const struct string_list *list, const char *option,
                         struct buf *problem)
{
    *ranges = (struct address_ranges){ 0 };
    if (list->count == 0) {
        return true;
    }
    ranges->items = calloc(list->count, sizeof *ranges->items);
    if (ranges->items == NULL) {
        buf_printf(problem, "%s: out of memory", option);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!range_parse(&ranges->items[i], slice_from_string(list->items[i]))) {
            buf_printf(problem, "%s: \"%s\" is not an address or a range such as 10.0.0.0/8 or fd00::/8", option,
                       list->items[i]);
            address_ranges_release(ranges);
            return false;
        }
        ranges->count++;
    }
    return true;
}

void address_ranges_release(struct address_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct address_ranges){ 0 };
}

static bool range_holds(const struct address_range *range, const struct client_address *address)
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(range->base.bytes, address->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((range->base.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

bool address_ranges_hold(const struct address_ranges *ranges, const struct client_address *address)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (range_holds(&ranges->items[i], address)) {
            return true;
        }
    }
    return false;
}

/* Proxies write "a.b.c.d", "::1", and some "a.b.c.d:port" or "[::1]:port". */
static struct slice without_port(struct slice entry)
{
    if (entry.len != 0 && entry.data[0] == '[') {
        const char *end = memchr(entry.data, ']', entry.len);
        return end == NULL ? entry : slice_make(entry.data + 1, (size_t)(end - entry.data - 1));
    }
    const char *colon = entry.len == 0 ? NULL : memchr(entry.data, ':', entry.len);
    if (colon != NULL && memchr(colon + 1, ':', entry.len - (size_t)(colon + 1 - entry.data)) == NULL) {
        return slice_make(entry.data, (size_t)(colon - entry.data));
    }
    return entry;
}

/* Moves *client along the entries of a field from the right; false if what stands before it must not be looked at. */
static bool follow(const struct address_ranges *trusted, struct slice field, struct client_address *client)
{
    size_t end = field.len;
    while (end != 0 && address_ranges_hold(trusted, client)) {
        size_t begin = end;
        while (begin != 0 && field.data[begin - 1] != ',') {
            begin--;
        }
        struct client_address next;
        struct slice entry = slice_trim(slice_make(field.data + begin, end - begin));
        if (!client_address_parse(&next, without_port(entry))) {
            return false;
        }
        *client = next;
        end = begin == 0 ? 0 : begin - 1;
    }
    return address_ranges_hold(trusted, client);
}

struct client_address client_address_behind(const struct address_ranges *trusted, struct client_address peer,
                                            const struct slice *fields, size_t count)
{
    struct client_address client = peer;
    while (count != 0 && follow(trusted, fields[count - 1], &client)) {
        count--;
    }
    return client;
}
