//! What every figure must be, whatever the runs: well-formed, inside its canvas, readable, the same each time.

use crate::fixture::{Laboratory, Size, laboratory, usual};
use crate::palette::Ink;
use crate::scene::{Mark, Paint, Scene, Text};
use crate::{Figure, Material, Theme, figures, write};
use resvg::usvg::{Options, Tree};
use std::sync::LazyLock;

const THEMES: [Theme; 3] = [Theme::Light, Theme::Dark, Theme::Css];

/// Laboratories of every kind that may come, with their figures.
static LABORATORIES: LazyLock<Vec<(&'static str, Vec<Figure>)>> = LazyLock::new(|| {
    let with_figures = |(name, laboratory): (&'static str, Laboratory)| (name, figures(&laboratory.material()));
    laboratories().into_iter().map(with_figures).collect()
});

pub(crate) fn laboratories() -> Vec<(&'static str, Laboratory)> {
    let many = ["adam", "adamw", "rmsprop", "sgd", "sgd_momentum", "sgd_nesterov"];
    let sizes = vec![16, 32, 50, 64, 100, 128, 200, 1000];
    let hurt = Size {
        missing: vec![("adam", 200)],
        diverged: vec![("sgd", 50), ("sgd", 100)],
        shaken: vec![("adam", 100)],
        ..Size::default()
    };
    vec![
        ("usual", usual()),
        (
            "most",
            laboratory(&Size { optimizers: many.to_vec(), batch_sizes: sizes, seeds: 2, epochs: 6, ..Size::default() }),
        ),
        ("hurt", laboratory(&hurt)),
        ("one batch size", laboratory(&Size { batch_sizes: vec![50], ..Size::default() })),
        ("one run, one epoch", laboratory(&Size { seeds: 1, epochs: 1, ..Size::default() })),
        ("three", laboratory(&Size { optimizers: many[..3].to_vec(), epochs: 12, ..Size::default() })),
    ]
}

#[test]
fn every_figure_parses_in_every_theme_and_has_no_number_that_is_none() {
    for (name, figures) in LABORATORIES.iter() {
        for figure in figures {
            for theme in THEMES {
                let svg = figure.svg(theme);
                Tree::from_str(&svg, &Options::default())
                    .unwrap_or_else(|error| panic!("{name}, {}: {error}", figure.name));
                for word in ["NaN", "inf\"", "inf "] {
                    assert!(!svg.contains(word), "{name}, {}: {word}", figure.name);
                }
            }
        }
    }
}

#[test]
fn nothing_is_drawn_outside_the_canvas() {
    for (name, figures) in LABORATORIES.iter() {
        for Figure { name: figure, scene, .. } in figures {
            for mark in &scene.marks {
                let [left, top, right, bottom] = bounds(mark);
                let inside = left >= 0.0 && top >= 0.0 && right <= scene.width && bottom <= scene.height;
                assert!(inside, "{name}, {figure}: {mark:?} on {} x {}", scene.width, scene.height);
            }
        }
    }
}

fn bounds(mark: &Mark) -> [f64; 4] {
    let around = |places: &mut dyn Iterator<Item = (f64, f64)>| {
        places.fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, (x, y)| {
            [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)]
        })
    };
    match mark {
        Mark::Path { points, .. } => around(&mut points.iter().copied()),
        Mark::Cells { cells, .. } => {
            around(&mut cells.iter().flat_map(|[x, y, width, height]| [(*x, *y), (x + width, y + height)]))
        }
        Mark::Circle { centre: (x, y), radius, .. } => [x - radius, y - radius, x + radius, y + radius],
        Mark::Text(text) => text.bounds(),
    }
}

#[test]
fn no_two_texts_overlap() {
    for (name, figures) in LABORATORIES.iter() {
        for Figure { name: figure, scene, .. } in figures {
            let texts: Vec<&Text> = texts(scene).collect();
            for (at, first) in texts.iter().enumerate() {
                for second in &texts[at + 1..] {
                    let ([a, b, c, d], [e, f, g, h]) = (first.bounds(), second.bounds());
                    // What reaches below the line may touch the next line's capitals.
                    let apart = c <= e || g <= a || d - 2.0 <= f || h - 2.0 <= b;
                    assert!(apart, "{name}, {figure}: `{}` over `{}`", first.content, second.content);
                }
            }
        }
    }
}

fn texts(scene: &Scene) -> impl Iterator<Item = &Text> {
    scene.marks.iter().filter_map(|mark| match mark {
        Mark::Text(text) => Some(text),
        _ => None,
    })
}

#[test]
fn the_same_material_gives_the_same_bytes() {
    let (first, second) = (usual(), usual());
    for (a, b) in figures(&first.material()).iter().zip(figures(&second.material())) {
        assert_eq!(a.svg(Theme::Light), b.svg(Theme::Light));
        assert_eq!(a.png(1.0).unwrap(), b.png(1.0).unwrap());
    }
}

#[test]
fn every_figure_is_there_with_words_and_pixels() {
    let laboratory = usual();
    let figures = figures(&laboratory.material());
    let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
    let expect = [
        "signals",
        "distributions",
        "autocorrelation",
        "spectrum",
        "effects",
        "standing_out",
        "distances",
        "map",
        "training",
        "search",
        "calibration",
    ];
    assert_eq!(names, expect);
    for figure in &figures {
        assert!(figure.caption.ends_with('.') && !figure.title.is_empty(), "{}", figure.name);
        let png = figure.png(1.0).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 3000, "{}: {} bytes", figure.name, png.len());
    }
}

#[test]
fn what_is_not_there_is_not_drawn() {
    let mut laboratory = usual();
    laboratory.findings.map = None;
    laboratory.findings.verdicts.clear();
    let material = Material { search: None, calibration: None, ..laboratory.material() };
    let names: Vec<String> = figures(&material).into_iter().map(|figure| figure.name).collect();
    assert_eq!(names, ["signals", "distributions", "autocorrelation", "spectrum", "training"]);
    let nothing = Material { runs: &[], ..material };
    assert!(figures(&nothing).is_empty());
}

#[test]
fn runs_that_diverged_are_told() {
    let hurt = Size { diverged: vec![("sgd", 50)], shaken: vec![("adam", 100)], ..Size::default() };
    let laboratory = laboratory(&hurt);
    let all = figures(&laboratory.material());
    let said: Vec<&str> = texts(&all[0].scene).map(|text| text.content.as_str()).collect();
    assert!(said.contains(&"diverged: sgd 5 of 5") && said.contains(&"diverged: adam 1 of 5"), "{said:?}");
}

#[test]
fn a_scale_that_leaves_no_pixel_is_refused() {
    let mut scene = Scene::new(10.0, 10.0);
    scene.circle((5.0, 5.0), 2.0, Paint::fill(Ink::Plain));
    let figure = Figure { name: "dot".to_owned(), title: String::new(), caption: String::new(), scene };
    for scale in [0.0, -1.0, f32::NAN, 1e9] {
        let error = figure.png(scale).unwrap_err().to_string();
        assert!(error.contains("`dot`") && error.contains("1 to 20000 pixels"), "{error}");
    }
}

#[test]
fn a_report_is_a_directory_of_files() {
    let laboratory = laboratory(&Size { batch_sizes: vec![50], ..Size::default() });
    let directory = tempfile::tempdir().unwrap();
    let written = write(&laboratory.material(), directory.path()).unwrap();
    assert!(written.iter().all(|path| path.is_file()));
    assert!(written.iter().any(|path| path.ends_with("figures/signals.svg")));
    assert!(written.last().unwrap().ends_with("report.html"));
}
