-- fail: row ids that name more than one logged row.
-- Grain: one offender per row_id, smallest first.
-- Inputs: log(row_id).
-- Parameters: none.
SELECT row_id AS offender
FROM log
GROUP BY row_id
HAVING count(*) > 1
ORDER BY row_id
LIMIT 1
