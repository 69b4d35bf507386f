//! Each fault of a far side that the simulation plays ends on the real channels as it says.

use super::conformance::{outcome, send};
use super::email::tests::ends;
use crate::model::{Delivery, FailureClass};
use testkit::{FaultServer, OUTCOMES, Reply, free_port};

/// How the sends of each channel that may have this fault end.
async fn scene(fault: &str) -> Vec<Delivery> {
    let no = |why: &str| Reply::json(200, &format!(r#"{{"ok":false,"error":"{why}"}}"#));
    match fault {
        "429 with Retry-After" => over_http(Reply::status(429).header("Retry-After", "7")).await,
        "500" => over_http(Reply::status(500)).await,
        "hang" => over_http(Reply::Hang).await,
        "reset after the body was sent" => over_http(Reply::Reset).await,
        "200 with ok:false" => slack(no("channel_not_found")).await,
        "revoked webhook, 403" => over_http(Reply::text(403, "invalid_token")).await,
        "revoked webhook, 404 no_service" => over_http(Reply::text(404, "no_service")).await,
        "refused" => {
            let host = format!("127.0.0.1:{}", free_port());
            nobody_at(&host, &format!("smtp://{host}?tls=none")).await
        }
        "DNS gone" => nobody_at("no-such-host.invalid", "smtps://no-such-host.invalid").await,
        "SMTP 421" => vec![ends("(greeting)", "421 too busy").await, ends("MAIL", "421 bye").await],
        "SMTP 451" => vec![ends("RCPT", "451 later").await, ends("(content)", "451 later").await],
        "SMTP 550" => vec![ends("RCPT", "550 unknown").await, ends("(content)", "550 spam").await],
        _ => panic!("{fault} has no scene"),
    }
}

async fn over_http(reply: Reply) -> Vec<Delivery> {
    let server = FaultServer::start([reply.clone()]);
    let webhook = send("webhook", &format!("url: '{}', timeout: 300ms", server.url("/"))).await;
    let mut both = slack(reply).await;
    both.push(webhook);
    both
}

async fn slack(reply: Reply) -> Vec<Delivery> {
    let server = FaultServer::start([reply]);
    vec![send("slack", &format!("token: xoxb-1, room: '#data', api: '{}', timeout: 300ms", server.url("/api"))).await]
}

async fn nobody_at(host: &str, smtp: &str) -> Vec<Delivery> {
    let mail = format!("smtp: '{smtp}', from: a@x.example, to: b@y.example");
    vec![send("webhook", &format!("url: 'http://{host}/'")).await, send("email", &mail).await]
}

#[tokio::test]
async fn the_faults_of_the_simulation_end_on_the_real_channels_as_it_says() {
    for known in OUTCOMES {
        for delivery in scene(known.fault).await {
            let class = delivery.class().map(FailureClass::name);
            assert_eq!((&*outcome(&delivery), class), (known.ends, Some(known.class)), "{}: {delivery:?}", known.fault);
        }
    }
}
