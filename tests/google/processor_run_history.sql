-- A week of a pipeline's runs as of 2025-12-30 14:00 UTC, for the checks of rules/google/processors.yaml.
--
-- PredictionCoordinator: 74 s on the average of the seven runs before, then 608 s (8.2 times as long, 112.6 % of its
-- timeout), and with that 66.8 % slower over three days than over seven. PlayerDailyCacheProcessor: 39.7 % slower over
-- three days than over seven. The others are within a few percent of their usual time.
CREATE SCHEMA IF NOT EXISTS operations;
CREATE TABLE operations.processor_run_history (
  processor_name STRING, run_id STRING, phase INT64, status STRING, started_at TIMESTAMP, processed_at TIMESTAMP,
  duration_seconds FLOAT64
);
CREATE TABLE operations.processor_timeouts (processor_name STRING, timeout_seconds FLOAT64);

INSERT INTO operations.processor_run_history
SELECT processor, CONCAT(processor, '-', CAST(day AS STRING)), phase, 'success',
  TIMESTAMP_SUB(TIMESTAMP '2025-12-30 14:00:00 UTC', INTERVAL hour + 24 * day HOUR),
  TIMESTAMP_ADD(TIMESTAMP_SUB(TIMESTAMP '2025-12-30 14:00:00 UTC', INTERVAL hour + 24 * day HOUR), INTERVAL CAST(duration AS INT64) SECOND),
  duration
FROM UNNEST([
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 0 AS day, 608.0 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 1 AS day, 73.1 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 2 AS day, 73.1 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 3 AS day, 75.2 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 4 AS day, 75.2 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 5 AS day, 75.2 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 6 AS day, 75.2 AS duration),
  STRUCT('PredictionCoordinator' AS processor, 5 AS phase, 1 AS hour, 7 AS day, 71.0 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 0 AS day, 286.2 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 1 AS day, 280.6 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 2 AS day, 271.4 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 3 AS day, 140.6 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 4 AS day, 140.4 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 5 AS day, 139.6 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 6 AS day, 141.2 AS duration),
  STRUCT('PlayerDailyCacheProcessor' AS processor, 4 AS phase, 2 AS hour, 7 AS day, 138.9 AS duration)
]);

-- The healthy ones: eight days each.
INSERT INTO operations.processor_run_history
SELECT processor, CONCAT(processor, '-', CAST(day AS STRING)), phase, 'success',
  TIMESTAMP_SUB(TIMESTAMP '2025-12-30 14:00:00 UTC', INTERVAL hour + 24 * day HOUR),
  TIMESTAMP_SUB(TIMESTAMP '2025-12-30 14:00:00 UTC', INTERVAL hour + 24 * day - 1 HOUR),
  usual * (1 + (MOD(day * 3 + hour, 7) - 3) / 100)
FROM UNNEST([
  STRUCT('ScheduleScraper' AS processor, 1 AS phase, 8 AS hour, 22.0 AS usual),
  STRUCT('GamebookScraper' AS processor, 1 AS phase, 7 AS hour, 310.0 AS usual),
  STRUCT('BoxscoreProcessor' AS processor, 2 AS phase, 5 AS hour, 72.0 AS usual),
  STRUCT('PlayerGameSummaryProcessor' AS processor, 3 AS phase, 4 AS hour, 240.0 AS usual),
  STRUCT('TeamDefenseZoneProcessor' AS processor, 4 AS phase, 2 AS hour, 88.0 AS usual),
  STRUCT('ResultsExporter' AS processor, 6 AS phase, 1 AS hour, 31.0 AS usual)
]) CROSS JOIN UNNEST(GENERATE_ARRAY(0, 7)) AS day;

-- One that failed, and one that is new and has no baseline yet.
INSERT INTO operations.processor_run_history VALUES
  ('BoxscoreProcessor', 'failed-1', 2, 'failed', TIMESTAMP '2025-12-30 13:30:00 UTC', TIMESTAMP '2025-12-30 13:40:00 UTC', 600.0),
  ('NewProcessor', 'n-1', 3, 'success', TIMESTAMP '2025-12-29 12:00:00 UTC', TIMESTAMP '2025-12-29 12:01:00 UTC', 60.0),
  ('NewProcessor', 'n-2', 3, 'success', TIMESTAMP '2025-12-30 12:00:00 UTC', TIMESTAMP '2025-12-30 12:15:00 UTC', 900.0);

INSERT INTO operations.processor_timeouts VALUES
  ('PredictionCoordinator', 540.0), ('PlayerDailyCacheProcessor', 900.0), ('GamebookScraper', 1800.0),
  ('PlayerGameSummaryProcessor', 600.0), ('TeamDefenseZoneProcessor', 600.0);
