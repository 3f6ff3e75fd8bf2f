-- New: a commit need not wait for the disk. A crash loses at most what was committed in the last
-- 600 ms, all of it together: bronze, silver, cache and watermark. Kafka's offset is not among it.
ALTER ROLE setu_ingest SET synchronous_commit = off;
ALTER ROLE setu_etl SET synchronous_commit = off;
