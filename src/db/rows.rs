//! Text for statements with many rows.
//!
//! A statement costs the same whether it writes one row or fifty, so hot paths write many. Slices come in powers of
//! two: sqlx keeps a hundred prepared statements per connection, and few distinct lengths keep them all prepared.

/// Rows in one statement, at most: 64 rows of 24 columns stay far below both databases' limit of parameters.
const MOST: usize = 64;

/// Cuts `items` into runs whose lengths are powers of two, the longest first.
pub fn runs<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let take = MOST.min(1 << rest.len().ilog2());
        let (run, after) = rest.split_at(take);
        rest = after;
        Some(run)
    })
}

/// `($1,$2),($3,$4)` for `rows` rows of `columns` columns.
pub fn values(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 5 + 3));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
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

#[cfg(test)]
mod tests {
    use super::{list, runs, values};

    #[test]
    fn runs_are_powers_of_two_and_lose_nothing() {
        let items: Vec<usize> = (0..203).collect();
        let lengths: Vec<usize> = runs(&items).map(<[usize]>::len).collect();
        assert_eq!(lengths, [64, 64, 64, 8, 2, 1]);
        assert_eq!(runs(&items).flatten().copied().collect::<Vec<_>>(), items);
    }

    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(values(2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(list(2, 3), "$2,$3,$4");
    }
}
