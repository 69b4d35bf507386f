use crate::http::{Guard, bind, doors::Doors, serve};
use crate::model::Timestamp;
use crate::runtime::handle::{Question, channel};
use crate::runtime::v2::Ask;
use crate::telemetry::Telemetry;
use tokio::sync::oneshot;

const ALERT: &str = r#"[{"labels":{"alertname":"Down"}}]"#;

/// A daemon whose loop hears what is sent; who waits for its answer is given back.
async fn daemon() -> (String, oneshot::Receiver<oneshot::Sender<Result<(), String>>>) {
    let (handle, mut inbox) = channel(Telemetry::new(Timestamp::default()));
    let (given, waiting) = oneshot::channel();
    tokio::spawn(async move {
        let Some(Question::V2(Ask::Receive(alerts, reply))) = inbox.questions.recv().await else { return };
        assert_eq!(&*alerts[0].labels.to_string(), r#"{alertname="Down"}"#);
        let _ = given.send(reply);
    });
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = Doors::plain(Telemetry::new(Timestamp::default()));
    tokio::spawn(serve(listener, handle, Guard::new(address, None), doors));
    (format!("http://{address}/api/v2/alerts"), waiting)
}

async fn post(url: &str) -> (u16, String) {
    let answer = reqwest::Client::new().post(url).body(ALERT).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_answer_comes_once_the_alert_is_kept() {
    let (url, waiting) = daemon().await;
    let answer = tokio::spawn(async move { post(&url).await });
    let kept = waiting.await.unwrap();
    tokio::task::yield_now().await;
    assert!(!answer.is_finished(), "nothing is kept yet");
    kept.send(Ok(())).unwrap();
    assert_eq!(answer.await.unwrap(), (200, String::new()));
}

#[tokio::test]
async fn what_is_not_taken_is_said_as_a_json_text() {
    let (url, waiting) = daemon().await;
    let again = url.clone();
    let answer = tokio::spawn(async move { post(&url).await });
    waiting.await.unwrap().send(Err("too many".into())).unwrap();
    assert_eq!(answer.await.unwrap(), (503, r#""too many""#.into()));
    let (status, busy) = post(&again).await;
    assert_eq!((status, busy.contains("try again")), (503, true), "no loop answers any more: {busy}");
}
