//! What to do about what Slack does not take.
//!
//! Sources: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (the errors of webhooks) and
//! docs.slack.dev/reference/methods/chat.postMessage.

const WEBHOOK: &str = "the webhook was revoked, or never was: make a new one at api.slack.com/apps under Incoming \
                       Webhooks, and write it in `webhook`";
const TOKEN: &str = "Slack does not take the token (any more): install the app again, and write its new `xoxb-` token \
                     in `token`";
const ROOM: &str = "the room is not there, or not for this bot: look at `room`, and invite the bot there";
const ARCHIVED: &str = "the room is archived: bring it back, or write another one";
const FORBIDDEN: &str = "the workspace forbids it: ask its administrators, or write another room";
const TEAM: &str = "its workspace is gone or disabled: make a webhook or a token in another one";
const SCOPE: &str = "give the app the scope `chat:write`, and install it again";
const OURS: &str = "the fault is Bellwether's: please report it";

/// For a refusal in words of Slack's: `no_service`, also with more around it.
pub(super) fn of_answer(said: &str) -> Option<&'static str> {
    let words = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).find_map(of_error)
}

pub(super) fn of_error(error: &str) -> Option<&'static str> {
    Some(match error {
        "no_service" | "no_service_id" | "no_active_hooks" | "invalid_token" => WEBHOOK,
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => TOKEN,
        "channel_not_found" | "not_in_channel" => ROOM,
        "channel_is_archived" | "is_archived" => ARCHIVED,
        "action_prohibited" | "posting_to_general_channel_denied" | "access_denied" | "no_permission" => FORBIDDEN,
        "no_team" | "team_disabled" | "team_not_found" => TEAM,
        "missing_scope" | "not_allowed_token_type" => SCOPE,
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "msg_blocks_too_long"
        | "msg_too_long"
        | "no_text" => OURS,
        _ if error.starts_with("restricted_action") => FORBIDDEN,
        _ => return None,
    })
}
