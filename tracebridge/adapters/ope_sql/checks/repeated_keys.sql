-- fail: scopes that give one action twice.
-- Grain: one offender per scope, smallest first.
-- Inputs: entries(scope, action).
-- Parameters: none.
SELECT scope AS offender
FROM entries
GROUP BY scope, action
HAVING count(*) > 1
ORDER BY scope
LIMIT 1
