-- Indices for the questions that the key of the table does not answer: those of one campaign, of one user.
ALTER TABLE {database}.{names}events {on_cluster} ADD INDEX IF NOT EXISTS of_campaign campaign_id TYPE bloom_filter(0.01) GRANULARITY 4;
ALTER TABLE {database}.{names}events {on_cluster} ADD INDEX IF NOT EXISTS of_user user_id TYPE bloom_filter(0.01) GRANULARITY 4;
