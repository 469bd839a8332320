use super::*;
use crate::events::core::testing::{draft, key, message_after};
use serde_json::json;

#[test]
fn a_log_begins_at_position_one() {
    let first = message_after(None, "1");
    let second = message_after(Some(&first), "2");
    assert_eq!(follows(None, &first), Ok(()));
    assert_eq!(follows(None, &second), Err(ChainError::Gap { expected: 1 }));
}

#[test]
fn each_event_names_the_one_before_it() {
    let first = message_after(None, "1");
    let second = message_after(Some(&first), "2");
    assert_eq!(follows(Some(&Head::of(&first)), &second), Ok(()));
}

#[test]
fn a_gap_names_the_first_missing_position() {
    let first = message_after(None, "1");
    let third = message_after(Some(&message_after(Some(&first), "2")), "3");
    assert_eq!(
        follows(Some(&Head::of(&first)), &third),
        Err(ChainError::Gap { expected: 2 })
    );
}

#[test]
fn the_same_event_again_is_a_duplicate_and_another_one_a_fork() {
    let first = message_after(None, "1");
    let head = Head::of(&message_after(Some(&first), "2"));
    let same = message_after(Some(&first), "2");
    let other = message_after(Some(&first), "two");
    assert_eq!(follows(Some(&head), &same), Err(ChainError::Duplicate));
    assert_eq!(
        follows(Some(&head), &other),
        Err(ChainError::Fork { seq: 2 })
    );
}

#[test]
fn an_event_behind_the_head_is_compared_with_what_stands_there() {
    let first = message_after(None, "1");
    let head = Head::of(&message_after(Some(&first), "2"));
    assert_eq!(follows(Some(&head), &first), Err(ChainError::Behind));
    assert_eq!(
        at_known_position(&first.hash(), &first),
        ChainError::Duplicate
    );
    let other = message_after(None, "one");
    assert_eq!(
        at_known_position(&first.hash(), &other),
        ChainError::Fork { seq: 1 }
    );
}

#[test]
fn a_successor_of_another_event_is_on_another_branch() {
    let head = Head::of(&message_after(None, "1"));
    let stranger = message_after(Some(&message_after(None, "one")), "2");
    assert_eq!(
        follows(Some(&head), &stranger),
        Err(ChainError::OtherBranch { seq: 1 })
    );
}

#[test]
fn an_event_of_another_epoch_is_told_apart() {
    let head = Head {
        epoch: 2,
        ..Head::of(&message_after(None, "1"))
    };
    let next = message_after(Some(&message_after(None, "1")), "2");
    assert_eq!(
        follows(Some(&head), &next),
        Err(ChainError::Epoch { log: 2, event: 1 })
    );
}

#[test]
fn time_may_stand_still_but_not_go_back() {
    let first = message_after(None, "1");
    let head = Head::of(&first);
    for (ts, expected) in [
        (first.ts, Ok(())),
        (first.ts - 1, Err(ChainError::TimeGoesBack)),
    ] {
        let mut next = draft(json!({}));
        next.prev = Some(first.hash());
        next.ts = ts;
        assert_eq!(follows(Some(&head), &next.sign(&key()).unwrap()), expected);
    }
}

#[test]
fn a_gap_is_filled_from_its_beginning_and_ends_as_the_event_after_it_says() {
    let first = message_after(None, "1");
    let second = message_after(Some(&first), "2");
    let third = message_after(Some(&second), "3");
    let fourth = message_after(Some(&third), "4");
    let gap = Gap::between(&Head::of(&first), &fourth).unwrap();
    assert!([2, 3].iter().all(|seq| gap.holds(*seq)));
    assert!(!gap.holds(1) && !gap.holds(4) && !gap.is_filled());

    assert_eq!(gap.after(&third), Err(ChainError::Gap { expected: 2 }));
    let of_other = message_after(Some(&message_after(None, "one")), "2");
    let is_other = |at, event| gap.after(event) == Err(ChainError::OtherBranch { seq: at });
    assert!(is_other(1, &of_other));
    let rest = gap.after(&second).unwrap();
    assert!(rest.holds(3) && !rest.holds(2));
    let other_end = message_after(Some(&second), "three");
    assert_eq!(
        rest.after(&other_end),
        Err(ChainError::OtherBranch { seq: 4 })
    );
    assert!(rest.after(&third).unwrap().is_filled());
}

#[test]
fn nothing_lies_between_an_event_and_the_one_after_it() {
    let first = message_after(None, "1");
    let second = message_after(Some(&first), "2");
    assert_eq!(Gap::between(&Head::of(&first), &second), None);
    assert_eq!(Gap::between(&Head::of(&second), &first), None);
}
