-- fail
-- Grain: one row per decision whose propensity is no probability above zero.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT row_id AS offender, propensity
FROM replay_rows
WHERE propensity IS NOT NULL AND NOT (propensity > 0 AND propensity <= 1)
ORDER BY row_id
