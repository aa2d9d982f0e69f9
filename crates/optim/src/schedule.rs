//! Learning-rate schedules: what a step's rate is, as a factor of the rate that the optimizer was built with.
//!
//! A schedule is a pure function of the step's number, so that nothing about it is saved. Its text is its name and its settings:
//! `cosine:steps=1000,least=0.01`. The formulas are those of PyTorch's `lr_scheduler`, at PyTorch's defaults; steps are those of training, not epochs.

use crate::registry::{nearest, spelling};
use std::{fmt, str::FromStr};

/// How the learning rate goes with the steps.
///
/// ```
/// use seismograd_optim::Schedule;
///
/// let schedule: Schedule = "step:size=10,gamma=0.5".parse()?;
/// assert_eq!([1, 10, 11, 21].map(|step| schedule.factor(step)), [1.0, 1.0, 0.5, 0.25]);
/// assert_eq!(schedule.to_string(), "step:size=10,gamma=0.5");
/// # Ok::<(), seismograd_optim::ScheduleError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    kind: &'static Kind,
    values: Vec<f64>,
    milestones: Vec<u64>,
}

/// A schedule that can be asked for by name.
#[derive(Debug)]
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its settings: a name, and a value unless it must be set.
    pub settings: &'static [(&'static str, Option<f64>)],
    factor: fn(&Schedule, f64) -> f64,
}

impl Kind {
    /// Its name, what it is, and its settings with their defaults, in one line.
    pub fn describe(&self) -> String {
        let setting = |(name, default): &(&str, Option<f64>)| match default {
            Some(default) => format!("{name}={}", spelling(*default)),
            None => format!("{name}=?"),
        };
        let settings: Vec<String> = self.settings.iter().map(setting).collect();
        format!("{:<20} {} [{}]", self.name, self.summary, settings.join(","))
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

/// The setting of [`multi_step`](KINDS) that is a list.
const MILESTONES: &str = "milestones";

/// All schedules.
pub const KINDS: &[Kind] = &[
    Kind { name: "constant", summary: "the same rate at every step", settings: &[], factor: |_, _| 1.0 },
    Kind {
        name: "step",
        summary: "times gamma every size steps (StepLR)",
        settings: &[("size", None), ("gamma", Some(0.1))],
        factor: |s, t| libm::pow(s.get("gamma"), (t / s.get("size")).floor()),
    },
    Kind {
        name: "multi_step",
        summary: "times gamma after each of the milestones, such as milestones=100;200 (MultiStepLR)",
        settings: &[("gamma", Some(0.1))],
        factor: |s, t| {
            let passed = s.milestones.iter().filter(|&&milestone| t >= milestone as f64).count();
            libm::pow(s.get("gamma"), passed as f64)
        },
    },
    Kind {
        name: "exponential",
        summary: "times gamma at every step (ExponentialLR)",
        settings: &[("gamma", None)],
        factor: |s, t| libm::pow(s.get("gamma"), t),
    },
    Kind {
        name: "cosine",
        summary: "half a cosine from 1 down to least in so many steps (CosineAnnealingLR)",
        settings: &[("steps", None), ("least", Some(0.0))],
        factor: |s, t| cosine(t.min(s.get("steps")) / s.get("steps"), 1.0, s.get("least")),
    },
    Kind {
        name: "warm_restarts",
        summary: "half cosines, each factor times as long as the one before (CosineAnnealingWarmRestarts)",
        settings: &[("period", None), ("factor", Some(1.0)), ("least", Some(0.0))],
        factor: |s, t| {
            let (mut since, mut period) = (t, s.get("period"));
            while since >= period {
                since -= period;
                period *= s.get("factor");
            }
            cosine(since / period, 1.0, s.get("least"))
        },
    },
    Kind {
        name: "linear_warmup",
        summary: "a line from start to 1 in so many steps, then 1 (LinearLR)",
        settings: &[("steps", None), ("start", Some(1.0 / 3.0))],
        factor: |s, t| line(t / s.get("steps"), s.get("start"), 1.0),
    },
    Kind {
        name: "one_cycle",
        summary: "up from 1/div to 1 by the share up of the steps, and down to 1/(div final_div), along cosines (OneCycleLR)",
        settings: &[("steps", None), ("up", Some(0.3)), ("div", Some(25.0)), ("final_div", Some(1e4))],
        factor: |s, t| {
            let (steps, start) = (s.get("steps"), 1.0 / s.get("div"));
            let (top, end) = (s.get("up") * steps - 1.0, steps - 1.0);
            if t <= top {
                cosine(t / top, start, 1.0)
            } else {
                cosine((t.min(end) - top) / (end - top), 1.0, start / s.get("final_div"))
            }
        },
    },
    Kind {
        name: "polynomial",
        summary: "the power of what is left of so many steps (PolynomialLR)",
        settings: &[("steps", None), ("power", Some(1.0))],
        factor: |s, t| libm::pow(1.0 - t.min(s.get("steps")) / s.get("steps"), s.get("power")),
    },
    Kind {
        name: "warmup_stable_decay",
        summary: "a line up to 1 in warmup steps, 1 for stable steps, a line down to least in decay steps (Hu et al. 2024)",
        settings: &[("warmup", None), ("stable", None), ("decay", None), ("least", Some(0.0))],
        factor: |s, t| {
            let (warmup, stable) = (s.get("warmup"), s.get("stable"));
            if t < warmup {
                return (t + 1.0) / warmup;
            }
            line((t - warmup - stable).max(0.0) / s.get("decay"), 1.0, s.get("least"))
        },
    },
];

/// Half a cosine from one value to another, at a share of the way.
fn cosine(share: f64, from: f64, to: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share))
}

