-- fail
-- Grain: one row per decision that was handed over more than once.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT row_id AS offender, count(*) AS times
FROM replay_rows
GROUP BY row_id
HAVING count(*) > 1
ORDER BY row_id
