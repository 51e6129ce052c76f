-- The table is sorted by request. The daily report asks for a user and the last day.
ALTER TABLE {database}.{names}traffic {on_cluster} ADD INDEX IF NOT EXISTS of_user user_id TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE {database}.{names}traffic {on_cluster} ADD INDEX IF NOT EXISTS of_day created_at TYPE minmax GRANULARITY 1;
