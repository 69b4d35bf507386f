//! `kill -9` at any moment, again and again, while there is something to tell.

use super::daemon::{Home, eventually, hook};
use super::{times, words};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::{FaultServer, Reply};

const KILLS: u32 = 20;
/// Processors that become slow in each round.
const SLOWER: u32 = 5;

#[test]
fn no_message_is_lost_however_often_it_is_killed() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let home = Home::new(&format!(
        "{}\nroute: {{ channels: [hook], group_by: [processor], group_wait: 0s, group_interval: 1s }}",
        hook(&receiver.url("/"))
    ));
    home.slow("critical: duration > 300");
    // Moments that differ, and are the same in each run: a step of a linear congruence (Numerical Recipes).
    let mut random = 1_u32;
    for round in 0..KILLS {
        let daemon = home.start();
        for n in 0..SLOWER {
            home.ran(&format!("P{round}-{n}"), 608);
        }
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from((random >> 16) % 1_500)));
        daemon.kill();
    }
    let all: BTreeSet<String> =
        (0..KILLS).flat_map(|round| (0..SLOWER).map(move |n| format!("P{round}-{n}"))).collect();
    let daemon = home.start();
    let missing = |status: &str| {
        let words: BTreeSet<String> = words(&receiver).into_iter().collect();
        all.iter().filter(|name| !words.contains(&format!("{status} slow {name}"))).count()
    };
    eventually("all fires told", || missing("firing") == 0);
    home.sql("UPDATE runs SET duration = 70;");
    eventually("all ends told", || missing("resolved") == 0);
    daemon.stop();

    let again: usize = all.iter().map(|name| times(&receiver, &format!("firing slow {name}")) - 1).sum();
    println!("{} alerts over {KILLS} kills: none lost, {again} told twice", all.len());
    // Only a send that was in flight, or not yet written down as answered, may be told again.
    assert!(again <= (KILLS * SLOWER) as usize, "{again} messages were sent again");
}
