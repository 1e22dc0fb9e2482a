//! The bill of materials of a release: SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>). Pure.

use anyhow::Result;
use serde_json::{Value, json};

use super::Release;
use super::licences::canonical;
use super::linked::Linked;
use super::natives;

/// The SPDX value for unknown facts.
const UNKNOWN: &str = "NOASSERTION";

/// The document for these crates.
pub(super) fn document(release: &Release, crates: &[Linked]) -> Result<String> {
    let Release { version, time, repository } = release;
    let mut packages = vec![json!({
        "SPDXID": "SPDXRef-codspeed",
        "name": "codspeed",
        "versionInfo": version,
        "downloadLocation": format!("{}/v{version}", release.downloads()),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": "Apache-2.0 OR MIT",
        "copyrightText": UNKNOWN,
        "filesAnalyzed": false,
        "primaryPackagePurpose": "APPLICATION",
    })];
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-codspeed")];
    for linked in crates.iter().filter(|linked| linked.checksum.is_some()) {
        let package = of_crate(linked);
        relations.push(relation(
            "SPDXRef-codspeed",
            "STATIC_LINK",
            &id(&linked.name, &linked.version),
        ));
        packages.push(package);
    }
    for (native, inside) in natives::within(crates) {
        let version = native.version(inside)?;
        let own = id(native.name, &format!("{version}-c"));
        relations.push(relation(&id(&inside.name, &inside.version), "CONTAINS", &own));
        packages.push(json!({
            "SPDXID": own,
            "name": native.name,
            "versionInfo": version,
            "downloadLocation": UNKNOWN,
            "licenseConcluded": UNKNOWN,
            "licenseDeclared": native.licence,
            "copyrightText": UNKNOWN,
            "filesAnalyzed": false,
            "comment": format!("C, built from the sources in the crate {}", inside.name),
        }));
    }
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("codspeed-v{version}"),
        "documentNamespace": format!("{repository}/releases/download/v{version}/codspeed-v{version}.spdx.json"),
        "creationInfo": { "created": timestamp(*time), "creators": ["Tool: cargo-xtask-dist"] },
        "packages": packages,
        "relationships": relations,
    });
    Ok(format!("{document:#}\n"))
}

fn of_crate(linked: &Linked) -> Value {
    let Linked { name, version, licence, folder: _, checksum } = linked;
    json!({
        "SPDXID": id(name, version),
        "name": name,
        "versionInfo": version,
        "downloadLocation": format!("https://crates.io/api/v1/crates/{name}/{version}/download"),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": canonical(licence),
        "copyrightText": UNKNOWN,
        "filesAnalyzed": false,
        "checksums": [{ "algorithm": "SHA256", "checksumValue": checksum }],
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            // A plus sign means a blank in an address.
            "referenceLocator": format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")),
        }],
    })
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

/// Letters, digits, dots and hyphens are what an identifier may have.
fn id(name: &str, version: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("SPDXRef-{name}-{version}").chars().map(safe).collect()
}

/// Seconds since 1970 as a UTC date and time. The date by the algorithm `civil_from_days` of Howard Hinnant.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(name: &str, version: &str, checksum: Option<&str>) -> Linked {
        Linked {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: "MIT/Apache-2.0".to_owned(),
            folder: std::path::PathBuf::from("nowhere"),
            checksum: checksum.map(str::to_owned),
        }
    }

    #[test]
    fn linked_crates_are_listed_with_licence_and_hash() {
        let release = Release {
            version: "1.2.3".to_owned(),
            time: 1_700_000_000,
            repository: "https://example.org/codspeed".to_owned(),
        };
        let crates = [linked("a", "0.1.0+c.2", Some("c0ffee")), linked("runner", "1.2.3", None)];
        let text = document(&release, &crates).unwrap();
        assert_eq!(text, document(&release, &crates).unwrap());
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["creationInfo"]["created"], "2023-11-14T22:13:20Z");
        let names: Vec<_> =
            document["packages"].as_array().unwrap().iter().map(|p| p["name"].as_str()).collect();
        assert_eq!(names, [Some("codspeed"), Some("a")]);
        let package = &document["packages"][1];
        assert_eq!(package["SPDXID"], "SPDXRef-a-0.1.0-c.2");
        assert_eq!(package["licenseDeclared"], "MIT OR Apache-2.0");
        assert_eq!(package["checksums"][0]["checksumValue"], "c0ffee");
        assert_eq!(package["externalRefs"][0]["referenceLocator"], "pkg:cargo/a@0.1.0%2Bc.2");
        assert_eq!(document["relationships"][1]["relatedSpdxElement"], "SPDXRef-a-0.1.0-c.2");
    }

    #[test]
    fn times_are_dates() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
