//! Logs that were begun anew, through the writer into the store.

use serde_json::{Value, json};

use super::tests::{Scene, accepted, text};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::verified::{Draft, Verified, verify};
use crate::events::model::{Shown, Standing};
use crate::events::store;
use crate::rooms::timeline::Receipt;

const MESSAGE: EventType = EventType::ROOM_MESSAGE;

fn place(event: &Verified<Event>) -> Value {
    json!({"epoch": event.epoch, "seq": event.seq, "hash": event.hash()})
}

fn epoch_after(place: &Value) -> i64 {
    place["epoch"].as_i64().unwrap_or(1) + 1
}

fn is_refused(receipt: &Receipt) -> bool {
    matches!(receipt, Receipt::Rejected { placed: false, .. })
}

impl Scene {
    /// The host admits the epoch of Bob's server's log after the one that is cut off.
    async fn admit(&mut self, cutoff: Value) -> Verified<Event> {
        let content = json!({
            "origin": "b.example", "epoch": epoch_after(&cutoff), "key": self.guest.public(), "seen": {},
            "cutoff": {"b.example": cutoff},
        });
        self.state(EventType::ROOM_LOG, content);
        let event = self.host.log.last().unwrap().clone();
        let receipts = self.deliver("a.example", vec![event.clone()]).await;
        assert_eq!(receipts, accepted(1));
        event
    }

    /// The event after `before` in a later epoch of Bob's, or its first one.
    fn anew(
        &self,
        before: Option<&Verified<Event>>,
        of: EventType,
        content: Value,
    ) -> Verified<Event> {
        let state = self.host.log.last().unwrap();
        self.anew_by(state, before, of, content)
    }

    fn anew_by(
        &self,
        state: &Verified<Event>,
        before: Option<&Verified<Event>>,
        of: EventType,
        content: Value,
    ) -> Verified<Event> {
        let epoch = match before {
            Some(before) => before.epoch,
            None => epoch_after(&content["stands_by"]),
        };
        let draft = Draft {
            room_id: state.room_id,
            origin: self.guest.name.clone(),
            sender: (of != EventType::LOG_RESTART).then(|| self.guest.person.clone()),
            event_type: of,
            content,
            epoch,
            seq: before.map_or(1, |before| before.seq + 1),
            prev: before.map(Verified::hash),
            ts: crate::app::test_server::START,
            state_seq: state.seq,
            state_hash: Some(state.hash()),
            salt: [9; 16],
        };
        draft.sign(&self.guest.key).unwrap()
    }

    async fn membership_of_bob(&self) -> String {
        let sql = "SELECT membership FROM members WHERE fqid = '@bob:b.example'";
        let db = self.server.app.db().reader();
        sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
    }

    fn restart(&self, stands_by: &Value) -> Verified<Event> {
        self.anew(
            None,
            EventType::LOG_RESTART,
            json!({ "stands_by": stands_by }),
        )
    }

