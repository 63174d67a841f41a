-- Grain: one row per decision and metric that was observed on it; value_micros is the value times
-- 1e6, rounded half to even, so that sums are exact in any order.
-- Inputs: incoming_values, the values handed over in this load.
-- Parameters: none.
SELECT
    row_id::VARCHAR AS row_id,
    metric::VARCHAR AS metric,
    value_micros::BIGINT AS value_micros
FROM incoming_values
ORDER BY row_id, metric
