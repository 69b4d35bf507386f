//! What may be written at the top of a file, declared once: the reader, the schema and the manual follow it.

use super::breakers::BREAKER;
use super::spans::{DATE, DAYS, TIMES};
use crate::config::{Key, Record, Rule, ScalarError, Shape};
use crate::model::Rate;
use crate::rules::SelfAlerts;
use crate::rules::declare::{CHECK, NAME};
use crate::{channels, collectors};

/// A whole file. Its top-level keys say what it is.
pub static FILE: Record = Record::new(
    "configuration",
    "A file of a configuration of Bellwether.",
    &[
        Key::new("checks", Shape::List(&Shape::Record(&CHECK)), "What is watched.")
            .known_as(&["groups", "rules", "alerts"]),
        Key::new("tests", Shape::List(&A_TEST), "What the checks make of given rows, and where routes lead."),
        Key::new("sources", Shape::MapOf(&Shape::Record(&SOURCE)), "The places to ask, by name.")
            .known_as(&["datasources"]),
        Key::new("channels", Shape::MapOf(&Shape::Record(&CHANNEL)), "The places to tell, by name.")
            .known_as(&["receivers", "notifiers"]),
        Key::new("calendars", Shape::MapOf(&Shape::Record(&CALENDAR)), "Spans of time by name.")
            .known_as(&["time_intervals", "mute_time_intervals"]),
        Key::new("inhibit", Shape::List(&Shape::Record(&INHIBIT)), "Which alerts hold which.")
            .known_as(&["inhibit_rules", "inhibitions"]),
        Key::new("silences", Shape::List(&Shape::Record(&SILENCE)), "Alerts that are not told for a while."),
        Key::new("route", Shape::Record(&ROUTE), "Who is told of what.").known_as(&["routes", "routing"]),
        Key::new("store", Shape::Record(&STORE), "Where alerts are kept.").known_as(&["storage", "database"]),
        Key::new("server", Shape::Record(&SERVER), "Where the API and the metrics are.").known_as(&["http", "web"]),
        Key::new("defaults", Shape::Record(&DEFAULTS), "What holds where a check says nothing.").known_as(&["global"]),
        Key::new("heartbeat", Shape::Record(&HEARTBEAT), "A URL that is called while all is well.")
            .known_as(&["deadman", "watchdog"]),
        Key::new("self_alerts", Shape::Record(&SELF_ALERTS), "The severities of the alerts about Bellwether itself."),
    ],
);

pub static SOURCE: Record =
    Record::new("source", "A place to ask.", &[BREAKER_KEY]).with_kinds(collectors::registry::source_records);

const BREAKER_KEY: Key =
    Key::new("breaker", Shape::Record(&BREAKER), "When it is not asked any more, because it fails, and for how long.")
        .known_as(&["circuit_breaker"]);

pub static CHANNEL: Record = Record::new(
    "channel",
    "A place to tell.",
    &[
        Key::new("fallback", Shape::Reference("channel"), "The channel that is told what this one was not."),
        Key::new(
            "rate",
            Shape::Checked(&RATE),
            "The most messages in a time; what is over it is gathered into one message. Slack: `1/s`.",
        )
        .known_as(&["rate_limit"]),
        Key::new(
            "max_per_hour",
            Shape::Integer { min: 1, max: 100_000 },
            "The most messages in an hour; what is over it is gathered, and what is critical never held.",
        ),
        Key::new("only_if", Shape::Text, "Where this is empty the channel is left out: `\"${SLACK_WEBHOOK:-}\"`.")
            .known_as(&["enabled", "if", "when"]),
        BREAKER_KEY,
    ],
)
.with_kinds(channels::registry::records);

