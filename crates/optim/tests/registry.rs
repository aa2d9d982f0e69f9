//! Names and options as text: what is refused, in which words, and what a choice resolves to.

use seismograd_optim::{ConfigError, registry};

fn resolve(name: &str, lr: Option<f64>, options: &[(&str, &str)]) -> Result<String, ConfigError> {
    let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let resolved = registry::resolve(name, lr, &options);
    let built = registry::build(name, lr, &options);
    assert_eq!(built.err(), resolved.clone().err());
    Ok(resolved?.into_iter().map(|(option, value)| format!("{option}={value}")).collect::<Vec<_>>().join(" "))
}

#[test]
fn defaults_are_pytorchs() {
    for (name, expect) in [
        ("sgd", "lr=0.001 momentum=0 dampening=0 nesterov=false weight_decay=0"),
        ("adam", "lr=0.001 betas=0.9,0.999 eps=1e-8 weight_decay=0 epsilon_hat=false"),
        ("adamw", "lr=0.001 betas=0.9,0.999 eps=1e-8 weight_decay=0.01"),
    ] {
        assert_eq!(resolve(name, None, &[]).as_deref(), Ok(expect));
    }
}

#[test]
fn every_entry_builds_under_its_name_and_lists_lr_first() {
    for entry in registry::ENTRIES {
        assert_eq!(registry::build(entry.name, Some(0.25), &[]).unwrap().name(), entry.name);
        if let registry::Build::Alone(_) = entry.build {
            assert_eq!(entry.options[0].name, "lr");
        }
        let texts = entry.options.iter().map(|option| option.meaning).chain([entry.summary]);
        assert!(texts.into_iter().all(|text| !text.is_empty() && !text.contains('\n')));
    }
}

#[test]
fn a_choice_resolves_to_one_spelling() {
    let expect = resolve("adam", Some(0.01), &[]).unwrap();
    for lr in ["0.01", "1e-2", "0.0100", " .01", "+1E-2"] {
        assert_eq!(
            resolve("adam", None, &[("eps", "0.00000001"), ("lr", lr), ("betas", ".9, 0.9990")]).unwrap(),
            expect
        );
    }
    assert_eq!(resolve("sgd", Some(-0.0), &[("momentum", "-0")]), resolve("sgd", Some(0.0), &[]));
}