/// A line from one value to another, at a share of the way, and on at its end.
fn line(share: f64, from: f64, to: f64) -> f64 {
    from + (to - from) * share.min(1.0)
}

impl Schedule {
    /// What the learning rate is multiplied by at a step, counted from 1.
    pub fn factor(&self, step: u64) -> f64 {
        (self.kind.factor)(self, step.saturating_sub(1) as f64)
    }

    fn get(&self, setting: &str) -> f64 {
        let at = self.kind.settings.iter().position(|(name, _)| *name == setting);
        self.values[at.unwrap_or_else(|| panic!("{} has no setting {setting}", self.kind.name))]
    }

    /// Whether factors are finite and none is negative, where periods are none.
    fn check(self) -> Result<Schedule, ScheduleError> {
        let settings = self.kind.settings.iter().zip(&self.values);
        for ((name, _), &value) in settings {
            let (holds, allowed) = match *name {
                "size" | "steps" | "period" | "decay" => (value >= 1.0, "a number of 1 or more"),
                "factor" | "div" | "final_div" => (value >= 1.0, "a number of 1 or more"),
                "up" => (value > 0.0 && value < 1.0, "a number above 0 and below 1"),
                _ => (value >= 0.0, "a number of 0 or more"),
            };
            if !(holds && value.is_finite()) {
                return Err(ScheduleError::NotAllowed { schedule: self.kind.name, setting: name, value, allowed });
            }
        }
        // The rise of a cycle is a whole step at least.
        if self.kind.name == "one_cycle" && self.get("up") * self.get("steps") <= 1.0 {
            let (setting, value, allowed) = ("steps", self.get("steps"), "more than 1 / up");
            return Err(ScheduleError::NotAllowed { schedule: self.kind.name, setting, value, allowed });
        }
        Ok(self)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.kind.settings.iter().zip(&self.values);
        let mut parts: Vec<String> =
            settings.map(|((name, _), value)| format!("{name}={}", spelling(*value))).collect();
        if self.kind.name == "multi_step" {
            let milestones: Vec<String> = self.milestones.iter().map(u64::to_string).collect();
            parts.insert(0, format!("{MILESTONES}={}", milestones.join(";")));
        }
        f.write_str(self.kind.name)?;
        if parts.is_empty() { Ok(()) } else { write!(f, ":{}", parts.join(",")) }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let valid: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
            ScheduleError::Unknown { name: name.to_owned(), nearest: nearest(name, &valid), valid }
        })?;
        let mut values: Vec<Option<f64>> = kind.settings.iter().map(|(_, default)| *default).collect();
        let mut milestones = Vec::new();
        for part in settings.split(',').filter(|part| !part.is_empty()) {
            let unreadable = || ScheduleError::Unreadable { schedule: kind.name, part: part.to_owned() };
            let (key, value) = part.split_once('=').ok_or_else(unreadable)?;
            if key == MILESTONES && kind.name == "multi_step" {
                milestones = value.split(';').map(str::parse).collect::<Result<_, _>>().map_err(|_| unreadable())?;
                continue;
            }
            let at = kind.settings.iter().position(|(name, _)| *name == key);
            let at = at.ok_or_else(|| ScheduleError::NoSetting {
                schedule: kind.name,
                setting: key.to_owned(),
                valid: kind.settings.iter().map(|(name, _)| *name).collect(),
            })?;
            values[at] = Some(value.parse().map_err(|_| unreadable())?);
        }
        let missing = kind.settings.iter().zip(&values).find(|(_, value)| value.is_none());
        if let Some(((setting, _), _)) = missing {
            return Err(ScheduleError::Missing { schedule: kind.name, setting });
        }
        Schedule { kind, values: values.into_iter().flatten().collect(), milestones }.check()
    }
}

