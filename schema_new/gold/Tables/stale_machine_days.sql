-- New: a row that comes late is noted in its own transaction, so that no report misses it.
-- @section table
CREATE TABLE gold.stale_machine_days (
    machine_iot_id integer NOT NULL,
    logical_date date NOT NULL,
    changed_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- Each transaction has its own note: one that another has just processed must not stand for
    -- this one.
    CONSTRAINT stale_machine_days_pkey PRIMARY KEY (machine_iot_id, logical_date, changed_by)
);

COMMENT ON TABLE gold.stale_machine_days IS
    'Machines and business dates whose silver changed after they were rolled up; read from silver '
    'until gold.sp_roll_up has processed them';

-- @section grants
GRANT SELECT, INSERT, DELETE ON gold.stale_machine_days TO setu_etl;
GRANT SELECT ON gold.stale_machine_days TO setu_reader;
