-- The log scored by the target policy, ready for estimation.
-- Grain: one row per distinct (cluster, scope, action, reward, pscore) of the log.
-- Inputs: log(cluster, scope, action, reward, pscore), target(scope, action, value),
--   qhat(scope, action, value); qhat is empty without a reward model. A scope is the whole log,
--   a position or a row: the grain at which target and qhat are given.
-- Parameters: $scale, the power of two that brings the largest prediction just below 2^52.
-- An action absent from target has probability 0. Products are rounded to whole numbers of
-- 1 / $scale, whose sums are exact in any order, so that threads do not matter. played (1 unless
-- keys repeat) and lacking (0 unless predictions are missing) guard the joins.
WITH joined AS (
    SELECT scope, action, target.value AS prob, qhat.value AS q
    FROM target
    FULL JOIN qhat USING (scope, action)
),

expected AS (
    SELECT
        scope,
        sum(round(prob * q * $scale)) / $scale AS expected_q,
        sum(prob) AS played,
        count(*) FILTER (WHERE prob > 0 AND q IS NULL) AS lacking
    FROM joined
    GROUP BY scope
),

grouped AS (
    SELECT cluster, scope, action, reward, pscore, count(*) AS copies
    FROM log
    GROUP BY cluster, scope, action, reward, pscore
)

SELECT
    grouped.copies,
    grouped.reward,
    coalesce(joined.prob, 0) / grouped.pscore AS weight,
    joined.q AS logged_q,
    expected.expected_q,
    grouped.cluster,
    expected.played,
    expected.lacking
FROM grouped
LEFT JOIN joined USING (scope, action)
LEFT JOIN expected USING (scope)
ORDER BY grouped.cluster, scope, action, grouped.reward, grouped.pscore
