/* Turns the UUID that a client gives its event into the event's id. */
#include "pipeline/validate/client_id.h"

#include "event/stream.h"
#include "pipeline/validate/validate_private.h"

/* The UUID at the place of a column's value. */
static bool read_id(const struct json_document *document, json_at at, struct event_id *id)
{
    return json_type(document, at) == '"' && event_id_parse(id, json_string(document, at)) && !event_id_is_zero(id);
}

void client_id_take(struct validator *validator, const struct json_document *document, const struct stream *stream)
{
    bool found = false;
    validator->id_given = false;
    for (size_t i = 0; i < stream->id_source_count && !validator->id_given; i++) {
        const struct id_source *source = &stream->id_sources[i];
        const struct place *place = &validator->places.places[source->column];
        if (places_has(&validator->places, source->column) && place->rank == source->rank) {
            found = true;
            validator->id_given = read_id(document, place->at, &validator->id);
        }
    }
    if (found && !validator->id_given) {
        defaulted_note(&validator->scratch.defaulted, &stream->columns[stream->event_id_column]);
    }
    places_forget(&validator->places, (size_t)stream->event_id_column);
}

struct event_id client_id_settle(struct validator *validator, struct event_id made, const struct stream *stream)
{
    if (!validator->id_given) {
        validator->id = made;
    }
    bool made_up = !validator->id_given && event_id_is_made_up(&made);
    return made_up ? made : event_id_in_stream(stream->name, &validator->id);
}

const struct event_id *validate_id(const struct validator *validator, const struct chunk *chunk)
{
    return chunk->stream->id_source_count == 0 ? &chunk->ids[chunk->rows - 1] : &validator->id;
}
