GRANT SELECT ON config.alert_subscriptions TO setu_reader;
