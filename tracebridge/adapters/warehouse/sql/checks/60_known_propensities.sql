-- warn
-- Grain: one row per decision that no estimator can use: its propensity is unknown.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT row_id AS offender
FROM replay_rows
WHERE propensity IS NULL
ORDER BY row_id
