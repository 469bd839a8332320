//! Write transactions and the proof that one was committed.

use sqlx::{Any, AnyConnection, Transaction};

use super::{Backend, DbError};

/// A write transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    inner: Transaction<'static, Any>,
    backend: Backend,
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Any>, backend: Backend) -> Self {
        Tx { inner, backend }
    }

    /// Which database it writes to, for [`super::rows::values`].
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The connection, for a store's statements.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Makes everything durable; `value` comes back as proof that it happened.
    pub async fn commit<T>(self, value: T) -> Result<Committed<T>, DbError> {
        self.inner.commit().await?;
        Ok(Committed(value))
    }
}

/// A value whose transaction is on disk. Only [`Tx::commit`] makes one.
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// A look at the value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The same proof with another view of the value.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Committed<U> {
        Committed(view(self.0))
    }

    /// A reader saw that the write had been committed before: a repeat of a request that changes nothing is as good
    /// as the first.
    pub fn already(value: T) -> Committed<T> {
        Committed(value)
    }
}

impl<T> Committed<Vec<T>> {
    /// The same proof for each of several values of one transaction.
    pub fn each(self) -> impl Iterator<Item = Committed<T>> {
        self.0.into_iter().map(Committed)
    }
}

impl<T, E> Committed<Result<T, E>> {
    /// A value with its proof, or why there is none.
    pub fn transpose(self) -> Result<Committed<T>, E> {
        self.0.map(Committed)
    }
}
