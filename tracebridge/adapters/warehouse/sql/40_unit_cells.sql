-- Grain: one row per unit, fold, context, arm and propensity: the hold-out decisions on which the
-- metric was observed and whose propensity is known, summed exactly.
-- Inputs: replay_rows, replay_values.
-- Parameters: $metric, a metric name.
SELECT
    r.unit,
    r.fold,
    r.context_key,
    r.arm,
    r.propensity,
    count(*) AS n,
    sum(v.value_micros) AS total_micros
FROM replay_rows AS r
JOIN replay_values AS v USING (row_id)
WHERE v.metric = $metric
    AND r.split = 'holdout'
    AND r.propensity IS NOT NULL
GROUP BY r.unit, r.fold, r.context_key, r.arm, r.propensity
ORDER BY r.unit, r.fold, r.context_key, r.arm, r.propensity
