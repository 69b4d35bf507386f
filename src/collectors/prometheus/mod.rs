//! # `prometheus`: a PromQL query
//!
//! ```yaml
//! sources:
//!   prom: { prometheus: { url: "http://127.0.0.1:9090" } }
//! checks:
//!   - check: queue-depth
//!     source: prom
//!     collect: { promql: 'max by (queue) (rabbitmq_queue_messages_ready)' }
//!     alert: { warning: value > 1000 }
//!     title: "{{ queue }} holds {{ value }} messages"
//! ```
//!
//! **What is asked.** An instant query (`/api/v1/query`) at the slot's time, not at the time of asking. An answer with
//! warnings is partial, and a partial answer is a failed collection. So is one with any status but 2xx, whatever its body says;
//! where that is an error of Prometheus, its words are shown.
//!
//! **Columns.** Each label is a text column under its name, and `value` is a number (`NaN` and infinity too: what
//! meets one is unknown). A label that a series lacks is null: `(zone ?? "") == "x"`. A label that is itself called `value` is an
//! error: `label_replace` it. A scalar is one row with `value` alone; a range vector or a string is an
//! error: wrap it, `max_over_time(…[5m])`.
//!
//! **Key.** Without `key`, each label set is an instance. The metric's own name, where the query keeps it, is a label
//! `__name__` and so part of it: `max by (queue) (…)` drops it.
//!
//! **Credentials.** `username` and `password`, `bearer_token`, or `headers`; a label that holds one reads `***` there. `ca`, a PEM file, takes the place of the
//! system's roots. `method: GET` asks through a proxy that takes no POST. What stands behind `url`'s path is kept:
//! `https://mimir.example/prometheus` asks `/prometheus/api/v1/query`.
//!
//! **Limits.** `max_rows` and `max_bytes` of the source; the check's `timeout` is sent along, so that the server stops too.

use super::error::CollectError;
use super::limits;
use super::promql;
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::web::{self, Web};
use super::{Collector, Request};
use crate::config::{Key, Record, Settings, Shape};
use crate::model::{Table, ValueType};
use std::sync::Arc;

pub const KIND: Kind = Kind {
    name: "prometheus",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request: |_, _| Vec::new(),
    static_columns: |_| StaticColumns { known: vec![("value".to_owned(), Some(ValueType::Number))], complete: false },
    default_key: DefaultKey::TextColumns,
    build: |source, _| Ok(Arc::new(Prometheus::new(source)?)),
};

static SOURCE: Record = Record::new(
    "prometheus",
    "A Prometheus, or a server with its query API (Thanos, Mimir, VictoriaMetrics).",
    &[
        Key::new("url", Shape::Url, "The server, without `/api/v1/query`.").required().carries_secrets(),
        Key::new("method", Shape::Choice(&["POST", "GET"]), "How the query is sent.").default("POST"),
        web::USERNAME,
        web::PASSWORD,
        web::BEARER,
        web::HEADERS,
        web::CA,
        limits::MAX_ROWS,
        web::MAX_BYTES,
    ],
);

static COLLECT: Record = Record::new(
    "prometheus",
    "An instant query.",
    &[Key::new("promql", Shape::Text, "The query.").required().known_as(&["expr", "query"])],
);

/// A server with Prometheus' query API.
struct Prometheus {
    web: Web,
    endpoint: reqwest::Url,
    is_get: bool,
}

impl Prometheus {
    fn new(source: &Settings) -> Result<Prometheus, CollectError> {
        let url = source.text("url").ok_or_else(|| CollectError::unreachable("the source has no `url`"))?;
        let endpoint = format!("{}/api/v1/query", url.trim_end_matches('/'));
        let endpoint =
            endpoint.parse().map_err(|e| CollectError::unreachable(format_args!("the source's `url`: {e}")))?;
        Ok(Prometheus { web: Web::new(source, 5, true), endpoint, is_get: source.text("method") == Some("GET") })
    }
}

#[async_trait::async_trait]
impl Collector for Prometheus {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let promql =
            request.collect.text("promql").ok_or_else(|| CollectError::refused("the check has no `promql`"))?;
        // The URL's own writer of pairs; its query is also the body of a form.
        let mut url = self.endpoint.clone();
        url.query_pairs_mut()
            .append_pair("query", promql)
            .append_pair("time", &request.now.to_string())
            .append_pair("timeout", &format!("{}ms", request.timeout.as_millis()));
        let asked = if self.is_get {
            self.web.request("GET", url.as_str(), &[])?
        } else {
            let form = url.query().unwrap_or_default().to_owned();
            let form_type = "application/x-www-form-urlencoded";
            self.web
                .request("POST", self.endpoint.as_str(), &[])?
                .header(reqwest::header::CONTENT_TYPE, form_type)
                .body(form)
        };
        let answer = self.web.send(asked, request).await?;
        promql::table(&answer, self.web.limits)
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Ok(super::columns_of(&self.collect(request).await?))
    }
}
