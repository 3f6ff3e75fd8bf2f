-- what: archives the mapping
-- why: v1 keeps its codes company by company
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on companies and downtime_codes, milliseconds, to drop triggers
-- down: undone by upgrading again; the way back reads the mapping where it is archived
DROP TRIGGER companies_map_codes ON master.companies;
DROP TRIGGER downtime_codes_map_new ON master.downtime_codes;
DROP FUNCTION master.fn_map_new_codes();
SELECT _archive.archive_table('master.downtime_code_mapping', 'v2_downtime_code_mapping');