/// A schedule that cannot be made as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No schedule has this name.
    #[error("unknown schedule {name:?}{}; valid ones: {}", nearest.map_or_else(String::new, |n| format!(", did you mean {n:?}?")), valid.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The valid name that is most like it, if one is.
        nearest: Option<&'static str>,
        /// All valid names.
        valid: Vec<&'static str>,
    },
    /// The schedule has no such setting.
    #[error("schedule {schedule}: unknown setting {setting:?}; valid ones: {}", valid.join(", "))]
    NoSetting {
        /// The schedule.
        schedule: &'static str,
        /// The setting asked for.
        setting: String,
        /// All valid settings.
        valid: Vec<&'static str>,
    },
    /// A setting without a default is not set.
    #[error("schedule {schedule}: {setting} is not set; write {schedule}:{setting}=NUMBER")]
    Missing {
        /// The schedule.
        schedule: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// A part of the text is no setting.
    #[error("schedule {schedule}: cannot read {part:?}; write settings as steps=1000,least=0.01")]
    Unreadable {
        /// The schedule.
        schedule: &'static str,
        /// The part.
        part: String,
    },
    /// A value is outside of what the schedule allows.
    #[error("schedule {schedule}: {setting} is {value}, allowed: {allowed}")]
    NotAllowed {
        /// The schedule.
        schedule: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(u64, f64)]) {
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
        for &(step, factor) in expect {
            assert!((schedule.factor(step) - factor).abs() < 1e-12, "{text} at {step}: {}", schedule.factor(step));
        }
    }

    #[test]
    fn factors_by_hand() {
        check("constant", &[(1, 1.0), (1_000_000, 1.0)]);
        check("multi_step:milestones=3;5", &[(3, 1.0), (4, 0.1), (6, 0.01)]);
        check("exponential:gamma=0.5", &[(1, 1.0), (4, 0.125)]);
        check("cosine:steps=10,least=0.2", &[(1, 1.0), (6, 0.6), (11, 0.2), (50, 0.2)]);
        check("warm_restarts:period=4,factor=2", &[(1, 1.0), (3, 0.5), (5, 1.0), (9, 0.5), (13, 1.0)]);
        check("linear_warmup:steps=4,start=0.2", &[(1, 0.2), (3, 0.6), (5, 1.0), (9, 1.0)]);
        check("one_cycle:steps=101,up=0.5,div=10,final_div=10", &[(1, 0.1), (101, 0.01)]);
        check("polynomial:steps=10,power=2", &[(1, 1.0), (6, 0.25), (11, 0.0)]);
        check("warmup_stable_decay:warmup=2,stable=2,decay=4", &[(1, 0.5), (2, 1.0), (4, 1.0), (7, 0.5), (9, 0.0)]);
    }

    #[test]
    fn what_is_refused_is_said_in_one_line() {
        for (text, expect) in [
            (
                "cosin:steps=5",
                "unknown schedule \"cosin\", did you mean \"cosine\"?; valid ones: constant, step, multi_step, \
                exponential, cosine, warm_restarts, linear_warmup, one_cycle, polynomial, warmup_stable_decay",
            ),
            ("cosine", "schedule cosine: steps is not set; write cosine:steps=NUMBER"),
            ("cosine:steps", "schedule cosine: cannot read \"steps\"; write settings as steps=1000,least=0.01"),
            ("cosine:step=5", "schedule cosine: unknown setting \"step\"; valid ones: steps, least"),
            ("cosine:steps=0", "schedule cosine: steps is 0, allowed: a number of 1 or more"),
            ("one_cycle:steps=2", "schedule one_cycle: steps is 2, allowed: more than 1 / up"),
        ] {
            assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), expect);
        }
    }
}
