-- The order of the sweep. CACHE 1: a cached block of ids would be drawn long before it is used, and
-- the fence of the sweep could not tell which of them are still to come.
ALTER TABLE bronze.raw_machine_pm_status
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (CACHE 1);