pub static ROUTE: Record = Record::new(
    "route",
    "A node of the routing tree.",
    &[
        Key::new("matchers", Shape::OneOrMany(&Shape::Matcher), "All of them have to match: `severity=\"critical\"`.")
            .known_as(&["match", "match_re", "matcher"]),
        Key::new(
            "channels",
            Shape::OneOrMany(&Shape::Reference("channel")),
            "Who is told; the parent's where it is left out.",
        )
        .known_as(&["receiver", "channel", "receivers"]),
        Key::new(
            "group_by",
            Shape::OneOrMany(&Shape::Text),
            "The labels whose values make a group; `['...']`: each alert alone.",
        ),
        Key::new("group_wait", Shape::Duration, "How long a group's first news waits for more; 30s."),
        Key::new("group_interval", Shape::Duration, "The least time between two messages of a group; 5m."),
        Key::new("repeat_interval", Shape::Duration, "When what still fires is told again; 4h."),
        Key::new("continue", Shape::Bool, "Go on to the routes that follow although this one matched.")
            .default("false"),
        Key::new("active_during", Shape::OneOrMany(&Shape::Reference("calendar")), "The calendars in which it tells.")
            .known_as(&["active_time_intervals"]),
        Key::new(
            "mute_during",
            Shape::OneOrMany(&Shape::Reference("calendar")),
            "The calendars in which it does not tell.",
        )
        .known_as(&["mute_time_intervals"]),
        Key::new(
            "routes",
            Shape::List(&Shape::Record(&ROUTE)),
            "Asked in this order; the first that matches is taken.",
        ),
    ],
);

pub static INHIBIT: Record = Record::new(
    "inhibit",
    "While an alert of `source` fires, those of `target` are held.",
    &[
        Key::new("source", Shape::OneOrMany(&Shape::Matcher), "The alerts that hold.")
            .required()
            .known_as(&["source_matchers", "source_match"]),
        Key::new("target", Shape::OneOrMany(&Shape::Matcher), "The alerts that are held.")
            .required()
            .known_as(&["target_matchers", "target_match"]),
        Key::new("equal", Shape::OneOrMany(&Shape::Text), "Labels that both must have alike."),
    ],
);

pub static CALENDAR: Record = Record::new(
    "calendar",
    "Spans of local time: each of `times`, on each of `weekdays` that is no holiday.",
    &[
        Key::new("timezone", Shape::Zone, "Whose clock it follows, summer time too.")
            .default("UTC")
            .known_as(&["location", "zone"]),
        Key::new(
            "weekdays",
            Shape::OneOrMany(&Shape::Checked(&DAYS)),
            "The days on which a span begins: `mon-fri`, `sat`; every day where it is left out.",
        )
        .known_as(&["days"]),
        Key::new(
            "times",
            Shape::OneOrMany(&Shape::Checked(&TIMES)),
            "From the first up to the second: `09:00-18:00`; `22:00-06:00` goes over midnight, `00:00-24:00` is a day.",
        )
        .required()
        .known_as(&["hours"]),
        Key::new("holidays", HOLIDAYS, "Days on which no span begins: dates, or dates with what they are called."),
    ],
);

const HOLIDAYS: Shape = Shape::OneOf(&[Shape::List(&Shape::Checked(&DATE)), Shape::MapOf(&Shape::Text)]);

pub static SILENCE: Record = Record::new(
    "silence",
    "Alerts that are not told for a while.",
    &[
        Key::new("name", Shape::Checked(&NAME), "Its name, unique in the configuration.").required().known_as(&["id"]),
        Key::new("matchers", Shape::OneOrMany(&Shape::Matcher), "All of them have to match.").required(),
        Key::new("starts", Shape::Time, "From when it holds.").required().known_as(&["startsAt", "starts_at"]),
        Key::new("ends", Shape::Time, "Until when.").required().known_as(&["endsAt", "ends_at"]),
        Key::new("created_by", Shape::Text, "Who is asked about it.").required().known_as(&["createdBy", "author"]),
        Key::new("comment", Shape::Text, "Why.").required(),
    ],
);

pub static STORE: Record = Record::new(
    "store",
    "Where alerts are kept: one daemon to a store.",
    &[
        Key::new("path", Shape::Path, "The SQLite file, made where it is not there.").default("bellwether.db"),
        Key::new("keep", Shape::Duration, "How long what is over is kept.").default("30d").known_as(&["retention"]),
    ],
);

