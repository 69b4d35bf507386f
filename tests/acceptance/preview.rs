//! `preview`, on the example that it is shown with.

use super::daemon::bellwether;

fn preview(arguments: &[&str]) -> (i32, String, String) {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = bellwether().current_dir(root).arg("preview").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn each_channel_shows_what_it_would_at_each_change() {
    let (code, out, _) = preview(&["examples/threads", "processor-slowdown"]);
    assert_eq!(code, 0, "{out}");
    let wanted = ["at ", "    Subject:", "    and the first", "        What it", "        🟠"];
    let seen: Vec<&str> = out.lines().filter(|line| wanted.iter().any(|start| line.starts_with(start))).collect();
    assert_eq!(
        seen,
        [
            "at 15m to data-slack (slack)",
            "at 30m to data-slack (slack), in the thread and in the room",
            "at 45m to data-slack (slack), in the thread",
            "    and the first message is changed to",
            "        What it first told",
            "        🟠 WARNING PredictionCoordinator ran 2.4x its baseline",
            "at 15m to oncall-email (email)",
            "    Subject: WARNING processor-slowdown — PredictionCoordinator ran 2.4x its baseline",
            "at 30m to oncall-email (email)",
            "    Subject: CRITICAL (was warning) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
            "at 45m to oncall-email (email)",
            "    Subject: Re: CRITICAL (was warning) processor-slowdown — PredictionCoordinator ran 8.2x its baseline",
        ]
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let name = "a slow run grows critical, and is over";
    let (code, page, _) = preview(&["examples/threads", name, "--format", "html"]);
    assert_eq!(code, 0);
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for loads in ["<link", "<script", "<img", "@import", "url("] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert_eq!(page.matches("<iframe srcdoc=").count(), 3, "a mail for each change");
    assert_eq!(page.matches("class=\"b-header\"").count(), 4, "a message for each change, and the first as it ends");
    let (_, one, _) = preview(&["examples/threads", name, "--format", "html", "--channel", "data-slack"]);
    assert!(!one.contains("<iframe") && one.contains("b-header"));
}

#[test]
fn what_is_not_there_is_said() {
    for (arguments, code, want) in [
        (&["examples/threads", "processor-slowdwn"][..], 2, "did you mean `processor-slowdown`?"),
        (&["examples/threads", "processor-slowdown", "--channel", "data-slak"], 2, "did you mean `data-slack`?"),
        (&["examples/slack", "site-down", "--channel", "web-room"], 0, ""),
        (&["rules", "certificate-ends"], 1, "no channel is sent anything: there is no `route:`"),
        (&["nowhere", "x"], 2, "nowhere"),
    ] {
        let (got, out, err) = preview(arguments);
        assert_eq!(got, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(want), "{arguments:?}: {err}");
    }
}
