//! The tree against a definition that is written another way, and texts that nobody should send.

use std::convert::Infallible;

use proptest::prelude::*;
use tlog_tiles::tlog::{EMPTY_HASH, Hash, node_hash};

use crate::tree::bytes_of;
use crate::*;

/// The hash of a list of leaves as RFC 6962 defines it.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_HASH,
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(defined(&leaves[..split]), defined(&leaves[split..]))
        }
    }
}

fn digests(count: u64) -> Vec<Digest> {
    (1..=count).map(|number| digest_of(&number.to_be_bytes())).collect()
}

fn leaves(digests: &[Digest]) -> Vec<Hash> {
    (1..).zip(digests).map(|(position, digest)| Leaf { position, digest: *digest }.hash()).collect()
}

/// A tree with everything that it would store.
#[derive(Default)]
struct Stored {
    tree: Tree,
    tiles: Vec<FinishedTile>,
}

impl Stored {
    fn grown(count: u64, group: usize) -> Self {
        let mut stored = Self::default();
        for group in digests(count).chunks(group.max(1)) {
            let growth = stored.tree.grow(group);
            stored.tiles.extend_from_slice(growth.tiles());
            stored.tree.add(growth);
        }
        stored
    }
}

impl TileSource for Stored {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, width: u32) -> Result<Vec<u8>, Infallible> {
        let complete = self.tiles.iter().find(|tile| tile.level == level && tile.index == index);
        let mut bytes = match complete {
            Some(tile) if level == 0 => {
                let digests: Vec<Digest> =
                    tile.bytes.chunks(32).map(|digest| digest.try_into().unwrap()).collect();
                leaf_tile(index * 256 + 1, &digests)
            }
            Some(tile) => tile.bytes.clone(),
            None => bytes_of(self.tree.level(level.into())),
        };
        bytes.truncate(width as usize * 32);
        Ok(bytes)
    }
}

fn signer(origin: &str) -> LogSigner {
    LogSigner::new(origin, &[7; 32]).unwrap()
}

fn signed(origin: &str, size: u64, root: Hash) -> SignedCheckpoint {
    Checkpoint { origin: origin.to_owned(), size, root }.sign(&signer(origin)).unwrap()
}

#[test]
fn a_tree_that_grows_in_any_groups_is_that_of_rfc_6962() {
    for count in [0, 1, 2, 3, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_793] {
        let expected = defined(&leaves(&digests(count)));
        for group in [97, 256, 1_024, 70_000] {
            let stored = Stored::grown(count, group);
            assert_eq!(stored.tree.root().unwrap(), expected, "{count} in groups of {group}");
            assert_eq!(stored.tree.size(), count);
            for level in 0..3 {
                let tiles = stored.tiles.iter().filter(|tile| usize::from(tile.level) == level);
                let indexes: Vec<u64> = tiles.map(|tile| tile.index).collect();
                assert_eq!(indexes, (0..stored.tree.complete(level)).collect::<Vec<_>>());
            }
            let again = Tree::of_tiles(count / 256, |level, index| {
                let bytes = stored.tile(level, index, 256)?;
                Ok::<_, Infallible>(tlog_tiles::tile::Tile::subtree_hash(&bytes))
            });
            let mut again = again.unwrap();
            again.add(again.grow(stored.tree.digests()));
            assert_eq!(again.root().unwrap(), expected, "{count} read again");
            assert_eq!(again.digests(), stored.tree.digests());
        }
    }
}

#[test]
fn proofs_hold_for_their_tree_and_for_no_other() {
    let stored = Stored::grown(700, 97);
    let all = leaves(&digests(700));
    for size in [1, 2, 255, 256, 257, 512, 699, 700] {
        let root = defined(&all[..size]);
        let size = size as u64;
        assert_eq!(root_of(&stored, size).unwrap(), root);
        for index in [0, 1, 100, 254, 255, 256, 511, 698, 699] {
            let leaf = all[index];
            let index = index as u64;
            let Ok(proof) = prove_inclusion(&stored, size, index) else {
                assert!(index >= size);
                continue;
            };
            check_inclusion(&proof, (size, root), (index, leaf)).unwrap();
            assert!(check_inclusion(&proof, (size, root), (index, EMPTY_HASH)).is_err());
            assert!(check_inclusion(&proof, (size, EMPTY_HASH), (index, leaf)).is_err());
            let other = if index == 0 { 1 } else { index - 1 };
            assert!(check_inclusion(&proof, (size, root), (other, leaf)).is_err());
            for at in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[at].0[0] ^= 1;
                assert!(check_inclusion(&wrong, (size, root), (index, leaf)).is_err());
                wrong.remove(at);
                assert!(check_inclusion(&wrong, (size, root), (index, leaf)).is_err());
            }
        }
        for old in [0, 1, 2, 128, 255, 256, 300, 512, 699, 700] {
            let old_root = defined(&all[..old]);
            let old = old as u64;
            let Ok(proof) = prove_consistency(&stored, size, old) else {
                assert!(old > size);
                continue;
            };
            check_consistency(&proof, (size, root), (old, old_root)).unwrap();
            let other = defined(&all[1..2]);
            if old_root != other {
                assert!(check_consistency(&proof, (size, root), (old, other)).is_err());
            }
            if old > 0 {
                assert!(check_consistency(&proof, (size, other), (old, old_root)).is_err());
            }
        }
    }
    assert!(check_inclusion(&[], (u64::MAX, EMPTY_HASH), (0, EMPTY_HASH)).is_err());
    assert!(check_consistency(&[], (u64::MAX, EMPTY_HASH), (3, EMPTY_HASH)).is_err());
}

