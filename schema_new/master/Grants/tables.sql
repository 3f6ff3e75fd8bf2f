GRANT SELECT ON
    master.companies, master.plants, master.device_info, master.machine_info,
    master.plant_machine_mapping, master.shift_definitions
TO setu_etl, setu_reader;
