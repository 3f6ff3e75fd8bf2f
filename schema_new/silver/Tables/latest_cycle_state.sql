-- New: where each machine's last cycle ended, so that a batch finds the predecessor of its first
-- cycle in one index probe instead of searching months of silver.
-- @section table
CREATE TABLE silver.latest_cycle_state (
    machine_iot_id integer NOT NULL,
    last_cycle_start timestamptz NOT NULL,
    last_cycle_end timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT latest_cycle_state_pkey PRIMARY KEY (machine_iot_id),
    CONSTRAINT latest_cycle_state_machine_iot_id_fkey
        FOREIGN KEY (machine_iot_id) REFERENCES master.machine_info (iot_id)
) WITH (fillfactor = 50);  -- every row is updated every minute: room for it on its own page

COMMENT ON TABLE silver.latest_cycle_state IS
    'The last cycle of each machine; written in the statement that writes silver.machine_cycles';
COMMENT ON COLUMN silver.latest_cycle_state.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN silver.latest_cycle_state.last_cycle_start IS
    'When the machine''s last cycle began';
COMMENT ON COLUMN silver.latest_cycle_state.last_cycle_end IS
    'When the machine''s last cycle ended; null while it lasts';
COMMENT ON COLUMN silver.latest_cycle_state.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT, INSERT, UPDATE ON silver.latest_cycle_state TO setu_etl;
GRANT SELECT ON silver.latest_cycle_state TO setu_reader;
