//! What an analysis says of directories that a user may point it at: a clear line each, never a panic, never a verdict that the data
//! cannot carry.

mod simulated;

use seismograd_analysis::{Answer, Findings, Plan, Selection, analyse, load, load_keeping};
use seismograd_trace::{RunDir, RunStatus, write_part};
use simulated::{Law, Named, run, write};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str =
    r#"{"optimizer": "sgd", "lr": 0.01, "options": [["momentum", "0"]], "dropout": 0.5, "limit": null}"#;

/// Three runs each of adam and sgd at batch size 50.
fn grid() -> TempDir {
    let out = tempfile::tempdir().unwrap();
    for (optimizer, seeds) in [("adam", 0..3), ("sgd", 1000..1003)] {
        for seed in seeds {
            write(out.path(), &run(&Named::new(optimizer, 50, seed), Law::NULL), CONFIG);
        }
    }
    out
}

fn error(out: &Path, selection: &Selection) -> String {
    let plan = Plan::default();
    let found = load(out, &plan, selection).and_then(|collection| analyse(&plan, &collection));
    let message = found.expect_err("it should be refused").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn check_refused(out: &Path, selection: &Selection, expect: &str) {
    let message = error(out, selection);
    assert!(message.contains(expect), "`{message}` does not say `{expect}`");
}

/// Damages one run, and checks that the others are analysed and that it is named with this reason.
fn check_set_aside(damage: impl Fn(&Path), expect: &str) {
    let out = grid();
    let key = run(&Named::new("sgd", 50, 1000), Law::NULL).row.key;
    damage(RunDir::of(out.path(), &key).unwrap().root());
    let plan = Plan::default();
    let collection = load(out.path(), &plan, &Selection::default()).unwrap();
    let findings = analyse(&plan, &collection).unwrap();
    let [aside] = findings.set_aside.as_slice() else { panic!("{:?}", findings.set_aside) };
    assert!(aside.run.contains("optimizer=sgd/batch_size=50/lr=0.01/seed=1000"), "{}", aside.run);
    assert!(aside.reason.contains(expect), "`{}` does not say `{expect}`", aside.reason);
    assert!(!aside.reason.contains('\n'), "{}", aside.reason);
    assert!(!aside.reason.contains(&out.path().display().to_string()), "{}", aside.reason);
    assert_eq!(findings.verdicts[0].runs, [3, 2]);
    assert!(findings.cautions.iter().any(|caution| caution.contains("set aside")));
}

#[test]
fn runs_are_found_and_ordered_as_asked() {
    let out = grid();
    let selection = Selection { optimizers: vec!["sgd".to_owned(), "adam".to_owned()], ..Selection::default() };
    let plan = Plan::default();
    let collection = load(out.path(), &plan, &selection).unwrap();
    assert_eq!(collection.optimizers, ["sgd", "adam"]);
    assert_eq!(collection.shared["dropout"], "0.5");
    assert_eq!(collection.shared["epochs"], "1");
    let findings = analyse(&plan, &collection).unwrap();
    assert_eq!(findings.verdicts[0].optimizers, ["sgd", "adam"]);
    // 2 of C(6, 3) labelings is the least p of three against three: no verdict, whatever the runs are.
    assert_eq!(findings.verdicts[0].answer, Answer::TooFewRuns);
}

#[test]
fn a_directory_without_runs_is_refused() {
    let out = tempfile::tempdir().unwrap();
    check_refused(out.path(), &Selection::default(), "no runs to analyse: it has no runs/**/run.json");
    check_refused(&out.path().join("absent"), &Selection::default(), "no runs to analyse");
}

#[test]
fn a_selection_of_nothing_is_refused() {
    let selection = Selection { batch_sizes: vec![7], ..Selection::default() };
    check_refused(grid().path(), &selection, "none is of the chosen optimizers, batch sizes and learning rates");
}

#[test]
fn one_run_is_refused() {
    let out = tempfile::tempdir().unwrap();
    write(out.path(), &run(&Named::new("adam", 50, 0), Law::NULL), CONFIG);
    check_refused(out.path(), &Selection::default(), "one completed run only (adam at batch size 50)");
}

#[test]
fn one_optimizer_is_refused() {
    let selection = Selection { optimizers: vec!["adam".to_owned()], ..Selection::default() };
    check_refused(grid().path(), &selection, "the runs are all of adam: nothing to compare it with");
}

#[test]
fn runs_of_different_configurations_are_refused() {
    let out = grid();
    write(out.path(), &run(&Named::new("sgd", 50, 1003), Law::NULL), &CONFIG.replace("0.5", "0.2"));
    check_refused(out.path(), &Selection::default(), "dropout is 0.2 (1 runs) and 0.5 (6 runs)");
}

#[test]
fn several_learning_rates_are_refused_with_the_choice() {
    let out = grid();
    let other = Named { lr: 0.1, ..Named::new("sgd", 50, 1003) };
    write(out.path(), &run(&other, Law::NULL), CONFIG);
    check_refused(out.path(), &Selection::default(), "0.01 (3 runs) and 0.1 (1 runs); choose one, as in --lr sgd=0.01");
    let selection = Selection { rates: vec![("sgd".to_owned(), 0.01)], ..Selection::default() };
    load(out.path(), &Plan::default(), &selection).unwrap();
}

#[test]
fn several_sets_of_options_are_refused() {
    let out = grid();
    let config = CONFIG.replace(r#""momentum", "0""#, r#""momentum", "0.9""#);
    write(out.path(), &run(&Named::new("sgd", 50, 1003), Law::NULL), &config);
    check_refused(out.path(), &Selection::default(), "momentum=0 (3 runs) and momentum=0.9 (1 runs)");
}

#[test]
fn shared_seeds_are_refused() {
    let out = grid();
    write(out.path(), &run(&Named::new("sgd", 50, 2), Law::NULL), CONFIG);
    check_refused(out.path(), &Selection::default(), "adam and sgd share seed 2 at batch size 50");
}

#[test]
fn a_damaged_part_sets_its_run_aside() {
    check_set_aside(
        |run| {
            let part = RunDir::at(run).part(0);
            let mut bytes = fs::read(&part).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&part, bytes).unwrap();
        },
        "part-00000.parquet",
    );
}

#[test]
fn a_missing_part_sets_its_run_aside() {
    check_set_aside(|run| fs::remove_file(RunDir::at(run).part(0)).unwrap(), "no part-*.parquet");
}

#[test]
fn a_part_too_few_sets_its_run_aside() {
    check_set_aside(
        |root| {
            let short = run(&Named { steps: 20, ..Named::new("sgd", 50, 1000) }, Law::NULL);
            write_part(&RunDir::at(root).trace(), &short.trace).unwrap();
        },
        "its trace has 20 steps, its run.json says 40",
    );
}

#[test]
fn missing_epochs_configuration_or_summary_set_a_run_aside() {
    check_set_aside(|run| fs::remove_file(RunDir::at(run).epochs()).unwrap(), "epochs.parquet");
    check_set_aside(|run| fs::remove_file(RunDir::at(run).config()).unwrap(), "config.json");
    check_set_aside(|run| fs::write(RunDir::at(run).summary(), "{").unwrap(), "not a run's summary");
    check_set_aside(|run| fs::write(RunDir::at(run).config(), "[1").unwrap(), "not a run's configuration");
}

#[test]
fn a_number_that_is_not_finite_sets_its_run_aside() {
    check_set_aside(
        |root| {
            let mut law = Law::NULL;
            law.spread = f64::NAN;
            let damaged = run(&Named::new("sgd", 50, 1000), law);
            write_part(&RunDir::at(root).trace(), &damaged.trace).unwrap();
        },
        "is not finite at step 1",
    );
}

#[test]
fn an_unfinished_run_is_set_aside() {
    check_set_aside(
        |root| {
            let mut row = run(&Named::new("sgd", 50, 1000), Law::NULL).row;
            row.status = RunStatus::Interrupted;
            row.write(&RunDir::at(root).summary()).unwrap();
        },
        "interrupted after 40 steps: resume it",
    );
}

#[test]
fn too_few_steps_set_a_run_aside() {
    check_set_aside(
        |root| {
            let mut short = run(&Named { steps: 5, ..Named::new("sgd", 50, 1000) }, Law::NULL);
            write_part(&RunDir::at(root).trace(), &short.trace).unwrap();
            short.row.steps = 5;
            short.row.write(&RunDir::at(root).summary()).unwrap();
        },
        "it has 5 steps, features need 8",
    );
}

#[test]
fn diverged_runs_at_another_rate_or_configuration_are_refused() {
    let out = grid();
    diverge(out.path(), &Named { lr: 0.1, ..Named::new("sgd", 50, 1003) }, CONFIG);
    check_refused(out.path(), &Selection::default(), "0.01 (3 runs) and 0.1 (1 runs); choose one, as in --lr sgd=0.01");
    let out = grid();
    diverge(out.path(), &Named::new("sgd", 50, 1003), &CONFIG.replace("0.5", "0.2"));
    check_refused(out.path(), &Selection::default(), "dropout is 0.2 (1 runs) and 0.5 (6 runs)");
}

/// Writes a run that diverged at step 17.
fn diverge(out: &Path, named: &Named, config: &str) {
    let mut row = run(named, Law::NULL).row;
    (row.status, row.diverged_at_step) = (RunStatus::Diverged, Some(17));
    let directory = RunDir::of(out, &row.key).unwrap();
    fs::create_dir_all(directory.root()).unwrap();
    fs::write(directory.config(), config).unwrap();
    row.write(&directory.summary()).unwrap();
}

#[test]
fn a_diverged_run_is_counted_and_shown() {
    let out = grid();
    diverge(out.path(), &Named::new("sgd", 50, 1003), CONFIG);
    let plan = Plan::default();
    let findings = analyse(&plan, &load(out.path(), &plan, &Selection::default()).unwrap()).unwrap();
    assert_eq!(findings.verdicts[0].diverged, [0, 1]);
    let caution = "1 of 4 runs of sgd at batch size 50 diverged (at step 17)";
    assert!(findings.cautions.iter().any(|line| line.starts_with(caution)), "{:?}", findings.cautions);
}

/// The findings of runs of three seeds of each optimizer at these batch sizes.
fn findings(batch_sizes: &[i32], seed: impl Fn(i32, i64) -> i64) -> Findings {
    let out = tempfile::tempdir().unwrap();
    for &batch_size in batch_sizes {
        for (optimizer, seeds) in [("adam", 0..3), ("sgd", 1000..1003)] {
            for at in seeds {
                write(out.path(), &run(&Named::new(optimizer, batch_size, seed(batch_size, at)), Law::NULL), CONFIG);
            }
        }
    }
    let plan = Plan::default();
    analyse(&plan, &load(out.path(), &plan, &Selection::default()).unwrap()).unwrap()
}

#[test]
fn no_share_is_called_nothing_where_few_runs_could_show_none() {
    let findings = findings(&[50], |_, at| at);
    let sentence = findings.summary.iter().find(|line| line.starts_with("Of the variety")).expect("a partition");
    // 20 labelings: no p is below a tenth.
    assert!(sentence.contains("no part is shown to go with the optimizer (p "), "{sentence}");
    assert!(!sentence.contains("batch size") && !sentence.contains("the rest is the seed"), "{sentence}");
}

#[test]
fn seeds_that_recur_over_batch_sizes_give_the_partition_no_p() {
    let p = |findings: &Findings| {
        let partition = findings.partition.as_ref().expect("a partition");
        [&partition.first, &partition.second, &partition.interaction].map(|term| term.p.is_some())
    };
    assert_eq!(p(&findings(&[50, 100], |batch_size, at| at + 10 * i64::from(batch_size))), [true; 3]);
    let recurring = findings(&[50, 100], |_, at| at);
    assert_eq!(p(&recurring), [false; 3]);
    assert!(recurring.summary.iter().any(|line| line.contains("is unknown (no p: seeds recur")), "{recurring:?}");
}

#[test]
fn others_stand_in_for_the_series_of_runs_that_cannot_be_analysed() {
    let out = grid();
    // The lowest seed of one arm was interrupted, that of the other is damaged.
    let key = |optimizer, seed| run(&Named::new(optimizer, 50, seed), Law::NULL).row;
    let mut row = key("adam", 0);
    row.status = RunStatus::Interrupted;
    row.write(&RunDir::of(out.path(), &row.key).unwrap().summary()).unwrap();
    fs::remove_file(RunDir::of(out.path(), &key("sgd", 1000).key).unwrap().epochs()).unwrap();
    let plan = Plan::default();
    let collection = load_keeping(out.path(), &plan, &Selection::default(), 1).unwrap();
    let with_series: Vec<i64> =
        collection.runs.iter().filter(|run| run.has_series()).map(|run| run.row.key.seed).collect();
    assert_eq!(with_series, [1, 1001]);
    assert!(!analyse(&plan, &collection).unwrap().verdicts[0].fallacy.is_empty());
    // Without any series there is no test of steps, and no panic.
    let none = load_keeping(out.path(), &plan, &Selection::default(), 0).unwrap();
    assert!(analyse(&plan, &none).unwrap().verdicts[0].fallacy.is_empty());
}

#[test]
fn arms_that_diverged_at_several_rates_are_refused() {
    let out = grid();
    diverge(out.path(), &Named::new("lion", 50, 2000), CONFIG);
    diverge(out.path(), &Named { lr: 0.1, ..Named::new("lion", 50, 2001) }, CONFIG);
    check_refused(out.path(), &Selection::default(), "lion at batch size 50 has runs at several learning rates");
}
