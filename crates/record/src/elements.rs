//! The single elements of a signal that are recorded as they are, at fixed places and under fixed names.
//!
//! | signal | name | element |
//! |---|---|---|
//! | `output.logits` | `sample0_class0` | class 0 of the batch's first sample: what the first author of the paper printed |
//! | | `sample0_class_middle` | class `classes / 2` of the first sample |
//! | | `sample0_class_last` | the last class of the first sample |
//! | | `sample_last_class0` | class 0 of the batch's last sample |
//! | other activations | `sample0_feature0`, `sample0_feature_middle`, `sample0_feature_last`, `sample_last_feature0` | likewise; features are counted in memory's order, channels innermost |
//! | parameters | `element0` | the first element, which the first author printed as well |
//! | | `element_middle`, `element_last` | element `n / 2` and the last of all `n`, in memory's order |
//!
//! Places are relative, so that each exists in every signal that is not empty. Which image the first sample is changes from step to
//! step wherever samples are shuffled.

/// A place along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Middle,
    Last,
}

impl Place {
    fn along(self, len: usize) -> usize {
        match self {
            Place::First => 0,
            Place::Middle => len / 2,
            Place::Last => len.saturating_sub(1),
        }
    }
}

/// One element of fixed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    name: &'static str,
    sample: Place,
    feature: Place,
}

const fn element(name: &'static str, sample: Place, feature: Place) -> Element {
    Element { name, sample, feature }
}

/// The elements of the logits.
pub const LOGITS: [Element; 4] = [
    element("sample0_class0", Place::First, Place::First),
    element("sample0_class_middle", Place::First, Place::Middle),
    element("sample0_class_last", Place::First, Place::Last),
    element("sample_last_class0", Place::Last, Place::First),
];

/// The elements of the other activations.
pub const ACTIVATION: [Element; 4] = [
    element("sample0_feature0", Place::First, Place::First),
    element("sample0_feature_middle", Place::First, Place::Middle),
    element("sample0_feature_last", Place::First, Place::Last),
    element("sample_last_feature0", Place::Last, Place::First),
];

/// The elements of a parameter, which counts as one sample.
pub const PARAMETER: [Element; 3] = [
    element("element0", Place::First, Place::First),
    element("element_middle", Place::First, Place::Middle),
    element("element_last", Place::First, Place::Last),
];

impl Element {
    /// The name, without the `at_` that it bears in a column.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where the element is in a batch of `samples` samples of `features` elements each.
    pub fn place(&self, samples: usize, features: usize) -> usize {
        self.sample.along(samples) * features + self.feature.along(features)
    }

    /// The element's value in a batch of `samples` samples; 0 if the batch is empty.
    pub fn of(&self, elements: &[f32], samples: usize) -> f32 {
        self.among(&[elements], samples)
    }

    /// [`Element::of`] elements that lie in pieces.
    pub(crate) fn among(&self, pieces: &[&[f32]], samples: usize) -> f32 {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut place = self.place(samples, len / samples.max(1));
        let found = pieces.iter().find_map(|piece| {
            let here = piece.get(place).copied();
            place = place.saturating_sub(piece.len());
            here
        });
        found.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &[Element], len: usize, samples: usize, expect: &[f32]) {
        let elements: Vec<f32> = (0..len).map(|at| at as f32 + 1.0).collect();
        let found: Vec<f32> = table.iter().map(|element| element.of(&elements, samples)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn elements_are_where_their_names_say() {
        check(&LOGITS, 30, 3, &[1.0, 6.0, 10.0, 21.0]);
        check(&ACTIVATION, 7, 1, &[1.0, 4.0, 7.0, 1.0]);
        check(&ACTIVATION, 2, 2, &[1.0, 1.0, 1.0, 2.0]);
        check(&PARAMETER, 5, 1, &[1.0, 3.0, 5.0]);
    }

    #[test]
    fn an_empty_signal_has_zeros() {
        check(&ACTIVATION, 0, 0, &[0.0; 4]);
        check(&PARAMETER, 0, 1, &[0.0; 3]);
    }
}
