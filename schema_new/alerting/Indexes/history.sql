CREATE INDEX history_time_idx ON alerting.history (time DESC);
