/* Turns the text of a payload, or of a piece of it, into a document: as it is, or repaired if its stream has that. */
#include "pipeline/payload/payload_reader_private.h"

#include "pipeline/json/json_repair.h"

enum error payload_parse(struct payload_reader *reader, struct slice text)
{
    const struct payload_source *source = reader->source;
    enum error error = json_parse(source->parser, text, &reader->document);
    reader->parsed_repaired = 0;
    if (error == ERROR_INVALID_JSON) {
        error = json_repair_parse(source->parser, source->repair, text, &reader->document);
        reader->parsed_repaired = source->repair->repaired;
    }
    reader->parsed = error == OK ? text : (struct slice){ 0 };
    return error;
}

enum error payload_parse_piece(struct payload_reader *reader, struct slice piece)
{
    bool parsed = reader->parsed.data == piece.data && reader->parsed.len == piece.len;
    enum error error = parsed ? OK : payload_parse(reader, piece);
    return error == OK && !payload_takes_text(reader) ? ERROR_INVALID_JSON : error;
}
