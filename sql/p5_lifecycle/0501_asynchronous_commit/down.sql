-- what: both roles commit as the server is set
-- why: mirrors the step up
-- transaction: yes
-- lock: none
-- down: undone by upgrading again
ALTER ROLE setu_ingest RESET synchronous_commit;
ALTER ROLE setu_etl RESET synchronous_commit;
