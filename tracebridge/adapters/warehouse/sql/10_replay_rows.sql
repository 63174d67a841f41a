-- Grain: one row per decision of the log (a turn that a person started and that has ended).
-- Inputs: incoming_rows, the rows handed over in this load.
-- Parameters: none.
SELECT
    row_id::VARCHAR AS row_id,
    unit::VARCHAR AS unit,
    session_id::VARCHAR AS session_id,
    day::DATE AS day,
    context_key::VARCHAR AS context_key,
    context::VARCHAR AS context,
    arm::VARCHAR AS arm,
    propensity::DOUBLE AS propensity,
    provenance::VARCHAR AS provenance,
    split::VARCHAR AS split,
    fold::INTEGER AS fold
FROM incoming_rows
ORDER BY row_id, unit, session_id
