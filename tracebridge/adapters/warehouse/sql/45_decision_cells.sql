-- Grain: one row per unit, fold, context, arm and propensity: all hold-out decisions whose
-- propensity is known, whether or not any metric was observed on them.
-- Inputs: replay_rows.
-- Parameters: none.
SELECT
    r.unit,
    r.fold,
    r.context_key,
    r.arm,
    r.propensity,
    count(*) AS n,
    CAST(0 AS HUGEINT) AS total_micros
FROM replay_rows AS r
WHERE r.split = 'holdout'
    AND r.propensity IS NOT NULL
GROUP BY r.unit, r.fold, r.context_key, r.arm, r.propensity
ORDER BY r.unit, r.fold, r.context_key, r.arm, r.propensity
