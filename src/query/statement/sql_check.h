/* Whether a text of the configuration is one SELECT, which reads tables alone. Pure.
 *
 * It is no fence against the operator, who may do anything to the store anyway. It is one against statements that come with somebody else's
 * file, and against slips: a `;`, INTO OUTFILE, a FORMAT of its own, functions that read files or ask other hosts. Servers and the engine are told
 * to read only as well. */
#pragma once

#include "base/bytes.h"

enum sql_check_what {
    SQL_STATEMENT, /* begins with SELECT or WITH */
    SQL_EXPRESSION /* of choices: no placeholders either */
};

/* False: *problem says why. */
MUST_CHECK bool sql_check(struct slice text, enum sql_check_what what, struct buf *problem);
