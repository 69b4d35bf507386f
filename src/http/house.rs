//! CONNECTIONS AT ONCE: a full house shows the door to whoever has been silent for longest, not to who knocks.
//!
//! A client that opens many connections and sends nothing on them, or a head letter by letter, loses them to those who
//! ask; one whose request is being answered is left in peace.

use super::limits::household;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Who is in.
#[derive(Debug)]
pub struct House {
    max: usize,
    seats: Mutex<Vec<Arc<Seat>>>,
}

/// The place of one connection.
#[derive(Debug)]
pub struct Seat {
    from: IpAddr,
    /// Since when it has been silent; `None` while a request of it is answered.
    silent: Mutex<Option<Instant>>,
    leave: Notify,
}

/// A seat that is taken until this is dropped.
#[derive(Debug)]
pub struct Guest {
    house: Arc<House>,
    pub seat: Arc<Seat>,
}

impl House {
    /// Room for so many.
    #[must_use]
    pub fn new(max: usize) -> Arc<House> {
        Arc::new(House { max, seats: Mutex::new(Vec::new()) })
    }

    /// How many one address may have: a quarter; this machine, from where a proxy passes on those of many, three.
    fn max_of(&self, from: IpAddr) -> usize {
        if from.is_loopback() { self.max / 4 * 3 } else { self.max / 4 }
    }

    /// Lets a connection in, in the place of another where there is no room. `None` where all are being answered.
    #[must_use]
    pub fn enter(self: &Arc<House>, from: IpAddr, now: Instant) -> Option<Guest> {
        let max_of = self.max_of(from);
        let from = household(from);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = self.max <= seats.len();
        if is_full || max_of <= seats.iter().filter(|seat| seat.from == from).count() {
            let of_whom = seats.iter().enumerate().filter(|(_, seat)| is_full || seat.from == from);
            let silent = of_whom.filter_map(|(i, seat)| Some((seat.silent()?, i)));
            let (_, longest) = silent.min()?;
            seats.swap_remove(longest).leave.notify_one();
        }
        let seat = Arc::new(Seat { from, silent: Mutex::new(Some(now)), leave: Notify::new() });
        seats.push(Arc::clone(&seat));
        Some(Guest { house: Arc::clone(self), seat })
    }

    /// How many are in.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Seat {
    fn silent(&self) -> Option<Instant> {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is being answered, or, with a time, none is since then.
    pub fn set_silent(&self, since: Option<Instant>) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Waits until another takes its place.
    pub async fn shown_the_door(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut seats = self.house.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::time::Duration;

    fn has_to_leave(guest: &Guest) -> bool {
        guest.seat.shown_the_door().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_one_that_is_silent_for_longest_gives_its_place_to_who_knocks() {
        let (house, start) = (House::new(8), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let (first, second) = (house.enter(here, at(0)).unwrap(), house.enter(here, at(1)).unwrap());
        first.seat.set_silent(None);
        let third = house.enter(here, at(2)).unwrap();
        assert!(has_to_leave(&second) && !has_to_leave(&first), "two of eight is one address's part");
        third.seat.set_silent(None);
        assert!(house.enter(here, at(3)).is_none(), "both are being answered");
        first.seat.set_silent(Some(at(4)));
        let fourth = house.enter(here, at(5)).unwrap();
        assert!(has_to_leave(&first) && !has_to_leave(&third));
        drop((first, second));
        assert_eq!(house.count(), 2);
        drop((third, fourth));
        assert_eq!(house.count(), 0);
    }

    #[tokio::test]
    async fn a_full_house_has_room_for_another_address() {
        let (house, now) = (House::new(8), Instant::now());
        let others: Vec<Guest> = (1..=8_u8).map(|n| house.enter([192, 0, 2, n].into(), now).unwrap()).collect();
        let local = house.enter("127.0.0.1".parse().unwrap(), now);
        assert!(local.is_some());
        assert_eq!(others.iter().filter(|guest| has_to_leave(guest)).count(), 1);
        assert_eq!(house.count(), 8);
    }

    #[tokio::test]
    async fn this_machine_has_three_quarters() {
        let (house, now) = (House::new(8), Instant::now());
        let local: Vec<Guest> = (0..7).map(|_| house.enter("127.0.0.1".parse().unwrap(), now).unwrap()).collect();
        assert_eq!((house.count(), local.iter().filter(|guest| has_to_leave(guest)).count()), (6, 1));
    }
}
