-- @section table
CREATE TABLE master.machine_info (
    iot_id integer GENERATED ALWAYS AS IDENTITY,
    machine_id text NOT NULL,
    company_iot_id integer NOT NULL,
    device_iot_id integer,
    source_iot_id text NOT NULL,
    ip_address inet,
    port_no integer,
    created_at timestamptz DEFAULT now(),
    CONSTRAINT machine_info_pkey PRIMARY KEY (iot_id),
    CONSTRAINT machine_info_machine_id_company_iot_id_key UNIQUE (machine_id, company_iot_id),
    -- References to a machine include its company, so that the two cannot contradict.
    CONSTRAINT machine_info_iot_id_company_iot_id_key UNIQUE (iot_id, company_iot_id),
    CONSTRAINT machine_info_device_iot_id_company_iot_id_key UNIQUE (device_iot_id, company_iot_id),
    CONSTRAINT machine_info_company_iot_id_fkey
        FOREIGN KEY (company_iot_id) REFERENCES master.companies (iot_id),
    CONSTRAINT machine_info_device_iot_id_fkey
        FOREIGN KEY (device_iot_id) REFERENCES master.device_info (device_iot_id),
    CONSTRAINT machine_info_port_no_check CHECK (port_no BETWEEN 1 AND 65535)
);

CREATE INDEX machine_info_device_iot_id_source_iot_id_idx
    ON master.machine_info (device_iot_id, source_iot_id);

COMMENT ON TABLE master.machine_info IS 'One row per machine';
COMMENT ON COLUMN master.machine_info.source_iot_id IS
    'The id that the gateway sends for the machine';
COMMENT ON COLUMN master.machine_info.iot_id IS 'Key, drawn by the database, which never changes';
COMMENT ON COLUMN master.machine_info.machine_id IS 'The company''s own id of the machine';
COMMENT ON COLUMN master.machine_info.company_iot_id IS 'Key of the company';
COMMENT ON COLUMN master.machine_info.device_iot_id IS
    'Its gateway; null: rows of any gateway are taken';
COMMENT ON COLUMN master.machine_info.ip_address IS
    'Address of the control in the plant''s network';
COMMENT ON COLUMN master.machine_info.port_no IS 'TCP port of the control';
COMMENT ON COLUMN master.machine_info.created_at IS 'When the row was added';

-- @section grants
GRANT SELECT ON master.machine_info TO setu_etl, setu_reader;
