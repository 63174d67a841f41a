-- Grain: one row: how large the replay set is on either side of the split, and which days it spans.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT
    count(*) FILTER (WHERE split = 'holdout') AS holdout_rows,
    count(DISTINCT unit) FILTER (WHERE split = 'holdout') AS holdout_units,
    count(*) FILTER (WHERE split = 'train') AS train_rows,
    count(*) FILTER (WHERE propensity IS NULL) AS rows_without_propensity,
    min(day)::VARCHAR AS first_day,
    max(day)::VARCHAR AS last_day
FROM replay_rows
