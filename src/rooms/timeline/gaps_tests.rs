//! The host's state by itself, and what lies between it and comes later.

use serde_json::json;

use super::tests::{Scene, accepted, refusal, text};
use crate::catalogue::Code;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::verified::Verified;
use crate::rooms::timeline::{Part, Receipt};

/// The host's log after Bob's join at its place 3: two messages, a name, a message, another name, and one message more.
const EARLY: usize = 3;
const MIDDLE: usize = 6;

impl Scene {
    /// Appends a message to the host's log.
    fn host_says(&mut self, body: &str) {
        let state = self.host.log.iter().rev();
        let state = state.clone().find(|event| event.event_type.is_state());
        let seq = self.host.log.len() + 1;
        let event = self
            .host
            .sign(seq, EventType::ROOM_MESSAGE, text(body), state);
        self.host.log.push(event);
    }

    /// Appends a name to the host's log.
    fn host_names(&mut self, name: &str) {
        let state = self.host.log.iter().rev();
        let state = state.clone().find(|event| event.event_type.is_state());
        let seq = self.host.log.len() + 1;
        let content = json!({"name": name, "seen": {}});
        let event = self.host.sign(seq, EventType::ROOM_NAME, content, state);
        self.host.log.push(event);
    }

    /// A room of which only the state has come.
    async fn with_state_alone() -> Scene {
        let mut scene = Scene::open().await;
        scene.host_says("first");
        scene.host_says("second");
        scene.host_names("Orchard");
        scene.host_says("third");
        scene.host_names("Meadow");
        scene.host_says("last");
        let state = vec![scene.host.log[5].clone(), scene.host.log[7].clone()];
        let receipts = scene.deliver_part("a.example", state, Part::State).await;
        assert_eq!(receipts, accepted(2));
        scene
    }

    async fn comes(&self, event: &Verified<Event>) -> Receipt {
        let receipts = self.deliver("a.example", vec![event.clone()]).await;
        receipts.into_iter().next().unwrap()
    }
}

#[tokio::test]
async fn the_state_alone_is_enough_to_go_on() {
    let scene = Scene::with_state_alone().await;
    assert_eq!(scene.room_name().await, "Meadow");
    scene.is_sound().await;
    let (message, state) = (EventType::ROOM_MESSAGE, Some(&scene.host.log[7]));
    let said = scene
        .guest
        .sign(1, message, text("it rests on the latest state"), state);
    assert_eq!(scene.receive(&said).await, Receipt::Accepted);
    let last = scene.host.log[8].clone();
    assert_eq!(scene.comes(&last).await, Receipt::Accepted);
    scene.is_sound().await;
}

#[tokio::test]
async fn what_was_missing_comes_in_its_order_and_everything_fits() {
    let scene = Scene::with_state_alone().await;
    let [first, second] = [EARLY, EARLY + 1].map(|at| scene.host.log[at].clone());
    let third = scene.host.log[MIDDLE].clone();
    assert_eq!(scene.comes(&third).await, Receipt::Accepted, "any gap");
    assert_eq!(scene.comes(&second).await, Receipt::Pending, "first comes");
    assert_eq!(scene.comes(&first).await, Receipt::Accepted);
    scene.is_sound().await;
    assert_eq!(scene.comes(&second).await, Receipt::Accepted);
    let whole = scene.host.log.clone();
    let receipts = scene.deliver("a.example", whole).await;
    let again = receipts.iter().filter(|one| **one == Receipt::Duplicate);
    assert_eq!((again.count(), receipts.len()), (8, 9), "{receipts:?}");
    assert_eq!(scene.room_name().await, "Meadow");
    scene.is_sound().await;
}

#[tokio::test]
async fn what_does_not_fit_between_is_refused_and_the_right_one_is_taken() {
    let scene = Scene::with_state_alone().await;
    let state = &scene.host.log[2];
    let [first, second] = [EARLY, EARLY + 1].map(|at| scene.host.log[at].clone());
    let other_end = scene
        .host
        .sign(5, EventType::ROOM_MESSAGE, text("other"), Some(state));
    let name = json!({"name": "Hidden", "seen": {}});
    let hidden = scene.host.sign(4, EventType::ROOM_NAME, name, Some(state));
    let refused = Some((7, Code::FedSignatureMismatch, false));

    assert_eq!(refusal(&scene.comes(&hidden).await), refused);
    assert_eq!(scene.comes(&first).await, Receipt::Accepted);
    assert_eq!(refusal(&scene.comes(&other_end).await), refused);
    assert_eq!(scene.comes(&second).await, Receipt::Accepted);
    assert_eq!(scene.room_name().await, "Meadow");
    scene.is_sound().await;
}

#[tokio::test]
async fn state_with_a_piece_missing_is_not_taken() {
    let mut scene = Scene::open().await;
    scene.host_says("first");
    scene.host_names("Orchard");
    scene.host_names("Meadow");
    let state = vec![scene.host.log[5].clone()];
    let receipts = scene.deliver_part("a.example", state, Part::State).await;
    assert_eq!(receipts, [Receipt::Pending]);
    let ordinary = vec![scene.host.log[4].clone()];
    assert_eq!(
        scene.deliver("a.example", ordinary).await,
        [Receipt::Pending],
        "a log that is delivered has no gaps"
    );
    assert_eq!(scene.room_name().await, "Room");
    scene.is_sound().await;
}