#[test]
fn numbers_have_one_spelling_that_reads_back() {
    for (number, expect) in [
        (0.001, "0.001"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e-5, "1e-5"),
        (0.00012, "0.00012"),
        (1e16, "1e16"),
        (150.0, "150"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        assert_eq!(registry::spelling(number), expect);
        assert_eq!(expect.parse::<f64>(), Ok(number));
    }
}

#[test]
fn what_is_refused_is_said_in_one_line() {
    for (name, lr, options, expect) in [
        ("adm", None, &[][..], "unknown optimizer \"adm\", did you mean \"adam\"?; valid ones: ALL"),
        ("SGD", None, &[], "unknown optimizer \"SGD\", did you mean \"sgd\"?; valid ones: ALL"),
        ("transformer", None, &[], "unknown optimizer \"transformer\"; valid ones: ALL"),
        (
            "sgd",
            None,
            &[("weight-decay", "0.1")],
            "sgd: unknown option \"weight-decay\", did you mean \"weight_decay\"?; \
            valid ones: lr, momentum, dampening, nesterov, weight_decay",
        ),
        (
            "adamw",
            None,
            &[("nesterov", "true")],
            "adamw: unknown option \"nesterov\"; valid ones: lr, betas, eps, weight_decay",
        ),
        ("sgd", Some(0.1), &[("lr", "0.1")], "sgd: option lr is set more than once; set it once"),
        (
            "sgd",
            None,
            &[("momentum", "high")],
            "sgd: momentum is \"high\", allowed: a number, for example 0.001 or 1e-3",
        ),
        ("sgd", None, &[("nesterov", "yes")], "sgd: nesterov is \"yes\", allowed: true or false"),
        (
            "sgd",
            None,
            &[("nesterov", "true")],
            "sgd: nesterov is true, allowed: true only with momentum > 0 and dampening 0",
        ),
        (
            "sgd",
            None,
            &[("nesterov", "true"), ("momentum", "0.9"), ("dampening", "0.1")],
            "sgd: nesterov is true, allowed: true only with momentum > 0 and dampening 0",
        ),
        ("sgd", Some(-0.1), &[], "sgd: lr is -0.1, allowed: a number of 0 or more, finite in f32"),
        ("sgd", Some(f64::NAN), &[], "sgd: lr is NaN, allowed: a number of 0 or more, finite in f32"),
        ("sgd", Some(1e39), &[], "sgd: lr is 1e39, allowed: a number of 0 or more, finite in f32"),
        ("sgd", None, &[("dampening", "inf")], "sgd: dampening is inf, allowed: a number, finite in f32"),
        (
            "adam",
            None,
            &[("betas", "0.9")],
            "adam: betas is \"0.9\", allowed: two numbers with a comma between them, for example 0.9,0.999",
        ),
        ("adam", None, &[("betas", "0.9,1")], "adam: betas is 0.9,1, allowed: two numbers of 0 or more and below 1"),
        (
            "adam",
            None,
            &[("betas", "nan,0.9")],
            "adam: betas is NaN,0.9, allowed: two numbers of 0 or more and below 1",
        ),
        ("adam", None, &[("eps", "-1e-8")], "adam: eps is -1e-8, allowed: a number of 0 or more, finite in f32"),
        (
            "adamw",
            None,
            &[("weight_decay", "-1")],
            "adamw: weight_decay is -1, allowed: a number of 0 or more, finite in f32",
        ),
    ] {
        let all: Vec<_> = registry::ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(resolve(name, lr, options).unwrap_err().to_string(), expect.replace("ALL", &all.join(", ")));
    }
}

#[test]
fn a_wrapper_takes_the_options_of_its_base() {
    let options = [("base", "adam"), ("base.eps", "1e-6"), ("k", "3"), ("lr", "1e-2")];
    let expect =
        "lr=0.01 k=3 alpha=0.5 base=adam base.betas=0.9,0.999 base.eps=1e-6 base.weight_decay=0 base.epsilon_hat=false";
    assert_eq!(resolve("lookahead", None, &options).as_deref(), Ok(expect));
    let nested = [("base", "sam"), ("base.base", "sgd"), ("base.base.momentum", "0.9")];
    let resolved = resolve("ema", Some(0.1), &nested).unwrap();
    assert!(resolved.starts_with("lr=0.1 decay=0.999 base=sam base.rho=0.05"), "{resolved}");
    assert!(resolved.contains("base.base=sgd base.base.momentum=0.9"), "{resolved}");
    for (options, expect) in [
        (&[("momentum", "0.9")][..], "sam: unknown option \"momentum\"; valid ones: rho, adaptive, lr, base"),
        (&[("base.k", "9")], "sgd: unknown option \"k\"; valid ones: lr, momentum, dampening, nesterov, weight_decay"),
        (&[("base", "sgd"), ("base", "adam")], "sam: option base is set more than once; set it once"),
    ] {
        assert_eq!(resolve("sam", None, options).unwrap_err().to_string(), expect);
    }
}

#[test]
fn vectors_have_options_of_their_own() {
    let options = [("vectors.weight_decay", "0"), ("weight_decay", "0.1"), ("vectors.lr", "1e-2")];
    let expect = "lr=0.001 betas=0.9,0.999 eps=1e-8 weight_decay=0.1 vectors.lr=0.01 vectors.weight_decay=0";
    assert_eq!(resolve("adamw", None, &options).as_deref(), Ok(expect));
    let unknown = resolve("adamw", None, &[("vectors.momentum", "0")]).unwrap_err().to_string();
    assert_eq!(unknown, "adamw: unknown option \"momentum\"; valid ones: lr, betas, eps, weight_decay");
}

#[test]
fn there_are_more_than_thirty_and_each_names_its_paper() {
    assert!(registry::ENTRIES.len() > 30);
    assert!(registry::ENTRIES.iter().all(|entry| entry.paper.len() > 20));
}
