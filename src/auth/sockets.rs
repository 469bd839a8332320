//! The open sockets of each session, who learn here that it has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

/// The open sockets of this node. Bounded by their number.
#[derive(Default)]
pub(super) struct Sockets(Mutex<HashMap<Uuid, OfSession>>);

struct OfSession {
    open: usize,
    ended: watch::Sender<bool>,
}

impl Sockets {
    pub(super) fn register(self: &Arc<Self>, session: Uuid) -> SessionWatch {
        let mut sockets = self.lock();
        let of_session = sockets.entry(session).or_insert_with(|| OfSession {
            open: 0,
            ended: watch::Sender::new(false),
        });
        of_session.open += 1;
        let ended = of_session.ended.subscribe();
        SessionWatch {
            session,
            ended,
            sockets: Arc::clone(self),
        }
    }

    fn unregister(&self, session: Uuid) {
        let mut sockets = self.lock();
        if let Some(of_session) = sockets.get_mut(&session) {
            of_session.open = of_session.open.saturating_sub(1);
            if of_session.open == 0 {
                sockets.remove(&session);
            }
        }
    }

    pub(super) fn end(&self, sessions: &[Uuid]) {
        let sockets = self.lock();
        for session in sessions {
            if let Some(of_session) = sockets.get(session) {
                of_session.ended.send_replace(true);
            }
        }
    }

    pub(super) fn is_connected(&self, session: Uuid) -> bool {
        self.lock().contains_key(&session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, OfSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's tie to its session. While it lives, the session counts as connected.
pub struct SessionWatch {
    session: Uuid,
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
        self.sockets.unregister(self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_connected_while_one_of_its_sockets_is() {
        let sockets = Arc::new(Sockets::default());
        let id = Uuid::from_u128(1);
        let first = sockets.register(id);
        let second = sockets.register(id);
        drop(first);
        assert!(sockets.is_connected(id));
        drop(second);
        assert!(!sockets.is_connected(id));
    }

    #[tokio::test]
    async fn every_socket_of_an_ended_session_learns_it_and_no_other() {
        let sockets = Arc::new(Sockets::default());
        let (ends, goes_on) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut of_ended = [sockets.register(ends), sockets.register(ends)];
        let mut other = sockets.register(goes_on);
        sockets.end(&[ends]);
        for socket in &mut of_ended {
            socket.ended().await;
        }
        let waited = tokio::time::timeout(std::time::Duration::ZERO, other.ended()).await;
        assert!(waited.is_err());
    }
}
