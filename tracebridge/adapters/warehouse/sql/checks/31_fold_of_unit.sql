-- fail
-- Grain: one row per unit that lies in several folds.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT unit AS offender, count(DISTINCT fold) AS folds
FROM replay_rows
GROUP BY unit
HAVING count(DISTINCT fold) > 1
ORDER BY unit
