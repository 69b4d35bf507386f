-- Games, exports, jobs and runs as of 2025-12-30 14:00 UTC, for the other checks of rules/google that ask BigQuery.
CREATE TABLE operations.game_stages (game_id STRING, matchup STRING, starts_at TIMESTAMP, ended_at TIMESTAMP, scraped_at TIMESTAMP, analysed_at TIMESTAMP, graded_at TIMESTAMP);
CREATE TABLE operations.expected_predictions (game_id STRING, player STRING, export_due TIMESTAMP);
CREATE TABLE operations.predictions (game_id STRING, player STRING, made_at TIMESTAMP);
CREATE TABLE operations.scheduled_jobs (job STRING, local_time STRING);
CREATE TABLE operations.job_runs (job STRING, started_at TIMESTAMP);
INSERT INTO operations.game_stages VALUES
 ('g1','BOS@NYK',TIMESTAMP '2025-12-30 00:00:00 UTC',TIMESTAMP '2025-12-30 03:00:00 UTC',TIMESTAMP '2025-12-30 03:10:00 UTC',TIMESTAMP '2025-12-30 05:00:00 UTC',NULL),
 ('g2','LAL@DEN',TIMESTAMP '2025-12-30 00:00:00 UTC',TIMESTAMP '2025-12-30 03:00:00 UTC',TIMESTAMP '2025-12-30 03:10:00 UTC',TIMESTAMP '2025-12-30 05:00:00 UTC',TIMESTAMP '2025-12-30 09:30:00 UTC'),
 ('g3','MIA@CHI',TIMESTAMP '2025-12-30 00:00:00 UTC',TIMESTAMP '2025-12-30 03:00:00 UTC',TIMESTAMP '2025-12-30 03:10:00 UTC',TIMESTAMP '2025-12-30 05:00:00 UTC',TIMESTAMP '2025-12-30 05:30:00 UTC');
INSERT INTO operations.expected_predictions VALUES ('g4','A. Ant',TIMESTAMP '2025-12-30 13:00:00 UTC'),('g4','B. Bee',TIMESTAMP '2025-12-30 13:00:00 UTC'),('g4','C. Cat',TIMESTAMP '2025-12-30 13:00:00 UTC');
INSERT INTO operations.predictions VALUES ('g4','B. Bee',TIMESTAMP '2025-12-30 12:00:00 UTC');
INSERT INTO operations.scheduled_jobs VALUES ('self-heal','12:45:00');
INSERT INTO operations.job_runs VALUES ('self-heal',TIMESTAMP '2025-12-29 19:00:00 UTC');
INSERT INTO operations.processor_run_history VALUES ('StuckProcessor','s-1',3,'running',TIMESTAMP '2025-12-30 07:00:00 UTC',NULL,NULL),('PredictionCoordinator','r-2',5,'running',TIMESTAMP '2025-12-30 13:55:00 UTC',NULL,NULL),('ResultsExporter','r-3',6,'running',TIMESTAMP '2025-12-30 13:00:00 UTC',NULL,NULL),('ResultsExporter','r-3',6,'success',TIMESTAMP '2025-12-30 13:00:00 UTC',TIMESTAMP '2025-12-30 13:00:31 UTC',31.0);
