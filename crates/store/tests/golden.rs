//! Records of every version open in this one, and the schema says what is in them. A file in `golden/` never changes;
//! a new version gets a new one.

use serde_json::Value;
use store::{Invalid, Record, RecordId};

/// The record of each version, and the digest that was its name.
const GOLDEN: &[(u32, &[u8], &str)] = &[(1, FIRST, "41aa70e0ea5692c8b0dfc2ccf2098e35")];
const FIRST: &[u8] = include_bytes!("golden/record-v1.json");

#[test]
fn records_of_all_versions_open_and_lose_nothing() {
    for (version, bytes, id) in GOLDEN {
        let record = Record::unpack(bytes, None).unwrap();
        assert_eq!(record.version, *version);
        let told: Value = serde_json::from_slice(bytes).unwrap();
        let kept = serde_json::to_value(&record).unwrap();
        assert_eq!(kept, told, "version {version}");
        assert_eq!(RecordId::of(bytes).to_string(), *id, "a golden file must not change");
        let packed = record.pack().unwrap();
        assert_eq!(Record::unpack(&packed.bytes, Some(packed.id)).unwrap(), record);
    }
    assert_eq!(GOLDEN.last().unwrap().0, Record::VERSION, "the newest version has a record, too");
}

#[test]
fn what_a_newer_version_adds_is_left_out() {
    let mut told: Value = serde_json::from_slice(FIRST).unwrap();
    told["a new field"] = "x".into();
    told["benchmarks"][0]["another"] = "y".into();
    let record = Record::unpack(told.to_string().as_bytes(), None).unwrap();
    assert_eq!(record, Record::unpack(FIRST, None).unwrap());
    told["version"] = (Record::VERSION + 1).into();
    let newer = Record::unpack(told.to_string().as_bytes(), None);
    assert!(matches!(newer, Err(Invalid::Version { .. })));
}

/// Whoever changes the layout sees here what that means to others. `codspeed schema record` prints it.
#[test]
fn the_schema_is_published() {
    insta::assert_json_snapshot!("record-v1.schema", Record::schema());
}
