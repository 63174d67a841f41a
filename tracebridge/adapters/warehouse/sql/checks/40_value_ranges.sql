-- fail
-- Grain: one row per value outside its metric's range: outcome [0, 1], label [-2, 2], cost and
-- latency from 0.
-- Inputs: replay_values.
-- Parameters: none.
SELECT row_id AS offender, metric, value_micros
FROM replay_values
WHERE CASE metric
    WHEN 'outcome' THEN value_micros NOT BETWEEN 0 AND 1000000
    WHEN 'label' THEN value_micros NOT BETWEEN -2000000 AND 2000000
    WHEN 'cost' THEN value_micros < 0
    WHEN 'latency' THEN value_micros < 0
    ELSE TRUE
END
ORDER BY row_id, metric