pub static SERVER: Record = Record::new(
    "server",
    "The API, the metrics and the pages.",
    &[
        Key::new("listen", Shape::Checked(&LISTEN), "The address and port it listens on.")
            .default("127.0.0.1:9600")
            .known_as(&["address", "bind", "port"]),
        Key::new("url", Shape::Url, "How people reach it, for links in messages.").known_as(&["external_url"]),
        Key::new("tokens_file", Shape::Path, "The tokens that open it, as `bellwether token` writes them.")
            .known_as(&["tokens", "auth", "token_file"]),
        Key::new("tls", Shape::Record(&TLS), "Speak HTTPS, with this certificate.").known_as(&["https", "ssl"]),
        Key::new("open", Shape::Bool, "Let everybody who reaches it read, without a token.").default("false"),
        Key::new("limits", Shape::Record(&LIMITS), "What one address, and all together, may ask of it."),
    ],
);

pub static TLS: Record = Record::new(
    "tls",
    "The certificate that the server shows. Both files are read again when they change.",
    &[
        Key::new("cert", Shape::Path, "A PEM file: the certificate, then those that signed it.")
            .required()
            .known_as(&["certificate", "cert_file", "chain"]),
        Key::new("key", Shape::Path, "A PEM file: the certificate's private key.")
            .required()
            .known_as(&["key_file", "private_key"]),
    ],
);

pub static LIMITS: Record = Record::new(
    "limits",
    "What one address, and all together, may ask of the server.",
    &[
        Key::new(
            "rate",
            Shape::Integer { min: 1, max: 1_000_000 },
            "Requests a second from one address of another machine, with a burst of ten seconds' worth.",
        )
        .default("100"),
        Key::new("connections", Shape::Integer { min: 8, max: 65_536 }, "Connections at once.").default("256"),
    ],
);

pub static HEARTBEAT: Record = Record::new(
    "heartbeat",
    "A URL that is called while the loop turns, sources are asked and the store writes: whoever waits for the call notices our death.",
    &[
        Key::new("url", Shape::SecretUrl, "What is called, by GET.").required(),
        Key::new("every", Shape::Duration, "The distance between two calls.").default("1m").known_as(&["interval"]),
    ],
);

pub static DEFAULTS: Record = Record::new(
    "defaults",
    "What holds where a check says nothing.",
    &[Key::new("every", Shape::Duration, "The distance between two evaluations.")
        .default("1m")
        .known_as(&["interval", "evaluation_interval"])],
);

const SELF_SEVERITY: Shape = Shape::Choice(&["critical", "warning", "info", "off"]);

pub static SELF_ALERTS: Record = Record::new(
    "self_alerts",
    "The severities of the alerts about Bellwether itself.",
    &[
        Key::new(SelfAlerts::NAMES[0], SELF_SEVERITY, "Two collections in a row could not reach the source."),
        Key::new(SelfAlerts::NAMES[1], SELF_SEVERITY, "A query was refused, or its answer cannot be read."),
        Key::new(SelfAlerts::NAMES[2], SELF_SEVERITY, "A channel's breaker tripped, or it refused a message."),
        Key::new(SelfAlerts::NAMES[3], SELF_SEVERITY, "A reload was refused."),
        Key::new(SelfAlerts::NAMES[4], SELF_SEVERITY, "A write to the store failed."),
    ],
);

/// `rows:` of a test: rows whose columns are series, by check where there are several checks. A series is a value
/// for every slot, a list of them, or all of them in one text.
pub static ROWS: Shape = Shape::OneOf(&[Shape::List(&ROW), Shape::MapOf(&Shape::List(&ROW))]);
const ROW: Shape = Shape::MapOf(&Shape::OneOrMany(&Shape::Text));

pub static TEST: Record = Record::new(
    "test",
    "What a check makes of given rows, on the clock that `run` has.",
    &[
        Key::new("test", Shape::Text, "What it shows.").required().known_as(&["name"]),
        Key::new("check", Shape::Reference("check"), "The check that the rows are for."),
        Key::new("start", Shape::Time, "The instant of the first slot.").default("2026-01-05T00:00:00Z"),
        Key::new("rows", Shape::Any, "The rows, one value a slot; by check where there are several.")
            .required()
            .known_as(&["input_series", "values"]),
        Key::new("expect", Shape::List(&Shape::Record(&EXPECT)), "Every change there is.")
            .required()
            .known_as(&["exp_alerts", "alert_rule_test"]),
        Key::new("sends", Shape::List(&Shape::Record(&SEND)), "Every send there is."),
    ],
);

/// An entry of `tests:`: one that says `route` is of routes.
static A_TEST: Shape = Shape::OneOf(&[Shape::Record(&TEST), Shape::Record(&ROUTE_TEST)]);

