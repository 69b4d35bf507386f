//! `kill -9` at any moment, again and again, while there is something to tell and files are saved.

use super::daemon::{Home, eventually, hook};
use super::words;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{FaultServer, Reply};

/// How often it is killed, where `BELLWETHER_KILLS` does not say.
const KILLS: u32 = 20;
/// Processors that become slow in each round. Of those of the round before, every second one is well again.
const SLOWER: u32 = 5;
/// How long the receiver takes, so that a kill may meet a send in flight.
const ANSWERS_AFTER: Duration = Duration::from_millis(50);

/// What the receiver, judging from its inbox alone, believes of each processor; and how many messages said nothing new.
fn believed(receiver: &FaultServer) -> (BTreeMap<String, bool>, usize) {
    let (mut firing, mut again) = (BTreeMap::new(), 0);
    for word in words(receiver) {
        let (status, name) = (word.starts_with("firing"), word.rsplit(' ').next().unwrap().to_owned());
        again += usize::from(firing.insert(name, status) == Some(status));
    }
    (firing, again)
}

/// Processors of which the receiver does not believe what is true. One that it never heard of is well, as far as it
/// knows.
fn wrong(receiver: &FaultServer, truth: &BTreeMap<String, bool>) -> usize {
    let (believed, _) = believed(receiver);
    truth.iter().filter(|(name, slow)| believed.get(*name).copied().unwrap_or(false) != **slow).count()
}

#[test]
fn no_message_is_lost_however_often_it_is_killed() {
    // It answers late and to many at once: one that takes them in turn is soon behind, and its breaker trips.
    let receiver = FaultServer::answering(|_| Reply::Late { status: 200, after: ANSWERS_AFTER });
    let home = Home::new(&format!(
        "{}\nroute: {{ channels: [hook], group_by: [processor], group_wait: 0s, group_interval: 1s }}",
        hook(&receiver.url("/"))
    ));
    home.slow("critical: duration > 300");
    let mut truth = BTreeMap::new();
    let mut run = |round: u32, n: u32, duration: u32| {
        let name = format!("P{round}-{n}");
        home.ran(&name, duration);
        truth.insert(name, 300 < duration);
    };
    // Moments that differ, and are the same in each run: a step of a linear congruence (Numerical Recipes).
    let mut random = 1_u32;
    let kills = std::env::var("BELLWETHER_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    for round in 1..=kills {
        let daemon = home.start();
        (0..SLOWER).for_each(|n| run(round, n, 608));
        (0..SLOWER).step_by(2).for_each(|n| run(round - 1, n, 70));
        // In every second round a file is saved at a moment of its own: the kill may come in the middle of its reload.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from((random >> 16) % 400)));
        if round % 2 == 0 {
            home.slow(&format!("critical: duration > {}", 300 + round % 4));
        }
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from((random >> 16) % 1_100)));
        daemon.kill();
    }
    let daemon = home.start();
    eventually("the receiver believes what is true", || wrong(&receiver, &truth) == 0);
    let firing = truth.values().filter(|slow| **slow).count();
    home.sql("UPDATE runs SET duration = 70;");
    for slow in truth.values_mut() {
        *slow = false;
    }
    eventually("it was told of every end", || wrong(&receiver, &truth) == 0);
    daemon.stop();

    let (told, again) = believed(&receiver);
    println!(
        "{kills} kills, {} messages of {} alerts, {firing} of them firing at the end: none lost, {again} told twice",
        receiver.requests().len(),
        told.len()
    );
    // Only a send that was in flight, or whose answer was not yet written down, is told again.
    assert!(again <= 2 * kills as usize, "{again} messages were told again");
}
