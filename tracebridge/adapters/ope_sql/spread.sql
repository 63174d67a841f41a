-- A coarse table (one value per action, or per position and action) repeated at a finer scope.
-- Grain: one row per (scope, action).
-- Inputs: scopes(coarse, scope) with one row per scope of the log,
--   coarse_table(scope, action, value).
-- Parameters: none.
SELECT scopes.scope, coarse_table.action, coarse_table.value
FROM scopes
INNER JOIN coarse_table ON scopes.coarse = coarse_table.scope
