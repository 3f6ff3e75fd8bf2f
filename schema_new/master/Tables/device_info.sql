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

-- @section grants
GRANT SELECT ON master.device_info TO setu_etl, setu_reader;
