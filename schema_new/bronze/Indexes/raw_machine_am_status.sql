-- The sweep reads by id; time comes along so that the bound on it needs no look at the row.
CREATE INDEX raw_machine_am_status_id_time_idx ON bronze.raw_machine_am_status (id, time DESC);
