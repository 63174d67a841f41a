-- Grain: one row per hold-out decision, with all that the digest of the replay set covers.
-- Inputs: replay_rows, replay_values.
-- Parameters: none.
WITH observed AS (
    SELECT
        row_id,
        list(metric ORDER BY metric) AS metrics,
        list(value_micros ORDER BY metric) AS micros
    FROM replay_values
    GROUP BY row_id
)
SELECT
    r.row_id,
    r.unit,
    r.context_key,
    r.arm,
    r.propensity,
    r.fold,
    o.metrics,
    o.micros
FROM replay_rows AS r
LEFT JOIN observed AS o USING (row_id)
WHERE r.split = 'holdout'
ORDER BY r.row_id
