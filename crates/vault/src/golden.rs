//! Golden vectors of the formats, byte by byte. They must remain readable forever.
//!
//! They were computed with other implementations of XChaCha20-Poly1305 and BLAKE3 from the
//! documented formats. They therefore check the formats, and not only that nothing has changed.

use ledger_domain::Sealed;

use crate::testing::{CountingRng, field, ledger, scope, workspace};
use crate::{Keyring, Plaintext, WrappedDataKey};

const KEY_FILE_LINE: &str =
    "connledger-master-key-v1:289d2618:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const WRAPPED: &str = "013238396432363138014d8e07a76b19fcc43a24d0c3c1a5b1404142434445464748494a4b4c4d4e4f5051525354555657a9d9b17257d5fd8d726207eba3bcf4ba1884d7398459cbd84f528a578b06afe591180a6e829081e3b45fea1b03003d7d";
const SEALED: &str = "v1.AU2OB6drGfzEOiTQw8GlsQ.WFlaW1xdXl9gYWJjZGVmZw.aGlqa2xtbm9wcXJzdHV2d3h5ent8fX5_pge4y32XkcgKoG1dXGte_XksEf4d6hPQKe2p5uYz9odxOg";
/// The check of a ledger whose rows have no MACs, which programs up to format 2 wrote.
const CHECK_WITHOUT_MACS: &str = "013238396432363138808182838485868788898a8b8c8d8e8f9091929394959697604e2a768210eb74aadcf5429916311505ddb8255289679f3ecfca66151aa33580691d30e4196ce15a53dfce7e2a0675";
const CHECK: &str = "013238396432363138808182838485868788898a8b8c8d8e8f90919293949596976dcc9bf2db9c759f1cbcc1f728e1b23d177de28e249697cb8c2499cb1a4c32e43081f057b1ef8bbef3d8c541528477d9";
const FINGERPRINT_KEY: &str = "013238396432363138b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf2afbb9df827f7f2a1214af6c8732da3c8096109a3f62947c48cc0a4ca842ad11301b982612d3839b00712aa69ed7e9dd";
const MAC_KEY: &str = "013238396432363138b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf2afbb9df827f7f2a1214af6c8732da3c8096109a3f62947c48cc0a4ca842ad11e0b2c55a53525bdf70e45d1d49cafc02";
/// The MAC of `{}` at the key 7 (8 bytes, big-endian) in a table `log.mac`.
const MAC: &str = "103ec0566a757254f9716035adfaed74";
const FINGERPRINT: &str = "c7b39a8d56ae10008fa9bc242bf14a5f";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Every line names the counter at which its random bytes start.
#[test]
fn everything_written_has_the_recorded_form() {
    let keyring = Keyring::generate(&mut CountingRng(0));
    assert_eq!(keyring.to_file_text().lines().last(), Some(KEY_FILE_LINE));

    let workspace = workspace("default");
    let scope = scope(&workspace, 0xc0);
    let (data_key, wrapped) = keyring.new_data_key(&mut CountingRng(32), scope);
    assert_eq!(hex(&wrapped.to_bytes()), WRAPPED);

    let secret = Plaintext::new("sk-live-0123456789");
    let sealed = data_key.seal(&mut CountingRng(88), scope, &field("api_key"), &secret);
    assert_eq!(sealed.as_str(), SEALED);

    let (key, wrapped) = keyring.new_mac_key(&mut CountingRng(152), ledger(0x1d));
    assert_eq!(hex(&wrapped), MAC_KEY);
    assert_eq!(hex(&key.mac("log.mac", &7_u64.to_be_bytes(), b"{}")), MAC);
    assert_eq!(hex(&keyring.make_check(&mut CountingRng(128), ledger(0x1d), &key)), CHECK);

    let (key, wrapped) = keyring.new_fingerprint_key(&mut CountingRng(152), ledger(0x1d));
    assert_eq!(hex(&wrapped), FINGERPRINT_KEY);
    assert_eq!(hex(&key.fingerprint(&[b"rotate_secret", b"{}"])), FINGERPRINT);
}

#[test]
fn everything_recorded_opens() {
    let keyring = Keyring::parse(KEY_FILE_LINE).unwrap();
    let workspace = workspace("default");
    let scope = scope(&workspace, 0xc0);
    let wrapped = WrappedDataKey::from_bytes(&unhex(WRAPPED)).unwrap();
    let data_key = keyring.unwrap(scope, &wrapped).unwrap();
    let opened = data_key.open(scope, &field("api_key"), &Sealed::from_text(SEALED)).unwrap();
    assert!(opened.same_as(&Plaintext::new("sk-live-0123456789")));
    let mac_key = keyring.open_mac_key(ledger(0x1d), &unhex(MAC_KEY)).unwrap();
    assert!(mac_key.is_mac_of(&unhex(MAC), "log.mac", &7_u64.to_be_bytes(), b"{}"));
    assert!(keyring.open_check(ledger(0x1d), &unhex(CHECK)).unwrap().is_of(&mac_key));
    let earlier = keyring.open_check(ledger(0x1d), &unhex(CHECK_WITHOUT_MACS)).unwrap();
    assert!(!earlier.has_macs());
    let key = keyring.open_fingerprint_key(ledger(0x1d), &unhex(FINGERPRINT_KEY)).unwrap();
    assert_eq!(hex(&key.fingerprint(&[b"rotate_secret", b"{}"])), FINGERPRINT);
}
