//! A state and events that are kept apart, in pieces.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Position;
use ledger_engine::{
    Portable, PortableKeys, Restoration, RestoreError, RestoreOptions, Taken, Until,
};

use super::lines;
use crate::engine::derived::{lived, rotation};
use crate::engine::replay::sight;
use crate::moved::portable;

fn state(portable: &Portable) -> Vec<u8> {
    let mut text = Vec::new();
    let written = portable.write_state(&mut text).expect("written");
    assert_eq!(written.lines, u64::try_from(lines(&text).len()).expect("few"));
    text
}

fn events(portable: &Portable, after: u64, to: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let written = portable.write_events(Position::new(after), Position::new(to), &mut text);
    let events = written.expect("written").events;
    assert_eq!(events, u64::try_from(lines(&text).len()).expect("few"));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_made_of_pieces_of_any_length() {
    let first = lived().await.0;
    let place = first.empty();
    let frozen = portable(&first);
    let (head, state) = (frozen.position().get(), state(&frozen));
    let (path, keyring) = (place.path(), place.keyring());
    let mut begun = Restoration::begin(RestoreOptions::new(&path, &keyring), &mut state.as_slice())
        .expect("begun");
    assert_eq!(begun.last_expected(), frozen.position());
    let mut after = 0;
    for length in [1, 0, 2, 17, 1, 1_000] {
        let piece = events(&frozen, after, after + length);
        let taken = begun.take_events(&mut piece.as_slice()).expect("taken");
        after = head.min(after + length);
        assert_eq!(taken, if after == head { Taken::Done } else { Taken::More });
        assert_eq!(begun.position().get(), after);
    }
    assert_eq!(events(&frozen, head, u64::MAX), b"");
    begun.finish(&|_| {}).expect("restored");
    drop(frozen);
    let (first, place) = (first.open(), place.open());
    assert_eq!(sight(&place), sight(&first));
    assert!(place.send(rotation()).await.expect("remembered").repeated);
    place.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_piece_is_named_and_pieces_beyond_the_target_are_not_read() {
    let first = lived().await.0;
    let place = first.empty();
    let frozen = portable(&first);
    let state = state(&frozen);
    let (path, keyring) = (place.path(), place.keyring());
    let options = RestoreOptions {
        until: Until::Position(Position::new(7)),
        ..RestoreOptions::new(&path, &keyring)
    };
    let mut begun = Restoration::begin(options, &mut state.as_slice()).expect("begun");
    begun.take_events(&mut events(&frozen, 0, 4).as_slice()).expect("taken");
    let gap = begun.take_events(&mut events(&frozen, 5, 9).as_slice()).expect_err("a gap");
    assert!(gap.to_string().contains("event 6 where event 5 belongs"), "{gap}");
    let mut rest = events(&frozen, 4, 9);
    rest.extend_from_slice(b"what nobody reads");
    assert_eq!(begun.take_events(&mut rest.as_slice()).expect("taken"), Taken::Done);
    assert_eq!(begun.take_events(&mut b"nor this".as_slice()).expect("done"), Taken::Done);
    let restored = begun.finish(&|_| {}).expect("restored");
    assert_eq!(restored.position, Position::new(7));
    place.open().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_and_documents_are_checked_with_the_master_key_alone() {
    let first = lived().await.0;
    let frozen = portable(&first);
    let head = frozen.position();
    let text = state(&frozen);
    let keys = PortableKeys::open(&mut text.as_slice(), &first.keyring()).expect("the right key");
    assert_eq!(keys.ledger_id(), frozen.identity().ledger);
    assert!(frozen.recorded_at(head).expect("readable").is_some());
    assert_eq!(frozen.recorded_at(head.next()).expect("readable"), None);

    let check = |text: &[u8], after| keys.check_events(&mut { text }, Position::new(after));
    let piece = events(&frozen, 3, 12);
    assert_eq!(check(&piece, 3).expect("good"), Position::new(12));
    assert_eq!(check(b"", 3).expect("nothing"), Position::new(3));
    let moved = check(&piece, 2).expect_err("a gap");
    assert!(matches!(moved, RestoreError::OutOfPlace { line: 1, .. }), "{moved}");
    let mut wrong = piece.clone();
    wrong[piece.len() - 60] ^= 1;
    assert_eq!(Problem::from(check(&wrong, 3).expect_err("altered")).code, Code::PortableAltered);

    let mac = frozen.mac("manifest", b"document");
    let first_line = PortableKeys::of_first_line(&mut text.as_slice(), &first.keyring());
    let first_line = first_line.expect("the right key");
    let is_mac = |purpose: &str, document: &[u8], mac: &[u8]| {
        let told = [
            keys.verify_mac(purpose, document, mac),
            first_line.verify_mac(purpose, document, mac),
            frozen.verify_mac(purpose, document, mac),
        ];
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        told[0]
    };
    assert!(is_mac("manifest", b"document", &mac));
    assert!(!is_mac("manifest", b"documents", &mac));
    assert!(!is_mac("segment", b"document", &mac));
    assert!(!is_mac("manifest", b"document", &mac[..31]));
    // The state is read to its end.
    let lines = lines(&text);
    let cut = lines[..lines.len() - 1].concat();
    let cut = PortableKeys::open(&mut cut.as_slice(), &first.keyring()).expect_err("cut off");
    assert_eq!(Problem::from(cut).code, Code::PortableCutOff);
}
