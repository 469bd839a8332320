use super::*;

#[test]
fn the_clock_never_goes_back() {
    let mut clock = Hlc::starting_at(500);
    assert_eq!(clock.tick(100), 500);
    assert_eq!(clock.tick(1_000), 1_000);
    assert_eq!(clock.tick(900), 1_000);
}

#[test]
fn the_clock_follows_foreign_times_by_at_most_five_seconds() {
    let mut clock = Hlc::default();
    clock.observe(3_000, 1_000);
    assert_eq!(clock.tick(1_000), 3_000);
    clock.observe(1_000_000, 1_000);
    assert_eq!(clock.tick(1_000), 6_000);
    clock.observe(i64::MAX, i64::MAX);
    assert_eq!(clock.tick(0), i64::MAX);
}

#[test]
fn foreign_times_in_the_past_change_nothing() {
    let mut clock = Hlc::starting_at(5_000);
    clock.observe(i64::MIN, 1_000);
    assert_eq!(clock.tick(1_000), 5_000);
}
