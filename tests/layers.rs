//! Which crate imports which: a new arrow is a change of the design and of ARCHITECTURE.md.

use xtask::tidy::arrows;

#[test]
fn crates_import_only_what_the_table_allows() -> anyhow::Result<()> {
    assert_eq!(arrows::check()?, Vec::<String>::new());
    Ok(())
}

#[test]
fn table_has_no_way_round() {
    // Each crate may only import crates above it in the table, so there is no cycle.
    for (at, (name, allowed)) in arrows::ARROWS.iter().enumerate() {
        for to in *allowed {
            let place = arrows::ARROWS.iter().position(|(other, _)| other == to);
            assert!(place.is_some_and(|place| place < at), "{name} -> {to}");
        }
    }
}
