CREATE INDEX machine_tool_usage_event_time_idx ON silver.machine_tool_usage (event_time DESC);
