-- New: columns of silver rows whose value arrived after a rejected row of the same key. Silver does
-- not record when a value came, and need not: only a row that is sent again could replace a newer
-- value. So there are rows here for keys with such a row only, as long as it waits.
-- @section table
CREATE TABLE _etl.later_values (
    pipeline text NOT NULL,
    machine_iot_id bigint NOT NULL,
    event_time timestamptz NOT NULL,
    key_part text NOT NULL,
    first_id bigint NOT NULL,
    known_columns text[] NOT NULL,
    CONSTRAINT later_values_pkey
        PRIMARY KEY (pipeline, machine_iot_id, event_time, key_part, first_id)
);

COMMENT ON TABLE _etl.later_values IS
    'For keys with an open rejected row: columns that later rows set, by their place of arrival';
COMMENT ON COLUMN _etl.later_values.pipeline IS 'Name of the fact table';
COMMENT ON COLUMN _etl.later_values.machine_iot_id IS 'Key of the machine';
COMMENT ON COLUMN _etl.later_values.event_time IS
    'With machine and key part, the key of the row in silver';
COMMENT ON COLUMN _etl.later_values.key_part IS
    'Third column of silver''s key; empty where there are two';
COMMENT ON COLUMN _etl.later_values.first_id IS
    'Place in the order of arrival of the rejected row that set the columns';
COMMENT ON COLUMN _etl.later_values.known_columns IS 'Columns of the key that later rows have set';

-- @section grants
GRANT SELECT, INSERT ON _etl.later_values TO setu_etl;