    async fn is_here(&self, event: &Verified<Event>) -> bool {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        let found = store::by_id(&tenant, app.db().reader(), event.event_id).await;
        found.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_frozen_log_that_the_host_stands_by_is_shown_again_and_goes_on_in_its_next_epoch() {
    let mut scene = Scene::open().await;
    let said = [scene.say("one"), scene.say("two"), scene.say("three")];
    let other = scene.composed(2, MESSAGE, text("another two"));
    scene.deliver("b.example", said.to_vec()).await;
    scene.receive(&other).await;
    assert_eq!(scene.stored(&said[1]).await.standing, Standing::Frozen);

    let cutoff = place(&said[1]);
    scene.admit(cutoff.clone()).await;
    let shown = scene.stored(&said[1]).await;
    assert_eq!(
        (shown.standing, shown.shown),
        (Standing::Valid, Shown::History)
    );
    assert!(!scene.is_here(&said[2]).await, "beyond the cut-off");
    scene.is_sound().await;

    // What was excluded, or stands on the other branch, stays out and freezes nothing any more.
    assert!(is_refused(&scene.receive(&said[2]).await));
    assert!(is_refused(&scene.receive(&other).await));
    let restart = scene.restart(&cutoff);
    let message = scene.anew(Some(&restart), MESSAGE, text("anew"));
    let receipts = scene
        .deliver("b.example", vec![restart.clone(), message.clone()])
        .await;
    assert_eq!(receipts, accepted(2));
    assert_eq!(scene.stored(&message).await.standing, Standing::Valid);
    assert!(is_refused(&scene.receive(&other).await));
    assert_eq!(scene.receive(&said[0]).await, Receipt::Duplicate);
    assert_eq!(scene.stored(&said[1]).await.standing, Standing::Valid);
    scene.is_sound().await;
}

#[tokio::test]
async fn the_other_branch_takes_the_place_of_the_one_that_the_host_excludes() {
    let mut scene = Scene::open().await;
    let said = [scene.say("one"), scene.say("two")];
    let other = scene.composed(2, MESSAGE, text("another two"));
    scene.deliver("b.example", said.to_vec()).await;
    scene.receive(&other).await;
    let cutoff = place(&other);
    scene.admit(cutoff.clone()).await;
    assert!(!scene.is_here(&said[1]).await);

    let restart = scene.restart(&cutoff);
    let receipts = scene.deliver("b.example", vec![restart.clone()]).await;
    assert_eq!(receipts, [Receipt::Pending], "what comes before is missing");
    assert!(is_refused(&scene.receive(&said[1]).await));
    let receipts = scene
        .deliver("b.example", vec![other.clone(), restart])
        .await;
    assert_eq!(receipts, accepted(2));
    assert_eq!(scene.stored(&other).await.standing, Standing::Valid);
    scene.is_sound().await;
}

#[tokio::test]
async fn evidence_after_the_admission_finds_the_branch_that_is_excluded() {
    let mut scene = Scene::open().await;
    let said = [scene.say("one"), scene.say("two"), scene.say("three")];
    let other = scene.composed(2, MESSAGE, text("another two"));
    scene.deliver("b.example", said.to_vec()).await;
    let after_other = json!({"epoch": 1, "seq": 3, "hash": Hash::of(b"another three")});
    scene.admit(after_other).await;
    // At the cut-off itself another event cannot count, though nothing of the other branch is here.
    assert!(!scene.is_here(&said[2]).await);
    assert_eq!(scene.stored(&said[1]).await.standing, Standing::Valid);
    assert!(is_refused(&scene.receive(&other).await));
    assert!(!scene.is_here(&said[1]).await);
    assert_eq!(scene.receive(&other).await, Receipt::Accepted);
    scene.is_sound().await;
}

#[tokio::test]
async fn contents_of_a_frozen_log_are_not_asked_for_until_it_is_settled() {
    let mut scene = Scene::open().await;
    let said = [scene.say("one"), scene.say("two")];
    let mut bare = said[1].clone().into_inner();
    (bare.content, bare.salt) = (None, None);
    let bare = verify(bare, scene.guest.key.public_key()).unwrap();
    scene
        .deliver("b.example", vec![said[0].clone(), bare])
        .await;
    assert_eq!(scene.wanted().await, [said[1].event_id]);
    scene
        .receive(&scene.composed(2, MESSAGE, text("another two")))
        .await;
    assert!(scene.wanted().await.is_empty());
    scene.admit(place(&said[1])).await;
    assert_eq!(scene.wanted().await, [said[1].event_id]);
    scene.receive(&said[1]).await;
    assert_eq!(scene.stored(&said[1]).await.shown, Shown::History);
    scene.is_sound().await;
}

#[tokio::test]
async fn an_epoch_begins_as_it_was_admitted_or_not_at_all() {
    let mut scene = Scene::open().await;
    let one = scene.say("one");
    scene.deliver("b.example", vec![one.clone()]).await;
    let cutoff = place(&one);
    let early = scene.restart(&cutoff);
    assert!(is_refused(&scene.receive(&early).await), "not admitted");
    let before = scene.host.log.last().unwrap().clone();
    scene.admit(cutoff.clone()).await;
    let start = json!({"epoch": 1, "seq": 0, "hash": null});
    for wrong in [
        scene.restart(&start),
        scene.anew(None, MESSAGE, text("anew")),
    ] {
        assert!(is_refused(&scene.receive(&wrong).await));
    }
    let restart = scene.restart(&cutoff);
    assert_eq!(scene.receive(&restart).await, Receipt::Accepted);
    // What rests on the state before the admission takes its place and counts for nothing.
    let stale = scene.anew_by(&before, Some(&restart), MESSAGE, text("stale"));
    let leave = scene.anew_by(&before, Some(&stale), EventType::ROOM_LEAVE, json!({}));
    let message = scene.anew(Some(&leave), MESSAGE, text("anew"));
    let page = vec![stale.clone(), leave, message.clone()];
    scene.deliver("b.example", page).await;
    assert_eq!(scene.stored(&stale).await.standing, Standing::Void);
    assert_eq!(scene.stored(&message).await.standing, Standing::Valid);
    scene.is_sound().await;
}

#[tokio::test]
async fn who_left_beyond_a_fork_is_there_until_the_host_admits_that_branch() {
    let mut scene = Scene::open().await;
    let said = scene.say("one");
    let leave = scene.append(EventType::ROOM_LEAVE, json!({"reason": null}));
    scene.deliver("b.example", vec![said, leave.clone()]).await;
    assert_eq!(scene.membership_of_bob().await, "leave");
    let other = scene.composed(2, MESSAGE, text("stays"));
    assert!(is_refused(&scene.receive(&other).await));
    assert_eq!(scene.stored(&leave).await.standing, Standing::Frozen);
    assert_eq!(scene.membership_of_bob().await, "join");
    scene.is_sound().await;

    scene.admit(place(&leave)).await;
    let stored = scene.stored(&leave).await;
    assert_eq!(
        (stored.standing, stored.shown),
        (Standing::Valid, Shown::History)
    );
    assert_eq!(scene.membership_of_bob().await, "leave");
    scene.is_sound().await;
}

#[tokio::test]
async fn an_epoch_of_which_nothing_counts_does_not_come_back() {
    let mut scene = Scene::open().await;
    let said = scene.say("one");
    scene.deliver("b.example", vec![said.clone()]).await;
    scene.admit(place(&said)).await;
    let second = scene.restart(&place(&said));
    assert_eq!(scene.receive(&second).await, Receipt::Accepted);

    let nothing = json!({"epoch": 2, "seq": 0, "hash": null});
    scene.admit(nothing.clone()).await;
    assert!(!scene.is_here(&second).await);
    assert!(is_refused(&scene.receive(&second).await));
    let third = scene.restart(&nothing);
    assert_eq!(scene.receive(&third).await, Receipt::Accepted);
    assert_eq!(scene.stored(&said).await.standing, Standing::Valid);
    scene.is_sound().await;
}

#[tokio::test]
async fn what_an_excluded_redaction_erased_is_taken_again() {
    let mut scene = Scene::open().await;
    let said = scene.say("one");
    let content = json!({"event_id": said.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, content);
    scene
        .deliver("b.example", vec![said.clone(), redaction])
        .await;
    assert!(scene.stored(&said).await.event.content.is_none());
    scene.admit(place(&said)).await;
    assert_eq!(scene.receive(&said).await, Receipt::Duplicate);
    assert!(scene.stored(&said).await.event.content.is_some());
    scene.is_sound().await;
}
