//! What the page must be, whatever the runs: well-formed, closed to the network, light, the same each time, and deaf to markup in names.

use super::page;
use crate::fixture::{Laboratory, Size, laboratory, usual};
use crate::{Material, figures, tests::laboratories};
use seismograd_analysis::SetAside;
use std::collections::{BTreeMap, BTreeSet};

const NASTY: &str = "</script><!--<script>x\u{2028}</title><img src=x onerror='alert(1)'>\"&{{title}}";

fn of(laboratory: &Laboratory) -> String {
    let material = laboratory.material();
    page(&material, &figures(&material))
}

/// Every start and end tag outside of scripts and styles, in order, and the attributes of the former.
fn tags(page: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let inside = &rest[start + 1..];
        let end = inside.find('>').expect("a tag ends");
        let (name, attributes) = inside[..end].split_once([' ', '\n']).unwrap_or((&inside[..end], ""));
        found.push((name, attributes));
        rest = &inside[end + 1..];
        if matches!(name, "script" | "style") {
            rest = &rest[rest.find(&format!("</{name}>")).expect("a script ends")..];
        }
    }
    found
}

/// Panics unless every element ends, in the right order.
fn assert_balanced(name: &str, page: &str) {
    let mut open = Vec::new();
    for (tag, attributes) in tags(page) {
        match tag.strip_prefix('/') {
            Some(end) => assert_eq!(open.pop(), Some(end), "{name}: </{end}>"),
            None if attributes.ends_with('/')
                || matches!(tag, "!doctype" | "meta" | "link" | "br" | "input" | "wbr") => {}
            None => open.push(tag),
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} never end");
}

/// The values of an attribute, wherever it stands.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn explorer_data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"explorer-data\">").expect("the page has data");
    serde_json::from_str(rest.split_once("</script>").expect("a script ends").0).expect("the data are JSON")
}

#[test]
fn every_page_is_well_formed_and_its_anchors_are_there() {
    for (name, laboratory) in laboratories() {
        let page = of(&laboratory);
        assert_balanced(name, &page);
        let ids = values(&page, "id");
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{name}: an id is there twice");
        for anchor in values(&page, "href").into_iter().filter_map(|target| target.strip_prefix('#')) {
            assert!(distinct.contains(anchor), "{name}: nothing is called {anchor}");
        }
        let text = page.split("<script").next().expect("the page begins");
        assert!(!page.contains("NaN<") && !text.contains(">inf<"), "{name}");
    }
}

#[test]
fn a_page_asks_the_network_for_nothing() {
    let page = of(&usual());
    assert!(page.contains("default-src 'none'"));
    let links = values(&page, "href").into_iter().chain(values(&page, "src"));
    assert_eq!(links.filter(|link| !link.starts_with('#')).collect::<Vec<_>>(), ["data:,"]);
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("://") && !addresses.contains("@import") && !addresses.contains("url(http"));
}

#[test]
fn names_and_paths_stay_text() {
    let mut laboratory = laboratory(&Size { batch_sizes: vec![50], ..Size::default() });
    let findings = &mut laboratory.findings;
    findings.set_aside.push(SetAside { run: NASTY.to_owned(), reason: NASTY.to_owned() });
    findings.shared.insert(NASTY.to_owned(), NASTY.to_owned());
    findings.cautions.push(NASTY.to_owned());
    findings.summary.push(NASTY.to_owned());
    findings.arms.iter_mut().for_each(|arm| arm.optimizer = format!("{NASTY}{}", arm.optimizer));
    findings
        .verdicts
        .iter_mut()
        .for_each(|verdict| verdict.optimizers = verdict.optimizers.clone().map(|name| format!("{NASTY}{name}")));
    laboratory.collection.runs.iter_mut().for_each(|run| run.row.key.optimizer.insert_str(0, NASTY));
    laboratory.search.choices.iter_mut().for_each(|choice| choice.optimizer.insert_str(0, NASTY));
    laboratory.search.rule = NASTY.to_owned();
    let page = of(&laboratory);
    assert_balanced("nasty", &page);
    let scripts = tags(&page).into_iter().filter(|(name, _)| *name == "script").count();
    assert_eq!(scripts, tags(&of(&usual())).into_iter().filter(|(name, _)| *name == "script").count());
    assert!(tags(&page).iter().all(|(name, _)| *name != "img"), "a name became markup");
    assert_eq!(explorer_data(&page)["optimizers"][0], format!("{NASTY}sgd"));
    assert!(page.contains("{{title}}"), "a name was taken for a place in the frame");
}

#[test]
fn the_same_material_gives_the_same_bytes() {
    let laboratory = usual();
    assert_eq!(of(&laboratory), of(&laboratory));
}

/// A series of 20,000 steps takes no more of the page than one of 800: both are cut into 400 buckets.
#[test]
fn a_page_of_forty_long_runs_is_light() {
    let page = of(&laboratory(&Size { epochs: 80, ..Size::default() }));
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    let data = explorer_data(&page);
    let series = &data["groups"][0]["series"][0];
    assert_eq!(series["median"].as_str().map(str::len), Some(3 * 400));
    assert_eq!(series["runs"].as_array().map(Vec::len), Some(5));
}

#[test]
fn nothing_to_show_is_said() {
    let mut laboratory = laboratory(&Size { batch_sizes: vec![50], ..Size::default() });
    let findings = &mut laboratory.findings;
    findings.verdicts.clear();
    findings.secondary.clear();
    findings.arms.truncate(1);
    (findings.partition, findings.map) = (None, None);
    findings.summary.clear();
    findings.cautions.clear();
    let page = page(&Material { findings, runs: &[], search: None, calibration: None }, &[]);
    assert_balanced("nothing", &page);
    for words in ["There is no answer", "nothing to compare", "no completed run to look at"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn diverged_runs_are_named_with_their_step() {
    let page = of(&laboratory(&Size { diverged: vec![("sgd", 50)], shaken: vec![("adam", 100)], ..Size::default() }));
    assert!(page.contains("diverged: 5 at step 7"));
    assert!(page.contains("Too few runs to tell"));
}

/// Every place that a number names is there in the file that it names.
#[test]
fn sources_name_fields_that_exist() {
    let laboratory = usual();
    let material = laboratory.material();
    let summary = serde_json::json!({ "findings": material.findings, "search": material.search, "calibration": material.calibration });
    let page = of(&laboratory);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let places = values(&page, "title").into_iter().filter_map(|title| title.split_once("\nsummary.json: "));
    for path in places.flat_map(|(_, places)| places.split(", ")) {
        let pointer = format!("/{}", path.replace(['[', '.'], "/").replace(']', ""));
        let found = summary.pointer(&pointer).unwrap_or_else(|| panic!("summary.json has no {path}"));
        assert!(!found.is_null(), "{path} is null");
        *kinds.entry(path.rsplit('.').next().unwrap_or(path)).or_default() += 1;
    }
    for kind in ["corrected_p", "delta", "separation", "r2", "test_accuracy", "least_corrected_p", "interval"] {
        assert!(kinds.contains_key(kind), "no number names its {kind}");
    }
}
