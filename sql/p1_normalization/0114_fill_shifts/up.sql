-- what: the action that rolls up shifts; and the dates that are over since 0105
-- why: reports by shift read silver for dates that are not rolled up, date by date
-- transaction: no (each fortnight commits; a rerun continues with the rest)
-- lock: none
-- down: the action goes; what is rolled up stays until 0104 archives it
DROP PROCEDURE IF EXISTS gold.sp_roll_up(integer, jsonb);
-- @include schema_new/gold/Stored Procedures/sp_roll_up.sql#procedure
-- @include sql/p1_normalization/shared/fill_shifts.sql