#[test]
fn an_entry_and_a_bundle_are_read_as_they_were_written() {
    let all = digests(300);
    let leaf = Leaf { position: 300, digest: all[299] };
    let entry = leaf.entry();
    assert!(entry.starts_with(b"connledger-event/1 300 ") && entry.len() <= ENTRY_BYTES_MAX);
    assert_eq!(Leaf::parse(&entry), Some(leaf));
    for position in [1, 9, 10, 1_000, u64::MAX] {
        let leaf = Leaf { position, ..leaf };
        assert_eq!(Leaf::parse(&leaf.entry()), Some(leaf));
    }
    let text = String::from_utf8(entry).unwrap();
    for wrong in [
        text.trim_end().to_owned(),
        text.to_ascii_uppercase(),
        text.replace("300", "0300"),
        text.replace("300", "0"),
        text.replace("300", "+300"),
        format!("{text}\n"),
    ] {
        assert_eq!(Leaf::parse(wrong.as_bytes()), None, "{wrong}");
    }
    let bundle = EntryBundle::write(257, &all[256..]);
    let read = EntryBundle::read(&bundle).unwrap();
    assert_eq!((read.len(), read[43]), (44, leaf));
    assert_eq!(EntryBundle::read(&bundle[..bundle.len() - 1]), None);
}

#[test]
fn a_tile_has_one_name() {
    for (level, index, width, name) in [
        (Some(0), 0, 256, "0/000"),
        (Some(1), 1_234_067, 256, "1/x001/x234/067"),
        (None, 70, 3, "entries/070.p/3"),
        (Some(63), 999, 1, "63/999.p/1"),
    ] {
        let tile = TileName { level, index, width };
        assert_eq!(tile.to_string(), name);
        assert_eq!(name.parse(), Ok(tile));
    }
    for wrong in [
        "0",
        "0/",
        "0/0",
        "0/00",
        "0/x001",
        "0/001/002",
        "0/x000/001",
        "64/000",
        "00/000",
        "-1/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/03",
        "0/000.p/",
        "entries",
        "data/000",
        "0/x281/x474/x976/x710/657",
        "0/1000",
        "0/+01",
    ] {
        assert_eq!(wrong.parse::<TileName>(), Err(BadTile), "{wrong}");
    }
    let tile: TileName = "0/001.p/44".parse().unwrap();
    assert!(
        tile.is_in(300) && !tile.is_in(299) && !"1/000".parse::<TileName>().unwrap().is_in(65_535)
    );
}

#[test]
fn a_checkpoint_is_checked_under_the_key_of_its_log() {
    let (one, other) = (signer("connledger/a/b"), signer("connledger/a/c"));
    let checkpoint = signed("connledger/a/b", 3, EMPTY_HASH);
    let text = checkpoint.to_bytes();
    let key: LogKey = one.public().to_string().parse().unwrap();
    assert_eq!(SignedCheckpoint::verified(&text, &key).unwrap(), checkpoint);
    let refused = |text: &[u8], key: &LogKey| SignedCheckpoint::verified(text, key).unwrap_err();
    assert_eq!(refused(&text, &other.public()), CheckpointError::OtherOrigin);
    let forged = String::from_utf8(text.clone()).unwrap().replace("\n3\n", "\n4\n");
    assert_eq!(refused(forged.as_bytes(), &key), CheckpointError::NotSigned);
    let longer = [b"x".repeat(CHECKPOINT_BYTES_MAX), text].concat();
    assert_eq!(refused(&longer, &key), CheckpointError::Malformed);
    assert!(LogSigner::new("a b", &[0; 32]).is_err());
    assert!("connledger/a/b+00000000+AAAA".parse::<LogKey>().is_err());
    assert!(!format!("{one:?}").contains("key"));
}

