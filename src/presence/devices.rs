//! How present a person is, worked out from all devices. Pure: time comes in as a number.
//!
//! A device is a session. It is alive while it sends heartbeats, or while a socket of it answers pings. The most awake
//! device wins; a state set by hand shows instead for as long as any device is alive.

use std::collections::HashMap;

use uuid::Uuid;

use super::model::{Beat, Choice, State};

/// Heartbeats come every 30 seconds. After two missed ones a device no longer says anything; two seconds more are for
/// the network.
pub const MISSED_AFTER_MS: i64 = 62_000;

/// One device of a person.
#[derive(Clone, Copy, Debug)]
struct Device {
    beat: Beat,
    beat_at: i64,
    sockets: usize,
}

impl Device {
    fn state(&self, now: i64) -> State {
        if now < self.silent_at() {
            match self.beat {
                Beat::Online => State::Online,
                Beat::Idle => State::Idle,
            }
        } else if self.sockets > 0 {
            State::Idle
        } else {
            State::Offline
        }
    }

    fn silent_at(&self) -> i64 {
        self.beat_at.saturating_add(MISSED_AFTER_MS)
    }
}

/// A person who is, or was lately, there.
#[derive(Clone, Debug)]
pub struct Devices {
    devices: HashMap<Uuid, Device>,
    choice: Choice,
}

impl Devices {
    /// Nobody yet, with the state that the person has set by hand.
    pub fn new(choice: Choice) -> Devices {
        Devices {
            devices: HashMap::new(),
            choice,
        }
    }

    /// A device says how it is.
    pub fn beat(&mut self, device: Uuid, beat: Beat, now: i64) {
        let entry = self.device(device, now);
        entry.beat = beat;
        entry.beat_at = now;
    }

    /// A socket of a device opens: who opens one is there.
    pub fn opened(&mut self, device: Uuid, now: i64) {
        self.beat(device, Beat::Online, now);
        self.device(device, now).sockets += 1;
    }

    /// A socket of a device closes. The device may come back within the time of two heartbeats, unless it is signed out.
    pub fn closed(&mut self, device: Uuid, signed_out: bool) {
        if let Some(entry) = self.devices.get_mut(&device) {
            entry.sockets = entry.sockets.saturating_sub(1);
        }
        if signed_out {
            self.devices.remove(&device);
        }
    }

    /// The person sets a state by hand.
    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
    }

    /// How the person is, `appear_offline` included.
    pub fn state(&self, now: i64) -> State {
        let states = self.devices.values().map(|device| device.state(now));
        match (states.max().unwrap_or(State::Offline), self.choice) {
            (State::Offline, _) => State::Offline,
            (_, Choice::Fixed(state)) => state,
            (state, Choice::Auto) => state,
        }
    }

    /// Forgets devices that are gone. When the state may change by itself next; `None`: nobody is there.
    pub fn tidy(&mut self, now: i64) -> Option<i64> {
        self.devices
            .retain(|_, device| device.state(now) != State::Offline);
        let silences = self.devices.values().map(Device::silent_at);
        // A silent device with a socket changes no more by itself; the person must still be remembered.
        silences
            .map(|at| if at > now { at } else { i64::MAX })
            .min()
    }

    fn device(&mut self, device: Uuid, now: i64) -> &mut Device {
        self.devices.entry(device).or_insert(Device {
            beat: Beat::Online,
            beat_at: now,
            sockets: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Uuid = Uuid::from_u128(1);
    const LAPTOP: Uuid = Uuid::from_u128(2);

    fn person() -> Devices {
        Devices::new(Choice::Auto)
    }

    #[test]
    fn the_most_awake_device_wins() {
        let mut person = person();
        assert_eq!(person.state(0), State::Offline);
        person.beat(PHONE, Beat::Idle, 0);
        assert_eq!(person.state(0), State::Idle);
        person.beat(LAPTOP, Beat::Online, 1);
        assert_eq!(person.state(1), State::Online);
        person.beat(LAPTOP, Beat::Idle, 2);
        assert_eq!(person.state(2), State::Idle);
    }

    #[test]
    fn after_two_missed_heartbeats_a_device_with_a_socket_is_idle_and_another_offline() {
        let mut person = person();
        person.opened(LAPTOP, 0);
        person.beat(PHONE, Beat::Online, 0);
        assert_eq!(person.state(61_000), State::Online);
        assert_eq!(person.state(62_000), State::Idle);
        person.closed(LAPTOP, false);
        assert_eq!(person.state(62_000), State::Offline);
    }

    #[test]
    fn a_socket_that_closes_may_come_back_unless_signed_out() {
        let mut person = person();
        person.opened(LAPTOP, 0);
        person.closed(LAPTOP, false);
        assert_eq!(person.state(30_000), State::Online);
        person.opened(LAPTOP, 31_000);
        person.closed(LAPTOP, true);
        assert_eq!(person.state(31_000), State::Offline);
    }

    #[test]
    fn a_state_set_by_hand_shows_only_while_a_device_is_alive() {
        let mut person = person();
        person.choose(Choice::Fixed(State::Busy));
        assert_eq!(person.state(0), State::Offline);
        person.beat(PHONE, Beat::Idle, 0);
        assert_eq!(person.state(0), State::Busy);
        assert_eq!(person.state(62_000), State::Offline);
        person.beat(PHONE, Beat::Idle, 63_000);
        assert_eq!(person.state(63_000), State::Busy);
        person.choose(Choice::Auto);
        assert_eq!(person.state(63_000), State::Idle);
    }

    #[test]
    fn who_is_gone_is_forgotten_and_who_only_answers_pings_is_not() {
        let mut person = person();
        person.beat(PHONE, Beat::Online, 0);
        assert_eq!(person.tidy(10), Some(62_000));
        person.opened(LAPTOP, 20);
        assert_eq!(person.tidy(62_000), Some(62_020));
        assert_eq!(person.tidy(62_020), Some(i64::MAX));
        person.closed(LAPTOP, false);
        assert_eq!(person.tidy(62_020), None);
    }
}
