-- Grain: one row per decision of one side of the split, its observed values as two lists sorted by
-- metric (null where nothing was observed).
-- Inputs: replay_rows, replay_values.
-- Parameters: $split, 'train' or 'holdout'.
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
    r.session_id,
    r.day::VARCHAR AS day,
    r.context_key,
    r.context,
    r.arm,
    r.propensity,
    r.provenance,
    r.split,
    r.fold,
    o.metrics,
    o.micros
FROM replay_rows AS r
LEFT JOIN observed AS o USING (row_id)
WHERE r.split = $split
ORDER BY r.row_id
