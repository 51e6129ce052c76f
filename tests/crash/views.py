"""A materialized view beside the table: it adds up how often each event went through it, and is compared with the rows that
the table was given.

Three rounds of four keep the table from merging, so that its rows are those that were inserted; in the others the view may
have more than is left in the table. The view's target deduplicates blocks, or not, as the seed says."""
import random

UNMERGED = "max_bytes_to_merge_at_max_space_in_pool = 1"
VIEW = "CREATE MATERIALIZED VIEW seen ENGINE = %s AS SELECT user_id, count() AS n FROM events GROUP BY user_id"
DIFFERENCES = ("SELECT user_id, sum(t) AS in_table, sum(v) AS in_view FROM (SELECT user_id, toInt64(1) AS t, toInt64(0) AS v "
               "FROM events UNION ALL SELECT user_id, toInt64(0) AS t, toInt64(n) AS v FROM seen) GROUP BY user_id "
               "HAVING in_table != in_view")


class View:
    def __init__(self, store, seed):
        chance = random.Random("%s view" % seed)    # its own: the moments of a seed stay what they were
        self.unmerged = chance.random() < 0.75
        window = store != "18.16" and chance.random() < 0.5
        self.view = VIEW % ("SummingMergeTree ORDER BY user_id" + (
            " SETTINGS non_replicated_deduplication_window = 10000" if window else ""))

    def statements(self, create_table):
        """What makes table and view; `create_table` as Sluice prints it."""
        if self.unmerged:
            create_table += (", " if "SETTINGS" in create_table else " SETTINGS ") + UNMERGED
        return [create_table, self.view]

    def alterations(self):
        """The same for a table that is there."""
        return ["ALTER TABLE events MODIFY SETTING " + UNMERGED] * self.unmerged + [self.view]

    def compare(self, select):
        """({event: rows that the view lacks}, {event: rows that it has too many})"""
        lacking, too_many = {}, {}
        for line in select(DIFFERENCES).splitlines():
            user, in_table, in_view = line.split("\t")
            number, more = int(user[1:]), int(in_view) - int(in_table)
            if more < 0:
                lacking[number] = -more
            elif self.unmerged:
                too_many[number] = more
        return lacking, too_many
