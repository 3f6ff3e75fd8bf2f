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

-- @section grants
GRANT SELECT ON master.machine_info TO setu_etl, setu_reader;
