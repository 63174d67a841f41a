-- fail
-- Grain: one row per context key that stands for several contexts.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT context_key AS offender, count(DISTINCT context) AS contexts
FROM replay_rows
GROUP BY context_key
HAVING count(DISTINCT context) > 1
ORDER BY context_key
