//! Readers, changes and flushes at the same time, in one thread: whoever waited would never return.

use super::*;
use crate::fixtures::created;
use crate::tables::{meta, model};

fn postings(dir: &tempfile::TempDir) -> Postings {
    let store = created(dir.path());
    let table = model("lists", 1);
    store.create_table(&table).unwrap();
    Postings::new(Arc::new(store), table)
}

fn add(postings: &Postings, term: &Term, number: u64) -> usize {
    let mut changes = Changes::default();
    changes.insert(term.clone(), number);
    postings.apply(changes).unwrap()
}

fn remove(postings: &Postings, term: &Term, number: u64) {
    let mut changes = Changes::default();
    changes.remove(term.clone(), number);
    postings.apply(changes).unwrap();
}

fn numbers(selected: Option<Selection>) -> Vec<u64> {
    selected.unwrap().page(0, usize::MAX, false)
}

#[test]
fn a_select_in_progress_never_blocks_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let postings = postings(&dir);
    let (term, groups) = (Term::new(1, "a"), vec![vec![Term::new(1, "a")]]);
    add(&postings, &term, 1);
    add(&postings, &term, 70_000);
    postings.flush(Position::new(2)).unwrap();
    add(&postings, &term, 2);

    let frozen = postings.freeze(&groups[0]);
    assert!(postings.changed.try_write().is_some(), "a reader holds no lock");
    add(&postings, &term, 3);
    remove(&postings, &term, 70_000);
    postings.flush(Position::new(5)).unwrap();
    add(&postings, &term, 4);

    assert_eq!(numbers(frozen.select(None, &groups).unwrap()), [1, 2, 70_000]);
    assert_eq!(numbers(postings.select(&groups).unwrap()), [1, 2, 3, 4]);
    let within = Some(Selection::range(2, 4));
    let frozen = postings.freeze(&groups[0]);
    assert_eq!(numbers(frozen.select(within, &groups).unwrap()), [2, 3]);
}

#[test]
fn changes_during_a_flush_stay_in_memory_behind_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let postings = postings(&dir);
    let (kept, changed) = (Term::new(1, "kept"), Term::new(1, "changed"));
    add(&postings, &kept, 1);
    assert_eq!(add(&postings, &changed, 1), 2);

    let flush = flush::Flush::of(&postings);
    assert_eq!(add(&postings, &changed, 2), 2, "the change does not wait");
    flush.write(Position::new(2)).unwrap();

    assert_eq!(meta::checkpoint(&postings.store, &postings.table).unwrap(), Position::new(2));
    let again = Postings::new(postings.store.clone(), postings.table.clone());
    let stored = |term: &Term| numbers(again.select(&[vec![term.clone()]]).unwrap());
    assert_eq!(stored(&changed), [1], "only what the checkpoint covers is on disk");
    assert_eq!(stored(&kept), [1]);
    let groups = [vec![changed.clone()]];
    assert_eq!(numbers(postings.select(&groups).unwrap()), [1, 2]);
    assert_eq!(postings.changed.read().rows, 1, "what was written is forgotten");
    postings.flush(Position::new(3)).unwrap();
    assert_eq!(stored(&changed), [1, 2]);
    assert_eq!(postings.changed.read().rows, 0);
}

#[test]
fn a_range_is_what_one_by_one_would_be() {
    for (from, until) in [(0, 0), (1, 1), (1, 2), (0, 65_536), (65_535, 65_537), (3, 200_001)] {
        let mut one_by_one = Selection::default();
        (from..until).for_each(|number| one_by_one.insert(number));
        let range = Selection::range(from, until);
        assert_eq!(range.len(), until - from);
        assert_eq!(range.page(0, usize::MAX, true), one_by_one.page(0, usize::MAX, true));
    }
}

#[test]
fn what_is_subtracted_is_gone_and_leaves_no_empty_chunk() {
    let mut rest = Selection::range(0, 140_000);
    rest.subtract(&Selection::range(65_536, 131_072));
    rest.subtract(&Selection::range(1, 65_536));
    assert_eq!(rest.page(0, 3, false), [0, 131_072, 131_073]);
    rest.subtract(&Selection::range(0, 1));
    rest.subtract(&Selection::range(131_072, 200_000));
    assert!(rest.is_empty());
}

#[test]
fn what_is_read_within_a_set_is_its_part_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let postings = postings(&dir);
    let term = Term::new(1, "a");
    let chunk = |number: u64| number << CHUNK_BITS;
    for number in 0..20 {
        add(&postings, &term, chunk(number) + number);
        if number == 12 {
            postings.flush(Position::new(1)).unwrap();
        }
    }
    remove(&postings, &term, chunk(3) + 3);
    add(&postings, &Term::new(1, "ab"), 5);
    let groups = [vec![term.clone()]];
    let whole = postings.select(&groups).unwrap().unwrap();
    for chunks in
        [vec![], vec![0], vec![2, 3, 4], vec![0, 19], vec![1, 3, 17], vec![11, 12, 13, 25]]
    {
        let mut within = Selection::default();
        for number in &chunks {
            within.unite(Selection::range(chunk(*number), chunk(number + 1)));
        }
        let mut expected = whole.clone();
        expected.intersect(&within);
        let found = postings.freeze(&groups[0]).select(Some(within), &groups).unwrap();
        assert_eq!(numbers(found), expected.page(0, usize::MAX, false), "{chunks:?}");
    }
}
