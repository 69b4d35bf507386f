use crate::process::{Server, ended_with_us, free_port, server_folder};
use crate::{http, tools};
use serde_json::Value;

/// A Slack workspace on this machine (the npm package `emulate`), seeded by `tests/servers/slack.yaml`: rooms `general`
/// and `alerts`, the token [`SlackEmulator::TOKEN`].
///
/// It keeps what is posted and refuses what Slack refuses of a request (`no_text`, `channel_not_found`, `missing_scope`,
/// `invalid_blocks`), but does not look into blocks: [`crate::check_blocks`] does.
pub struct SlackEmulator {
    server: Server,
    port: u16,
}

impl SlackEmulator {
    pub const TOKEN: &str = "xoxb-test-token";

    pub fn start() -> Result<SlackEmulator, String> {
        let node = tools::installed("node/bin/node")?;
        let program = tools::installed("node_modules/emulate/dist/index.js")?;
        let folder = server_folder()?;
        let port = free_port();
        let mut command = ended_with_us(&node, "TERM", None);
        command.arg(program).args(["start", "--service", "slack", "--port", &port.to_string()]);
        command.arg("--seed").arg(tools::server_program("slack.yaml")).current_dir(folder.path());
        let server = Server::start(folder, command, "KILL", || call(port, "auth.test", "").is_ok())?;
        Ok(SlackEmulator { server, port })
    }

    /// The base of the Web API, in place of `https://slack.com/api`.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.port)
    }

    /// An incoming webhook; what it is sent lands in the room `general`.
    pub fn webhook_url(&self) -> String {
        format!("http://127.0.0.1:{}/services/T1/B1/any", self.port)
    }

    /// Calls a method of the Web API with form fields (`channel=C1&limit=5`); the answer, `ok` or not.
    pub fn call(&self, method: &str, form: &str) -> Result<Value, String> {
        call(self.port, method, form)
    }

    /// The id of a room: `alerts`.
    pub fn room_id(&self, name: &str) -> Result<String, String> {
        let rooms = self.call("conversations.list", "")?;
        let rooms = rooms["channels"].as_array().cloned().unwrap_or_default();
        let room = rooms.iter().find(|room| room["name"] == name);
        room.and_then(|room| Some(room["id"].as_str()?.to_owned())).ok_or_else(|| format!("no room {name}: {rooms:?}"))
    }

    /// The messages of a room, the oldest first.
    pub fn messages(&self, room: &str) -> Result<Vec<Value>, String> {
        let answer = self.call("conversations.history", &format!("channel={}&limit=999", self.room_id(room)?))?;
        let mut messages =
            answer["messages"].as_array().cloned().ok_or_else(|| format!("no messages in the answer: {answer}"))?;
        messages.reverse();
        Ok(messages)
    }

    /// The process: stop it, freeze it, read its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn call(port: u16, method: &str, form: &str) -> Result<Value, String> {
    let token = format!("Bearer {}", SlackEmulator::TOKEN);
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let (status, body) = http::request("POST", port, &format!("/api/{method}"), &headers, form)?;
    serde_json::from_str(&body).map_err(|error| format!("{method}: {status}: {error}: {body}"))
}
