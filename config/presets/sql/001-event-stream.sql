-- Indices for the questions that the key of the table does not answer: those of one user, of one name at any time.
ALTER TABLE {database}.{names}events {on_cluster} ADD INDEX IF NOT EXISTS of_user user_id TYPE bloom_filter(0.01) GRANULARITY 4;
ALTER TABLE {database}.{names}events {on_cluster} ADD INDEX IF NOT EXISTS of_pseudo_user user_pseudo_id TYPE bloom_filter(0.01) GRANULARITY 4;
ALTER TABLE {database}.{names}events {on_cluster} ADD INDEX IF NOT EXISTS of_name name TYPE set(100) GRANULARITY 4;
