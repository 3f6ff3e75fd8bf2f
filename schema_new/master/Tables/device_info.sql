-- New: v1 kept the gateway's name on every machine row; a gateway is an object of its own, and a
-- machine can have none.
-- @section table
CREATE TABLE master.device_info (
    device_iot_id integer GENERATED ALWAYS AS IDENTITY,
    device_id text NOT NULL,
    description text,
    is_assigned boolean NOT NULL DEFAULT false,
    created_at timestamptz DEFAULT now(),
    created_by text,
    updated_at timestamptz,
    CONSTRAINT device_info_pkey PRIMARY KEY (device_iot_id),
    CONSTRAINT device_info_device_id_key UNIQUE (device_id)
);

COMMENT ON TABLE master.device_info IS 'One row per edge gateway (device)';
COMMENT ON COLUMN master.device_info.device_iot_id IS 'Key, drawn by the database';
COMMENT ON COLUMN master.device_info.device_id IS 'Name that the gateway sends with each row';
COMMENT ON COLUMN master.device_info.description IS 'In words, for people';
COMMENT ON COLUMN master.device_info.is_assigned IS
    'Whether a machine has the gateway; kept by triggers';
COMMENT ON COLUMN master.device_info.created_at IS 'When the row was added';
COMMENT ON COLUMN master.device_info.created_by IS 'Who added it';
COMMENT ON COLUMN master.device_info.updated_at IS 'When the row was changed last';

-- @section grants
GRANT SELECT ON master.device_info TO setu_etl, setu_reader;
