-- Grain: one row per arm: what the log shows under it, as it happened, on both sides of the split.
-- Inputs: replay_rows, replay_values.
-- Parameters: none.
SELECT
    r.arm,
    count(DISTINCT r.row_id) AS turns,
    count(*) FILTER (WHERE v.metric = 'outcome') AS outcome_n,
    sum(v.value_micros) FILTER (WHERE v.metric = 'outcome') AS outcome_micros,
    count(*) FILTER (WHERE v.metric = 'label') AS label_n,
    sum(v.value_micros) FILTER (WHERE v.metric = 'label') AS label_micros,
    count(*) FILTER (WHERE v.metric = 'cost') AS cost_n,
    sum(v.value_micros) FILTER (WHERE v.metric = 'cost') AS cost_micros,
    count(*) FILTER (WHERE v.metric = 'latency') AS latency_n,
    sum(v.value_micros) FILTER (WHERE v.metric = 'latency') AS latency_micros
FROM replay_rows AS r
LEFT JOIN replay_values AS v USING (row_id)
GROUP BY r.arm
ORDER BY r.arm