#[test]
fn a_cosignature_of_a_witness_counts_and_no_other() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signer as _, SigningKey};

    let witness = SigningKey::from_bytes(&[9; 32]);
    let public = [&[4_u8], witness.verifying_key().as_bytes().as_slice()].concat();
    let id = signed_note::key_id("w.example/1", &public);
    let key = format!("w.example/1+{id:08x}+{}", STANDARD.encode(public));
    let key: WitnessKey = key.parse().unwrap();
    let mut checkpoint = signed("connledger/a/b", 3, EMPTY_HASH);
    let line = |at: u64, text: &[u8]| {
        let message = [format!("cosignature/v1\ntime {at}\n").as_bytes(), text].concat();
        let signature = witness.sign(&message).to_bytes();
        let bytes = [&id.to_be_bytes()[..], &at.to_be_bytes(), &signature].concat();
        format!("— w.example/1 {}\n", STANDARD.encode(bytes)).into_bytes()
    };
    let of_other = line(5, b"another\n");
    assert!(!checkpoint.add_cosignatures(&of_other, &key));
    assert!(checkpoint.cosigned(std::slice::from_ref(&key)).is_empty());
    let text = checkpoint.text().to_vec();
    assert!(checkpoint.add_cosignatures(&line(5, &text), &key));
    assert!(checkpoint.add_cosignatures(&line(6, &text), &key));
    let read =
        SignedCheckpoint::verified(&checkpoint.to_bytes(), &signer("connledger/a/b").public());
    let read = read.unwrap();
    assert_eq!(read.signatures().len(), 2, "one signature of each key");
    let cosigned = read.cosigned(std::slice::from_ref(&key));
    assert_eq!(cosigned, [Cosigned { witness: "w.example/1".to_owned(), at: 6 }]);
    assert!(signer("w").public().to_string().parse::<WitnessKey>().is_err(), "a key of a log");
}

#[test]
fn a_bundle_that_was_changed_in_any_part_does_not_hold() {
    let stored = Stored::grown(700, 700);
    let root = stored.tree.root().unwrap();
    let checkpoint = signed("connledger/a/b", 700, root);
    let leaf = Leaf { position: 70, digest: digests(700)[69] };
    let hashes = prove_inclusion(&stored, 700, 69).unwrap();
    let bundle = Bundle::new(&leaf, &hashes, &checkpoint);
    let key = signer("connledger/a/b").public();
    let text = serde_json::to_string(&bundle).unwrap();
    let check = |text: &str| Bundle::parse(text.as_bytes())?.check(&key);
    assert_eq!(check(&text).unwrap(), (leaf, checkpoint));
    for (from, to) in [
        ("\"position\":70", "\"position\":71"),
        ("event/1 70 ", "event/1 71 "),
        ("index 69", "index 68"),
        ("\\n700\\n", "\\n701\\n"),
        ("connledger/a/b\\n", "connledger/a/c\\n"),
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("\"connledger_proof\":1", "\"connledger_proof\":2"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        assert!(check(&text.replacen(from, to, 1)).is_err(), "{to}");
    }
    assert!(check(&text.replacen("\\nindex", "\\nextra AAAA\\nindex", 1)).is_ok());
}

#[test]
fn a_witness_is_asked_and_read_as_the_protocol_has_it() {
    let checkpoint = signed("connledger/a/b", 3, EMPTY_HASH);
    let request = AddCheckpoint { old: 2, proof: vec![EMPTY_HASH], checkpoint: &checkpoint };
    let body = String::from_utf8(request.to_bytes()).unwrap();
    assert!(
        body.starts_with(
            "old 2\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nconnledger/a/b\n3\n"
        )
    );
    assert_eq!(WitnessAnswer::read(200, b"x"), WitnessAnswer::Signed(b"x".to_vec()));
    assert_eq!(WitnessAnswer::read(409, b"17\n"), WitnessAnswer::HasSize(17));
    assert_eq!(WitnessAnswer::read(409, b"no"), WitnessAnswer::Refused(409));
    assert_eq!(WitnessAnswer::read(403, b""), WitnessAnswer::Refused(403));
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_or_a_check_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        size: u64, index: u64, old: u64,
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let read = (
            text.parse::<TileName>().is_ok(), text.parse::<LogKey>().is_ok(),
            text.parse::<WitnessKey>().is_ok(), Leaf::parse(&bytes).is_some(),
            SignedCheckpoint::parse(&bytes).is_ok(), Bundle::parse(&bytes).is_ok(),
            EntryBundle::read(&bytes).is_some_and(|leaves| !leaves.is_empty()),
        );
        prop_assert_eq!(read, (false, false, false, false, false, false, false));
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        for size in [size, size % SIZE_MAX, size % 1_000] {
            let index = if size > 0 { index % size } else { index };
            let one = check_inclusion(&hashes, (size, EMPTY_HASH), (index, EMPTY_HASH));
            prop_assert!(one.is_err() || size == 1);
            let old = if size > 0 { old % size } else { old };
            let two = check_consistency(&hashes, (size, EMPTY_HASH), (old, EMPTY_HASH));
            prop_assert!(two.is_err() || old == 0);
        }
    }
}
