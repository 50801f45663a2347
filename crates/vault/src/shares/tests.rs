use proptest::prelude::*;

use super::*;
use crate::testing::seeded;

fn ring(seed: u64) -> Keyring {
    let rng = &mut seeded(seed);
    Keyring::generate(rng).rotate(rng)
}

fn made(seed: u64, threshold: u8, shares: u8) -> Vec<Share> {
    split(&ring(seed), &mut seeded(seed), threshold, shares).unwrap()
}

fn again(share: &Share) -> Share {
    Share::parse(&share.to_text()).unwrap()
}

fn gathered<'a>(shares: impl IntoIterator<Item = &'a Share>) -> Shares {
    let mut shares = shares.into_iter();
    let mut gathered = Shares::new(again(shares.next().unwrap()));
    shares.for_each(|share| gathered.add(again(share)).unwrap());
    gathered
}

#[test]
fn the_text_of_a_share_has_the_length_that_was_reserved_and_reads_back() {
    for share in made(1, 3, 5) {
        let text = share.to_text();
        assert_eq!(text.len(), text.capacity());
        let read = Share::parse(&text.replace('\n', "\r\n")).unwrap();
        assert_eq!((read.set, read.number, &read.values), (share.set, share.number, &share.values));
    }
}

#[test]
fn shares_that_do_not_fit_are_told_apart() {
    let (shares, others) = (made(2, 3, 5), made(3, 3, 5));
    let mut gathered = gathered(&shares[..2]);
    let foreign = gathered.add(again(&others[2])).unwrap_err();
    let (wanted, given) = (shares[0].set, others[0].set);
    assert_eq!(foreign, ShareError::Foreign { wanted, given });
    let repeated = gathered.add(again(&shares[1])).unwrap_err();
    assert_eq!(repeated, ShareError::Repeated { number: 2 });
    assert_eq!(gathered.combine().unwrap_err(), ShareError::TooFew { given: 2, threshold: 3 });
    let mut unlike = again(&shares[2]);
    unlike.threshold = 2;
    assert_eq!(gathered.add(unlike).unwrap_err(), ShareError::False);
    let mut altered = again(&shares[2]);
    altered.values[7] ^= 1;
    // Whoever alters a share makes the checksum fit.
    gathered.add(again(&altered)).unwrap();
    assert_eq!(gathered.combine().unwrap_err(), ShareError::False);
}

#[test]
fn shares_made_anew_for_the_same_keys_do_not_mix_with_the_former() {
    let ring = ring(4);
    let (former, anew) =
        (split(&ring, &mut seeded(1), 2, 3).unwrap(), split(&ring, &mut seeded(2), 2, 3).unwrap());
    let mut gathered = gathered(&former[..1]);
    assert!(matches!(gathered.add(again(&anew[1])), Err(ShareError::Foreign { .. })));
}

#[test]
fn every_changed_character_of_a_share_is_refused() {
    let text = made(5, 2, 2)[0].to_text();
    let line = text.lines().last().unwrap();
    for place in 0..line.len() {
        let mut changed = line.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let error = Share::parse(&changed).unwrap_err();
        assert!(matches!(error, ShareError::Damaged | ShareError::NotAShare), "{place}: {error}");
        assert!(Share::parse(&line[..place]).is_err(), "cut at {place}");
    }
    for other in ["", "# nothing", &format!("{line}\n{line}"), "connledger-master-key-v1:a:b"] {
        assert_eq!(Share::parse(other).unwrap_err(), ShareError::NotAShare);
    }
    let long = format!("{}\n{line}", "#".repeat(Share::TEXT_BYTES_MAX));
    assert_eq!(Share::parse(&long).unwrap_err(), ShareError::NotAShare);
}

#[test]
fn numbers_that_protect_nothing_are_refused() {
    for (threshold, shares) in [(0, 0), (1, 1), (1, 5), (3, 2), (2, 33), (33, 33)] {
        let refused = split(&ring(6), &mut seeded(6), threshold, shares).unwrap_err();
        assert_eq!(refused, ShareError::Numbers, "{threshold} of {shares}");
    }
    let rng = &mut seeded(7);
    let many = (0..210).fold(Keyring::generate(rng), |ring, _| ring.rotate(rng));
    assert_eq!(split(&many, rng, 2, 2).unwrap_err(), ShareError::TooLong);
    let most = (0..200).fold(Keyring::generate(rng), |ring, _| ring.rotate(rng));
    let shares = split(&most, rng, 32, 32).unwrap();
    assert!(shares.iter().all(|share| share.to_text().len() <= Share::TEXT_BYTES_MAX));
    assert_eq!(*gathered(&shares).combine().unwrap(), *most.to_file_text());
}

#[test]
fn debug_output_shows_no_value() {
    let shares = made(8, 2, 3);
    let printed = format!("{:?} {:?}", shares[0], gathered(&shares[..2]));
    let text = shares[0].to_text();
    let values = text.lines().last().unwrap().split(':').nth(5).unwrap();
    assert!(!printed.contains(&values[..8]), "{printed}");
    assert!(printed.contains("Share(1 of 3 of set"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_shares_up_to_the_threshold_give_the_keys_back_and_fewer_do_not(
        seed: u64,
        (shares, threshold) in (2_u8..=8).prop_flat_map(|shares| (Just(shares), 2..=shares)),
        skipped in 0_usize..7,
    ) {
        let mut all = made(seed, threshold, shares);
        all.rotate_left(skipped % usize::from(shares));
        let enough = gathered(&all[..usize::from(threshold)]);
        prop_assert_eq!(&*enough.combine().unwrap(), &*ring(seed).to_file_text());
        prop_assert_eq!(&*gathered(&all).combine().unwrap(), &*ring(seed).to_file_text());
        let too_few = gathered(&all[..usize::from(threshold) - 1]);
        prop_assert!(!too_few.are_enough() && too_few.combine().is_err());
    }
}
