-- @community
GRANT SELECT ON gold.machine_energy_hourly TO setu_reader;
