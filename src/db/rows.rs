//! Text for statements with many rows, and ids read from rows.
//!
//! A statement costs about the same whether it writes one row or fifty, since most of it is the hand-over to the
//! database and back; so hot paths write many. Few distinct lengths keep all of them among the hundred statements that
//! sqlx keeps prepared per connection.

use super::{Backend, DbError, Tx};

/// Rows in one statement, at most: 64 rows of 24 columns stay far below both databases' limit of parameters.
const MOST: usize = 64;
/// Up to here every length has a statement of its own; beyond, only powers of two.
const ANY: usize = 16;

/// Cuts `items` into runs, the longest first, in few statements: 31 items make two, not five.
pub fn runs<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let take = match rest.len() {
            0 => return None,
            few if few <= ANY => few,
            many => MOST.min(1 << many.ilog2()),
        };
        let (run, after) = rest.split_at(take);
        rest = after;
        Some(run)
    })
}

/// Placeholders for `rows` rows of `columns` columns, bound from left to right: `($1,$2),($3,$4)`, on SQLite
/// `(?,?),(?,?)`. There every name costs a search through all names whenever the statement runs: with a thousand, as
/// long as the writing itself.
pub fn values(backend: Backend, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 5 + 3));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            match backend {
                Backend::Sqlite => text.push('?'),
                Backend::Postgres => {
                    text.push('$');
                    text.push_str(&(row * columns + column + 1).to_string());
                }
            }
        }
        text.push(')');
    }
    text
}

/// `$from,…` for `count` parameters, for an `IN (…)` list.
pub fn list(from: usize, count: usize) -> String {
    (from..from + count)
        .map(|number| format!("${number}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// How many rows a list has, where a page of it says so: one that is not full is the last one. `None`: they have to be
/// counted.
pub fn total(found: usize, limit: i64, offset: i64) -> Option<i64> {
    let found = i64::try_from(found).ok()?;
    let is_last = found < limit && (found > 0 || offset == 0);
    is_last.then(|| offset.saturating_add(found))
}

/// Runs statements that all take the tenant's key as `$1` and one id as `$2`.
pub async fn each(
    tx: &mut Tx,
    tenant: i64,
    id: &str,
    statements: &[&'static str],
) -> Result<(), DbError> {
    for sql in statements {
        sqlx::query(*sql)
            .bind(tenant)
            .bind(id.to_owned())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Reads a stored id; what cannot be read is named by its table and column.
pub fn id<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, DbError>
where
    T::Err: ToString,
{
    text.parse()
        .map_err(|error: T::Err| DbError::unreadable(table, column, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_few_and_lose_nothing() {
        let items: Vec<usize> = (0..231).collect();
        let lengths: Vec<usize> = runs(&items).map(<[usize]>::len).collect();
        assert_eq!(lengths, [64, 64, 64, 32, 7]);
        assert_eq!(runs(&items).flatten().copied().collect::<Vec<_>>(), items);
    }

    #[test]
    fn only_a_last_page_tells_how_many_rows_there_are() {
        assert_eq!(total(3, 50, 100), Some(103));
        assert_eq!(total(0, 50, 0), Some(0));
        assert_eq!(total(50, 50, 100), None);
        assert_eq!(total(0, 50, 100), None);
    }

    #[test]
    fn placeholders_go_through_all_rows() {
        assert_eq!(values(Backend::Postgres, 2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(values(Backend::Sqlite, 2, 3), "(?,?,?),(?,?,?)");
        assert_eq!(list(2, 3), "$2,$3,$4");
    }
}
