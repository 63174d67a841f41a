-- fail
-- Grain: one row per unit that stands on both sides of the split, or on none.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT unit AS offender, count(DISTINCT split) AS sides
FROM replay_rows
GROUP BY unit
HAVING count(DISTINCT split) > 1 OR bool_or(split NOT IN ('train', 'holdout'))
ORDER BY unit
