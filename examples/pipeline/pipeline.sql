-- What this example watches: a week of a sports data pipeline that ends in predictions.
--
-- `bellwether run` makes pipeline.db from this script where that file is not there. To begin again, remove it.
-- Each run is written down by how long ago it began, and the view `runs` says when that was. So the newest run is always
-- of the last hours, on whatever day you try this.

CREATE TABLE recorded (
  processor  TEXT    NOT NULL,
  phase      INTEGER NOT NULL,  -- 1 scrape, 2 raw, 3 analytics, 4 precompute, 5 predict, 6 publish
  hours_ago  REAL    NOT NULL,
  duration   REAL    NOT NULL,  -- seconds
  status     TEXT    NOT NULL DEFAULT 'ok'
);

CREATE VIEW runs AS
SELECT processor, phase, datetime('now', -hours_ago || ' hours') AS started_at, duration, status FROM recorded;

-- PredictionCoordinator: 74 s on the average of seven days, and then 608 s: 8.2 times as long.
INSERT INTO recorded (processor, phase, hours_ago, duration) VALUES
  ('PredictionCoordinator', 5, 1 + 7 * 24, 71),
  ('PredictionCoordinator', 5, 1 + 6 * 24, 77),
  ('PredictionCoordinator', 5, 1 + 5 * 24, 74),
  ('PredictionCoordinator', 5, 1 + 4 * 24, 72),
  ('PredictionCoordinator', 5, 1 + 3 * 24, 76),
  ('PredictionCoordinator', 5, 1 + 2 * 24, 73),
  ('PredictionCoordinator', 5, 1 + 1 * 24, 75),
  ('PredictionCoordinator', 5, 1,          608);

-- PlayerDailyCacheProcessor: 279.4 s over three days, 200 s over seven: 39.7 % slower, and no single run stands out.
INSERT INTO recorded (processor, phase, hours_ago, duration) VALUES
  ('PlayerDailyCacheProcessor', 4, 2 + 7 * 24, 138.9),
  ('PlayerDailyCacheProcessor', 4, 2 + 6 * 24, 141.2),
  ('PlayerDailyCacheProcessor', 4, 2 + 5 * 24, 139.6),
  ('PlayerDailyCacheProcessor', 4, 2 + 4 * 24, 140.4),
  ('PlayerDailyCacheProcessor', 4, 2 + 3 * 24, 140.6),
  ('PlayerDailyCacheProcessor', 4, 2 + 2 * 24, 271.4),
  ('PlayerDailyCacheProcessor', 4, 2 + 1 * 24, 280.6),
  ('PlayerDailyCacheProcessor', 4, 2,          286.2);

-- The others are healthy: eight days each, within a few percent of their usual time.
WITH RECURSIVE
  day (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM day WHERE n < 7),
  healthy (processor, phase, hour, usual) AS (VALUES
    ('ScheduleScraper',              1, 8,  22),
    ('GamebookScraper',              1, 7,  310),
    ('BoxscoreScraper',              1, 7,  95),
    ('InjuryReportScraper',          1, 6,  41),
    ('OddsScraper',                  1, 6,  64),
    ('GamebookProcessor',            2, 5,  180),
    ('BoxscoreProcessor',            2, 5,  72),
    ('OddsProcessor',                2, 5,  38),
    ('PlayerGameSummaryProcessor',   3, 4,  240),
    ('TeamOffenseProcessor',         3, 4,  118),
    ('UpcomingGameContextProcessor', 3, 3,  132),
    ('PlayerShotZoneProcessor',      4, 2,  205),
    ('TeamDefenseZoneProcessor',     4, 2,  88),
    ('ResultsExporter',              6, 0.5, 31),
    ('PredictionsExporter',          6, 0.5, 27))
INSERT INTO recorded (processor, phase, hours_ago, duration)
SELECT processor, phase, hour + n * 24, usual * (1 + ((n * 3 + length(processor)) % 7 - 3) / 100.0) FROM healthy, day;

-- What runs the processors: the longest run of the last day, and the time after which it is killed.
CREATE TABLE workers (worker TEXT NOT NULL, timeout REAL NOT NULL, longest REAL NOT NULL);
INSERT INTO workers VALUES
  ('prediction-worker',  540,  608),    -- 112.6 %: it was killed, and its work begun again
  ('precompute-worker',  900,  286.2),
  ('analytics-worker',   600,  240),
  ('raw-worker',         600,  185.4),
  ('scrape-worker',      1800, 319.3),
  ('publish-worker',     300,  31.9);

-- Messages that nobody could process, by subscription.
CREATE TABLE dead_letters (subscription TEXT NOT NULL, messages INTEGER NOT NULL, oldest_hours REAL);
INSERT INTO dead_letters VALUES
  ('prediction-request-dlq',      41, 0.9),
  ('phase3-analytics-trigger-dlq', 3, 26),
  ('phase1-scrape-complete-dlq',   0, NULL),
  ('phase2-raw-complete-dlq',      0, NULL),
  ('phase4-cache-ready-dlq',       0, NULL),
  ('phase6-publish-dlq',           0, NULL);
