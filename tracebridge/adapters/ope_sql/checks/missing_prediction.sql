-- fail: scopes in which the reward model lacks an action that was logged or that the target plays.
-- Grain: one offender per scope, smallest first.
-- Inputs: log(scope, action), target(scope, action, value), qhat(scope, action).
-- Parameters: none.
WITH needed AS (
    SELECT scope, action FROM log
    UNION
    SELECT target.scope, target.action
    FROM target
    SEMI JOIN log USING (scope)
    WHERE target.value > 0
)

SELECT scope AS offender
FROM needed
ANTI JOIN qhat USING (scope, action)
ORDER BY scope
LIMIT 1
