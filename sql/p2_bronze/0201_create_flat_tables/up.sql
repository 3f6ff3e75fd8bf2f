-- what: ten flat and typed bronze tables, one for each fact table; they take no rows yet
-- why: JSON costs its parse on every read and hides a wrong type until the load
-- transaction: yes
-- lock: none on existing objects
-- down: the empty tables go; rows of an earlier v2 period stay in _archive
-- @include schema_new/bronze/Tables/raw_*.sql#table

-- @include schema_new/_archive/hand_back.sql
-- @include sql/p2_bronze/shared/close_bronze.sql
