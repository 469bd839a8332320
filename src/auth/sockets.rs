//! The open sockets of each session, who learn here that it has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use crate::events::core::ids::ParticipantId;

/// The open sockets of this node. Bounded by their number.
#[derive(Default)]
pub(super) struct Sockets(Mutex<Registry>);

#[derive(Default)]
struct Registry {
    by_session: HashMap<Uuid, OfSession>,
    /// How many each person has.
    by_person: HashMap<ParticipantId, usize>,
}

struct OfSession {
    open: usize,
    ended: watch::Sender<bool>,
}

impl Sockets {
    pub(super) fn register(
        self: &Arc<Self>,
        session: Uuid,
        participant: ParticipantId,
    ) -> SessionWatch {
        let mut registry = self.registry();
        *registry.by_person.entry(participant).or_default() += 1;
        let of_session = registry
            .by_session
            .entry(session)
            .or_insert_with(|| OfSession {
                open: 0,
                ended: watch::Sender::new(false),
            });
        of_session.open += 1;
        let ended = of_session.ended.subscribe();
        SessionWatch {
            session,
            participant,
            ended,
            sockets: Arc::clone(self),
        }
    }

    fn unregister(&self, session: Uuid, participant: ParticipantId) {
        let mut registry = self.registry();
        if let Some(of_session) = registry.by_session.get_mut(&session) {
            of_session.open = of_session.open.saturating_sub(1);
            if of_session.open == 0 {
                registry.by_session.remove(&session);
            }
        }
        if let Some(open) = registry.by_person.get_mut(&participant) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                registry.by_person.remove(&participant);
            }
        }
    }

    pub(super) fn end(&self, sessions: &[Uuid]) {
        let registry = self.registry();
        for session in sessions {
            if let Some(of_session) = registry.by_session.get(session) {
                of_session.ended.send_replace(true);
            }
        }
    }

    pub(super) fn is_connected(&self, session: Uuid) -> bool {
        self.registry().by_session.contains_key(&session)
    }

    pub(super) fn has_socket(&self, participant: ParticipantId) -> bool {
        self.registry().by_person.contains_key(&participant)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's tie to its session. While it lives, the session counts as connected.
pub struct SessionWatch {
    session: Uuid,
    participant: ParticipantId,
    ended: watch::Receiver<bool>,
    sockets: Arc<Sockets>,
}

impl SessionWatch {
    /// Waits until the session ends: by sign-out, revocation, suspension, a new password, or reuse of a refresh token.
    pub async fn ended(&mut self) {
        // The sender lives in the registry for as long as this watch does; should it not, nothing will ever end.
        if self.ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        self.sockets.unregister(self.session, self.participant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone() -> ParticipantId {
        "018f0000-0000-8000-8000-000000000001".parse().unwrap()
    }

    #[test]
    fn a_session_is_connected_while_one_of_its_sockets_is() {
        let sockets = Arc::new(Sockets::default());
        let id = Uuid::from_u128(1);
        let first = sockets.register(id, someone());
        let second = sockets.register(id, someone());
        drop(first);
        assert!(sockets.is_connected(id) && sockets.has_socket(someone()));
        drop(second);
        assert!(!sockets.is_connected(id) && !sockets.has_socket(someone()));
    }

    #[tokio::test]
    async fn every_socket_of_an_ended_session_learns_it_and_no_other() {
        let sockets = Arc::new(Sockets::default());
        let (ends, goes_on) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut of_ended = [
            sockets.register(ends, someone()),
            sockets.register(ends, someone()),
        ];
        let mut other = sockets.register(goes_on, someone());
        sockets.end(&[ends]);
        for socket in &mut of_ended {
            socket.ended().await;
        }
        let waited = tokio::time::timeout(std::time::Duration::ZERO, other.ended()).await;
        assert!(waited.is_err());
    }
}
