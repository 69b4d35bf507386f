-- The tables that the checks of this folder read, in BigQuery's words: the dataset is ${BELLWETHER_DATASET:-operations}.
-- Where yours are named otherwise, make views with these names and columns.

-- One row for each run of a processor, written when it begins and again when it ends.
CREATE TABLE processor_run_history (
  processor_name   STRING    NOT NULL,
  run_id           STRING    NOT NULL,
  phase            INT64     NOT NULL,  -- 1 to 6
  status           STRING    NOT NULL,  -- running, success, failed
  started_at       TIMESTAMP NOT NULL,
  processed_at     TIMESTAMP,           -- its end
  duration_seconds FLOAT64
);

-- What a processor may take before it is killed.
CREATE TABLE processor_timeouts (processor_name STRING NOT NULL, timeout_seconds FLOAT64 NOT NULL);

-- Each game, with the instants at which it passed each stage; NULL: not yet.
CREATE TABLE game_stages (
  game_id      STRING    NOT NULL,
  matchup      STRING    NOT NULL,      -- BOS@NYK
  starts_at    TIMESTAMP NOT NULL,
  ended_at     TIMESTAMP,
  scraped_at   TIMESTAMP,
  analysed_at  TIMESTAMP,
  graded_at    TIMESTAMP
);

-- Each player of whom a prediction is expected before its game begins, and the predictions there are.
CREATE TABLE expected_predictions (game_id STRING NOT NULL, player STRING NOT NULL, export_due TIMESTAMP NOT NULL);
CREATE TABLE predictions (game_id STRING NOT NULL, player STRING NOT NULL, made_at TIMESTAMP NOT NULL);

-- Each scheduled job: its own time on each day in America/New_York, and its runs.
CREATE TABLE scheduled_jobs (job STRING NOT NULL, local_time STRING NOT NULL);  -- 06:00:00
CREATE TABLE job_runs (job STRING NOT NULL, started_at TIMESTAMP NOT NULL);