pub static ROUTE_TEST: Record = Record::new(
    "route test",
    "Where the routes lead an alert.",
    &[
        Key::new("test", Shape::Text, "What it shows.").required().known_as(&["name"]),
        Key::new("route", Shape::Record(&ROUTED), "The alert that is led.").required(),
        Key::new(
            "channels",
            Shape::OneOrMany(&Shape::Reference("channel")),
            "Every channel that it leads to, in any order.",
        )
        .required()
        .known_as(&["expect_channels", "receivers", "channel"]),
        Key::new(
            "held_by",
            Shape::OneOrMany(&Shape::Text),
            "Every silence and calendar that holds it then, in any order.",
        )
        .known_as(&["silenced_by", "muted_by"]),
    ],
);

pub static ROUTED: Record = Record::new(
    "routed alert",
    "An alert as the routes see it: by its labels.",
    &[
        Key::new(
            "check",
            Shape::Reference("check"),
            "The check whose alert it is: its source and its constant labels are taken.",
        ),
        Key::new("severity", SEVERITY, "Its severity; the check's most severe."),
        Key::new("labels", Shape::MapOf(&Shape::Text), "Further labels, key columns among them.").known_as(&["key"]),
        Key::new("at", Shape::Time, "When it is to be told.").default("2026-01-05T00:00:00Z"),
    ],
);

const SEVERITY: Shape = Shape::Choice(&["critical", "warning", "info"]);

pub static EXPECT: Record = Record::new(
    "expect",
    "One change of one alert.",
    &[
        Key::new("at", Shape::Duration, "How long after `start`.").required().known_as(&["eval_time"]),
        Key::new("fired", SEVERITY, "It fired at this severity."),
        Key::new("escalated", SEVERITY, "It rose to this severity."),
        Key::new("eased", SEVERITY, "It fell to this severity."),
        Key::new("resolved", SEVERITY, "It ended; the severity before."),
        Key::new("pending", SEVERITY, "It began to wait for its `for`."),
        Key::new("check", Shape::Reference("check"), "Whose alert it is."),
        Key::new("key", Shape::MapOf(&Shape::Text), "The key columns and their values."),
        Key::new("title", Shape::Text, "The title, in full.").known_as(&["summary"]),
        Key::new("labels", Shape::MapOf(&Shape::Text), "Labels that it has; others are not asked.")
            .known_as(&["exp_labels"]),
        Key::new("reason", Shape::Choice(&["error", "empty", "limit"]), "Why the check's own alert fired."),
    ],
);

pub static SEND: Record = Record::new(
    "send",
    "One message to one channel.",
    &[
        Key::new("at", Shape::Duration, "How long after `start`.").required(),
        Key::new("channel", Shape::Reference("channel"), "Who is told.").required(),
        Key::new("contains", Shape::OneOrMany(&Shape::Text), "Texts that the message holds."),
        Key::new("check", Shape::Reference("check"), "A check that the message speaks of."),
    ],
);

static LISTEN: Rule = Rule { noun: "an address", example: "127.0.0.1:9600", pattern: None, check: listen };

static RATE: Rule = Rule { noun: "a rate", example: "1/s", pattern: Some("^[1-9][0-9]*/[smh]$"), check: rate };

fn rate(text: &str, shown: &str) -> Result<(), ScalarError> {
    if Rate::parse(text).is_some() {
        return Ok(());
    }
    Err(ScalarError::new(format!("`{shown}` is no rate"))
        .help("write so many a second, minute or hour: `1/s`, `10/m`, `100/h`"))
}

fn listen(text: &str, shown: &str) -> Result<(), ScalarError> {
    if text.parse::<std::net::SocketAddr>().is_ok() {
        return Ok(());
    }
    let error = ScalarError::new(format!("`{shown}` is no address with a port"));
    let port = text.trim_start_matches(':').parse::<u16>().ok().filter(|_| text == shown);
    Err(match port {
        Some(port) => {
            error.help(format!("write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for all of this machine's addresses"))
        }
        None => error.help("write an IP address and a port: `127.0.0.1:9600`, `[::1]:9600`"),
    })
}

/// The name of a source, a channel, a calendar: as a check's.
pub static DECLARED_NAME: &Rule = &NAME;
