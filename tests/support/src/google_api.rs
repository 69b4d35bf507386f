use crate::discovery::Discovery;
use crate::fault::{FaultServer, Reply, Request};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// A false API of Google's: a function answers, and each request and each good reply is held to the API's discovery
/// document. A request that Google would not take is answered with 400, a reply that Google would not give becomes a 500;
/// either fails the test when this is dropped.
pub struct GoogleApi {
    server: FaultServer,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl GoogleApi {
    pub fn start(api: &'static Discovery, mut answer: impl FnMut(&Request) -> Reply + Send + 'static) -> GoogleApi {
        let complaints: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&complaints);
        let complain = move |status: u16, why: String| {
            let error = json!({ "error": { "code": status, "message": why, "status": "INVALID_ARGUMENT" } });
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(why);
            Reply::json(status, &error.to_string())
        };
        let server = FaultServer::answering(move |request| match api.method_of(request) {
            Err(why) => complain(400, why),
            Ok(method) => {
                let reply = answer(request);
                match check(api, method, &reply) {
                    Err(why) => complain(500, why),
                    Ok(()) => reply,
                }
            }
        });
        GoogleApi { server, complaints }
    }

    /// For the `endpoint` of a source.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// The requests so far, the first first.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

fn check(api: &Discovery, method: &str, reply: &Reply) -> Result<(), String> {
    let Reply::Answer { status: 200, body, .. } = reply else { return Ok(()) };
    let body = serde_json::from_slice(body).map_err(|error| format!("{method}: the reply is no JSON: {error}"))?;
    api.check_answer(method, &body)
}

impl Drop for GoogleApi {
    fn drop(&mut self) {
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            std::thread::panicking() || complaints.is_empty(),
            "Google would not take or say this: {complaints:#?}"
        );
    }
}
