-- Probability that the target puts on actions that the log never shows, per logged row.
-- Grain: one row.
-- Inputs: log(scope, support, action), target(scope, action, value), at the target's own scope.
--   support is where an action must have been logged to count as possible: the scope itself, or
--   the whole log where every row is its own scope.
-- Parameters: none.
-- Rounded to whole millionths per scope, so that the sum is the same for any order.
WITH shown AS (
    SELECT DISTINCT support, action FROM log
),

scopes AS (
    SELECT scope, any_value(support) AS support, count(*) AS copies
    FROM log
    GROUP BY scope
),

unsupported AS (
    SELECT scopes.scope, round(sum(target.value) * 1e6)::HUGEINT * any_value(scopes.copies) AS mass
    FROM scopes
    INNER JOIN target USING (scope)
    ANTI JOIN shown ON shown.support = scopes.support AND shown.action = target.action
    GROUP BY scopes.scope
)

SELECT
    coalesce(sum(mass), 0)::DOUBLE / 1e6 / (SELECT greatest(count(*), 1) FROM log) AS unsupported_mass
FROM unsupported
