-- fail
-- Grain: one row per decision with a propensity that nobody vouches for, or the other way round.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT row_id AS offender, propensity, provenance
FROM replay_rows
WHERE (propensity IS NULL) <> (provenance = 'unknown')
ORDER BY row_id
