-- fail: logged scopes whose target probabilities do not sum to 1.
-- Grain: one offender per scope, smallest first.
-- Inputs: log(scope), target(scope, action, value), at the target's own scope.
-- Parameters: none.
WITH sums AS (
    SELECT scope, sum(value) AS total FROM target GROUP BY scope
),

scopes AS (
    SELECT DISTINCT scope FROM log
)

SELECT scope AS offender
FROM scopes
LEFT JOIN sums USING (scope)
WHERE abs(coalesce(total, 0) - 1) > 1e-6
ORDER BY scope
LIMIT 1
