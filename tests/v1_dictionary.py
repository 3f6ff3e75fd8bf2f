"""v1 as the data dictionary has it, for tests: columns, constraints, indexes."""

TABLES = {
    "master.companies": (
        "company_id text not null, company_name text not null, effective_from_date"
        " timestamptz, created_at timestamptz = now()"
    ),
    "master.downtime_codes": (
        "down_id integer not null, down_code text not null, description text, category text,"
        " threshold_sec integer, created_at timestamptz = now(), company_id text not null"
    ),
    "master.machine_assets": (
        "asset_id text not null, machine_id text not null, company_id text not null,"
        " supplier_name text, model_number text, manufacturing_year integer,"
        " commissioned_date date, warranty_expire_date date, license_type text = 'Standard',"
        " is_activated boolean = false, customer_address text, support_contact text,"
        " created_at timestamptz = now()"
    ),
    "master.machine_health_settings": (
        "setting_id integer not null = sequence, machine_id text not null, company_id text"
        " not null, parameter_name text not null, min_value double precision, max_value"
        " double precision, target_value double precision, unit text, updated_at timestamptz"
        " = now()"
    ),
    "master.machine_info": (
        "machine_id text not null, company_id text not null, plant_id text not null,"
        " device_id text not null, iot_id text not null, created_at timestamptz = now()"
    ),
    "master.plants": (
        "plant_id text not null, company_id text not null, plant_name text, plant_city text,"
        " created_at timestamptz = now()"
    ),
    "master.production_targets": (
        "target_id integer not null = sequence, machine_id text not null, company_id text"
        " not null, program_no text, shift_id text, target_parts_per_hour double precision,"
        " std_cycle_time_sec double precision, effective_start_date date, effective_end_date"
        " date, created_at timestamptz = now()"
    ),
    "master.shifts": (
        "shift_id text not null, company_id text not null, plant_id text not null,"
        " shift_name text, start_time time, duration_hrs numeric, created_at timestamptz ="
        " now()"
    ),
    "master.users": (
        "user_id text not null, user_no text, full_name text, role text, plant_id text,"
        " created_at timestamptz = now(), company_id text not null"
    ),
    "silver.customer_feedback": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " user_id text, batch_no text, question_id text, question_category text,"
        " rating_value integer, comments text, created_at timestamptz = now()"
    ),
    "silver.machine_alarms": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " alarm_no text, alarm_desc text, created_at timestamptz = now(), shift_id text"
    ),
    "silver.machine_cycles": (
        "cycle_start timestamptz not null, cycle_end timestamptz, company_id text not null,"
        " machine_id text not null, program_no text, std_load_unload integer, std_cycle_time"
        " integer, actual_load_unload integer, actual_cycle_time integer, created_at"
        " timestamptz = now(), shift_id text, down_threshold integer"
    ),
    "silver.machine_downtime": (
        "down_start timestamptz not null, down_end timestamptz, company_id text not null,"
        " machine_id text not null, down_code text, down_id integer, down_threshold integer,"
        " created_at timestamptz = now(), shift_id text"
    ),
    "silver.machine_energy": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " category text, servo_energy double precision, spindle_energy double precision,"
        " total_energy double precision, created_at timestamptz = now(), shift_id text"
    ),
    "silver.machine_focas": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " shift_id text, part_count double precision, rej_count double precision, pot double"
        " precision, ot double precision, ct double precision, created_at timestamptz = now()"
    ),
    "silver.machine_pm_status": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " status text, pm_corrected_count integer, pm_pending_count integer, created_at"
        " timestamptz = now(), shift_id text"
    ),
    "silver.machine_status": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " program_no text, status text, operator_id text, target integer, created_at"
        " timestamptz = now(), shift_id text"
    ),
    "silver.machine_tool_usage": (
        "time timestamptz not null, company_id text not null, machine_id text not null,"
        " tool_no text not null, target_count double precision, actual_count double"
        " precision, created_at timestamptz = now(), shift_id text"
    ),
    "bronze.dead_letter_queue": (
        "time timestamptz not null = now(), payload jsonb, error_reason text, company_id text"
    ),
    "bronze.migration_metadata": (
        "id integer not null = sequence, table_name text not null, rows_migrated integer not"
        " null, min_timestamp timestamptz, max_timestamp timestamptz, company_ids text[],"
        " max_rows_limit integer, run_id uuid not null, migrated_at timestamptz = now()"
    ),
    "bronze.raw_telemetry": (
        "ingest_time timestamptz not null = now(), device_id text, iot_id text, payload"
        " jsonb, processed boolean = false, company_id text, batch_id uuid,"
        " processing_status text = 'pending'"
    ),
    "config.alert_rules": (
        "rule_id integer not null = sequence, rule_name text not null, description text,"
        " metric text not null, condition_operator text not null, threshold_value text not"
        " null, duration_sec integer = 0, severity text, enabled boolean = true, created_at"
        " timestamptz = now(), value_type text = 'String', company_id text"
    ),
    "config.alert_subscriptions": (
        "subscription_id integer not null = sequence, rule_id integer, user_id text, method"
        " text, target_address text, created_at timestamptz = now(), company_id text"
    ),
    "alerting.active_alerts": (
        "company_id text not null, machine_id text not null, rule_id integer not null,"
        " start_time timestamptz not null, last_checked_at timestamptz not null"
    ),
    "alerting.history": (
        "alert_id bigint not null = sequence, time timestamptz not null = now(), company_id"
        " text not null, rule_id integer, machine_id text not null, message text,"
        " value_at_alert text, status text = 'New', resolved_at timestamptz"
    ),
}
CONSTRAINTS = {
    "companies_pkey": "PRIMARY KEY (company_id)",
    "downtime_codes_pkey": "PRIMARY KEY (down_id, company_id)",
    "downtime_codes_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "machine_assets_pkey": "PRIMARY KEY (asset_id)",
    "machine_assets_machine_id_company_id_fkey": (
        "FOREIGN KEY (machine_id, company_id) REFERENCES master.machine_info(machine_id,"
        " company_id)"
    ),
    "machine_health_settings_pkey": "PRIMARY KEY (setting_id)",
    "uq_machine_health_company": "UNIQUE (machine_id, parameter_name, company_id)",
    "machine_health_settings_machine_id_company_id_fkey": (
        "FOREIGN KEY (machine_id, company_id) REFERENCES master.machine_info(machine_id,"
        " company_id)"
    ),
    "machine_info_pkey": "PRIMARY KEY (machine_id, company_id)",
    "uq_device_per_company": "UNIQUE (device_id, company_id)",
    "fk_machine_plant": (
        "FOREIGN KEY (plant_id, company_id) REFERENCES master.plants(plant_id, company_id)"
    ),
    "machine_info_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "plants_pkey": "PRIMARY KEY (plant_id, company_id)",
    "plants_company_id_fkey": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "production_targets_pkey": "PRIMARY KEY (target_id)",
    "production_targets_machine_id_company_id_fkey": (
        "FOREIGN KEY (machine_id, company_id) REFERENCES master.machine_info(machine_id,"
        " company_id)"
    ),
    "shifts_pkey": "PRIMARY KEY (shift_id, company_id, plant_id)",
    "shifts_company_id_fkey": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "users_pkey": "PRIMARY KEY (user_id, company_id)",
    "fk_user_plant": (
        "FOREIGN KEY (plant_id, company_id) REFERENCES master.plants(plant_id, company_id)"
    ),
    "users_company_id_fkey": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_cf_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_ma_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_mc_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_md_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_me_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_mf_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_ms_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "dead_letter_queue_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "migration_metadata_pkey": "PRIMARY KEY (id)",
    "raw_telemetry_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "alert_rules_pkey": "PRIMARY KEY (rule_id)",
    "alert_rules_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "alert_rules_severity_check": (
        "CHECK ((severity = ANY (ARRAY['Info', 'Warning', 'Critical'])))"
    ),
    "alert_rules_value_type_check": (
        "CHECK ((value_type = ANY (ARRAY['Numeric', 'String', 'Boolean'])))"
    ),
    "check_numeric_format": (
        "CHECK (((value_type <> 'Numeric') OR (threshold_value ~ '^[0-9]+(\\.[0-9]+)?$')))"
    ),
    "alert_subscriptions_pkey": "PRIMARY KEY (subscription_id)",
    "alert_subscriptions_company_id_fkey": (
        "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)"
    ),
    "alert_subscriptions_rule_id_fkey": (
        "FOREIGN KEY (rule_id) REFERENCES config.alert_rules(rule_id)"
    ),
    "fk_alert_user": (
        "FOREIGN KEY (user_id, company_id) REFERENCES master.users(user_id, company_id)"
    ),
    "alert_subscriptions_method_check": "CHECK ((method = ANY (ARRAY['Email', 'SMS', 'Push'])))",
    "active_alerts_pkey": "PRIMARY KEY (company_id, machine_id, rule_id)",
    "active_alerts_rule_id_fkey": "FOREIGN KEY (rule_id) REFERENCES config.alert_rules(rule_id)",
    "fk_aa_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_active_machine": (
        "FOREIGN KEY (machine_id, company_id) REFERENCES master.machine_info(machine_id,"
        " company_id)"
    ),
    "history_pkey": 'PRIMARY KEY (alert_id, "time")',
    "fk_ah_company": "FOREIGN KEY (company_id) REFERENCES master.companies(company_id)",
    "fk_history_machine": (
        "FOREIGN KEY (machine_id, company_id) REFERENCES master.machine_info(machine_id,"
        " company_id)"
    ),
    "history_rule_id_fkey": "FOREIGN KEY (rule_id) REFERENCES config.alert_rules(rule_id)",
}
INDEXES = {
    "companies_pkey": "master.companies USING btree (company_id)",
    "downtime_codes_pkey": "master.downtime_codes USING btree (down_id, company_id)",
    "machine_assets_pkey": "master.machine_assets USING btree (asset_id)",
    "machine_health_settings_pkey": "master.machine_health_settings USING btree (setting_id)",
    "uq_machine_health_company": (
        "master.machine_health_settings USING btree (machine_id, parameter_name, company_id)"
    ),
    "machine_info_pkey": "master.machine_info USING btree (machine_id, company_id)",
    "uq_device_per_company": "master.machine_info USING btree (device_id, company_id)",
    "idx_machine_info_device_iot": "master.machine_info USING btree (device_id, iot_id)",
    "plants_pkey": "master.plants USING btree (plant_id, company_id)",
    "production_targets_pkey": "master.production_targets USING btree (target_id)",
    "idx_prod_targets_machine": "master.production_targets USING btree (machine_id, company_id)",
    "shifts_pkey": "master.shifts USING btree (shift_id, company_id, plant_id)",
    "users_pkey": "master.users USING btree (user_id, company_id)",
    "customer_feedback_time_idx": 'silver.customer_feedback USING btree ("time" DESC)',
    "machine_alarms_time_idx": 'silver.machine_alarms USING btree ("time" DESC)',
    "machine_cycles_cycle_start_idx": "silver.machine_cycles USING btree (cycle_start DESC)",
    "machine_downtime_down_start_idx": "silver.machine_downtime USING btree (down_start DESC)",
    "machine_energy_time_idx": 'silver.machine_energy USING btree ("time" DESC)',
    "machine_focas_time_idx": 'silver.machine_focas USING btree ("time" DESC)',
    "machine_pm_status_time_idx": 'silver.machine_pm_status USING btree ("time" DESC)',
    "machine_status_time_idx": 'silver.machine_status USING btree ("time" DESC)',
    "machine_tool_usage_time_idx": 'silver.machine_tool_usage USING btree ("time" DESC)',
    "dead_letter_queue_time_idx": 'bronze.dead_letter_queue USING btree ("time" DESC)',
    "migration_metadata_pkey": "bronze.migration_metadata USING btree (id)",
    "idx_migration_metadata_latest": (
        "bronze.migration_metadata USING btree (table_name, migrated_at DESC)"
    ),
    "idx_migration_metadata_run": "bronze.migration_metadata USING btree (run_id)",
    "idx_migration_metadata_table": "bronze.migration_metadata USING btree (table_name)",
    "idx_raw_telemetry_batch": (
        "bronze.raw_telemetry USING btree (batch_id) WHERE (batch_id IS NOT NULL)"
    ),
    "idx_raw_telemetry_pending": (
        "bronze.raw_telemetry USING btree (ingest_time) WHERE (processing_status = 'pending')"
    ),
    "raw_telemetry_ingest_time_idx": "bronze.raw_telemetry USING btree (ingest_time DESC)",
    "alert_rules_pkey": "config.alert_rules USING btree (rule_id)",
    "alert_subscriptions_pkey": "config.alert_subscriptions USING btree (subscription_id)",
    "active_alerts_pkey": "alerting.active_alerts USING btree (company_id, machine_id, rule_id)",
    "history_pkey": 'alerting.history USING btree (alert_id, "time")',
    "history_time_idx": 'alerting.history USING btree ("time" DESC)',
}
