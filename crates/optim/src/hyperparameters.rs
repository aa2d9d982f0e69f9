//! The declaration of an optimizer's hyper-parameters: their docs, defaults, checks and options in text stand in one place.

use std::ops::Deref;

/// Hyper-parameters that were found valid. Only their `build` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Checked<T>(pub(crate) T);

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Declares the struct of an optimizer's hyper-parameters:
///
/// ```text
/// hyperparameters! {
///     /// Documentation.
///     pub struct Lion => PerParameter<1>: "lion", "summary in one line", "paper", Some(0), Elements;
///     /// Learning rate.
///     lr: f64 = 1e-4, not_negative;
///     ...
/// }
/// ```
///
/// The name is the registry's; the last two say how the update goes with the scale of the loss, and under which changes of coordinates it is the
/// same. A field has the first line of its documentation for its meaning in listings, a default, and a check of [`crate::config::Check`].
///
/// It makes the struct, its `Default`, `checked` (all checks), the registry's `ENTRY`, and where a holder is given `build`. `around "sgd"` after the type
/// declares a wrapper instead, with the optimizer that it holds unless it is told another.
macro_rules! hyperparameters {
    (
        $(#[$doc:meta])*
        pub struct $Type:ident => $Holder:ident<$($n:literal),+>: $($rest:tt)+
    ) => {
        hyperparameters! { $(#[$doc])* pub struct $Type: $($rest)+ }

        impl $Type {
            /// The optimizer with these hyper-parameters.
            ///
            /// # Errors
            /// [`ConfigError::NotAllowed`](crate::ConfigError::NotAllowed).
            pub fn build(self) -> Result<$crate::$Holder<$crate::Checked<$Type>, $($n),+>, $crate::ConfigError> {
                hyperparameters!(@new $Holder self)
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $Type:ident around $base:literal => $n:literal: $name:literal, $summary:literal, $paper:literal, $degree:expr, $symmetry:ident;
        $($fields:tt)*
    ) => {
        hyperparameters! { @struct $(#[$doc])* $Type $name $($fields)* }

        impl $Type {
            /// The wrapper around `base`.
            ///
            /// # Errors
            /// [`ConfigError::NotAllowed`](crate::ConfigError::NotAllowed).
            pub fn build(
                self,
                base: Box<dyn $crate::Optimizer>,
            ) -> Result<$crate::Around<$crate::Checked<$Type>, $n>, $crate::ConfigError> {
                Ok($crate::Around::new(self.checked()?, base))
            }
        }

        hyperparameters! { @entry $Type $name $summary $paper ($degree) $symmetry
            ($crate::registry::Build::Around {
                base: $base,
                build: |chosen, base| Ok(Box::new($Type::from_chosen(chosen).build(base)?)),
            })
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $Type:ident: $name:literal, $summary:literal, $paper:literal, $degree:expr, $symmetry:ident;
        $($fields:tt)*
    ) => {
        hyperparameters! { @struct $(#[$doc])* $Type $name $($fields)* }
        hyperparameters! { @entry $Type $name $summary $paper ($degree) $symmetry
            ($crate::registry::Build::Alone(|chosen| Ok(Box::new($Type::from_chosen(chosen).build()?))))
        }
    };
    (
        @struct $(#[$doc:meta])* $Type:ident $name:literal
        $($(#[doc = $meaning:literal])+ $field:ident: $kind:tt = $default:expr, $check:ident;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $Type {
            $($(#[doc = $meaning])+ pub $field: $kind,)*
        }

        impl $Type {
            pub(crate) const DEFAULT: $Type = $Type { $($field: $default),* };

            const OPTIONS: &[$crate::registry::OptionSpec] = &[$($crate::registry::OptionSpec {
                name: stringify!($field),
                default: hyperparameters!(@value $kind $Type::DEFAULT.$field),
                meaning: [$($meaning),+][0].trim_ascii(),
            }),*];

            /// Checks each option by itself.
            pub(crate) fn checked(self) -> Result<$crate::Checked<$Type>, $crate::ConfigError> {
                let check = $crate::config::Check($name);
                $(check.$check(stringify!($field), self.$field)?;)*
                let _ = check;
                Ok($crate::Checked(self))
            }

            fn from_chosen(chosen: &$crate::registry::Chosen) -> $Type {
                let _ = chosen;
                $Type { $($field: hyperparameters!(@read $kind chosen stringify!($field))),* }
            }
        }

        impl Default for $Type {
            fn default() -> $Type {
                $Type::DEFAULT
            }
        }
    };
    (@entry $Type:ident $name:literal $summary:literal $paper:literal ($degree:expr) $symmetry:ident ($build:expr)) => {
        /// The registry's line.
        pub(crate) const ENTRY: $crate::registry::Entry = $crate::registry::Entry {
            name: $name,
            summary: $summary,
            paper: $paper,
            degree: $degree,
            symmetry: $crate::registry::Symmetry::$symmetry,
            options: $Type::OPTIONS,
            build: $build,
        };
    };
    (@new PerParameter $self:ident) => { Ok($crate::PerParameter::new($self.checked()?, $self.lr)) };
    (@new Joint $self:ident) => { Ok($crate::Joint::with($self.checked()?, $self.lr)) };
    (@value f64 $value:expr) => { $crate::registry::Value::Number($value) };
    (@value bool $value:expr) => { $crate::registry::Value::Flag($value) };
    (@value u64 $value:expr) => { $crate::registry::Value::Count($value) };
    (@value (f64, f64) $value:expr) => { $crate::registry::Value::Pair($value.0, $value.1) };
    (@value (f64, f64, f64) $value:expr) => { $crate::registry::Value::Triple($value.0, $value.1, $value.2) };
    (@read f64 $chosen:ident $name:expr) => { $chosen.number($name) };
    (@read bool $chosen:ident $name:expr) => { $chosen.flag($name) };
    (@read u64 $chosen:ident $name:expr) => { $chosen.count($name) };
    (@read (f64, f64) $chosen:ident $name:expr) => { $chosen.pair($name) };
    (@read (f64, f64, f64) $chosen:ident $name:expr) => { $chosen.triple($name) };
}

pub(crate) use hyperparameters;
